//! Verifying bearer tokens where no gateway does: under `cargo xtask watch` alone.

use std::{
    collections::HashMap,
    env,
    sync::OnceLock,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{Jwk, JwkSet},
};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{Problem, caller::unauthorized};

/// The claims of a verified token, as text like the gateway gives them.
pub(crate) type Claims = HashMap<String, String>;

/// Verifies access tokens of one user pool and client against the pool's published keys.
#[derive(Debug)]
pub(crate) struct Verifier {
    jwks_url: http::Uri,
    issuer: String,
    client_id: String,
    keys: Mutex<Keys>,
}

#[derive(Debug, Default)]
struct Keys {
    set: Option<JwkSet>,
    fetched: Option<Instant>,
}

/// The verifier, where `JWKS_URL` asks for one.
///
/// # Errors
/// 500 where `JWKS_URL` is set without `JWT_ISSUER` and `USER_POOL_CLIENT_ID`.
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
    /// Unknown key ids bring the keys anew at most this often, however many tokens name one.
    const REFETCH: Duration = Duration::from_secs(30);
    /// A key set larger than this is none.
    const MAX_JWKS_BYTES: usize = 64 * 1024;

    fn new(jwks_url: http::Uri, issuer: String, client_id: String) -> Self {
        Self { jwks_url, issuer, client_id, keys: Mutex::default() }
    }

    /// The claims of a token: RS256 alone, a key of the pool, issuer, client and expiry as they should be.
    ///
    /// # Errors
    /// 401 `unauthorized`, whatever is wrong with it.
    pub(crate) async fn verify(&self, token: &str) -> Result<Claims, Problem> {
        let header = decode_header(token).map_err(|error| unauthorized().because(error))?;
        let kid = header.kid.filter(|_| header.alg == Algorithm::RS256).ok_or_else(unauthorized)?;
        let jwk = self.key(&kid).await?.ok_or_else(unauthorized)?;
        let key = DecodingKey::from_jwk(&jwk).map_err(Problem::internal)?;

        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        validation.leeway = 0;
        // Access tokens name the client in `client_id`, and have no `aud`.
        validation.validate_aud = false;
        let claims = decode::<HashMap<String, Value>>(token, &key, &validation)
            .map_err(|error| unauthorized().because(error))?
            .claims;
        let client = claims.get("client_id").or_else(|| claims.get("aud")).and_then(Value::as_str);
        if client != Some(&self.client_id) {
            return Err(unauthorized());
        }
        Ok(claims.into_iter().map(|(name, value)| (name, as_text(value))).collect())
    }

    async fn key(&self, kid: &str) -> Result<Option<Jwk>, Problem> {
        let mut keys = self.keys.lock().await;
        let known = |keys: &Keys| keys.set.as_ref().and_then(|set| set.find(kid)).cloned();
        if let Some(key) = known(&keys) {
            return Ok(Some(key));
        }
        if keys.fetched.is_none_or(|at| at.elapsed() >= Self::REFETCH) {
            keys.fetched = Some(Instant::now());
            keys.set = Some(self.fetch().await.map_err(Problem::internal)?);
        }
        Ok(known(&keys))
    }

    async fn fetch(&self) -> Result<JwkSet, Box<dyn std::error::Error + Send + Sync>> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
        let response = client.get(self.jwks_url.clone()).await?;
        if !response.status().is_success() {
            return Err(format!("the key set answers {}", response.status()).into());
        }
        let body = Limited::new(response.into_body(), Self::MAX_JWKS_BYTES).collect().await?;
        Ok(serde_json::from_slice(&body.to_bytes())?)
    }
}

fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(list) => list.into_iter().map(as_text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
