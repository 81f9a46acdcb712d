//! Errors of endpoints: RFC 9457 problems with a stable code.

use aws::CallError;
use domain::{Download, InvalidField, InvalidOption, LimitError, Quota, Status, Tier};
use serde_json::{Value, json};
use store::{AnalyzeError, BeginError, CreateError, DownloadError, LinkError, PlaceError, ReplaceError};

use crate::ProblemCode;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An error that the client receives. Only the log receives `cause`.
#[derive(Debug)]
pub struct Problem {
    pub(crate) code: ProblemCode,
    pub(crate) detail: String,
    pub(crate) members: Vec<(&'static str, Value)>,
    /// The `Allow` header of a 405.
    pub(crate) allow: Option<Box<str>>,
    /// The `Retry-After` header, in seconds.
    pub(crate) retry_after: Option<u32>,
    pub(crate) cause: Option<Cause>,
    /// The name of the limit that refuses the request.
    pub(crate) limit: Option<&'static str>,
}

impl Problem {
    /// A problem with a code for programs and a sentence for people.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        let limit = is_limit(code).then_some(code.as_str());
        let detail = detail.into();
        Self { code, detail, members: Vec::new(), allow: None, retry_after: None, cause: None, limit }
    }

    /// The code for programs.
    #[must_use]
    pub fn code(&self) -> ProblemCode {
        self.code
    }

    /// Replaces the sentence for people.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds a member to the body, such as `field`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// Sets the header `Retry-After`, in seconds. The default is 3 for a 503 and 60 for a 429.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds the cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// 400 `invalid-field`: a field has an invalid value.
    #[must_use]
    pub fn invalid_field(field: &str, detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::InvalidField, detail).with("field", field)
    }

    /// 401 `unauthorized`: the access token is missing or invalid.
    pub(crate) fn unauthorized() -> Self {
        Self::new(ProblemCode::Unauthorized, "Log in: send Authorization: Bearer <access token>.")
    }

    /// 403 `admins-only`: the caller is not an admin.
    #[must_use]
    pub fn admins_only() -> Self {
        Self::new(ProblemCode::AdminsOnly, "Only admins may do this.")
    }

    /// 404 `not-found`: the resource does not exist, was deleted, or belongs to another user. The response is the same.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(ProblemCode::NotFound, "There is nothing at this address.")
    }

    /// 404 `upload-link-not-found`: the upload link was revoked or has expired, never existed, or belongs to another user.
    /// The response is the same.
    #[must_use]
    pub fn upload_link_not_found() -> Self {
        Self::new(ProblemCode::UploadLinkNotFound, "This link does not work. It has expired or was revoked.")
    }

    /// 404 `link-not-found`: the expiring link was revoked or has expired, never existed, belongs to another user, or shows
    /// nothing at the moment. The response is the same.
    #[must_use]
    pub fn link_not_found() -> Self {
        Self::new(ProblemCode::LinkNotFound, "This link does not work. It has expired or was revoked.")
    }

    /// 403 `links-not-in-tier`: the caller's tier does not include expiring links.
    #[must_use]
    pub fn links_not_in_tier(tier: &Tier) -> Self {
        let detail = format!("The {} tier does not include expiring links.", tier.name.as_str());
        Self::new(ProblemCode::LinksNotInTier, detail)
    }

    /// 403 `renditions-not-in-tier`: the caller's tier does not include renditions.
    #[must_use]
    pub fn renditions_not_in_tier(tier: &Tier) -> Self {
        let detail = format!("The {} tier does not include renditions.", tier.name.as_str());
        Self::new(ProblemCode::RenditionsNotInTier, detail)
    }

    /// 403 `originals-not-in-tier`: the caller's tier does not include downloads of originals.
    #[must_use]
    pub fn originals_not_in_tier(tier: &Tier) -> Self {
        let detail = format!("The {} tier does not include downloads of originals.", tier.name.as_str());
        Self::new(ProblemCode::OriginalsNotInTier, detail)
    }

    /// 405 `method-not-allowed`: the path supports only the methods in `allow`, which becomes the header `Allow`.
    #[must_use]
    pub fn method_not_allowed(allow: &str) -> Self {
        let detail = format!("This address supports only {allow}.");
        let problem = Self::new(ProblemCode::MethodNotAllowed, detail);
        Self { allow: Some(allow.into()), ..problem }
    }

    /// 500 `internal`: Darkroom failed.
    #[must_use]
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::new(ProblemCode::Internal, "Something went wrong on our side.").because(cause)
    }

    /// 409 `quota-exceeded`: the caller has as many as the tier allows. The member `limit` names the limit.
    fn quota_exceeded(quota: Quota, tier: &Tier) -> Self {
        let (name, most) = (tier.name.as_str(), quota.of(tier));
        let detail = match quota {
            Quota::Images => {
                format!("The {name} tier allows {most} images. Delete some, or move to a larger tier.")
            }
            Quota::Sets => {
                format!("The {name} tier allows {most} image sets. Delete some, or move to a larger tier.")
            }
            Quota::Links => {
                format!(
                    "The {name} tier allows {most} expiring links at the same time. Revoke one, or wait until one expires."
                )
            }
            Quota::PendingUploads => format!(
                "In the {name} tier, {most} images may wait for their upload. Upload their files, or delete some."
            ),
            Quota::UploadLinks => {
                format!(
                    "You may have {most} upload links at the same time. Revoke one, or wait until one expires."
                )
            }
        };
        let problem = Self::new(ProblemCode::QuotaExceeded, detail);
        Self { limit: Some(quota.name()), ..problem.with("limit", quota.name()).with(quota.name(), most) }
    }

    /// 429 `rate-limited`: too many requests in a short time.
    pub(crate) fn rate_limited(retry_after: u32) -> Self {
        Self::new(ProblemCode::RateLimited, "Too many requests in a short time. Wait, then try again.")
            .retry_after(retry_after)
    }

    /// 413 `file-too-large`: the file is larger than the tier allows.
    fn file_too_large(tier: &Tier) -> Self {
        let (name, max) = (tier.name.as_str(), tier.max_image_bytes);
        let detail = format!("The {name} tier allows files of at most {max} bytes.");
        Self::new(ProblemCode::FileTooLarge, detail).with("field", "size").with("max_image_bytes", max)
    }

    /// 400 `bad-cursor`: the cursor does not belong to this list.
    #[must_use]
    pub fn bad_cursor() -> Self {
        Self::new(
            ProblemCode::BadCursor,
            "This cursor does not belong to this list. Start again without a cursor.",
        )
    }

    /// 409 `image-not-ready`: the image has no picture yet.
    #[must_use]
    pub fn image_not_ready(status: Status) -> Self {
        let detail = format!("This image is {}. Wait until it is ready.", status.as_str());
        Self::new(ProblemCode::ImageNotReady, detail)
    }

    /// 501 `ai-not-configured`: this deployment has no AI provider.
    #[must_use]
    pub fn ai_not_configured() -> Self {
        Self::new(
            ProblemCode::AiNotConfigured,
            "This deployment has no AI provider. Send the image without analyze and edit_prompt.",
        )
    }

    /// 403 `ai-not-in-tier`: the caller's tier does not include AI.
    fn ai_not_in_tier(tier: &Tier) -> Self {
        let detail = format!("The {} tier does not include AI analyses and edits.", tier.name.as_str());
        Self::new(ProblemCode::AiNotInTier, detail)
    }

    /// 409 `image-changed`: another request changed the image at the same time.
    fn image_changed() -> Self {
        Self::new(
            ProblemCode::ImageChanged,
            "Another request changed this image at the same time. Read the image, then try again.",
        )
    }

    /// 409 `slot-taken`: the slot contains an image.
    fn slot_taken() -> Self {
        Self::new(
            ProblemCode::SlotTaken,
            "This slot of the set already has an image. Take the image out of the slot first, or replace its picture.",
        )
    }

    /// 422 `idempotency-key-reused`: a different request used the same key.
    fn key_reused() -> Self {
        Self::new(
            ProblemCode::IdempotencyKeyReused,
            "A different request already used this Idempotency-Key. Choose a new key.",
        )
        .with("field", "idempotency-key")
    }

    /// The body of the response.
    #[must_use]
    pub(crate) fn to_json(&self) -> Value {
        let status = self.code.status();
        let mut body = json!({
            "type": format!("urn:darkroom:problem:{}", self.code),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "code": self.code.as_str(),
            "detail": self.detail,
        });
        for (name, value) in &self.members {
            body[*name] = value.clone();
        }
        body
    }
}

/// Whether requests get this code because of a limit.
fn is_limit(code: ProblemCode) -> bool {
    use ProblemCode::{
        DailyLimitReached, FileTooLarge, MailLimitReached, QuotaExceeded, RateLimited, TooManyRenditions,
        UploadLinkFull,
    };
    matches!(
        code,
        DailyLimitReached
            | FileTooLarge
            | MailLimitReached
            | QuotaExceeded
            | RateLimited
            | TooManyRenditions
            | UploadLinkFull
    )
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unavailable(cause) => {
                Self::new(ProblemCode::Unavailable, "The service is busy. Try again in a few seconds.")
                    .because(cause)
            }
            CallError::Internal(cause) => Self::internal(cause),
        }
    }
}

impl From<LimitError> for Problem {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::QuotaExceeded(quota, tier) => Self::quota_exceeded(quota, &tier),
            LimitError::FileTooLarge(tier) => Self::file_too_large(&tier),
            LimitError::AiNotInTier(tier) => Self::ai_not_in_tier(&tier),
            // An access token works until it expires, although the account is gone.
            LimitError::AccountDeleted => {
                Self::new(ProblemCode::Unauthorized, "This account is being deleted.")
            }
            LimitError::DailyLimitReached { tier, retry_after } => Self::new(
                ProblemCode::DailyLimitReached,
                format!(
                    "The {} tier allows {} AI analyses and edits a day. The next day begins at midnight UTC.",
                    tier.name.as_str(),
                    tier.max_ai_calls_per_day
                ),
            )
            .with("limit", "max_ai_calls_per_day")
            .with("max_ai_calls_per_day", tier.max_ai_calls_per_day)
            .retry_after(retry_after),
            LimitError::RateLimited { retry_after } => Self::rate_limited(retry_after),
        }
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Limit(error) => error.into(),
            CreateError::KeyReused => Self::key_reused(),
            CreateError::SourceChanged => Self::image_changed(),
            CreateError::SlotTaken => Self::slot_taken().with("field", "image_type"),
            CreateError::NoSuchSet | CreateError::NoSuchSource => Self::not_found(),
            CreateError::NoSuchUploadLink => Self::upload_link_not_found(),
            CreateError::UploadLinkFull => {
                Self::new(ProblemCode::UploadLinkFull, "This link does not accept so many more pictures.")
            }
            CreateError::Call(error) => error.into(),
        }
    }
}

impl From<ReplaceError> for Problem {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::NotFound => Self::not_found(),
            ReplaceError::Changed => Self::image_changed(),
            ReplaceError::FileTooLarge(tier) => Self::file_too_large(&tier),
            ReplaceError::Call(error) => error.into(),
        }
    }
}

impl From<AnalyzeError> for Problem {
    fn from(error: AnalyzeError) -> Self {
        match error {
            AnalyzeError::NotFound => Self::not_found(),
            AnalyzeError::NotReady(status) => Self::image_not_ready(status),
            AnalyzeError::UnderWay => Self::new(
                ProblemCode::AnalysisUnderWay,
                "An analysis of this image is in progress. Wait for its result, then request another.",
            ),
            AnalyzeError::Limit(error) => error.into(),
            AnalyzeError::KeyReused => Self::key_reused(),
            AnalyzeError::Call(error) => error.into(),
        }
    }
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::KeyReused => Self::key_reused(),
            BeginError::AccountDeleted => LimitError::AccountDeleted.into(),
            BeginError::Call(error) => error.into(),
        }
    }
}

impl From<DownloadError> for Problem {
    fn from(error: DownloadError) -> Self {
        match error {
            DownloadError::TooMany => {
                let most = Download::MAX_PER_USER;
                let detail = format!(
                    "{most} of your downloads wait for their archives. Wait until one is ready, then try again."
                );
                Self::new(ProblemCode::QuotaExceeded, detail)
                    .with("limit", "max_downloads")
                    .with("max_downloads", most)
            }
            DownloadError::DailyLimitReached { retry_after } => {
                let most = Download::MAX_PER_DAY;
                let detail =
                    format!("You may request {most} downloads a day. The next day begins at midnight UTC.");
                Self::new(ProblemCode::DailyLimitReached, detail)
                    .with("limit", "max_downloads_per_day")
                    .with("max_downloads_per_day", most)
                    .retry_after(retry_after)
            }
            DownloadError::KeyReused => Self::key_reused(),
            DownloadError::AccountDeleted => LimitError::AccountDeleted.into(),
            DownloadError::Call(error) => error.into(),
        }
    }
}

impl From<PlaceError> for Problem {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::NoSuchSet => Self::not_found(),
            PlaceError::NoSuchImage => {
                Self::invalid_field("image_id", "image_id: you have no image with this id")
            }
            PlaceError::SlotTaken => Self::slot_taken(),
            PlaceError::Call(error) => error.into(),
        }
    }
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Limit(error) => error.into(),
            LinkError::KeyReused => Self::key_reused(),
            LinkError::NoPicture => Self::not_found(),
            LinkError::Call(error) => error.into(),
        }
    }
}

impl From<aws::MissingVariable> for Problem {
    fn from(error: aws::MissingVariable) -> Self {
        Self::internal(error)
    }
}

/// An invalid parameter of a rendition in the query string.
impl From<InvalidOption> for Problem {
    fn from(error: InvalidOption) -> Self {
        // A parameter can have an empty name.
        let name = if error.name.is_empty() { "query" } else { &error.name };
        Self::invalid_field(name, format!("{name}: {}", error.reason))
    }
}

/// An invalid value outside of the JSON body. In the body, serde names the field.
impl From<(&'static str, InvalidField)> for Problem {
    fn from((field, error): (&'static str, InvalidField)) -> Self {
        Self::invalid_field(field, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_not_in_the_response() {
        let problem = Problem::internal("arn:aws:iam::123:role/secret is not authorized");
        let body = problem.to_json().to_string();
        assert!(!body.contains("arn:"), "{body}");
        assert!(body.contains(r#""code":"internal""#), "{body}");
    }
}
