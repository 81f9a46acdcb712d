//! The default route: returns 404, or 405 if the path supports other methods.
//!
//! It also handles CORS preflight requests. If there is a default route, API Gateway sends them to it and adds the CORS
//! headers to the response. A browser requires a successful status.

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
