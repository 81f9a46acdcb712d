//! Code that the endpoints of upload links share.
//!
//! Users create and revoke upload links. Guests, who have no account and send no token, create images through them. A
//! guest's response contains nothing of the owner: neither a name, a phone number, a tier nor the address of a picture.

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
