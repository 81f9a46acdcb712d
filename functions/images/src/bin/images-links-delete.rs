//! `DELETE /api/images/{id}/links/{link_id}`: revokes an expiring link.

use api::{Caller, Error, Problem, Reply, Request};
use images::link_in_path;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| revoke(&records, request)).await
}

async fn revoke(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let link = link_in_path(&request)?;
    let is_of_image = link.image().to_string() == api::path(&request, "id");
    // A visitor knows the id of somebody else's link, and must not revoke it.
    let is_own = *link.user() == caller.user && is_of_image;
    let existed = is_own && records.delete_link(&link, domain::now()).await?;
    if existed { api::no_content() } else { Err(Problem::link_not_found()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, USER, error, ok};

    use super::*;

    const SECRET: &str = "01JZ8Q4V7N2M5K3R6T9W0XYZAB";

    async fn answer(aws: &FakeAws, image: &str, link: &str) -> Answer {
        let request = TestRequest::new("DELETE").path("id", image).path("link_id", link).build();
        revoke(&aws.records(), request).await.into()
    }

    #[tokio::test]
    async fn a_link_is_revoked_once() {
        let id = format!("{SECRET}-{IMAGE_ID}-{USER}");
        let aws = FakeAws::new([ok("DeleteItem", json!({}))]);
        assert_eq!(answer(&aws, IMAGE_ID, &id).await.status, 204);
        let (_, input) = aws.calls().remove(0);
        assert_eq!(input["Key"]["sk"]["S"], format!("LINK#{IMAGE_ID}#{SECRET}"));
        let aws = FakeAws::new([error("DeleteItem", "ConditionalCheckFailedException")]);
        let again = answer(&aws, IMAGE_ID, &id).await;
        assert_eq!((again.status, &again.body["code"]), (404, &json!("link-not-found")));
    }

    #[tokio::test]
    async fn a_link_of_another_user_or_image_is_not_found_and_not_touched() {
        let aws = FakeAws::new([]);
        let other = "01K8Z3J5Q000000000000THERE";
        for (image, link) in [
            (IMAGE_ID, format!("{SECRET}-{IMAGE_ID}-00000000-0000-4000-8000-000000000000")),
            (other, format!("{SECRET}-{IMAGE_ID}-{USER}")),
            ("x", format!("{SECRET}-{IMAGE_ID}-{USER}")),
            (IMAGE_ID, SECRET.to_owned()),
        ] {
            let answer = answer(&aws, image, &link).await;
            assert_eq!((answer.status, &answer.body["code"]), (404, &json!("link-not-found")), "{link}");
        }
        assert!(aws.calls().is_empty());
    }
}
