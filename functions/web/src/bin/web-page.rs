//! `GET /` and `GET /assets/{hash}/{path}`: returns the page and its scripts, styles and pictures.
//!
//! One function serves both, so a deployment replaces them at the same moment.

use api::{Error, Problem, Reply, Request};
use lambda_http::RequestExt;
use web::Policy;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let policy = Policy::from_env()?;
    api::serve(|request| get(&policy, request)).await
}

async fn get(policy: &Policy, request: Request) -> Reply {
    let (file, caching) = web::find(request.raw_http_path()).ok_or_else(Problem::not_found)?;
    file.answer(&request, caching, policy)
}
