#![doc = include_str!("../README.md")]

mod authorization;
mod body;
mod caller;
mod client_address;
mod code;
mod compression;
mod create_images;
mod cursor;

mod event;
mod exif;
mod expires_in;
mod files;
mod headers;
mod idempotency;
mod image;
mod image_parts;
mod limiter;

mod page;
mod page_address;
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

pub use authorization::Authorization;
pub use body::{Object, body, nullable};
pub use caller::{Caller, bearer};
pub use code::ProblemCode;
pub use create_images::{PendingUploads, create_images, create_images_for_guest};
pub use cursor::{Cursor, CursorKey};
pub use expires_in::ExpiresIn;
pub use files::FilesBody;
pub use headers::{accept, accepts_encoding, etag_matches, wants_html, wants_json};
pub use idempotency::{guest_idempotency_key, idempotency_key};
pub use image::{CreatedBody, ImageBody, UploadBody};
pub use image_parts::{ImageFields, ImageParts};
pub use page::PageItems;
pub use page_address::page_address;
pub use problem::Problem;
pub use providers::{ai_is_configured, dropbox_is_configured, require_ai};
pub use query::{Query, path, path_id};
pub use reply::{
    Reply, deleted, html, into_response, json, no_content, problem_in_body, redirect, redirect_once,
};
pub use serve::serve;
pub use set::SetBody;
pub use tier::TierBody;
pub use token::{Claims, Verifier};
pub use usage::UsageBody;

pub use lambda_http::{Error, Request, http::StatusCode};
