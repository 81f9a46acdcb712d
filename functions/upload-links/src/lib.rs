//! Code that the endpoints of upload links share.
//!
//! Users create and revoke upload links. Guests, who have no account and send no token, create images through them. A
//! guest's response contains nothing of the owner: neither a name, a phone number, a tier nor the address of a picture.

use std::net::IpAddr;

use api::{Problem, ProblemCode, Request};
use domain::{
    FailureCode, Image, ImageId, LimitError, PhoneNumber, Status, Timestamp, UploadLink, UploadLinkId,
};
use serde::Serialize;
use store::CreateError;

/// The id of an upload link in the path: `{id}`.
///
/// # Errors
/// 404 `upload-link-not-found` if the id has another form.
pub fn link_in_path(request: &Request) -> Result<UploadLinkId, Problem> {
    api::path(request, "id").parse().map_err(|_| Problem::upload_link_not_found())
}

/// An upload link in its owner's responses.
#[derive(Debug, Serialize)]
pub struct UploadLinkBody<'a> {
    id: &'a UploadLinkId,
    /// The address for guests.
    url: String,
    phone_number: Option<&'a PhoneNumber>,
    max_images: u32,
    remaining: u32,
    max_image_bytes: u64,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl<'a> UploadLinkBody<'a> {
    /// The body of a link. `page` is the address of the web page.
    #[must_use]
    pub fn new(link: &'a UploadLink, page: &str) -> Self {
        Self {
            id: &link.id,
            url: format!("{page}#/send/{}", link.id),
            phone_number: link.phone_number.as_ref(),
            max_images: link.max_images,
            remaining: link.remaining,
            max_image_bytes: link.max_image_bytes,
            created_at: link.created_at,
            expires_at: time(link.expires_at),
        }
    }
}

/// A time in seconds since 1970.
#[must_use]
pub fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

/// An image as guests see it.
#[derive(Debug, Serialize)]
pub struct GuestImageBody {
    id: ImageId,
    status: Status,
    /// Why the upload failed.
    code: Option<FailureCode>,
}

impl GuestImageBody {
    /// The body of an image.
    #[must_use]
    pub fn new(image: &Image) -> Self {
        let code = image.failure.as_ref().map(|failure| failure.code);
        Self { id: image.id, status: image.status, code }
    }
}

/// The problem that a guest sees. It says nothing about the owner's limits.
#[must_use]
pub fn guest_problem(error: CreateError) -> Problem {
    match error {
        CreateError::Limit(LimitError::QuotaExceeded(..)) => Problem::new(
            ProblemCode::QuotaExceeded,
            "The person who sent you this link has no room for more pictures. Tell them, or try again later.",
        ),
        CreateError::Limit(LimitError::FileTooLarge(_)) => {
            Problem::new(ProblemCode::FileTooLarge, "A file is too large.").with("field", "files")
        }
        // The link itself is deleted with the account.
        CreateError::Limit(LimitError::AccountDeleted) => Problem::upload_link_not_found(),
        error => error.into(),
    }
}

/// The address of the web page, which ends in a slash. It has the host of the request, because the function that serves
/// the page belongs to the same API.
///
/// An HTTP API accepts only HTTPS (Amazon API Gateway FAQs, "Are my APIs that are hosted on Amazon API Gateway
/// encrypted?"). Only an emulator on this machine is reached without TLS.
///
/// # Errors
/// 400 `malformed-request` if the request has no valid host.
pub fn page_address(request: &Request) -> Result<String, Problem> {
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(Problem::new(ProblemCode::MalformedRequest, "The header Host is missing or invalid."));
    }
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let is_loopback = |address: IpAddr| address.is_loopback();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse();
    let is_local = name == "localhost" || name.ends_with(".localhost") || address.is_ok_and(is_loopback);
    Ok(format!("{}://{host}/", if is_local { "http" } else { "https" }))
}

#[cfg(test)]
mod tests {
    use endpoint_test::TestRequest;

    use super::*;

    fn page(host: &str) -> Result<String, Problem> {
        let mut request = TestRequest::new("POST").build();
        request.headers_mut().insert("host", host.parse().unwrap());
        page_address(&request)
    }

    #[test]
    fn the_page_has_the_host_of_the_request() {
        for (host, scheme) in [
            ("a1.execute-api.eu-central-1.amazonaws.com", "https"),
            ("photos.example:8443", "https"),
            ("notlocalhost", "https"),
            ("a1.execute-api.localhost:4566", "http"),
            ("127.0.0.1:9000", "http"),
            ("[::1]:9000", "http"),
        ] {
            assert_eq!(page(host).unwrap(), format!("{scheme}://{host}/"));
        }
        for host in ["", "a/b", "a@b", "a b"] {
            assert!(page(host).is_err(), "{host}");
        }
    }
}
