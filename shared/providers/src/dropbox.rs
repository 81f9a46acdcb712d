//! Copies of files in a Dropbox account, each with a link.
//!
//! The account is reached by a refresh token, which gives access tokens of some hours (Dropbox OAuth guide, "Using
//! refresh tokens"). Used of its HTTP API, version 2: `files/upload`, `files/upload_session/start`, `append_v2` and
//! `finish`, `files/delete_v2`, `sharing/create_shared_link_with_settings` and `sharing/list_shared_links`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use domain::DropboxPath;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::{
    Http, ProviderError,
    error::code_of,
    http::{Answer, Bounds},
};

/// Where Dropbox answers, and the access token of this instance.
#[derive(Debug)]
pub struct Dropbox {
    http: Http,
    api_url: String,
    content_url: String,
    time: Duration,
    token: Mutex<Option<Token>>,
}

/// An access token, which is good for some hours. It has no readable `Debug`.
struct Token {
    value: Arc<str>,
    until: Instant,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("until", &self.until).finish_non_exhaustive()
    }
}

/// Dropbox with the credentials of an account.
pub struct Account<'a> {
    dropbox: &'a Dropbox,
    credentials: &'a str,
}

/// A file that is uploaded in parts.
#[derive(Debug)]
pub struct UploadSession {
    id: String,
    /// How many bytes Dropbox has of it.
    offset: u64,
}

/// What the secret holds.
#[derive(Deserialize)]
struct Credentials {
    app_key: String,
    app_secret: String,
    refresh_token: String,
}

/// The longest answer that is read, in bytes.
const ANSWER: usize = 1 << 20;

/// An access token is replaced so long before its end.
const EARLY: Duration = Duration::from_secs(60);

impl Dropbox {
    /// Dropbox at its two addresses, `https://api.dropboxapi.com` and `https://content.dropboxapi.com`; each of its
    /// answers is awaited for `time`.
    #[must_use]
    pub fn new(http: Http, api_url: &str, content_url: &str, time: Duration) -> Self {
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        Self { http, api_url: base(api_url), content_url: base(content_url), time, token: Mutex::default() }
    }

    /// An account, by the JSON of its `app_key`, `app_secret` and `refresh_token`.
    #[must_use]
    pub fn account<'a>(&'a self, credentials: &'a str) -> Account<'a> {
        Account { dropbox: self, credentials }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, ProviderError> {
        self.http.send(request, Bounds { time: self.time, bytes: ANSWER }).await
    }
}

impl Account<'_> {
    /// Uploads a whole file of at most 150 MB.
    ///
    /// A file of other content that lies there already is left alone, which is an error; the same content is not
    /// written again ("`WriteMode`: `add`"). So it can be repeated.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn upload(&self, path: &DropboxPath, bytes: Bytes) -> Result<(), ProviderError> {
        let (mut argument, length) = (commit(path), bytes.len() as u64);
        argument["content_hash"] = content_hash(&bytes).into();
        holds(length, &self.content("upload", &argument, bytes).await?)
    }

    /// Begins to upload a file in parts, of which this is the first. Each but the last should be a multiple of 4 MiB.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn start_session(&self, bytes: Bytes) -> Result<UploadSession, ProviderError> {
        #[derive(Deserialize)]
        struct Started {
            session_id: String,
        }
        let (offset, argument) = (bytes.len() as u64, json!({"content_hash": content_hash(&bytes)}));
        let answer = self.content("upload_session/start", &argument, bytes).await?;
        Ok(UploadSession { id: read::<Started>(&answer)?.session_id, offset })
    }

    /// Uploads another part.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn append(&self, session: &mut UploadSession, bytes: Bytes) -> Result<(), ProviderError> {
        let length = bytes.len() as u64;
        let argument = json!({"cursor": session.cursor(), "content_hash": content_hash(&bytes)});
        self.content("upload_session/append_v2", &argument, bytes).await?;
        session.offset += length;
        Ok(())
    }

    /// Uploads the last part, upon which the file is there; as [`Account::upload`] does it.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn finish(
        &self,
        session: UploadSession,
        path: &DropboxPath,
        bytes: Bytes,
    ) -> Result<(), ProviderError> {
        let (cursor, hash) = (session.cursor(), content_hash(&bytes));
        let length = session.offset + bytes.len() as u64;
        let argument = json!({"cursor": cursor, "commit": commit(path), "content_hash": hash});
        holds(length, &self.content("upload_session/finish", &argument, bytes).await?)
    }

    /// The address of a file in its raw form, which gives the very bytes to whoever has it. The file is shared unless
    /// it is already.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn shared_link(&self, path: &DropboxPath) -> Result<String, ProviderError> {
        #[derive(Deserialize)]
        struct Link {
            url: String,
        }
        #[derive(Deserialize)]
        struct Links {
            links: Vec<Link>,
        }
        let argument = json!({"path": path.as_str()});
        let answer = self.ask("sharing/create_shared_link_with_settings", &argument).await?;
        if !is_conflict(&answer, "shared_link_already_exists") {
            return raw(&read::<Link>(&succeeded(answer)?)?.url);
        }
        let argument = json!({"path": path.as_str(), "direct_only": true});
        let answer = succeeded(self.ask("sharing/list_shared_links", &argument).await?)?;
        let link = read::<Links>(&answer)?.links.into_iter().next();
        raw(&link.ok_or_else(|| ProviderError::garbage("a shared link that is not listed"))?.url)
    }

    /// Removes a file with its link, if it is there.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn delete(&self, path: &DropboxPath) -> Result<(), ProviderError> {
        let answer = self.ask("files/delete_v2", &json!({"path": path.as_str()})).await?;
        if is_conflict(&answer, "path_lookup/not_found") { Ok(()) } else { succeeded(answer).map(drop) }
    }

    /// Calls what takes JSON.
    async fn ask(&self, route: &str, argument: &Value) -> Result<Answer, ProviderError> {
        let url = format!("{}/2/{route}", self.dropbox.api_url);
        let body = Bytes::from(argument.to_string());
        self.authorized(|token| {
            let request = Request::post(&url).header(header::CONTENT_TYPE, "application/json");
            build(request.header(header::AUTHORIZATION, token), body.clone())
        })
        .await
    }

    /// Calls what takes bytes, and JSON in a header.
    async fn content(&self, route: &str, argument: &Value, bytes: Bytes) -> Result<Answer, ProviderError> {
        let url = format!("{}/2/files/{route}", self.dropbox.content_url);
        let argument = header_safe(argument);
        let answer = self.authorized(|token| {
            let request = Request::post(&url).header(header::CONTENT_TYPE, "application/octet-stream");
            let request = request.header("dropbox-api-arg", &argument);
            build(request.header(header::AUTHORIZATION, token), bytes.clone())
        });
        succeeded(answer.await?)
    }

    /// Sends a request with an access token; once more with a new one where the first is not taken any longer.
    async fn authorized(
        &self,
        request: impl Fn(&str) -> Result<Request<Full<Bytes>>, ProviderError>,
    ) -> Result<Answer, ProviderError> {
        let token = self.token(None).await?;
        let answer = self.dropbox.send(request(&format!("Bearer {token}"))?).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let token = self.token(Some(&token)).await?;
        self.dropbox.send(request(&format!("Bearer {token}"))?).await
    }

    /// An access token other than the one that was refused. Who needs one while it is fetched waits for the same.
    async fn token(&self, refused: Option<&str>) -> Result<Arc<str>, ProviderError> {
        let mut kept = self.dropbox.token.lock().await;
        if let Some(token) = kept.as_ref()
            && refused != Some(&*token.value)
            && token.until > Instant::now()
        {
            return Ok(token.value.clone());
        }
        Ok(kept.insert(self.refresh().await?).value.clone())
    }

    async fn refresh(&self) -> Result<Token, ProviderError> {
        #[derive(Deserialize)]
        struct Refreshed {
            access_token: String,
            expires_in: u64,
        }
        let Credentials { app_key, app_secret, refresh_token } = serde_json::from_str(self.credentials)
            .map_err(|_| ProviderError::credentials("the secret is not of the form that Dropbox needs"))?;
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &refresh_token),
            ("client_id", &app_key),
            ("client_secret", &app_secret),
        ];
        let field = |(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        let form = fields.map(field).join("&");
        let request = Request::post(format!("{}/oauth2/token", self.dropbox.api_url))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.dropbox.send(build(request, form.into())?).await?;
        if answer.status == StatusCode::BAD_REQUEST {
            // `invalid_grant`, or an app that is none.
            return Err(ProviderError::credentials("400 from oauth2/token"));
        }
        let Refreshed { access_token, expires_in } = read(&succeeded(answer)?)?;
        let lasts = Duration::from_secs(expires_in).saturating_sub(EARLY);
        Ok(Token { value: access_token.into(), until: Instant::now() + lasts })
    }
}

impl UploadSession {
    fn cursor(&self) -> Value {
        json!({"session_id": self.id, "offset": self.offset})
    }
}

fn commit(path: &DropboxPath) -> Value {
    json!({"path": path.as_str(), "mode": "add", "autorename": false})
}

/// Insists that Dropbox has a file of this length.
fn holds(length: u64, answer: &Answer) -> Result<(), ProviderError> {
    #[derive(Deserialize)]
    struct File {
        size: u64,
    }
    let is_whole = read::<File>(answer)?.size == length;
    is_whole.then_some(()).ok_or_else(|| ProviderError::garbage("a file of another length"))
}

fn build(request: http::request::Builder, body: Bytes) -> Result<Request<Full<Bytes>>, ProviderError> {
    // A token with a line break, or an address that is none.
    let refused = |_| ProviderError::credentials("the configuration makes no request");
    request.body(Full::new(body)).map_err(refused)
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, ProviderError> {
    serde_json::from_slice(&answer.body).map_err(|_| ProviderError::garbage("not what Dropbox answers"))
}

/// JSON that an HTTP header can carry: all but printable ASCII is escaped (Dropbox HTTP documentation, "Content-upload
/// endpoints").
fn header_safe(argument: &Value) -> String {
    let mut safe = String::new();
    for c in argument.to_string().chars() {
        if c.is_ascii() && !c.is_ascii_control() {
            safe.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    safe
}

/// The SHA-256 digest of the SHA-256 digests of all blocks of 4 MiB, in hexadecimal (Dropbox reference, "Content
/// hash").
fn content_hash(bytes: &[u8]) -> String {
    const BLOCK: usize = 4 << 20;
    let mut whole = Sha256::new();
    for block in bytes.chunks(BLOCK) {
        whole.update(Sha256::digest(block));
    }
    whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A shared link in the form that gives the file itself rather than a page about it (Dropbox help, "Force a file or
/// folder to download").
fn raw(url: &str) -> Result<String, ProviderError> {
    const MAX_BYTES: usize = 2048;
    let is_link = (url.starts_with("https://") || url.starts_with("http://")) && url.len() <= MAX_BYTES;
    if !is_link {
        return Err(ProviderError::garbage("a shared link that is none"));
    }
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let is_form = |pair: &str| matches!(pair.split('=').next(), Some("dl" | "raw" | ""));
    let kept = query.split('&').filter(|pair| !is_form(pair));
    Ok(format!("{address}?{}", kept.chain(["raw=1"]).collect::<Vec<_>>().join("&")))
}

/// The body of a refusal.
#[derive(Deserialize)]
struct Refusal {
    error_summary: String,
    error: Value,
}

fn refusal(answer: &Answer) -> Option<Refusal> {
    serde_json::from_slice(&answer.body).ok()
}

/// Whether the endpoint refuses for a reason of its own, which begins so.
fn is_conflict(answer: &Answer, reason: &str) -> bool {
    answer.status == StatusCode::CONFLICT
        && refusal(answer).is_some_and(|refusal| refusal.error_summary.starts_with(reason))
}

fn succeeded(answer: Answer) -> Result<Answer, ProviderError> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let refusal = refusal(&answer);
    let summary = code_of(refusal.as_ref().map(|refusal| refusal.error_summary.as_str()));
    let says = |reasons: &[&str]| reasons.iter().any(|reason| summary.contains(reason));
    if answer.status != StatusCode::CONFLICT || says(&["too_many_write_operations"]) {
        let mut error = ProviderError::of_status(&answer, &summary);
        let seconds = refusal.and_then(|refusal| refusal.error["retry_after"].as_u64());
        error.retry_after = error.retry_after.or(seconds.map(Duration::from_secs));
        return Err(error);
    }
    let cause = format!("409 {summary}");
    Err(if says(&["insufficient_space", "insufficient_quota", "upload_traffic_limit_reached"]) {
        ProviderError::full(cause)
    } else if says(&["content_hash_mismatch", "lookup_failed", "incorrect_offset"]) {
        // Lost on the way: the next attempt begins anew.
        ProviderError::unavailable(cause)
    } else {
        ProviderError::refused(cause)
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn conflict(summary: &str) -> ProviderError {
        let body = json!({"error_summary": summary, "error": {".tag": "x"}}).to_string().into();
        succeeded(Answer { status: StatusCode::CONFLICT, headers: HeaderMap::new(), body }).unwrap_err()
    }

    #[test]
    fn an_argument_fits_into_a_header_whatever_the_file_is_called() {
        let argument = json!({"path": "/+49/ü 🎞️\u{7f}\".jpg"});
        let text = header_safe(&argument);
        assert_eq!(text, r#"{"path":"/+49/\u00fc \ud83c\udf9e\ufe0f\u007f\".jpg"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), argument);
        assert!(http::HeaderValue::from_str(&text).is_ok());
    }

    #[test]
    fn a_content_hash_is_that_of_the_blocks_digests() {
        // Of nothing, and of 4 MiB and one byte of zeros, by the hasher of Dropbox's Python SDK.
        assert_eq!(content_hash(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let hash = content_hash(&vec![0; (4 << 20) + 1]);
        assert_eq!(hash, "14a4d47f23a30177885d9820122f17d2d3a55fe63f7f5c27b95f689e0b2accd6");
    }

    #[test]
    fn a_link_in_its_raw_form_keeps_its_key() {
        for (url, expected) in [
            (
                "https://www.dropbox.com/scl/fi/a/b.jpg?rlkey=k&dl=0",
                "https://www.dropbox.com/scl/fi/a/b.jpg?rlkey=k&raw=1",
            ),
            ("https://www.dropbox.com/s/a/b.jpg?dl=0", "https://www.dropbox.com/s/a/b.jpg?raw=1"),
            ("https://www.dropbox.com/s/a/b.jpg", "https://www.dropbox.com/s/a/b.jpg?raw=1"),
        ] {
            assert_eq!(raw(url).unwrap(), expected);
        }
        assert!(raw("javascript:alert(1)").is_err());
        assert!(raw(&format!("https://{}", "x".repeat(3000))).is_err());
    }

    #[test]
    fn what_may_heal_is_told_from_what_never_will() {
        for (summary, code, heals) in [
            ("path/too_many_write_operations/..", "provider-busy", true),
            ("path/insufficient_space/.", "provider-full", true),
            ("content_hash_mismatch/", "provider-unavailable", true),
            ("lookup_failed/incorrect_offset/.", "provider-unavailable", true),
            ("path/conflict/file/..", "provider-refused", false),
            ("path/disallowed_name/.", "provider-refused", false),
        ] {
            let error = conflict(summary);
            assert_eq!((error.failure.code.as_str(), error.heals), (code, heals), "{summary}");
        }
    }

    #[test]
    fn a_limit_says_in_its_body_too_when_to_come_back() {
        let body = json!({
            "error_summary": "too_many_requests/", "error": {"reason": {".tag": "too_many_requests"}, "retry_after": 7},
        });
        let body = body.to_string().into();
        let answer = Answer { status: StatusCode::TOO_MANY_REQUESTS, headers: HeaderMap::new(), body };
        let error = succeeded(answer).unwrap_err();
        assert_eq!(
            (error.failure.code.as_str(), error.retry_after),
            ("provider-busy", Some(Duration::from_secs(7)))
        );
    }
}
