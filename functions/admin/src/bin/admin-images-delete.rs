//! `DELETE /api/admin/images/{id}`: deletes an image of any user.

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
    let (id, now) = (api::path_id(&request)?, domain::now());
    let owned = records.admin_image(id, now).await?.ok_or_else(Problem::not_found)?;
    let entry = audit.image(&caller, AuditAction::DeleteImage, &owned, Vec::new());
    api::deleted(records.delete_image_audited(&owned.user, &owned.image, &entry, now).await?)
}
