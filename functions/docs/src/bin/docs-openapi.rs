//! `GET /api/openapi.json`: returns the contract as JSON. Public.

use api::{Error, Problem, Reply, Request};
use docs::Document;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::serve(get).await
}

async fn get(request: Request) -> Reply {
    Document::find(Document::OPENAPI).ok_or_else(Problem::not_found)?.answer(&request)
}
