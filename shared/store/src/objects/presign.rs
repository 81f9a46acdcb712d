//! Presigns URLs of S3 for downloads.
//!
//! A list contains a URL for each thumbnail, so this is the main cost of a list. The S3 client builds a whole request for
//! each URL, which takes more than twenty times as long as the signature itself. Therefore the client signs only the first
//! URL of a bucket, to learn the address of the bucket.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws::CallError;
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_sdk_s3::{Client, presigning::PresigningConfig};
use aws_sigv4::sign::v4;
use aws_types::SdkConfig;
use domain::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};
use tokio::sync::OnceCell;

/// The characters that a query does not escape (Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters").
pub(super) const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameter that sets the response's header `Content-Disposition`. S3 accepts it only in a signed request (Amazon S3 API
/// Reference, `GetObject`, "Overriding response header values through the request").
pub(super) const DISPOSITION: &str = "response-content-disposition";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The end of a request that is signed: the host is its only signed header, and it has no body.
const HEADERS: &str = "\n\nhost\nUNSIGNED-PAYLOAD";

/// Signs downloads from one bucket.
#[derive(Debug)]
pub(super) struct Presigner {
    config: SdkConfig,
    s3: Client,
    bucket: String,
    signer: OnceCell<Signer>,
}

/// It has no derived `Debug`, so that no log can show the session token.
struct Signer {
    /// The URL of the bucket. It ends with `/`, and the key of an object follows it.
    address: String,
    /// The parts of the address.
    host: String,
    path: String,
    region: String,
    credentials: Credentials,
    /// The session token as a parameter, empty if there is none.
    token: String,
    /// What was signed last. The URLs of a list differ in their keys only.
    last: Mutex<Option<Arc<Validity>>>,
}

/// The parts that all URLs with the same start and duration have in common.
struct Validity {
    start: Timestamp,
    seconds: i64,
    /// The beginning of the query.
    query: String,
    /// The beginning of the text that is signed. The hash of the request follows it.
    text: String,
    /// The key that signs the requests of one day.
    key: hmac::Key,
}

impl Presigner {
    pub(super) fn new(config: &SdkConfig, s3: Client, bucket: String) -> Self {
        Self { config: config.clone(), s3, bucket, signer: OnceCell::new() }
    }

    /// The URL of an object, which works for `seconds` from `start` on. `key` needs no escapes. S3 answers with the given
    /// `Content-Disposition`.
    ///
    /// # Errors
    /// [`CallError::Internal`] if signing fails.
    pub(super) async fn url(
        &self,
        key: &str,
        disposition: Option<&str>,
        start: Timestamp,
        seconds: i64,
    ) -> Result<String, CallError> {
        let signer = self.signer.get_or_try_init(|| self.signer(key)).await?;
        let disposition = disposition.map(|value| (DISPOSITION, value));
        Ok(signer.sign(key, disposition, start, seconds))
    }

    async fn signer(&self, key: &str) -> Result<Signer, CallError> {
        let any = PresigningConfig::expires_in(Duration::from_secs(1)).map_err(CallError::internal)?;
        let signed = self.s3.get_object().bucket(&self.bucket).key(key).presigned(any).await?;
        let path = signed.uri().split('?').next().and_then(|url| url.strip_suffix(key));
        let address = path.ok_or_else(|| CallError::internal("the S3 client escaped a key"))?.to_owned();
        let (_, location) = address.split_once("://").unwrap_or_default();
        let (host, path) = location.split_once('/').unwrap_or_default();
        let missing = || CallError::internal("the configuration lacks a region or credentials");
        let provider = self.config.credentials_provider().ok_or_else(missing)?;
        let credentials: Credentials = provider.provide_credentials().await.map_err(CallError::internal)?;
        let token =
            credentials.session_token().map(|token| format!("&X-Amz-Security-Token={}", escaped(token)));
        Ok(Signer {
            host: host.to_owned(),
            path: format!("/{path}"),
            address,
            region: self.config.region().ok_or_else(missing)?.to_string(),
            token: token.unwrap_or_default(),
            last: Mutex::default(),
            credentials,
        })
    }
}

impl Signer {
    /// `parameter` has a name that is sorted after `X-Amz-…`.
    fn sign(&self, key: &str, parameter: Option<(&str, &str)>, start: Timestamp, seconds: i64) -> String {
        // The steps of "Authenticating Requests: Using Query Parameters" (Amazon S3 API Reference).
        let validity = self.validity(start, seconds);
        let parameter =
            parameter.map(|(name, value)| format!("&{name}={}", escaped(value))).unwrap_or_default();
        let mut request = digest::Context::new(&digest::SHA256);
        for part in
            ["GET\n", &self.path, key, "\n", &validity.query, &parameter, "\nhost:", &self.host, HEADERS]
        {
            request.update(part.as_bytes());
        }
        let mut signature = hmac::Context::with_key(&validity.key);
        signature.update(validity.text.as_bytes());
        signature.update(hex::encode(request.finish()).as_bytes());
        let signature = hex::encode(signature.sign());
        [&self.address, key, "?", &validity.query, &parameter, "&X-Amz-Signature=", &signature].concat()
    }

    fn validity(&self, start: Timestamp, seconds: i64) -> Arc<Validity> {
        // What was stored is right, whatever happened to another thread.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = last.as_ref().filter(|known| known.start == start && known.seconds == seconds) {
            return Arc::clone(known);
        }
        let time = start.strftime("%Y%m%dT%H%M%SZ").to_string();
        let scope = format!("{}/{}/s3/aws4_request", &time[..8], self.region);
        let credential = escaped(&format!("{}/{scope}", self.credentials.access_key_id()));
        let secret = self.credentials.secret_access_key();
        let key = v4::generate_signing_key(secret, start.into(), &self.region, "s3");
        let validity = Arc::new(Validity {
            start,
            seconds,
            query: format!(
                "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={credential}&X-Amz-Date={time}&X-Amz-Expires={seconds}{}\
                 &X-Amz-SignedHeaders=host",
                self.token,
            ),
            text: format!("{ALGORITHM}\n{time}\n{scope}\n"),
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()),
        });
        *last = Some(Arc::clone(&validity));
        validity
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Signer").field("address", &self.address).finish_non_exhaustive()
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::SystemTime};

    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_sdk_s3::config::BehaviorVersion;
    use aws_types::region::Region;

    use super::*;

    fn presigner(endpoint: Option<&str>) -> Presigner {
        let credentials = Credentials::new("AKID", "secret", Some("token/+=".repeat(100)), None, "test");
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("cn-north-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials));
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        let config = config.build();
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(endpoint.is_some()).build();
        Presigner::new(&config, Client::from_conf(s3), "bucket".to_owned())
    }

    fn parts(url: &str) -> (&str, BTreeSet<&str>) {
        let (path, query) = url.split_once('?').unwrap();
        (path, query.split('&').collect())
    }

    /// The S3 client adds `x-id`, which S3 ignores. With it, both URLs have the same signature.
    #[tokio::test]
    async fn a_url_equals_that_of_the_s3_client() {
        for endpoint in [None, Some("http://localhost:4566")] {
            let presigner = presigner(endpoint);
            let signer = presigner.signer("a").await.unwrap();
            // URLs that follow each other differ in the day, the time, the duration or the key.
            for (start, seconds, key) in [
                ("2026-11-28T21:00:00Z", 900, "a-b/01JZ/1/200.webp"),
                ("2026-11-28T23:59:59Z", 900, "a-b/01JZ/1/200.webp"),
                ("2026-11-29T00:00:00Z", 900, "a-b/01JZ/1/200.webp"),
                ("2026-11-29T00:00:00Z", 900, "a-b/01JZ/1/400.webp"),
                ("2026-11-29T00:00:00Z", 60, "a-b/01JZ/1/400.webp"),
            ] {
                let start = start.parse::<Timestamp>().unwrap();
                let config = PresigningConfig::builder()
                    .start_time(SystemTime::from(start))
                    .expires_in(Duration::from_secs(seconds))
                    .build()
                    .unwrap();
                let client =
                    presigner.s3.get_object().bucket("bucket").key(key).presigned(config).await.unwrap();
                let seconds = i64::try_from(seconds).unwrap();
                // The parameter of one URL is not in the next one.
                let without = signer.sign(key, None, start, seconds);
                assert!(!without.contains("x-id"), "{without}");
                let own = signer.sign(key, Some(("x-id", "GetObject")), start, seconds);
                assert_eq!(parts(&own), parts(client.uri()));
            }
        }
    }

    #[tokio::test]
    async fn a_file_name_of_any_script_is_escaped_once() {
        let presigner = presigner(None);
        let start = "2026-11-28T21:00:00Z".parse().unwrap();
        let disposition = "attachment; filename*=UTF-8''%E2%82%AC%20%26";
        let url = presigner.url("key", Some(disposition), start, 900).await.unwrap();
        let expected =
            "response-content-disposition=attachment%3B%20filename%2A%3DUTF-8%27%27%25E2%2582%25AC%2520%2526";
        assert!(parts(&url).1.contains(expected), "{url}");
        assert!(url.starts_with("https://bucket.s3.cn-north-1.amazonaws.com.cn/key?"), "{url}");
    }
}
