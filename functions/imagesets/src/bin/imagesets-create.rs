//! `POST /api/imagesets`: creates a set with three empty slots.

use api::{Caller, Error, Reply, Request, SetBody, StatusCode};
use domain::{ImageSet, SetText};
use store::{Created, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| create(&records, request)).await
}

async fn create(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let text: SetText = api::body(&request)?;
    let (now, key) = (domain::now(), api::idempotency_key(&request)?);
    let set = ImageSet::new(text, now);
    let set = match records.create_set(&caller.user, &set, key.as_ref(), now).await? {
        Created::New => set,
        Created::Replayed(set) => set,
    };
    api::json(StatusCode::CREATED, &SetBody::new(&set, |_| None))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, ok};

    use super::*;

    async fn answer(body: &Value) -> Answer {
        let aws = FakeAws::new([ok("PutItem", json!({})), ok("TransactWriteItems", json!({}))]);
        create(&aws.records(), TestRequest::new("POST").json(body).build()).await.into()
    }

    #[tokio::test]
    async fn a_new_set_has_three_empty_slots() {
        insta::assert_json_snapshot!(answer(&json!({"title": "Cats"})).await, {
            ".body.id" => "[id]",
            ".body.created_at" => "[time]",
            ".body.updated_at" => "[time]",
        }, @r#"
        {
          "status": 201,
          "body": {
            "created_at": "[time]",
            "description": null,
            "id": "[id]",
            "images": {
              "image1": null,
              "image2": null,
              "image3": null
            },
            "is_complete": false,
            "title": "Cats",
            "updated_at": "[time]"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn an_unknown_field_is_refused() {
        insta::assert_json_snapshot!(answer(&json!({"name": "Cats"})).await, @r#"
        {
          "status": 400,
          "body": {
            "code": "invalid-field",
            "detail": "name: unknown field `name`, expected `title` or `description`",
            "field": "name",
            "status": 400,
            "title": "Bad Request",
            "type": "urn:darkroom:problem:invalid-field"
          }
        }
        "#);
    }
}
