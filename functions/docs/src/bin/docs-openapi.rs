//! `GET /api/openapi.json`: the contract; for everybody.

use api::{Error, Reply, Request};
use docs::OPENAPI;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::serve(get).await
}

async fn get(request: Request) -> Reply {
    OPENAPI.answer(&request)
}
