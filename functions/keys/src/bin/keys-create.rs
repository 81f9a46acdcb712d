//! `POST /api/keys`: creates an API key, with which a program acts for the caller. Only this response contains the key.
//! The request needs the password, because a key can work for longer than a stolen access token.

use api::{Caller, Error, ExpiresIn, Problem, ProblemCode, Reply, Request, StatusCode};
use auth::{Code, Password, Pool, reauthenticate};
use domain::{ApiKey, ApiKeyText, KeyName, Scopes};
use keys::KeyBody;
use serde::{Deserialize, Serialize};
use store::{ApiKeyError, Records};

const MAX_SECONDS: i64 = 365 * 24 * 60 * 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    api::serve(|request| create(&pool, &records, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    name: KeyName,
    scopes: Scopes,
    expires_in: Option<ExpiresIn<MAX_SECONDS>>,
    password: Password,
    code: Option<Code>,
}

#[derive(Serialize)]
struct CreatedBody<'a> {
    #[serde(flatten)]
    body: KeyBody<'a>,
    key: String,
}

async fn create(pool: &Pool, records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    reauthenticate(pool, &caller.username, &body.password, body.code.as_ref()).await?;
    let (now, text) = (domain::now(), ApiKeyText::generate(caller.user.clone()));
    let key = ApiKey {
        id: text.id,
        name: body.name,
        scopes: body.scopes,
        digest: text.digest(),
        username: caller.username,
        created_at: now,
        expires_at: body.expires_in.map(|expires_in| now.as_second() + expires_in.seconds()),
        last_used_at: None,
    };
    records.create_api_key(&caller.user, &key, now).await.map_err(problem)?;
    api::json(StatusCode::CREATED, &CreatedBody { body: (&key).into(), key: text.reveal() })
}

fn problem(error: ApiKeyError) -> Problem {
    match error {
        ApiKeyError::TooMany => {
            let detail = format!("You may have {} API keys. Revoke one first.", ApiKey::MAX_PER_USER);
            Problem::new(ProblemCode::QuotaExceeded, detail)
                .with("limit", "max_api_keys")
                .with("max_api_keys", ApiKey::MAX_PER_USER)
        }
        ApiKeyError::Limit(error) => error.into(),
        ApiKeyError::Call(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, error, item, items, ok, refused, tier};

    use super::*;

    /// The items of the transaction that change the count and the profile, and the number of its items.
    const COUNT: usize = 0;
    const PROFILE: usize = 2;
    const ITEMS: usize = 3;

    fn password_is_right() -> (&'static str, u16, Value) {
        ok("InitiateAuth", json!({"AuthenticationResult": {"AccessToken": "a", "ExpiresIn": 3600}}))
    }

    fn challenge() -> (&'static str, u16, Value) {
        ok("InitiateAuth", json!({"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s".repeat(20)}))
    }

    async fn answer(aws: &FakeAws, body: &Value) -> Answer {
        let request = TestRequest::new("POST").json(body).build();
        create(&Pool::new(&aws.config(), "client".to_owned()), &aws.records(), request).await.into()
    }

    fn good() -> Value {
        let scopes = ["images:write", "images:read", "images:read"];
        json!({"name": "The shop", "scopes": scopes, "password": "Passw0rd1"})
    }

    #[tokio::test]
    async fn a_key_is_shown_once_and_stored_as_a_digest() {
        let aws = FakeAws::new([password_is_right(), ok("TransactWriteItems", json!({}))]);
        let answer = answer(&aws, &good()).await;
        insta::assert_json_snapshot!(answer, {
            ".body.id" => "[id]", ".body.key" => "[key]", ".body.created_at" => "[time]",
        }, @r#"
        {
          "status": 201,
          "body": {
            "created_at": "[time]",
            "expires_at": null,
            "id": "[id]",
            "key": "[key]",
            "last_used_at": null,
            "name": "The shop",
            "scopes": [
              "images:read",
              "images:write"
            ]
          }
        }
        "#);
        let key = answer.body["key"].as_str().unwrap();
        assert!(key.starts_with(&format!("dk_{}-", answer.body["id"].as_str().unwrap())), "{key}");
        let written = aws.calls()[1].1.to_string();
        let secret = key.rsplit_once('_').unwrap().1;
        assert!(!written.contains(secret) && written.contains("\"digest\""), "{written}");
    }

    #[tokio::test]
    async fn expired_keys_do_not_count_forever() {
        // The count is at its maximum, but only one key works.
        let aws = FakeAws::new([
            password_is_right(),
            refused(COUNT, ITEMS, &item(&json!({"api_keys": 20}))),
            ok(
                "Query",
                items(&[json!({
                    "key_id": "01JZ8Q4T2N6V5X3R9C7M1K0B8D", "name": "a", "scopes": ["images:read"], "digest": "0",
                    "username": "ann", "created_at": "2026-03-12T19:03:50Z",
                })]),
            ),
            ok("TransactWriteItems", json!({})),
        ]);
        assert_eq!(answer(&aws, &good()).await.status, 201);
        let count = &aws.calls()[3].1["TransactItems"][COUNT]["Update"]["ExpressionAttributeValues"];
        assert!(count.to_string().contains("\"2\""), "{count}");
    }

    #[tokio::test]
    async fn a_deleted_account_gets_no_key() {
        let deleted = item(&json!({"deleting_since": "2026-03-12T19:03:50Z"}));
        let aws = FakeAws::new([password_is_right(), refused(PROFILE, ITEMS, &deleted)]);
        let answer = answer(&aws, &good()).await;
        assert_eq!((answer.status, &answer.body["code"]), (401, &json!("unauthorized")));
    }

    #[tokio::test]
    async fn the_key_of_a_new_user_creates_the_profile() {
        let aws = FakeAws::new([
            password_is_right(),
            refused(PROFILE, ITEMS, &json!({})),
            ok("GetItem", item(&tier())),
            ok("TransactWriteItems", json!({})),
        ]);
        assert_eq!(answer(&aws, &good()).await.status, 201);
        let profile = &aws.calls()[3].1["TransactItems"][PROFILE]["Put"]["Item"];
        assert_eq!((&profile["sk"]["S"], &profile["tier"]["S"]), (&json!("PROFILE"), &json!("basic")));
    }

    #[tokio::test]
    async fn an_access_token_without_the_password_creates_no_key() {
        let aws = FakeAws::new([error("InitiateAuth", "NotAuthorizedException")]);
        let wrong = answer(&aws, &good()).await;
        assert_eq!((wrong.status, &wrong.body["code"]), (403, &json!("wrong-password")));
        assert_eq!(aws.operations(), ["InitiateAuth"]);

        let aws = FakeAws::new([]);
        let missing = answer(&aws, &json!({"name": "The shop", "scopes": ["images:read"]})).await;
        assert_eq!((missing.status, &missing.body["field"]), (400, &json!("password")));
    }

    #[tokio::test]
    async fn who_has_a_second_factor_must_send_its_code() {
        let missing = answer(&FakeAws::new([challenge()]), &good()).await;
        assert_eq!((missing.status, &missing.body["field"]), (400, &json!("code")));

        let mut body = good();
        body["code"] = json!("123456");
        let aws = FakeAws::new([challenge(), error("RespondToAuthChallenge", "CodeMismatchException")]);
        let wrong = answer(&aws, &body).await;
        assert_eq!((wrong.status, &wrong.body["code"]), (400, &json!("code-mismatch")));
        assert_eq!(aws.operations(), ["InitiateAuth", "RespondToAuthChallenge"]);

        let aws = FakeAws::new([
            challenge(),
            ok("RespondToAuthChallenge", json!({"AuthenticationResult": {}})),
            ok("TransactWriteItems", json!({})),
        ]);
        assert_eq!(answer(&aws, &body).await.status, 201);
        let (_, sent) = &aws.calls()[1];
        assert_eq!(sent["ChallengeResponses"]["SOFTWARE_TOKEN_MFA_CODE"], "123456");
    }

    #[tokio::test]
    async fn what_is_wrong_is_named() {
        for (field, value) in [
            ("name", json!("")),
            ("name", json!("x".repeat(101))),
            ("scopes", json!([])),
            ("scopes", json!(["admin"])),
            ("expires_in", json!(299)),
            ("expires_in", json!(31_536_001)),
            ("password", json!("")),
            ("code", json!("12 34")),
            ("key", json!("dk_x")),
        ] {
            let mut body = good();
            body[field] = value;
            let aws = FakeAws::new([]);
            let answer = answer(&aws, &body).await;
            let named = answer.body["field"].as_str().unwrap_or_default().to_owned();
            assert!(answer.status == 400 && named.starts_with(field), "{body}: {:?}", answer.body);
        }
    }
}
