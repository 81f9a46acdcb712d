#![doc = include_str!("../README.md")]

mod answer;
mod authenticator;
mod aws;
mod contract;
mod count;
pub mod events;
mod link;
pub mod pictures;
pub mod pillow;
mod receiver;
mod remains;
mod response_url;
mod setting;
mod stack;
mod standins;
mod user;
mod wait;
mod webhook_reader;

pub use answer::Answer;
pub use authenticator::Authenticator;
pub use aws::{Aws, Invocation};
pub use contract::operations_with_a_body;
pub use receiver::{Received, Receiver};
pub use response_url::{CustomResourceAnswer, ResponseUrl};
pub use setting::number;
pub use stack::{Login, Outputs, Stack, Tier, email_of, send, unique};
pub use standins::Plan;
pub use user::{Created, Tokens, User, id_of};
pub use wait::until;
pub use webhook_reader::{read_delivery, read_event};
