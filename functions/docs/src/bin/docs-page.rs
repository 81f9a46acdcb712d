//! `GET /api/docs` and `GET /api/docs/{file}`: returns the page that shows the contract, and the files that it loads. Public.
//!
//! One function serves both, so a deployment replaces them at the same moment.

use api::{Error, Problem, Reply, Request};
use docs::Document;
use lambda_http::RequestExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::serve(get).await
}

async fn get(request: Request) -> Reply {
    let document = match request.raw_http_path().strip_prefix("/api/docs/") {
        Some(name) => Document::find_asset(name),
        None => Document::find(Document::PAGE),
    };
    document.ok_or_else(Problem::not_found)?.answer(&request)
}
