//! `GET /` and `GET /assets/{hash}/{path}`: the page, and the scripts, styles and pictures that it names.
//!
//! One function for both, so that a deployment changes them at the same moment: a page never names files that are not
//! there yet.

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
