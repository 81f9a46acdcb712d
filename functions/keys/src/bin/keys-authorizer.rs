//! The Lambda authorizer of the routes that accept an access token or an API key. It verifies the credential and
//! describes it. The endpoint refuses the request if the credential is invalid or lacks the scope, so that the client
//! gets a problem document (`shared/api/src/authorization.rs`).
//!
//! API Gateway caches the result for each value of the header `Authorization`, for a minute. So before it says that a
//! credential could not be verified, it tries twice.

use std::{env, time::Duration};

use api::{Authorization, Error, Verifier};
use aws::CallError;
use aws_sdk_cognitoidentityprovider::{Client, error::ProvideErrorMetadata, types::AttributeType};
use aws_types::SdkConfig;
use domain::{ApiKey, ApiKeyText, Timestamp, UserId};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use store::Records;
use tracing::{error, warn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let authorizer = Authorizer::from_env(&aws::config()?)?;
    lambda_runtime::run(service_fn(|event| authorizer.handle(event))).await
}

/// The event of API Gateway, in the payload format 2.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    /// The value of the header `Authorization`.
    #[serde(default)]
    identity_source: Vec<String>,
}

/// The simple response of the payload format 2.0.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    is_authorized: bool,
    context: Authorization,
}

struct Authorizer {
    verifier: Verifier,
    records: Records,
    cognito: Client,
    pool: String,
}

impl Authorizer {
    /// How long both attempts may take. The function has ten seconds.
    const LIMIT: Duration = Duration::from_secs(8);

    fn from_env(config: &SdkConfig) -> Result<Self, Error> {
        let (pool, issuer) = (aws::var("USER_POOL_ID")?, aws::var("JWT_ISSUER")?);
        // A local stack does not publish its keys at the issuer's address, which is that of AWS.
        let origin = match env::var("AWS_ENDPOINT_URL") {
            Ok(endpoint) => format!("{endpoint}/{pool}"),
            Err(_) => issuer.clone(),
        };
        let keys = format!("{origin}/.well-known/jwks.json").parse()?;
        let verifier = Verifier::new(keys, issuer, aws::var("USER_POOL_CLIENT_ID")?);
        Ok(Self { verifier, records: Records::from_env(config)?, cognito: Client::new(config), pool })
    }

    async fn handle(&self, event: LambdaEvent<Request>) -> Result<Answer, Error> {
        let header = event.payload.identity_source.into_iter().next().unwrap_or_default();
        // Without this value, no endpoint accepts the request.
        let context = self.authorize(&header, domain::now()).await;
        Ok(Answer { is_authorized: true, context })
    }

    async fn authorize(&self, header: &str, now: Timestamp) -> Authorization {
        let credential = match header.split_once(' ') {
            Some((scheme, credential)) if scheme.eq_ignore_ascii_case("bearer") => credential.trim(),
            // Like the gateway's own authorizer, it accepts a credential without the scheme.
            None => header,
            Some(_) => return Authorization::Invalid,
        };
        // Boxed, because the compiler limits how deep the types of futures are nested.
        let verify = || Box::pin(self.verify(credential, now));
        let attempts = async {
            match verify().await {
                Err(error) => {
                    warn!(cause = aws::causes(&error), "verifying a credential failed, trying again");
                    verify().await
                }
                verified => verified,
            }
        };
        let verified = match tokio::time::timeout(Self::LIMIT, attempts).await {
            Ok(verified) => verified,
            Err(error) => Err(CallError::Unavailable(error.into())),
        };
        verified.unwrap_or_else(|error| {
            let cause = aws::causes(&error);
            match error {
                CallError::Internal(_) => error!(cause, "verifying a credential failed"),
                CallError::Unavailable(_) => warn!(cause, "verifying a credential failed"),
            }
            Authorization::Unavailable
        })
    }

    async fn verify(&self, credential: &str, now: Timestamp) -> Result<Authorization, CallError> {
        if !credential.starts_with(ApiKeyText::PREFIX) {
            return self.authorize_token(credential).await;
        }
        let Ok(key) = credential.parse() else { return Ok(Authorization::Invalid) };
        self.authorize_key(&key, now).await
    }

    async fn authorize_token(&self, token: &str) -> Result<Authorization, CallError> {
        match self.verifier.verify(token).await {
            Ok(claims) => Ok(Authorization::of_token(&claims)),
            Err(problem) if problem.code() == api::ProblemCode::Unauthorized => Ok(Authorization::Invalid),
            Err(_) => Err(CallError::internal("the keys of the user pool could not be read")),
        }
    }

    async fn authorize_key(&self, text: &ApiKeyText, now: Timestamp) -> Result<Authorization, CallError> {
        let key = self.records.api_key(&text.user, text.id, now).await?;
        let Some(key) = key.filter(|key| key.belongs_to(text)) else { return Ok(Authorization::Invalid) };
        // A session of a user ends when an admin disables the user, and so do the user's keys.
        let note = async {
            if is_worth_noting(&key, now)
                && let Err(error) = self.records.note_api_key_use(&text.user, key.id, now).await
            {
                // The next use is noted too, and the request does not depend on it.
                warn!(cause = aws::causes(&error), "the use of an API key could not be noted");
            }
        };
        let (is_enabled, ()) = tokio::join!(self.is_enabled(&text.user, &key.username), note);
        Ok(if is_enabled? { Authorization::of_key(&text.user, &key) } else { Authorization::Invalid })
    }

    /// Whether the user pool has the user, and no admin has disabled the user. After a deletion, another user can have
    /// the same name, with another `sub`.
    async fn is_enabled(&self, user: &UserId, username: &str) -> Result<bool, CallError> {
        match self.cognito.admin_get_user().user_pool_id(&self.pool).username(username).send().await {
            Ok(found) => {
                let has_sub = |attribute: &AttributeType| {
                    attribute.name() == "sub" && attribute.value() == Some(user.as_str())
                };
                Ok(found.enabled && found.user_attributes().iter().any(has_sub))
            }
            Err(error) => {
                let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
                if code == Some("UserNotFoundException") { Ok(false) } else { Err(error.into()) }
            }
        }
    }
}

/// Whether a use is stored: the stored one is old, or there is none.
fn is_worth_noting(key: &ApiKey, now: Timestamp) -> bool {
    key.last_used_at.is_none_or(|last| now.as_second() - last.as_second() >= ApiKey::USE_SECONDS)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{FakeAws, error, item, ok};

    use super::*;

    fn authorizer(aws: &FakeAws) -> Authorizer {
        let keys = "http://127.0.0.1:9/jwks.json".parse().unwrap();
        Authorizer {
            verifier: Verifier::new(keys, "https://pool".to_owned(), "app".to_owned()),
            records: aws.records(),
            cognito: Client::new(&aws.config()),
            pool: "pool".to_owned(),
        }
    }

    const SUB: &str = "5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11";

    fn text() -> ApiKeyText {
        ApiKeyText::generate(SUB.parse().unwrap())
    }

    fn stored(text: &ApiKeyText, last_used_at: Option<Timestamp>) -> Value {
        let mut key = json!({
            "key_id": text.id.to_string(), "name": "shop", "scopes": ["images:read"], "digest": text.digest(),
            "username": "ann", "created_at": "2026-03-12T19:03:50Z",
        });
        if let Some(time) = last_used_at {
            key["last_used_at"] = json!(time.to_string());
        }
        item(&key)
    }

    fn user(is_enabled: bool) -> (&'static str, u16, Value) {
        user_with(SUB, is_enabled)
    }

    fn user_with(sub: &str, is_enabled: bool) -> (&'static str, u16, Value) {
        let attributes = json!([{"Name": "sub", "Value": sub}]);
        ok("AdminGetUser", json!({"Username": "ann", "Enabled": is_enabled, "UserAttributes": attributes}))
    }

    async fn answer(aws: &FakeAws, header: &str) -> Value {
        let request = serde_json::from_value(json!({"identitySource": [header]})).unwrap();
        let event = LambdaEvent::new(request, lambda_runtime::Context::default());
        serde_json::to_value(authorizer(aws).handle(event).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_key_is_described_and_its_first_use_is_noted() {
        let text = text();
        let aws = FakeAws::new([ok("GetItem", stored(&text, None)), user(true), ok("UpdateItem", json!({}))]);
        let answer = answer(&aws, &format!("Bearer {}", text.reveal())).await;
        let described = json!({
            "credential": "key", "sub": text.user.as_str(), "username": "ann", "scopes": "images:read",
            "expires_at": "",
        });
        assert_eq!(answer, json!({"isAuthorized": true, "context": described}));
        let mut operations = aws.operations();
        operations.sort_unstable();
        assert_eq!(operations, ["AdminGetUser", "GetItem", "UpdateItem"]);
    }

    #[tokio::test]
    async fn a_use_is_noted_once_an_hour() {
        let text = text();
        let aws = FakeAws::new([ok("GetItem", stored(&text, Some(domain::now()))), user(true)]);
        assert_eq!(answer(&aws, &text.reveal()).await["context"]["credential"], "key");
    }

    #[tokio::test]
    async fn a_wrong_or_revoked_key_and_that_of_a_disabled_user_are_invalid() {
        let (text, other) = (text(), text());
        for prepared in [
            vec![ok("GetItem", json!({}))],
            vec![ok("GetItem", stored(&other, None))],
            vec![ok("GetItem", stored(&text, Some(domain::now()))), user(false)],
            // The name belongs to another user now.
            vec![ok("GetItem", stored(&text, Some(domain::now()))), user_with("another", true)],
            vec![
                ok("GetItem", stored(&text, Some(domain::now()))),
                error("AdminGetUser", "UserNotFoundException"),
            ],
        ] {
            let answer = answer(&FakeAws::new(prepared), &format!("Bearer {}", text.reveal())).await;
            assert_eq!(answer["context"], json!({"credential": "invalid"}));
        }
    }

    #[tokio::test]
    async fn what_is_no_credential_is_invalid_and_makes_no_call() {
        for header in ["", "Bearer", "Bearer dk_x", "Basic YW5uOnB3", "dk_", "Bearer no.jwt.here", "Bearer é"]
        {
            let answer = answer(&FakeAws::new([]), header).await;
            assert_eq!(answer["context"], json!({"credential": "invalid"}), "{header}");
        }
    }

    #[tokio::test]
    async fn if_aws_does_not_answer_the_key_is_neither_valid_nor_invalid() {
        let text = text();
        let aws =
            FakeAws::new([error("GetItem", "InternalServerError"), error("GetItem", "InternalServerError")]);
        assert_eq!(answer(&aws, &text.reveal()).await["context"], json!({"credential": "unavailable"}));
    }

    #[tokio::test]
    async fn a_key_is_accepted_although_one_call_fails_or_its_use_cannot_be_noted() {
        let text = text();
        let read = |last| ok("GetItem", stored(&text, last));
        for prepared in [
            vec![error("GetItem", "InternalServerError"), read(Some(domain::now())), user(true)],
            vec![read(None), user(true), error("UpdateItem", "InternalServerError")],
        ] {
            assert_eq!(answer(&FakeAws::new(prepared), &text.reveal()).await["context"]["credential"], "key");
        }
    }
}
