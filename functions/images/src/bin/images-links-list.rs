//! `GET /api/images/{id}/links`: lists the expiring links of an image that work, newest first.

use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use images::LinkBody;
use serde::Serialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| list(&records, request)).await
}

#[derive(Debug, Serialize)]
struct ListBody<'a> {
    links: Vec<LinkBody<'a>>,
}

async fn list(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let (now, page) = (domain::now(), api::page_address(&request)?);
    let image = records.image(&caller.user, id, now);
    let links = records.links_of(&caller.user, id, now);
    let (image, links) = tokio::try_join!(image, links)?;
    image.ok_or_else(Problem::not_found)?;
    let links = links.iter().map(|link| LinkBody::new(link, &page)).collect();
    api::json(StatusCode::OK, &ListBody { links })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, USER, item, ok, ready_image};

    use super::*;

    fn link(secret: &str, created_at: &str) -> Value {
        json!({
            "pk": format!("USER#{USER}"),
            "sk": format!("LINK#{IMAGE_ID}#{secret}"),
            "link_id": format!("{secret}-{IMAGE_ID}-{USER}"),
            "strip_metadata": true,
            "download": false,
            "views": 7,
            "created_at": created_at,
            "expires_at": 4_000_000_000_i64,
        })
    }

    #[tokio::test]
    async fn the_links_of_an_image_are_listed_newest_first() {
        let mut picture = link("01JZ8Q4V7N2M5K3R6T9W0XYZAC", "2026-03-12T19:03:59Z");
        picture["rendition"] = json!({"width": 320, "height": 240, "fit": "cover", "gravity": "auto", "quality": 80, "format": "webp"});
        let stored = [link("01JZ8Q4V7N2M5K3R6T9W0XYZAB", "2026-03-12T19:03:58Z"), picture];
        let stored = stored.map(|link| item(&link)["Item"].clone());
        let aws = FakeAws::new([ok("GetItem", item(&ready_image())), ok("Query", json!({"Items": stored}))]);
        let request = TestRequest::new("GET").path("id", IMAGE_ID).build();
        insta::assert_json_snapshot!(Answer::from(list(&aws.records(), request).await), @r#"
        {
          "status": 200,
          "body": {
            "links": [
              {
                "created_at": "2026-03-12T19:03:59Z",
                "download": false,
                "expires_at": "2096-10-02T07:06:40Z",
                "id": "01JZ8Q4V7N2M5K3R6T9W0XYZAC-01K8Z3J5Q0000000000000TEST-5f0c3c9e-0000-4000-8000-000000000000",
                "rendition": {
                  "fit": "cover",
                  "format": "webp",
                  "gravity": "auto",
                  "height": 240,
                  "quality": 80,
                  "width": 320
                },
                "strip_metadata": true,
                "url": "https://api.example/l/01JZ8Q4V7N2M5K3R6T9W0XYZAC-01K8Z3J5Q0000000000000TEST-5f0c3c9e-0000-4000-8000-000000000000",
                "views": 7
              },
              {
                "created_at": "2026-03-12T19:03:58Z",
                "download": false,
                "expires_at": "2096-10-02T07:06:40Z",
                "id": "01JZ8Q4V7N2M5K3R6T9W0XYZAB-01K8Z3J5Q0000000000000TEST-5f0c3c9e-0000-4000-8000-000000000000",
                "rendition": null,
                "strip_metadata": true,
                "url": "https://api.example/l/01JZ8Q4V7N2M5K3R6T9W0XYZAB-01K8Z3J5Q0000000000000TEST-5f0c3c9e-0000-4000-8000-000000000000",
                "views": 7
              }
            ]
          }
        }
        "#);
        let queries = aws.calls().into_iter().find(|(operation, _)| operation == "Query").unwrap().1;
        assert!(queries.to_string().contains(&format!("LINK#{IMAGE_ID}#")), "{queries}");
    }

    #[tokio::test]
    async fn an_image_that_does_not_exist_has_no_list() {
        let aws = FakeAws::new([ok("GetItem", json!({})), ok("Query", json!({"Items": []}))]);
        let request = TestRequest::new("GET").path("id", IMAGE_ID).build();
        let answer = Answer::from(list(&aws.records(), request).await);
        assert_eq!((answer.status, &answer.body["code"]), (404, &json!("not-found")));
    }
}
