//! The contract as it is served: docs/openapi.yaml, made into JSON and a page when this package is built.

mod document;
mod routes;

pub use document::{Document, OPENAPI, PAGE};
pub use routes::methods;
