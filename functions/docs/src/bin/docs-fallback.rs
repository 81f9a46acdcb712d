//! Whatever no other route takes: 404 or, where the address takes other methods, 405, as a problem like every other.
//!
//! Preflights too: where there is a default route, the gateway hands them on, adds its CORS headers to the answer, and a
//! browser insists on its being a good one.

use api::{Error, Problem, Reply, Request};
use lambda_http::{RequestExt, http::Method};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::serve(missing).await
}

async fn missing(request: Request) -> Reply {
    if request.method() == Method::OPTIONS {
        return api::no_content();
    }
    let methods = docs::methods(request.raw_http_path());
    if methods.is_empty() {
        return Err(Problem::not_found());
    }
    Err(Problem::method_not_allowed(&methods.join(", ")))
}
