//! Verifying access tokens: for `keys-authorizer`, and for `cargo xtask watch`, which runs without API Gateway.

use std::{
    collections::HashMap,
    env,
    sync::OnceLock,
    time::{Duration, Instant},
};

use aws::CallError;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{Jwk, JwkSet},
};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::Problem;

/// The claims of a verified token, formatted as text like the gateway does.
pub type Claims = HashMap<String, String>;

/// Verifies access tokens of one user pool and client against the pool's published keys.
#[derive(Debug)]
pub struct Verifier {
    jwks_url: http::Uri,
    issuer: String,
    client_id: String,
    refetch_after: Duration,
    fetch_limit: Duration,
    keys: Mutex<Keys>,
}

#[derive(Debug, Default)]
struct Keys {
    set: Option<JwkSet>,
    /// When the set was fetched.
    fetched: Option<Instant>,
}

/// The verifier, if `JWKS_URL` is set.
///
/// # Errors
/// 500 if `JWKS_URL` is set without `JWT_ISSUER` and `USER_POOL_CLIENT_ID`.
pub(crate) fn verifier() -> Result<Option<&'static Verifier>, Problem> {
    static VERIFIER: OnceLock<Option<Verifier>> = OnceLock::new();
    if let Some(verifier) = VERIFIER.get() {
        return Ok(verifier.as_ref());
    }
    let verifier = match env::var("JWKS_URL") {
        Ok(url) => Some(Verifier::new(
            url.parse().map_err(Problem::internal)?,
            aws::var("JWT_ISSUER")?,
            aws::var("USER_POOL_CLIENT_ID")?,
        )),
        Err(_) => None,
    };
    Ok(VERIFIER.get_or_init(|| verifier).as_ref())
}

impl Verifier {
    /// The minimum time between a fetch and the next one, even if many tokens name an unknown key. A fetch that failed
    /// does not count.
    const REFETCH_AFTER: Duration = Duration::from_secs(30);
    /// How long a fetch may take. An endpoint has ten seconds, and `keys-authorizer` tries twice.
    const FETCH_LIMIT: Duration = Duration::from_secs(5);
    /// The maximum size of a key set.
    const MAX_JWKS_BYTES: usize = 64 * 1024;

    /// A verifier of tokens of this issuer for this client. `jwks_url` is the address of the pool's published keys.
    #[must_use]
    pub fn new(jwks_url: http::Uri, issuer: String, client_id: String) -> Self {
        Self {
            jwks_url,
            issuer,
            client_id,
            refetch_after: Self::REFETCH_AFTER,
            fetch_limit: Self::FETCH_LIMIT,
            keys: Mutex::default(),
        }
    }

    /// The claims of a token, after checking its algorithm (RS256), key, issuer, client and expiry.
    ///
    /// # Errors
    /// 401 `unauthorized` if any check fails. 503 `unavailable` if the pool's keys could not be fetched.
    pub async fn verify(&self, token: &str) -> Result<Claims, Problem> {
        let header = decode_header(token).map_err(|error| Problem::unauthorized().because(error))?;
        let kid = header.kid.ok_or_else(Problem::unauthorized)?;
        let jwk = self.key(&kid).await?.ok_or_else(Problem::unauthorized)?;
        let key = DecodingKey::from_jwk(&jwk).map_err(Problem::internal)?;

        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        validation.validate_nbf = true;
        validation.leeway = 0;
        // Access tokens name the client in `client_id`, and have no `aud`.
        validation.validate_aud = false;
        let claims = decode::<HashMap<String, Value>>(token, &key, &validation)
            .map_err(|error| Problem::unauthorized().because(error))?
            .claims;
        let client = claims.get("client_id").or_else(|| claims.get("aud")).and_then(Value::as_str);
        if client != Some(&self.client_id) {
            return Err(Problem::unauthorized());
        }
        Ok(claims.into_iter().map(|(name, value)| (name, as_text(value))).collect())
    }

    async fn key(&self, kid: &str) -> Result<Option<Jwk>, Problem> {
        let mut keys = self.keys.lock().await;
        let known = |keys: &Keys| keys.set.as_ref().and_then(|set| set.find(kid)).cloned();
        if let Some(key) = known(&keys) {
            return Ok(Some(key));
        }
        if keys.fetched.is_none_or(|at| at.elapsed() >= self.refetch_after) {
            let fetched = match tokio::time::timeout(self.fetch_limit, self.fetch()).await {
                Ok(fetched) => fetched,
                Err(error) => Err(error.into()),
            };
            // Without the keys, nobody knows whether the token is valid.
            keys.set = Some(fetched.map_err(CallError::Unavailable)?);
            keys.fetched = Some(Instant::now());
        }
        Ok(known(&keys))
    }

    async fn fetch(&self) -> Result<JwkSet, Box<dyn std::error::Error + Send + Sync>> {
        let connector =
            HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build::<_, Empty<bytes::Bytes>>(connector);
        let response = client.get(self.jwks_url.clone()).await?;
        if !response.status().is_success() {
            return Err(format!("the request for the key set returned {}", response.status()).into());
        }
        let body = Limited::new(response.into_body(), Self::MAX_JWKS_BYTES).collect().await?;
        Ok(serde_json::from_slice(&body.to_bytes())?)
    }
}

fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(list) => format!("[{}]", list.into_iter().map(as_text).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::{Caller, ProblemCode};

    /// A key that was created for these tests (`openssl genrsa -traditional 2048`). Nothing else uses it.
    const KEY: &[u8] = include_bytes!("testdata/signing-key.der");
    const MODULUS: &str = include_str!("testdata/signing-key.modulus");

    /// Another such key. The pool rotates to it.
    const NEXT_KEY: &[u8] = include_bytes!("testdata/next-key.der");
    const NEXT_MODULUS: &str = include_str!("testdata/next-key.modulus");

    /// A verifier whose pool publishes the key as `known`, and the number of fetches.
    async fn pool() -> (Verifier, Arc<AtomicUsize>) {
        let (verifier, fetches, _) = rotating_pool().await;
        (verifier, fetches)
    }

    /// The same with a switch. Once it is set, the pool publishes only the next key, as `next`.
    async fn rotating_pool() -> (Verifier, Arc<AtomicUsize>, Arc<AtomicBool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let fetches = Arc::new(AtomicUsize::new(0));
        let is_rotated = Arc::new(AtomicBool::new(false));
        let (count, rotated) = (fetches.clone(), is_rotated.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let (kid, modulus) = match rotated.load(Ordering::Relaxed) {
                    false => ("known", MODULUS),
                    true => ("next", NEXT_MODULUS),
                };
                let key = json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "n": modulus, "e": "AQAB"});
                let body = json!({ "keys": [key] }).to_string();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let verifier = Verifier::new(url.parse().unwrap(), "https://pool".to_owned(), "app".to_owned());
        (verifier, fetches, is_rotated)
    }

    fn claims() -> Value {
        json!({
            "sub": "5f0c-1", "iss": "https://pool", "client_id": "app", "token_use": "access",
            "exp": get_current_timestamp() + 60, "cognito:groups": ["admin", "staff"],
        })
    }

    fn with(name: &str, value: impl Into<Value>) -> Value {
        let mut claims = claims();
        claims[name] = value.into();
        claims
    }

    fn without(name: &str) -> Value {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        claims
    }

    fn signed(claims: &Value, kid: &str) -> String {
        signed_with(KEY, claims, kid)
    }

    fn signed_with(key: &[u8], claims: &Value, kid: &str) -> String {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) };
        encode(&header, claims, &EncodingKey::from_rsa_der(key)).unwrap()
    }

    #[tokio::test]
    async fn a_token_of_the_pool_is_accepted_and_its_keys_are_fetched_once() {
        let (verifier, fetches) = pool().await;
        for _ in 0..3 {
            let claims = verifier.verify(&signed(&claims(), "known")).await.unwrap();
            assert_eq!(
                (claims["sub"].as_str(), claims["cognito:groups"].as_str()),
                ("5f0c-1", "[admin staff]")
            );
        }
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn tokens_that_are_forged_foreign_or_late_are_refused() {
        let (verifier, _) = pool().await;
        let good = signed(&claims(), "known");
        let (head, signature) = good.rsplit_once('.').unwrap();
        let hs256 = Header { kid: Some("known".to_owned()), ..Header::new(Algorithm::HS256) };
        let rs512 = Header { kid: Some("known".to_owned()), ..Header::new(Algorithm::RS512) };
        // {"alg":"none","kid":"known"}
        let unsigned = format!("eyJhbGciOiJub25lIiwia2lkIjoia25vd24ifQ.{}.", head.split('.').nth(1).unwrap());
        for (what, token) in [
            ("nothing", String::new()),
            ("no signature", format!("{head}.")),
            ("another signature", format!("{head}.{}", signature.chars().rev().collect::<String>())),
            ("alg none", unsigned),
            (
                "the public key as a secret",
                encode(&hs256, &claims(), &EncodingKey::from_secret(MODULUS.as_bytes())).unwrap(),
            ),
            (
                "another algorithm of the same key",
                encode(&rs512, &claims(), &EncodingKey::from_rsa_der(KEY)).unwrap(),
            ),
            ("another issuer", signed(&with("iss", "https://other"), "known")),
            ("another client", signed(&with("client_id", "other"), "known")),
            ("expired", signed(&with("exp", get_current_timestamp() - 1), "known")),
            ("not valid yet", signed(&with("nbf", get_current_timestamp() + 60), "known")),
            ("no expiry", signed(&without("exp"), "known")),
            ("no issuer", signed(&without("iss"), "known")),
            ("no client", signed(&without("client_id"), "known")),
            ("an unknown key", signed(&claims(), "unknown")),
            ("another key under a known id", signed_with(NEXT_KEY, &claims(), "known")),
        ] {
            assert_eq!(verifier.verify(&token).await.unwrap_err().code, ProblemCode::Unauthorized, "{what}");
        }
    }

    #[tokio::test]
    async fn many_tokens_of_unknown_keys_fetch_the_keys_once() {
        let (verifier, fetches) = pool().await;
        for kid in 0..20 {
            assert!(verifier.verify(&signed(&claims(), &kid.to_string())).await.is_err());
        }
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn tokens_that_come_at_the_same_time_fetch_the_keys_once() {
        let (verifier, fetches) = pool().await;
        let (known, unknown) = (signed(&claims(), "known"), signed(&claims(), "unknown"));
        let (first, second, third) =
            tokio::join!(verifier.verify(&unknown), verifier.verify(&known), verifier.verify(&unknown));
        assert!(first.is_err() && second.is_ok() && third.is_err());
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_key_that_the_pool_rotates_to_is_accepted_once_the_keys_may_be_fetched_again() {
        let (mut verifier, fetches, is_rotated) = rotating_pool().await;
        verifier.verify(&signed(&claims(), "known")).await.unwrap();
        is_rotated.store(true, Ordering::Relaxed);
        let next = signed_with(NEXT_KEY, &claims(), "next");
        assert_eq!(verifier.verify(&next).await.unwrap_err().code, ProblemCode::Unauthorized);
        assert_eq!(fetches.load(Ordering::Relaxed), 1);

        verifier.refetch_after = Duration::ZERO;
        verifier.verify(&next).await.unwrap();
        verifier.verify(&next).await.unwrap();
        assert_eq!(fetches.load(Ordering::Relaxed), 2);
        // The verifier rejects the key that the pool withdrew.
        assert_eq!(
            verifier.verify(&signed(&claims(), "known")).await.unwrap_err().code,
            ProblemCode::Unauthorized
        );
    }

    #[tokio::test]
    async fn after_a_failed_fetch_a_token_is_not_refused_and_the_next_one_fetches_again() {
        let (mut verifier, fetches) = pool().await;
        let token = signed(&claims(), "known");
        // Nothing listens at the first address. At the second one, nothing answers.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = "http://127.0.0.1:9/jwks.json".to_owned();
        let pool = std::mem::take(&mut verifier.jwks_url);
        verifier.fetch_limit = Duration::from_millis(100);
        for url in [closed, format!("http://{}/jwks.json", silent.local_addr().unwrap())] {
            verifier.jwks_url = url.parse().unwrap();
            assert_eq!(verifier.verify(&token).await.unwrap_err().code, ProblemCode::Unavailable);
        }
        (verifier.jwks_url, verifier.fetch_limit) = (pool, Verifier::FETCH_LIMIT);
        verifier.verify(&token).await.unwrap();
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_id_token_is_verified_as_by_the_gateway_and_then_refused() {
        let (verifier, _) = pool().await;
        let mut id_token = without("client_id");
        (id_token["aud"], id_token["token_use"]) = (json!("app"), json!("id"));
        let claims = verifier.verify(&signed(&id_token, "known")).await.unwrap();
        assert_eq!(Caller::from_claims(&claims).unwrap_err().code, ProblemCode::NotAnAccessToken);
    }
}
