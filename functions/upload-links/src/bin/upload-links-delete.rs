//! `DELETE /api/upload-links/{id}`: revokes an upload link. The images that guests created stay.

use api::{Caller, Error, Problem, Reply, Request};
use store::Records;
use upload_links::link_in_path;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| revoke(&records, request)).await
}

async fn revoke(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = link_in_path(&request)?;
    // A guest knows the id of somebody else's link, and must not revoke it.
    let existed = *id.user() == caller.user && records.delete_upload_link(&id, domain::now()).await?;
    if existed { api::no_content() } else { Err(Problem::upload_link_not_found()) }
}

#[cfg(test)]
mod tests {
    use test_support::{Answer, FakeAws, TestRequest};

    use super::*;

    #[tokio::test]
    async fn the_link_of_another_user_is_not_found_and_not_touched() {
        let aws = FakeAws::new([]);
        let id = "01JZ8Q4V7N2M5K3R6T9W0XYZAB-00000000-0000-4000-8000-000000000000";
        let request = TestRequest::new("DELETE").path("id", id).build();
        let answer = Answer::from(revoke(&aws.records(), request).await);
        assert_eq!((answer.status, &answer.body["code"]), (404, &"upload-link-not-found".into()));
        assert!(aws.calls().is_empty());
    }
}
