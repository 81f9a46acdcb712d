//! The contract. The build converts docs/openapi.yaml to JSON and to a page.

mod document;
mod routes;

pub use document::{Document, OPENAPI, PAGE};
pub use routes::methods;
