//! `DELETE /api/admin/imagesets/{id}`: deletes an image set of any user, and the images in its slots.

use admin::AuditTrail;
use api::{Caller, Error, Problem, Reply, Request};
use domain::AuditAction;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (records, audit) = (Records::from_env(&aws::config()?)?, AuditTrail::from_env()?);
    api::serve(|request| delete(&records, &audit, request)).await
}

async fn delete(records: &Records, audit: &AuditTrail, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let id = api::path_id(&request)?;
    let owned = records.admin_set(id).await?.ok_or_else(Problem::not_found)?;
    let entry = audit.imageset(&caller, AuditAction::DeleteImageset, &owned, Vec::new());
    api::deleted(records.delete_set(&owned.user, id, true, Some(&entry), domain::now()).await?)
}
