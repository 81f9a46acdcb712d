//! `POST /api/auth/totp`: begins to set up a second factor: a secret for the user's authenticator app.

use api::{Caller, Error, Problem, ProblemCode, Reply, Request, StatusCode};
use auth::{Password, Pool, check_password, session_ended};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::{EcLevel, QrCode, render::svg};
use serde::{Deserialize, Serialize};

/// The name that authenticator apps show.
const ISSUER: &str = "Darkroom";

/// The characters that a label does not escape (Key URI Format of Google Authenticator, "Label").
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| create(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    password: Password,
}

#[derive(Serialize)]
struct SecretBody {
    secret: String,
    otpauth_uri: String,
    qr_code: String,
}

async fn create(pool: &Pool, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    // Without the password, who has a stolen access token could lock the user out.
    if check_password(pool, &caller.username, &body.password).await?.needs_totp() {
        return Err(Problem::new(
            ProblemCode::TotpEnabled,
            "A second factor is already set up. Remove it first to set up another one.",
        ));
    }
    let associate = pool.cognito.associate_software_token().access_token(api::bearer(&request)?);
    let answer = associate.send().await.map_err(session_ended)?;
    let secret = answer.secret_code.ok_or_else(|| Problem::internal("Cognito returned no secret"))?;
    let otpauth_uri = otpauth_uri(&caller.username, &secret);
    let qr_code = qr_code(&otpauth_uri)?;
    api::json(StatusCode::OK, &SecretBody { secret, otpauth_uri, qr_code })
}

/// The address that authenticator apps read from a QR code (Key URI Format of Google Authenticator). Cognito's codes
/// have six digits, 30 seconds and SHA-1, which are the defaults.
fn otpauth_uri(username: &str, secret: &str) -> String {
    let username = utf8_percent_encode(username, ESCAPED);
    format!("otpauth://totp/{ISSUER}:{username}?secret={secret}&issuer={ISSUER}")
}

/// The QR code of a text as an SVG picture. A user name of 128 characters has at most 1,536 bytes in the address, and a
/// QR code of this level holds 2,331 (ISO/IEC 18004, table 7).
fn qr_code(text: &str) -> Result<String, Problem> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(Problem::internal)?;
    Ok(code.render::<svg::Color<'_>>().build())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

    use super::*;

    async fn answer(aws: &FakeAws) -> Answer {
        let request = TestRequest::new("POST").json(&json!({"password": "Passw0rd1"})).build();
        create(&Pool::new(&aws.config(), "client".to_owned()), request).await.into()
    }

    #[tokio::test]
    async fn the_right_password_gives_a_secret() {
        let aws = FakeAws::new([
            ok("InitiateAuth", json!({"AuthenticationResult": {}})),
            ok("AssociateSoftwareToken", json!({"SecretCode": "GEZDGNBVGY3TQOJQ"})),
        ]);
        let mut answer = answer(&aws).await;
        let picture = answer.body["qr_code"].take();
        assert!(picture.as_str().unwrap().contains("<svg "), "{picture}");
        insta::assert_json_snapshot!(answer, @r#"
        {
          "status": 200,
          "body": {
            "otpauth_uri": "otpauth://totp/Darkroom:ann?secret=GEZDGNBVGY3TQOJQ&issuer=Darkroom",
            "qr_code": null,
            "secret": "GEZDGNBVGY3TQOJQ"
          }
        }
        "#);
        assert_eq!(aws.calls()[1].1, json!({"AccessToken": "token"}));
    }

    #[test]
    fn the_longest_user_name_has_a_qr_code() {
        let secret = "A".repeat(52);
        assert!(qr_code(&otpauth_uri(&"\u{1f4f7}".repeat(128), &secret)).is_ok());
    }

    #[test]
    fn a_user_name_cannot_change_the_address() {
        let uri = otpauth_uri("a:b/?secret=x&\u{e4}%", "S");
        assert_eq!(uri, "otpauth://totp/Darkroom:a%3Ab%2F%3Fsecret%3Dx%26%C3%A4%25?secret=S&issuer=Darkroom");
    }

    #[tokio::test]
    async fn a_wrong_password_gives_no_secret() {
        let aws = FakeAws::new([error("InitiateAuth", "NotAuthorizedException")]);
        let answer = answer(&aws).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("wrong-password")));
        assert_eq!(aws.operations(), ["InitiateAuth"]);
    }

    #[tokio::test]
    async fn a_second_factor_is_not_replaced() {
        let next = json!({"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s"});
        let aws = FakeAws::new([ok("InitiateAuth", next)]);
        let answer = answer(&aws).await;
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("totp-enabled")));
        assert_eq!(aws.operations(), ["InitiateAuth"]);
    }
}
