//! Uploads files to a Dropbox account, and creates shared links to them.
//!
//! The client exchanges a refresh token for access tokens, which are valid for some hours (Dropbox OAuth guide, "Using
//! refresh tokens"). It calls these routes of the HTTP API, version 2: `files/upload`, `files/upload_session/start`, `append_v2` and
//! `finish`, `files/delete_v2`, `sharing/create_shared_link_with_settings` and `sharing/list_shared_links`.

mod wire;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use domain::DropboxPath;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use wire::{check_size, check_status, content_hash, header_safe, is_conflict, raw_link, read};

use crate::{Http, ProviderError, http::Limits, response::Response};

/// A client of Dropbox with the access token of this function instance.
#[derive(Debug)]
pub struct Dropbox {
    http: Http,
    api_url: String,
    content_url: String,
    timeout: Duration,
    token: Mutex<Option<Token>>,
}

/// An access token, which is valid for some hours. Its `Debug` output omits the value.
struct Token {
    value: Arc<str>,
    expires_at: Instant,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A client of one Dropbox account.
pub struct Account<'a> {
    dropbox: &'a Dropbox,
    credentials: &'a str,
}

/// An unfinished upload in parts.
#[derive(Debug)]
pub struct UploadSession {
    id: String,
    /// The number of bytes that Dropbox has received.
    offset: u64,
}

/// The content of the secret.
#[derive(Deserialize)]
struct Credentials {
    app_key: String,
    app_secret: String,
    refresh_token: String,
}

/// The longest answer, in bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// How long before its expiry an access token is replaced.
const REFRESH_MARGIN: Duration = Duration::from_secs(60);

impl Dropbox {
    /// A client of Dropbox at its two addresses, `https://api.dropboxapi.com` and `https://content.dropboxapi.com`. Each
    /// call fails after `timeout`.
    #[must_use]
    pub fn new(http: Http, api_url: &str, content_url: &str, timeout: Duration) -> Self {
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        Self {
            http,
            api_url: base(api_url),
            content_url: base(content_url),
            timeout,
            token: Mutex::default(),
        }
    }

    /// A client of the account with these credentials: JSON with `app_key`, `app_secret` and `refresh_token`.
    #[must_use]
    pub fn account<'a>(&'a self, credentials: &'a str) -> Account<'a> {
        Account { dropbox: self, credentials }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response, ProviderError> {
        self.http.send(request, Limits { timeout: self.timeout, max_bytes: MAX_ANSWER_BYTES }).await
    }
}

impl Account<'_> {
    /// Uploads a whole file of at most 150 MB.
    ///
    /// An existing file with the same content is kept, so the upload can be repeated ("`WriteMode`: `add`"). An existing
    /// file with other content is kept too, and the upload fails.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn upload(&self, path: &DropboxPath, bytes: Bytes) -> Result<(), ProviderError> {
        let (mut argument, length) = (commit(path), bytes.len() as u64);
        argument["content_hash"] = content_hash(&bytes).into();
        check_size(length, &self.call_with_content("upload", &argument, bytes).await?)
    }

    /// Starts an upload in parts with the first part. The length of each part except the last should be a multiple of
    /// 4 MiB.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn start_session(&self, bytes: Bytes) -> Result<UploadSession, ProviderError> {
        #[derive(Deserialize)]
        struct Started {
            session_id: String,
        }
        let (offset, argument) = (bytes.len() as u64, json!({"content_hash": content_hash(&bytes)}));
        let answer = self.call_with_content("upload_session/start", &argument, bytes).await?;
        Ok(UploadSession { id: read::<Started>(&answer)?.session_id, offset })
    }

    /// Uploads the next part.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn append(&self, session: &mut UploadSession, bytes: Bytes) -> Result<(), ProviderError> {
        let length = bytes.len() as u64;
        let argument = json!({"cursor": session.cursor(), "content_hash": content_hash(&bytes)});
        self.call_with_content("upload_session/append_v2", &argument, bytes).await?;
        session.offset += length;
        Ok(())
    }

    /// Uploads the last part and creates the file. Existing files are treated as in [`Account::upload`].
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
        check_size(length, &self.call_with_content("upload_session/finish", &argument, bytes).await?)
    }

    /// Returns a shared link to the bytes of a file, and creates the link if there is none. Anyone with the link can
    /// download the file.
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
        let answer = self.call("sharing/create_shared_link_with_settings", &argument).await?;
        if !is_conflict(&answer, "shared_link_already_exists") {
            return raw_link(&read::<Link>(&check_status(answer)?)?.url);
        }
        let argument = json!({"path": path.as_str(), "direct_only": true});
        let answer = check_status(self.call("sharing/list_shared_links", &argument).await?)?;
        let link = read::<Links>(&answer)?.links.into_iter().next();
        raw_link(&link.ok_or_else(|| ProviderError::invalid_answer("the list has no shared link"))?.url)
    }

    /// Deletes a file and its link. A file that does not exist is not an error.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn delete(&self, path: &DropboxPath) -> Result<(), ProviderError> {
        let answer = self.call("files/delete_v2", &json!({"path": path.as_str()})).await?;
        if is_conflict(&answer, "path_lookup/not_found") { Ok(()) } else { check_status(answer).map(drop) }
    }

    /// Calls a route with a JSON body.
    async fn call(&self, route: &str, argument: &Value) -> Result<Response, ProviderError> {
        let url = format!("{}/2/{route}", self.dropbox.api_url);
        let body = Bytes::from(argument.to_string());
        self.send_authorized(|token| {
            let request = Request::post(&url).header(header::CONTENT_TYPE, "application/json");
            build(request.header(header::AUTHORIZATION, token), body.clone())
        })
        .await
    }

    /// Calls a route with bytes in the body and JSON in a header.
    async fn call_with_content(
        &self,
        route: &str,
        argument: &Value,
        bytes: Bytes,
    ) -> Result<Response, ProviderError> {
        let url = format!("{}/2/files/{route}", self.dropbox.content_url);
        let argument = header_safe(argument);
        let answer = self.send_authorized(|token| {
            let request = Request::post(&url).header(header::CONTENT_TYPE, "application/octet-stream");
            let request = request.header("dropbox-api-arg", &argument);
            build(request.header(header::AUTHORIZATION, token), bytes.clone())
        });
        check_status(answer.await?)
    }

    /// Sends a request with an access token. If Dropbox rejects the token, the request is repeated once with a new one.
    async fn send_authorized(
        &self,
        request: impl Fn(&str) -> Result<Request<Full<Bytes>>, ProviderError>,
    ) -> Result<Response, ProviderError> {
        let token = self.token(None).await?;
        let answer = self.dropbox.send(request(&format!("Bearer {token}"))?).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let token = self.token(Some(&token)).await?;
        self.dropbox.send(request(&format!("Bearer {token}"))?).await
    }

    /// Returns the cached access token, or a new one if it expired or equals `rejected`. Concurrent callers share one
    /// refresh.
    async fn token(&self, rejected: Option<&str>) -> Result<Arc<str>, ProviderError> {
        let mut cached = self.dropbox.token.lock().await;
        if let Some(token) = cached.as_ref()
            && rejected != Some(&*token.value)
            && token.expires_at > Instant::now()
        {
            return Ok(token.value.clone());
        }
        Ok(cached.insert(self.refresh().await?).value.clone())
    }

    async fn refresh(&self) -> Result<Token, ProviderError> {
        #[derive(Deserialize)]
        struct Refreshed {
            access_token: String,
            expires_in: u64,
        }
        let Credentials { app_key, app_secret, refresh_token } = serde_json::from_str(self.credentials)
            .map_err(|_| {
                ProviderError::credentials(
                    "the secret is not JSON with app_key, app_secret and refresh_token",
                )
            })?;
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
            // The grant or the app is invalid.
            return Err(ProviderError::credentials("400 from oauth2/token"));
        }
        let Refreshed { access_token, expires_in } = read(&check_status(answer)?)?;
        let lifetime = Duration::from_secs(expires_in).saturating_sub(REFRESH_MARGIN);
        Ok(Token { value: access_token.into(), expires_at: Instant::now() + lifetime })
    }
}

impl UploadSession {
    fn cursor(&self) -> Value {
        json!({"session_id": self.id, "offset": self.offset})
    }
}

/// The argument that tells Dropbox where to create the file.
fn commit(path: &DropboxPath) -> Value {
    json!({"path": path.as_str(), "mode": "add", "autorename": false})
}

fn build(request: http::request::Builder, body: Bytes) -> Result<Request<Full<Bytes>>, ProviderError> {
    // The token contains a line break, or the address is invalid.
    let invalid = |_| ProviderError::credentials("the configured address or credentials are invalid");
    request.body(Full::new(body)).map_err(invalid)
}
