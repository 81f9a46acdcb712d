//! `POST /api/images/{id}/links`: creates an expiring link, an address at which anybody can see the picture.
//!
//! The function also starts `workers-render`, which makes the file that the link shows. If that takes longer than the
//! request may, the request of the first visitor starts it again.

use std::{future::Future, time::Duration};

use api::{Caller, Error, ExpiresIn, Problem, ProblemCode, Reply, Request, StatusCode};
use domain::{
    ExpiringLink, ImageId, LinkId, Profile, Rendition, RenditionOptions, StoredRendition, Timestamp, UserId,
};
use images::{LinkBody, RenditionWorker, shown_rendition};
use serde::Deserialize;
use store::{Created, Records};

/// The time for making what the link shows. The rest of the function's time is for the transaction.
const PREPARATION: Duration = Duration::from_secs(6);

const MAX_SECONDS: i64 = 30 * 24 * 60 * 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, worker) = (Records::from_env(&config)?, RenditionWorker::from_env(&config)?);
    api::serve(|request| create(&records, &worker, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    expires_in: ExpiresIn<MAX_SECONDS>,
    rendition: Option<RenditionOptions>,
    strip_metadata: Option<bool>,
    download: Option<bool>,
}

async fn create(records: &Records, worker: &RenditionWorker, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let body: Body = api::body(&request)?;
    let (now, key, page) = (domain::now(), api::idempotency_key(&request)?, api::page_address(&request)?);
    let user = &caller.user;
    let link = match new_link(records, worker, (user, id), &body, now).await {
        Ok((link, profile)) => match records.create_link(&link, profile, key.as_ref(), now).await? {
            Created::New => link,
            Created::Replayed(before) => before,
        },
        // The tier and the image may have changed after the first request.
        Err(refusal) => records.created_before(user, key.as_ref(), now).await?.ok_or(refusal)?,
    };
    api::json(StatusCode::CREATED, &LinkBody::new(&link, &page))
}

/// The link that a request asks for, and the profile of the user. What the link shows is made, if there is time.
async fn new_link(
    records: &Records,
    worker: &RenditionWorker,
    (user, id): (&UserId, ImageId),
    body: &Body,
    now: Timestamp,
) -> Result<(ExpiringLink, Profile), Problem> {
    let stripped = Rendition::StrippedOriginal;
    let found = records.image_profile_and_rendition(user, id, &stripped, now).await?;
    let (image, profile, stripped) = found.ok_or_else(Problem::not_found)?;
    images::check_tier(&profile.limits, body.rendition.is_some())?;
    let picture = image.picture.as_ref().ok_or_else(|| Problem::image_not_ready(image.status))?;
    let link = ExpiringLink {
        id: LinkId::generate(id, user.clone()),
        rendition: body.rendition,
        // A rendition never has metadata.
        strip_metadata: body.rendition.is_some() || body.strip_metadata.unwrap_or(true),
        download: body.download.unwrap_or(true),
        views: 0,
        created_at: now,
        expires_at: now.as_second() + body.expires_in.seconds(),
    };
    prepare(shown_rendition(records, worker, &link, (&image, picture), stripped, now)).await?;
    Ok((link, profile))
}

/// Makes what the link shows, if there is time. Otherwise the first visitor has it made.
///
/// # Errors
/// Those that visitors of the link would get too.
async fn prepare(
    shown: impl Future<Output = Result<Option<StoredRendition>, Problem>>,
) -> Result<(), Problem> {
    match tokio::time::timeout(PREPARATION, shown).await {
        Err(_) => Ok(()),
        Ok(Err(problem)) if problem.code() == ProblemCode::Unavailable => Ok(()),
        Ok(shown) => shown.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{
        Answer, FakeAws, IMAGE_ID, TestRequest, batch, image, ok, profile, ready_image, tier,
    };

    use super::*;

    async fn answer(image: &Value, expiring_links: bool, body: &Value) -> (Answer, FakeAws) {
        let mut tier = tier();
        tier["expiring_links"] = json!(expiring_links);
        let aws = FakeAws::new([
            ok("BatchGetItem", batch(&[image.clone(), profile(tier)])),
            ok("TransactWriteItems", json!({})),
        ]);
        let worker = RenditionWorker::new(&aws.config(), "rendition".to_owned());
        let request = TestRequest::new("POST").path("id", IMAGE_ID).json(body).build();
        (create(&aws.records(), &worker, request).await.into(), aws)
    }

    /// A link that shows the original as it is, so that nothing has to be made.
    fn unchanged() -> Value {
        json!({"expires_in": 300, "strip_metadata": false, "download": false})
    }

    #[tokio::test]
    async fn a_link_has_a_public_address() {
        let (answer, aws) = answer(&ready_image(), true, &unchanged()).await;
        let id = answer.body["id"].as_str().unwrap();
        assert_eq!(answer.body["url"], format!("https://api.example/l/{id}"));
        insta::assert_json_snapshot!(answer, {
            ".body.id" => "[id]",
            ".body.url" => "[url]",
            ".body.created_at" => "[time]",
            ".body.expires_at" => "[time]",
        }, @r#"
        {
          "status": 201,
          "body": {
            "created_at": "[time]",
            "download": false,
            "expires_at": "[time]",
            "id": "[id]",
            "rendition": null,
            "strip_metadata": false,
            "url": "[url]",
            "views": 0
          }
        }
        "#);
        let (_, transaction) = aws.calls().pop().unwrap();
        let items = transaction["TransactItems"].as_array().unwrap();
        assert_eq!(items[0]["ConditionCheck"]["Key"]["sk"]["S"], format!("IMAGE#{IMAGE_ID}"));
        let put = &items[1]["Put"]["Item"];
        assert_eq!(put["sk"]["S"], format!("LINK#{IMAGE_ID}#{}", &id[..26]));
        assert_eq!(put["views"]["N"], "0");
    }

    #[tokio::test]
    async fn a_tier_without_links_gives_none() {
        insta::assert_json_snapshot!(answer(&ready_image(), false, &unchanged()).await.0, @r#"
        {
          "status": 403,
          "body": {
            "code": "links-not-in-tier",
            "detail": "The Basic tier does not include expiring links.",
            "status": 403,
            "title": "Forbidden",
            "type": "urn:darkroom:problem:links-not-in-tier"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn an_image_without_a_picture_has_no_link() {
        insta::assert_json_snapshot!(answer(&image(), true, &unchanged()).await.0, @r#"
        {
          "status": 409,
          "body": {
            "code": "image-not-ready",
            "detail": "This image is pending. Wait until it is ready.",
            "status": 409,
            "title": "Conflict",
            "type": "urn:darkroom:problem:image-not-ready"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn a_repeated_request_has_its_answer_although_it_would_be_refused_by_now() {
        let send = async |aws: &FakeAws, key: &str| -> Answer {
            let worker = RenditionWorker::new(&aws.config(), "rendition".to_owned());
            let request = TestRequest::new("POST").path("id", IMAGE_ID).header("idempotency-key", key);
            create(&aws.records(), &worker, request.json(&unchanged()).build()).await.into()
        };
        let mut allowed = tier();
        allowed["expiring_links"] = json!(true);
        let first_aws = FakeAws::new([
            ok("BatchGetItem", batch(&[ready_image(), profile(allowed.clone())])),
            ok("TransactWriteItems", json!({})),
        ]);
        let first = send(&first_aws, "k").await;
        // The tier has changed, or the image was deleted.
        for items in [vec![ready_image(), profile(tier())], vec![profile(allowed)]] {
            let found = ok("BatchGetItem", batch(&items));
            let aws = FakeAws::new([found.clone(), ok("GetItem", first_aws.stored_answer())]);
            let again = send(&aws, "k").await;
            assert_eq!((again.status, &again.body), (201, &first.body));
            let new = send(&FakeAws::new([found, ok("GetItem", json!({}))]), "new").await;
            assert!([403, 404].contains(&new.status), "{new:?}");
        }
    }

    #[tokio::test]
    async fn what_is_out_of_bounds_is_named() {
        for (field, name, value) in [
            ("expires_in", "expires_in", json!(299)),
            ("expires_in", "expires_in", json!(2_592_001)),
            ("download", "download", json!(1)),
            ("strip_metadata", "strip_metadata", json!("no")),
            ("rendition", "rendition.width", json!({"width": 0})),
            ("rendition", "rendition", json!({})),
            ("id", "id", json!("x")),
        ] {
            let mut body = unchanged();
            body[field] = value;
            let (answer, aws) = answer(&ready_image(), true, &body).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!(name)), "{body}");
            assert!(aws.calls().is_empty());
        }
    }
}
