//! `GET /api/images/{id}/status`: how far an image has come; made to be asked often.

use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use domain::{Failure, ImageId, Status};
use serde::Serialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| status(&records, request)).await
}

#[derive(Debug, Serialize)]
struct StatusBody {
    id: ImageId,
    status: Status,
    version: u32,
    failure: Option<Failure>,
}

async fn status(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let image = records.image(&caller.user, id, domain::now()).await?.ok_or_else(Problem::not_found)?;
    let version = image.shown_version();
    let body = StatusBody { id, status: image.status, version, failure: image.failure };
    api::json(StatusCode::OK, &body)
}
