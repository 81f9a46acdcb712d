#![doc = include_str!("../README.md")]

mod error;
mod http;
mod openai;
mod secret;

pub use error::ProviderError;
pub use http::Http;
pub use openai::{OpenAi, Picture};
pub use secret::Secret;
