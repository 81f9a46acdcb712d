//! `POST /api/images/{id}/upload`: signs the upload of a pending image anew.

use api::{Caller, Error, Problem, ProblemCode, Reply, Request, StatusCode, UploadBody};
use domain::Status;
use serde::Serialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| upload(&records, &objects, request)).await
}

#[derive(Debug, Serialize)]
struct TicketBody {
    upload: UploadBody,
}

async fn upload(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let now = domain::now();
    let image = records.image(&caller.user, id, now).await?.ok_or_else(Problem::not_found)?;
    if image.status != Status::Pending {
        return Err(Problem::new(
            ProblemCode::NotPending,
            format!("This image is {}: its upload has arrived.", image.status.as_str()),
        ));
    }
    if image.awaits_edit() {
        let detail = "This image's file is made by an edit; there is nothing to upload.";
        return Err(Problem::new(ProblemCode::NotPending, detail));
    }
    let ticket = objects.upload_ticket(&caller.user, &image, now).await?;
    api::json(StatusCode::OK, &TicketBody { upload: UploadBody::new(ticket, now) })
}
