//! The contract. The build converts docs/openapi.yaml to JSON, and packs the page that shows it.

mod document;
mod routes;

pub use document::Document;
pub use routes::methods;
