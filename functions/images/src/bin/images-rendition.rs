//! `GET /api/images/{id}/rendition`: redirects to the picture in the requested size, shape and format. With
//! `Accept: application/json`, it returns the address instead.
//!
//! The first request for a rendition has `workers-render` make it, once for all requests that ask at the same time.

use api::{Caller, Error, Problem, Query, Reply, Request, StatusCode};
use domain::{Rendition, RenditionOptions, Timestamp};
use images::RenditionWorker;
use serde::Serialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let worker = RenditionWorker::from_env(&config)?;
    api::serve(|request| rendition(&records, &objects, &worker, request)).await
}

#[derive(Debug, Serialize)]
struct RenditionBody<'a> {
    url: &'a str,
    width: u32,
    height: u32,
    content_type: &'a str,
    expires_at: Timestamp,
}

async fn rendition(
    records: &Records,
    objects: &Objects,
    worker: &RenditionWorker,
    request: Request,
) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let options = RenditionOptions::from_query(Query::of(&request).pairs())?;
    let wanted = Rendition::Picture(options.for_accept(api::accept(&request)));
    let now = domain::now();
    let found = records.image_profile_and_rendition(&caller.user, id, &wanted, now).await?;
    let (image, profile, mut found) = found.ok_or_else(Problem::not_found)?;
    if !profile.limits.renditions {
        return Err(Problem::renditions_not_in_tier(&profile.limits));
    }
    let picture = image.picture.as_ref().ok_or_else(|| Problem::image_not_ready(image.status))?;
    // The rendition was read at the same time as the image, so with the centre in place of a focal point.
    let placed = wanted.clone().with_focal_point(image.focal_point);
    if placed.canonical() != wanted.canonical() {
        found = records.rendition(&caller.user, id, &placed).await?;
    }
    let original = image.key_of(&caller.user, picture.version);
    let stored = worker.rendition_found(records, &original, picture, &placed, found, now).await?;
    let link = objects.rendition_link(&stored, now).await?;
    if !api::wants_json(&request) {
        return api::redirect(&link.url, link.expires_at.as_second() - now.as_second());
    }
    let body = RenditionBody {
        url: &link.url,
        width: stored.width,
        height: stored.height,
        content_type: &stored.content_type,
        expires_at: link.expires_at,
    };
    api::json(StatusCode::OK, &body)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, iter::repeat_n, sync::Arc};

    use futures_util::future::join_all;
    use serde_json::{Value, json};
    use test_support::{
        Answer, FakeAws, IMAGE_ID, TestRequest, USER, batch, item, ok, profile, ready_image, refused, tier,
    };
    use tokio::sync::{Barrier, watch};

    use super::*;

    const QUERY: &str = "width=320&height=240&fit=cover&format=webp";

    async fn answer_of(aws: &FakeAws, request: TestRequest) -> Answer {
        let worker = RenditionWorker::new(&aws.config(), "resize".to_owned());
        let request = request.path("id", IMAGE_ID).build();
        rendition(&aws.records(), &aws.objects(), &worker, request).await.into()
    }

    fn allowed() -> Value {
        let mut tier = tier();
        tier["renditions"] = json!(true);
        profile(tier)
    }

    /// The item of the rendition that [`QUERY`] asks for, of a version of the picture.
    fn made(canonical: &str, version: u32) -> Value {
        json!({
            "pk": format!("USER#{USER}"),
            "sk": format!("RENDITION#{IMAGE_ID}#{canonical}"),
            "version": version,
            "made": {"width": 320, "height": 240, "content_type": "image/webp", "bytes": 1234},
        })
    }

    #[tokio::test]
    async fn one_call_answers_if_the_rendition_exists() {
        let found = [ready_image(), allowed(), made("w320-h240-cover-0.5x0.5-q80-webp", 1)];
        let aws = FakeAws::new([ok("BatchGetItem", batch(&found))]);
        let answer = answer_of(&aws, TestRequest::new("GET").query(QUERY)).await;
        let answer = serde_json::to_value(&answer).unwrap();
        assert_eq!(answer["status"], 302, "{answer}");
        assert_eq!(answer["headers"]["vary"], "accept, authorization");
        let location = answer["headers"]["location"].as_str().unwrap();
        assert!(location.contains("/1/w320-h240-cover-0.5x0.5-q80-webp?"), "{location}");
        let aws = FakeAws::new([ok("BatchGetItem", batch(&found))]);
        let request = TestRequest::new("GET").query(QUERY).header("accept", "application/json");
        insta::assert_json_snapshot!(answer_of(&aws, request).await, {
            ".body.url" => "[url]",
            ".body.expires_at" => "[time]",
        }, @r#"
        {
          "status": 200,
          "body": {
            "content_type": "image/webp",
            "expires_at": "[time]",
            "height": 240,
            "url": "[url]",
            "width": 320
          }
        }
        "#);
    }

    #[tokio::test]
    async fn the_focal_point_of_the_image_needs_a_second_read() {
        let mut image = ready_image();
        image["focal_point"] = json!({"x": 0.25, "y": 0.125});
        let canonical = "w320-h240-cover-0.25x0.125-q80-webp";
        let aws = FakeAws::new([
            ok("BatchGetItem", batch(&[image, allowed()])),
            ok("GetItem", item(&made(canonical, 1))),
        ]);
        let answer = answer_of(&aws, TestRequest::new("GET").query(QUERY)).await;
        let answer = serde_json::to_value(&answer).unwrap();
        assert!(answer["headers"]["location"].as_str().unwrap().contains(canonical), "{answer}");
    }

    #[tokio::test]
    async fn a_rendition_of_an_older_picture_does_not_count_and_too_many_are_refused() {
        let mut image = ready_image();
        (image["version"], image["picture"]["version"]) = (json!(2), json!(2));
        let found = [image.clone(), allowed(), made("w320-h240-cover-0.5x0.5-q80-webp", 1)];
        image["picture"]["renditions"] = json!(100);
        let cancelled = json!({
            "__type": "TransactionCanceledException",
            "CancellationReasons": [
                {"Code": "None"},
                {"Code": "ConditionalCheckFailed", "Item": item(&image)["Item"]},
            ],
        });
        let aws = FakeAws::new([ok("BatchGetItem", batch(&found)), ("TransactWriteItems", 400, cancelled)]);
        insta::assert_json_snapshot!(answer_of(&aws, TestRequest::new("GET").query(QUERY)).await, @r#"
        {
          "status": 409,
          "body": {
            "code": "too-many-renditions",
            "detail": "This picture already has 100 renditions. Use one of them.",
            "max_renditions": 100,
            "status": 409,
            "title": "Conflict",
            "type": "urn:darkroom:problem:too-many-renditions"
          }
        }
        "#);
    }

    /// The rendition that [`QUERY`] asks for.
    const CANONICAL: &str = "w320-h240-cover-0.5x0.5-q80-webp";
    /// What [`FakeAws`] calls an invocation of `workers-render`.
    const INVOKE: &str = "com/2015-03-31/functions/resize/invocations";

    /// The item of the rendition while a request has a claim on it.
    fn claimed(owner: &str, until: i64) -> Value {
        let mut claimed = made(CANONICAL, 1);
        claimed.as_object_mut().unwrap().remove("made");
        claimed["lease"] = json!({"owner": owner, "until": until});
        claimed
    }

    fn read_all(rendition: Option<Value>) -> (&'static str, u16, Value) {
        let items: Vec<Value> = [ready_image(), allowed()].into_iter().chain(rendition).collect();
        ok("BatchGetItem", batch(&items))
    }

    fn invoked() -> Value {
        json!({"rendition": made(CANONICAL, 1)["made"]})
    }

    #[tokio::test]
    async fn while_another_request_has_it_made_it_waits_and_reads_once() {
        let held = || claimed("another", 9_999_999_999);
        let read = |stored: &Value| ok("GetItem", item(stored));
        let nothing = || ok("GetItem", json!({}));
        // Another transaction, most likely the claim of another request, changes the image at the same time.
        let conflict = || {
            let reasons = json!([{"Code": "TransactionConflict"}, {"Code": "TransactionConflict"}]);
            let body = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
            ("TransactWriteItems", 400, body)
        };
        let taken = || ok("TransactWriteItems", json!({}));
        let cases = [
            // The other request has claimed it before. Its rendition then exists, or takes long.
            (vec![read_all(Some(held())), read(&made(CANONICAL, 1))], 302),
            (vec![read_all(Some(held())), read(&held())], 503),
            // The other request claims it at the same time.
            (vec![read_all(None), conflict(), read(&made(CANONICAL, 1))], 302),
            (vec![read_all(None), conflict(), read(&held())], 503),
            (vec![read_all(None), refused(0, 2, &item(&held())), read(&made(CANONICAL, 1))], 302),
            (vec![read_all(None), refused(0, 2, &item(&made(CANONICAL, 1)))], 302),
            // The claims of all requests have conflicted, or the claim has ended without a rendition.
            (vec![read_all(None), conflict(), nothing(), taken(), ok(INVOKE, invoked())], 302),
            (vec![read_all(None), conflict(), nothing(), conflict()], 503),
            (
                vec![
                    read_all(Some(held())),
                    read(&claimed("another", 0)),
                    ok("UpdateItem", json!({})),
                    ok(INVOKE, invoked()),
                ],
                302,
            ),
            // The holder of the claim has died. The rendition was counted before, so one write takes the claim over.
            (
                vec![
                    read_all(Some(claimed("another", 1))),
                    ok("UpdateItem", json!({})),
                    ok(INVOKE, invoked()),
                ],
                302,
            ),
        ];
        join_all(cases.into_iter().map(async |(prepared, status)| {
            let operations: Vec<&str> = prepared.iter().map(|(operation, ..)| *operation).collect();
            let aws = FakeAws::new(prepared);
            let answer = answer_of(&aws, TestRequest::new("GET").query(QUERY)).await;
            assert_eq!(answer.status, status, "{operations:?}: {answer:?}");
            assert_eq!(aws.operations(), operations);
            if status == 503 {
                assert_eq!(answer.headers["retry-after"], "2");
            }
        }))
        .await;
    }

    /// The numbers of requests that read before one of them claims, while the rendition is being made, and later.
    const COUNTS: [usize; 3] = [100, 300, 100];

    /// The table and the worker while many requests ask for the same rendition.
    struct World {
        /// The item of the rendition. It is null before the first claim.
        item: watch::Sender<Value>,
        /// Lets requests read before one of them claims.
        early: Barrier,
        /// The number of requests that have tried to claim the rendition or found its claim.
        arrived: watch::Sender<usize>,
    }

    /// When a request reads.
    #[derive(Clone, Copy)]
    enum Reads {
        Early,
        Meanwhile,
        Late,
    }

    impl World {
        async fn when(&self, is_so: impl Fn(&Value) -> bool) -> Value {
            self.item.subscribe().wait_for(is_so).await.unwrap().clone()
        }

        /// The operation as AWS answers it.
        async fn answer(&self, operation: &str, input: &Value, reads: Reads) -> (u16, Value) {
            let (_, status, body) = match operation {
                "BatchGetItem" => {
                    let stored = match reads {
                        Reads::Early => {
                            self.early.wait().await;
                            None
                        }
                        Reads::Meanwhile => {
                            let claimed = self.when(|item| item["lease"].is_object()).await;
                            self.arrived.send_modify(|count| *count += 1);
                            Some(claimed)
                        }
                        Reads::Late => Some(self.when(|item| item["made"].is_object()).await),
                    };
                    read_all(stored)
                }
                "TransactWriteItems" => {
                    let lease = &input["TransactItems"][0]["Put"]["Item"]["lease"]["M"];
                    let owner = lease["owner"]["S"].as_str().unwrap();
                    let is_first = self.item.send_if_modified(|stored| {
                        let is_first = stored.is_null();
                        if is_first {
                            *stored = claimed(owner, 9_999_999_999);
                        }
                        is_first
                    });
                    self.arrived.send_modify(|count| *count += 1);
                    let stored = self.item.borrow().clone();
                    if is_first { ok("", json!({})) } else { refused(0, 2, &item(&stored)) }
                }
                INVOKE => {
                    let all = COUNTS[0] + COUNTS[1];
                    self.arrived.subscribe().wait_for(|count| *count == all).await.map(drop).unwrap();
                    self.item.send_replace(made(CANONICAL, 1));
                    ok("", invoked())
                }
                "GetItem" => ok("", item(&self.when(|item| item["made"].is_object()).await)),
                _ => panic!("{operation}"),
            };
            (status, body)
        }
    }

    #[tokio::test]
    async fn of_500_requests_at_once_one_has_it_made_and_the_others_read_it_once() {
        let world = Arc::new(World {
            item: watch::Sender::new(Value::Null),
            early: Barrier::new(COUNTS[0]),
            arrived: watch::Sender::new(0),
        });
        let requests = [Reads::Early, Reads::Meanwhile, Reads::Late].into_iter().zip(COUNTS);
        let requests = requests.flat_map(|(reads, count)| repeat_n(reads, count));
        let calls = join_all(requests.map(async |reads| {
            let world = world.clone();
            let aws = FakeAws::with(move |operation, input| {
                let (world, operation, input) = (world.clone(), operation.to_owned(), input.clone());
                async move { world.answer(&operation, &input, reads).await }
            });
            let answer = answer_of(&aws, TestRequest::new("GET").query(QUERY)).await;
            assert_eq!(answer.status, 302, "{answer:?}");
            assert!(answer.headers["location"].contains(CANONICAL), "{answer:?}");
            aws.operations()
        }))
        .await;
        let mut counts = BTreeMap::new();
        for calls in calls {
            *counts.entry(calls.join(" ")).or_insert(0) += 1;
        }
        let expected = [
            (format!("BatchGetItem TransactWriteItems {INVOKE}"), 1),
            ("BatchGetItem TransactWriteItems GetItem".to_owned(), COUNTS[0] - 1),
            ("BatchGetItem GetItem".to_owned(), COUNTS[1]),
            ("BatchGetItem".to_owned(), COUNTS[2]),
        ];
        assert_eq!(counts, BTreeMap::from(expected));
    }

    #[tokio::test]
    async fn what_cannot_be_made_is_refused_without_another_attempt() {
        let mut failed = made("w320-h240-cover-0.5x0.5-q80-webp", 1);
        failed.as_object_mut().unwrap().remove("made");
        failed["failure"] = json!({"code": "too-many-pixels", "detail": "The image is too large."});
        let aws = FakeAws::new([ok("BatchGetItem", batch(&[ready_image(), allowed(), failed]))]);
        insta::assert_json_snapshot!(answer_of(&aws, TestRequest::new("GET").query(QUERY)).await, @r#"
        {
          "status": 409,
          "body": {
            "code": "image-not-ready",
            "detail": "The image is too large.",
            "status": 409,
            "title": "Conflict",
            "type": "urn:darkroom:problem:image-not-ready"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn the_tier_has_to_include_renditions_and_the_parameters_have_to_be_valid() {
        let old = {
            let mut tier = tier();
            tier.as_object_mut().unwrap().remove("renditions");
            profile(tier)
        };
        for refused in [profile(tier()), old] {
            let aws = FakeAws::new([ok("BatchGetItem", batch(&[ready_image(), refused]))]);
            let answer = answer_of(&aws, TestRequest::new("GET").query(QUERY)).await;
            let answer = serde_json::to_value(&answer).unwrap();
            assert_eq!(
                (&answer["status"], &answer["body"]["code"]),
                (&json!(403), &json!("renditions-not-in-tier"))
            );
        }
        let request = TestRequest::new("GET").query("width=1&height=2&width=1");
        insta::assert_json_snapshot!(answer_of(&FakeAws::new([]), request).await, @r#"
        {
          "status": 400,
          "body": {
            "code": "invalid-field",
            "detail": "width: send this parameter once",
            "field": "width",
            "status": 400,
            "title": "Bad Request",
            "type": "urn:darkroom:problem:invalid-field"
          }
        }
        "#);
    }
}
