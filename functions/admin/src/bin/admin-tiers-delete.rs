//! `DELETE /api/admin/account-tiers/{id}`: removes a tier that nobody is in.

use api::{Caller, Error, Problem, ProblemCode, Reply, Request};
use domain::TierId;
use store::{DeleteTierError, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| delete(&records, request)).await
}

async fn delete(records: &Records, request: Request) -> Reply {
    Caller::admin(&request).await?;
    let id = TierId::try_from(api::path(&request, "id").to_owned()).map_err(|_| Problem::not_found())?;
    if id == TierId::default_for_new_users() {
        let detail = "New users are put into this tier, so it has to stay.";
        return Err(Problem::new(ProblemCode::TierIsDefault, detail));
    }
    match records.delete_tier(&id).await {
        Ok(()) => api::no_content(),
        Err(DeleteTierError::NotFound) => Err(Problem::not_found()),
        Err(DeleteTierError::InUse) => {
            let detail = "Users are in this tier. Put them into another first.";
            Err(Problem::new(ProblemCode::TierInUse, detail))
        }
        Err(DeleteTierError::Call(error)) => Err(error.into()),
    }
}
