#![doc = include_str!("../README.md")]

mod body;
mod caller;
mod cursor;
mod image;
mod problem;
mod query;
mod reply;
mod serve;
mod token;

pub use body::body;
pub use caller::{Caller, bearer};
pub use cursor::Cursor;
pub use image::{CreatedBody, ImageBody, UploadBody};
pub use problem::{ErrorStatus, Problem};
pub use query::{Query, path_id};
pub use reply::{Reply, json, no_content, redirect};
pub use serve::serve;

pub use lambda_http::{Error, Request, http::StatusCode};
