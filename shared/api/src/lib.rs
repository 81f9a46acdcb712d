#![doc = include_str!("../README.md")]

mod body;
mod caller;
mod code;
mod create_uploads;
mod cursor;

mod event;
mod headers;
mod idempotency;
mod image;
mod limiter;

mod page;
mod problem;
mod providers;
mod query;
mod reply;
mod second_factor;
mod serve;
mod set;
mod tier;
mod token;
mod usage;

pub use body::{Object, body, nullable};
pub use caller::{Caller, bearer};
pub use code::ProblemCode;
pub use create_uploads::{PendingUploads, create_uploads};
pub use cursor::{Cursor, CursorKey};
pub use headers::{accepts_encoding, etag_matches};
pub use idempotency::idempotency_key;
pub use image::{CreatedBody, ImageBody, UploadBody};
pub use page::PageItems;
pub use problem::Problem;
pub use providers::{ai_is_configured, dropbox_is_configured, require_ai};
pub use query::{Query, path, path_id};
pub use reply::{Reply, deleted, into_response, json, no_content, redirect};
pub use serve::serve;
pub use set::SetBody;
pub use tier::TierBody;
pub use usage::UsageBody;

pub use lambda_http::{Error, Request, http::StatusCode};
