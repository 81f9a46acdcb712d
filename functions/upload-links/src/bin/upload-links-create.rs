//! `POST /api/upload-links`: creates an upload link, at which guests send pictures to the caller.

use api::{Caller, Error, ExpiresIn, Problem, ProblemCode, Reply, Request, StatusCode};
use domain::{InvalidField, PhoneNumber, UploadLink, UploadLinkId, UploadSize};
use serde::Deserialize;
use store::{Created, Records};
use upload_links::UploadLinkBody;

const MAX_SECONDS: i64 = 30 * 24 * 60 * 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    let region = aws::var("DEFAULT_REGION")?;
    api::serve(|request| create(&records, &region, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    phone_number: Option<String>,
    max_images: MaxImages,
    max_image_bytes: Option<UploadSize>,
    expires_in: ExpiresIn<MAX_SECONDS>,
}

/// 1 to 100 images.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u32")]
struct MaxImages(u32);

async fn create(records: &Records, region: &str, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    let phone_number = body.phone_number.map(|text| parse(&text, region)).transpose()?;
    let (now, key, page) = (domain::now(), api::idempotency_key(&request)?, api::page_address(&request)?);
    // Both are read at the same time. The tier counts only if the user has no profile yet.
    let (profile, tier) = tokio::join!(records.profile(&caller.user), records.default_tier());
    let profile = profile?;
    let tier_bytes = match &profile {
        Some(profile) => profile.limits.max_image_bytes,
        None => tier?.max_image_bytes,
    };
    let link = UploadLink {
        id: UploadLinkId::generate(caller.user),
        phone_number,
        max_images: body.max_images.0,
        remaining: body.max_images.0,
        max_image_bytes: body.max_image_bytes.map_or(tier_bytes, |size| size.bytes().min(tier_bytes)),
        created_at: now,
        expires_at: now.as_second() + body.expires_in.seconds(),
        images: Vec::new(),
    };
    let link = match records.create_upload_link(&link, profile, key.as_ref(), now).await? {
        Created::New => link,
        Created::Replayed(link) => link,
    };
    api::json(StatusCode::CREATED, &UploadLinkBody::new(&link, &page))
}

fn parse(text: &str, region: &str) -> Result<PhoneNumber, Problem> {
    phone::parse(text, region).map_err(|error| {
        Problem::new(ProblemCode::InvalidPhoneNumber, format!("phone_number: {error}."))
            .with("field", "phone_number")
    })
}

impl TryFrom<u32> for MaxImages {
    type Error = InvalidField;

    fn try_from(count: u32) -> Result<Self, InvalidField> {
        let fits = (1..=100).contains(&count);
        fits.then_some(Self(count)).ok_or_else(|| InvalidField::from("must be 1 to 100 images"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, item, ok, profile, tier};

    use super::*;

    async fn answer(body: &Value) -> (Answer, FakeAws) {
        let tier = tier();
        let aws = FakeAws::new([
            ok("GetItem", item(&profile(tier.clone()))),
            ok("GetItem", item(&tier)),
            ok("TransactWriteItems", json!({})),
        ]);
        let request = TestRequest::new("POST").json(body).build();
        (create(&aws.records(), "DE", request).await.into(), aws)
    }

    #[tokio::test]
    async fn a_link_is_created_with_an_address_for_guests() {
        let body = json!({
            "phone_number": "030 901820", "max_images": 5, "max_image_bytes": 50_000_000, "expires_in": 300,
        });
        let (answer, aws) = answer(&body).await;
        let url = answer.body["url"].as_str().unwrap();
        assert_eq!(url, format!("https://api.example/#/send/{}", answer.body["id"].as_str().unwrap()));
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
            "expires_at": "[time]",
            "id": "[id]",
            "max_image_bytes": 10000000,
            "max_images": 5,
            "phone_number": "+4930901820",
            "remaining": 5,
            "url": "[url]"
          }
        }
        "#);
        assert_eq!(aws.operations().last().map(String::as_str), Some("TransactWriteItems"));
    }

    #[tokio::test]
    async fn what_is_out_of_bounds_is_named() {
        let good = json!({"max_images": 1, "expires_in": 300});
        for (field, value) in [
            ("max_images", json!(0)),
            ("max_images", json!(101)),
            ("max_image_bytes", json!(0)),
            ("expires_in", json!(299)),
            ("expires_in", json!(2_592_001)),
            ("phone_number", json!(1)),
            ("id", json!("x")),
        ] {
            let mut body = good.clone();
            body[field] = value;
            let (answer, aws) = answer(&body).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{body}");
            assert!(aws.calls().is_empty());
        }
        let mut body = good;
        body["phone_number"] = json!("hello");
        assert_eq!(answer(&body).await.0.body["code"], "invalid-phone-number");
    }
}
