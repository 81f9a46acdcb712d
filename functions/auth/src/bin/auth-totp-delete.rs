//! `DELETE /api/auth/totp`: removes the second factor. It needs the password, so that a stolen access token is not
//! enough.

use api::{Caller, Error, Reply, Request};
use auth::{Password, Pool, check_password, session_ended};
use aws_sdk_cognitoidentityprovider::types::SoftwareTokenMfaSettingsType;
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| delete(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    password: Password,
}

async fn delete(pool: &Pool, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    check_password(pool, &caller.username, &body.password).await?;
    let settings = SoftwareTokenMfaSettingsType::builder().enabled(false).preferred_mfa(false).build();
    let preference = pool.cognito.set_user_mfa_preference().access_token(api::bearer(&request)?);
    preference.software_token_mfa_settings(settings).send().await.map_err(session_ended)?;
    api::no_content()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

    use super::*;

    async fn answer(aws: &FakeAws) -> Answer {
        let request = TestRequest::new("DELETE").json(&json!({"password": "Passw0rd1"})).build();
        delete(&Pool::new(&aws.config(), "client".to_owned()), request).await.into()
    }

    #[tokio::test]
    async fn the_right_password_removes_the_second_factor() {
        let aws = FakeAws::new([
            ok("InitiateAuth", json!({"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s"})),
            ok("SetUserMFAPreference", json!({})),
        ]);
        assert_eq!(answer(&aws).await.status, 204);
        assert_eq!(aws.calls()[1].1["SoftwareTokenMfaSettings"]["Enabled"], false);
    }

    #[tokio::test]
    async fn a_wrong_password_removes_nothing() {
        let aws = FakeAws::new([error("InitiateAuth", "NotAuthorizedException")]);
        let answer = answer(&aws).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("wrong-password")));
        assert_eq!(aws.operations(), ["InitiateAuth"]);
    }
}
