//! `POST /api/images/{id}/analysis`: requests an analysis of the picture by an AI model. The result appears
//! in the image's `analysis`.

use api::{Caller, Error, ImageBody, Reply, Request, StatusCode};
use domain::{Links, Prompt};
use serde::{Deserialize, Serialize};
use store::Records;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| analyze(&records, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    prompt: Option<Prompt>,
}

#[derive(Debug, Serialize)]
struct AcceptedBody<'a> {
    image: ImageBody<'a>,
}

async fn analyze(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let Body { prompt } = api::body(&request)?;
    api::require_ai()?;
    let (now, key) = (domain::now(), api::idempotency_key(&request)?);
    let image = records.request_analysis(&caller.user, id, prompt, key.as_ref(), now).await?;
    info!(job = image.analysis.as_ref().map(|analysis| analysis.job.to_string()), "analysis requested");
    // Without addresses, the role of this function needs no access to the pictures.
    api::json(StatusCode::ACCEPTED, &AcceptedBody { image: ImageBody::new(&image, Links::default()) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::{AnalyzeError, IdempotencyKey};
    use test_support::{FakeAws, IMAGE_ID, USER, item, ok, profile, ready_image, tier};

    #[tokio::test]
    async fn an_image_that_moves_to_the_trash_at_the_same_time_is_not_found() {
        let (mut tier, mut trashed) = (tier(), ready_image());
        tier["ai"] = json!(true);
        trashed["trash"] = json!({"moved_at": "2026-03-12T19:03:58Z", "until": 4_000_000_000_i64});
        let refused = json!({"Code": "ConditionalCheckFailed", "Item": item(&trashed)["Item"]});
        let reasons = json!([refused, {"Code": "None"}, {"Code": "None"}]);
        let cancelled = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let aws = FakeAws::new([
            ok("GetItem", item(&ready_image())),
            ok("GetItem", item(&profile(tier))),
            ("TransactWriteItems", 400, cancelled),
        ]);
        let (user, id) = (USER.parse().unwrap(), IMAGE_ID.parse().unwrap());
        let outcome = aws.records().request_analysis(&user, id, None, None, domain::now()).await;
        assert!(matches!(outcome, Err(AnalyzeError::NotFound)), "{outcome:?}");
        let calls = aws.calls();
        let condition = calls[2].1["TransactItems"][0]["Update"]["ConditionExpression"].as_str().unwrap();
        assert!(condition.contains("attribute_not_exists(#trash)"), "{condition}");
    }

    #[tokio::test]
    async fn a_repeated_request_has_its_answer_although_it_would_be_refused_by_now() {
        let (user, id) = (USER.parse().unwrap(), IMAGE_ID.parse().unwrap());
        let ask = async |aws: &FakeAws, request: &str| {
            let key = IdempotencyKey { key: "k".to_owned(), request: request.to_owned() };
            aws.records().request_analysis(&user, id, None, Some(&key), domain::now()).await
        };
        let mut allowed = tier();
        allowed["ai"] = json!(true);
        let first_aws = FakeAws::new([
            ok("GetItem", item(&ready_image())),
            ok("GetItem", item(&profile(allowed.clone()))),
            ok("TransactWriteItems", json!({})),
        ]);
        let first = ask(&first_aws, "same").await.unwrap();
        // The tier has changed, or the image was deleted.
        for (image, tier) in [(item(&ready_image()), tier()), (json!({}), allowed)] {
            let aws = || {
                FakeAws::new([
                    ok("GetItem", image.clone()),
                    ok("GetItem", item(&profile(tier.clone()))),
                    ok("GetItem", first_aws.stored_answer()),
                ])
            };
            assert_eq!(ask(&aws(), "same").await.unwrap().analysis, first.analysis);
            let other = ask(&aws(), "another").await;
            assert!(matches!(other, Err(AnalyzeError::NotFound | AnalyzeError::Limit(_))), "{other:?}");
        }
    }
}
