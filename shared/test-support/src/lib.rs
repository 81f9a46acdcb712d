#![doc = include_str!("../README.md")]

mod answer;
mod aws;
mod items;
mod pool;
mod request;
mod server;

pub use answer::Answer;
pub use aws::{FakeAws, error, ok, refused};
pub use items::{
    IMAGE_ID, SET_ID, USER, USERNAME, batch, image, item, items, profile, ready_image, set, tier,
};
pub use pool::pool_user;
pub use request::TestRequest;
pub use server::FakeServer;
