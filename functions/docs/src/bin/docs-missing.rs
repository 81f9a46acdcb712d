//! Whatever no other route takes: 404 or, where the address takes other methods, 405, as a problem like every other.

use api::{Error, Problem, Reply, Request};
use lambda_http::RequestExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::serve(missing).await
}

async fn missing(request: Request) -> Reply {
    let methods = docs::methods(request.raw_http_path());
    if methods.is_empty() {
        return Err(Problem::not_found());
    }
    Err(Problem::method_not_allowed(&methods.join(", ")))
}
