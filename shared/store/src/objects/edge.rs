//! Signs URLs of a CloudFront distribution that stands in front of both buckets.
//!
//! The paths below the distribution are `/t/<key>` for derivatives and `/o/<key>` for originals. The signatures follow
//! "Create a signed URL using a canned policy" and "Create a signed URL using a custom policy" (Amazon CloudFront
//! Developer Guide).
//!
//! A signature is made with RSA 2048, PKCS#1 v1.5 and SHA-256, which the parameter `Hash-Algorithm` names. CloudFront also
//! accepts SHA-1, which `ring` refuses to sign, and ECDSA with P-256. ECDSA's signatures are shorter by 250 characters, but
//! `ring` makes another one at each call, so no picture would keep its address.
//!
//! A signature takes several hundred times as long as the rest of an address, so the addresses of a list share one: see
//! [`File::family`].
//!
//! # What a shared signature grants
//! CloudFront compares a policy's resource with the whole URL, and `*` also matches slashes and the query string: the
//! guide's resource `…/*game_download.zip*` matches a URL with `?license=yes`. With the resource `/t/<sub>/*/200.webp`,
//! somebody could therefore load `/t/<sub>/<image>/1/1200.webp?x=/200.webp`. `?` matches exactly one character. So the
//! image's id and the digits of its version become question marks, and nothing else fits into them: a shared signature
//! grants one size of one format of the images of one user. It grants no size that the user's tier does not have, no
//! rendition, no original, and nothing of another user.
//!
//! Whoever has an address could use its signature for another image of the same user, but has to know the image's id, which
//! has 80 random bits. For originals, the user's own tier must allow downloads before a list contains such a signature.
//! The address of a single original or rendition, and each address behind a link, is signed for itself alone.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws::{CallError, Secret};
use aws_types::SdkConfig;
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::Timestamp;
use percent_encoding::utf8_percent_encode;
use ring::{rand::SystemRandom, signature::RSA_PKCS1_SHA256, signature::RsaKeyPair};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use tokio::sync::OnceCell;

use super::{
    presign::{DISPOSITION, QUERY},
    target::{Bucket, Family, File},
};

/// The length of an image's id in a key.
const ID_CHARACTERS: usize = 26;

/// A CloudFront distribution and the key that signs its URLs.
pub(super) struct Edge {
    /// The scheme and the host, such as `https://d111111abcdef8.cloudfront.net`.
    origin: String,
    /// The id of the public key in CloudFront.
    key_id: String,
    /// The private key as PEM. A new key pair has another id and another secret, and both are set by one deployment. So
    /// an instance reads the secret once and never mixes the keys.
    secret: Secret,
    key: OnceCell<RsaKeyPair>,
    /// By resource. An instance that serves the same user again needs no new signature.
    shared: Mutex<HashMap<String, Shared>>,
}

/// A signature that several addresses share, as a query string.
struct Shared {
    expires_at: Timestamp,
    query: Arc<str>,
}

impl Edge {
    /// Beyond this number of shared signatures, those of the past are dropped, or else all.
    const MAX_SHARED: usize = 500;

    /// The distribution of the variable `EDGE_DOMAIN`, whose key's id is in `EDGE_KEY_ID` and whose private key is in the
    /// secret that `EDGE_KEY_SECRET` names. `None` without a domain.
    ///
    /// # Errors
    /// [`aws::MissingVariable`] if there is a domain, but no key.
    pub(super) fn from_env(config: &SdkConfig) -> Result<Option<Self>, aws::MissingVariable> {
        if !aws::is_set("EDGE_DOMAIN") {
            return Ok(None);
        }
        let secret = Secret::from_env(config, "EDGE_KEY_SECRET")?;
        Ok(Some(Self::new(&aws::var("EDGE_DOMAIN")?, aws::var("EDGE_KEY_ID")?, secret)))
    }

    /// The distribution of a domain, such as `d111111abcdef8.cloudfront.net`.
    pub(super) fn new(domain: &str, key_id: String, secret: Secret) -> Self {
        let origin = aws::origin_of(domain);
        Self { origin, key_id, secret, key: OnceCell::new(), shared: Mutex::default() }
    }

    /// Reads the private key, unless this instance has read it before.
    ///
    /// # Errors
    /// [`CallError`] if the secret cannot be read or is not an RSA key in PKCS#8.
    pub(super) async fn prepare(&self) -> Result<(), CallError> {
        self.key().await.map(drop)
    }

    /// The URL of a file, which works until `expires_at`.
    ///
    /// # Errors
    /// [`CallError`] if the key cannot be read.
    pub(super) async fn url(&self, file: File<'_>, expires_at: Timestamp) -> Result<String, CallError> {
        let key = self.key().await?;
        let mut url = format!("{}{}{}", self.origin, prefix(file.bucket), file.key);
        if let Some(disposition) = file.disposition {
            url.extend(["?", DISPOSITION, "="]);
            url.extend(utf8_percent_encode(disposition, QUERY));
        }
        let query = match file.family {
            Some(family) => self.shared(key, file.bucket, family, expires_at)?,
            None => self.canned(key, &url, expires_at)?.into(),
        };
        url.push(if file.disposition.is_some() { '&' } else { '?' });
        url.push_str(&query);
        Ok(url)
    }

    async fn key(&self) -> Result<&RsaKeyPair, CallError> {
        self.key.get_or_try_init(|| async { parsed(&self.secret.get().await?) }).await
    }

    /// The parameters of a signature that grants exactly one URL.
    fn canned(&self, key: &RsaKeyPair, url: &str, expires_at: Timestamp) -> Result<String, CallError> {
        let signature = signature(key, &policy(url, expires_at))?;
        Ok(format!("Expires={}&{}", expires_at.as_second(), self.signed(&signature)))
    }

    /// The parameters of a signature that grants all files of a family.
    fn shared(
        &self,
        key: &RsaKeyPair,
        bucket: Bucket,
        family: Family<'_>,
        expires_at: Timestamp,
    ) -> Result<Arc<str>, CallError> {
        let resource = self.resource(bucket, family);
        // A signature is valid whatever happened to another thread.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shared.get(&resource).filter(|known| known.expires_at == expires_at) {
            return Ok(known.query.clone());
        }
        let policy = policy(&resource, expires_at);
        let signature = signature(key, &policy)?;
        let query: Arc<str> =
            format!("Policy={}&{}", encoded(policy.as_bytes()), self.signed(&signature)).into();
        if shared.len() >= Self::MAX_SHARED {
            shared.retain(|_, known| known.expires_at == expires_at);
        }
        if shared.len() >= Self::MAX_SHARED {
            shared.clear();
        }
        shared.insert(resource, Shared { expires_at, query: query.clone() });
        Ok(query)
    }

    /// The resource of a policy for all files of a family.
    fn resource(&self, bucket: Bucket, Family { original, rest }: Family<'_>) -> String {
        let version = "?".repeat(original.version.to_string().len());
        let id = "?".repeat(ID_CHARACTERS);
        format!("{}{}{}/{id}/{version}{rest}", self.origin, prefix(bucket), original.user)
    }

    fn signed(&self, signature: &[u8]) -> String {
        format!("Signature={}&Key-Pair-Id={}&Hash-Algorithm=SHA256", encoded(signature), self.key_id)
    }
}

/// The private key in a PEM. The errors do not show it.
fn parsed(pem: &str) -> Result<RsaKeyPair, CallError> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| CallError::internal("the key of the edge is not PKCS#8 in PEM"))?;
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der())
        .map_err(|_| CallError::internal("the key of the edge is not an RSA key of 2048 bits or more"))
}

/// The path below which the distribution serves a bucket.
fn prefix(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Originals => "/o/",
        Bucket::Derived => "/t/",
    }
}

/// A policy that grants a resource. The canned policy has the same text. Nothing in a resource needs escapes in JSON.
fn policy(resource: &str, expires_at: Timestamp) -> String {
    let seconds = expires_at.as_second();
    format!(
        r#"{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{seconds}}}}}}}]}}"#
    )
}

fn signature(key: &RsaKeyPair, policy: &str) -> Result<Vec<u8>, CallError> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), policy.as_bytes(), &mut signature)
        .map_err(|_| CallError::internal("RSA could not sign"))?;
    Ok(signature)
}

/// Base64 in the form that CloudFront demands in URLs.
fn encoded(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes).replace('+', "-").replace('=', "_").replace('/', "~")
}

impl fmt::Debug for Edge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Edge").field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
