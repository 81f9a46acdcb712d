//! `GET /api/docs`: returns the contract as a page. Public.

use api::{Error, Reply, Request};
use docs::PAGE;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::serve(get).await
}

async fn get(request: Request) -> Reply {
    PAGE.answer(&request)
}
