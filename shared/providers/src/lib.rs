#![doc = include_str!("../README.md")]

mod dropbox;
mod error;
mod http;
mod openai;
mod response;
mod webhook;

pub use dropbox::{Account, Dropbox, UploadSession};
pub use error::ProviderError;
pub use http::Http;
pub use openai::{OpenAi, Picture};
pub use webhook::{Attempted, Reach, WebhookClient};
