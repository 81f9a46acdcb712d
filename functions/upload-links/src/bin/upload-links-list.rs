//! `GET /api/upload-links`: lists the caller's upload links that work, newest first.

use api::{Caller, Error, Reply, Request, StatusCode};
use serde::Serialize;
use store::Records;
use upload_links::UploadLinkBody;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| list(&records, request)).await
}

#[derive(Debug, Serialize)]
struct ListBody<'a> {
    upload_links: Vec<UploadLinkBody<'a>>,
}

async fn list(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let page = api::page_address(&request)?;
    let links = records.upload_links(&caller.user, domain::now()).await?;
    let upload_links = links.iter().map(|link| UploadLinkBody::new(link, &page)).collect();
    api::json(StatusCode::OK, &ListBody { upload_links })
}
