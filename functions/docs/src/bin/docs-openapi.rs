//! `GET /api/openapi.json`: returns the contract as JSON. Public.

use api::{Error, Reply, Request};
use docs::OPENAPI;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::serve(get).await
}

async fn get(request: Request) -> Reply {
    OPENAPI.answer(&request)
}
