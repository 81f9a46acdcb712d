//! The codes of problems.

use std::fmt;

use lambda_http::http::StatusCode;

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $text:literal;)*) => {
        /// The code of a problem. Clients depend on the codes, so a code never changes.
        ///
        /// docs/openapi.yaml explains each code. A test compares the two lists.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ProblemCode {
            $($(#[$doc])* $name,)*
        }

        impl ProblemCode {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code in a response.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The HTTP status of every response with this code.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }
        }
    };
}

problem_codes! {
    /// The cursor does not belong to this list.
    BadCursor = BAD_REQUEST, "bad-cursor";
    /// The code has expired or was already used.
    CodeExpired = BAD_REQUEST, "code-expired";
    /// The code is wrong.
    CodeMismatch = BAD_REQUEST, "code-mismatch";
    /// A field, a parameter or a header has an invalid value.
    InvalidField = BAD_REQUEST, "invalid-field";
    /// The body is not JSON.
    InvalidJson = BAD_REQUEST, "invalid-json";
    /// The phone number in the path is invalid.
    InvalidPhoneNumber = BAD_REQUEST, "invalid-phone-number";
    /// The request is not well-formed HTTP.
    MalformedRequest = BAD_REQUEST, "malformed-request";
    /// The password does not satisfy the policy of the user pool.
    WeakPassword = BAD_REQUEST, "weak-password";

    /// The refresh token is invalid.
    BadRefreshToken = UNAUTHORIZED, "bad-refresh-token";
    /// The session of the challenge is invalid or has expired.
    ChallengeExpired = UNAUTHORIZED, "challenge-expired";
    /// The request contains no refresh token.
    NoRefreshToken = UNAUTHORIZED, "no-refresh-token";
    /// The token is valid, but it is not an access token.
    NotAnAccessToken = UNAUTHORIZED, "not-an-access-token";
    /// The access token is missing or invalid.
    Unauthorized = UNAUTHORIZED, "unauthorized";
    /// The user name or the password is wrong.
    WrongCredentials = UNAUTHORIZED, "wrong-credentials";

    /// The caller is not an admin.
    AdminsOnly = FORBIDDEN, "admins-only";
    /// The caller's tier does not include AI.
    AiNotInTier = FORBIDDEN, "ai-not-in-tier";
    /// Cognito requires another step before the login.
    ChallengeRequired = FORBIDDEN, "challenge-required";
    /// The caller's tier does not include expiring links.
    LinksNotInTier = FORBIDDEN, "links-not-in-tier";
    /// The user has not confirmed the e-mail address.
    NotConfirmed = FORBIDDEN, "not-confirmed";
    /// The caller's tier does not include downloads of originals.
    OriginalsNotInTier = FORBIDDEN, "originals-not-in-tier";
    /// The user must set a new password before the login.
    PasswordResetRequired = FORBIDDEN, "password-reset-required";
    /// This deployment requires admins to have a second factor.
    SecondFactorRequired = FORBIDDEN, "second-factor-required";
    /// The caller's tier does not include renditions.
    RenditionsNotInTier = FORBIDDEN, "renditions-not-in-tier";
    /// The API key does not have the scope that the endpoint needs.
    ScopeMissing = FORBIDDEN, "scope-missing";
    /// The caller's tier does not include this thumbnail size.
    SizeNotInTier = FORBIDDEN, "size-not-in-tier";
    /// The caller's password is wrong.
    WrongPassword = FORBIDDEN, "wrong-password";

    /// The expiring link was revoked or has expired, or it never existed.
    LinkNotFound = NOT_FOUND, "link-not-found";
    /// The resource does not exist, or it belongs to another user.
    NotFound = NOT_FOUND, "not-found";
    /// The upload link was revoked or has expired, or it never existed.
    UploadLinkNotFound = NOT_FOUND, "upload-link-not-found";
    /// The path does not support the method.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed";

    /// The account of an admin is deleted in the administration.
    AdminAccount = CONFLICT, "admin-account";
    /// Another analysis of the image is in progress.
    AnalysisUnderWay = CONFLICT, "analysis-under-way";
    /// The delivery to a webhook has not ended yet.
    DeliveryPending = CONFLICT, "delivery-pending";
    /// Another user has confirmed this e-mail address.
    EmailTaken = CONFLICT, "email-taken";
    /// Another request changed the image at the same time.
    ImageChanged = CONFLICT, "image-changed";
    /// The image has no picture yet.
    ImageNotReady = CONFLICT, "image-not-ready";
    /// Without this user, nobody would be an admin.
    LastAdmin = CONFLICT, "last-admin";
    /// The image does not wait for an upload.
    NotPending = CONFLICT, "not-pending";
    /// The user has the maximum number of images, sets, links, upload links or pending uploads.
    QuotaExceeded = CONFLICT, "quota-exceeded";
    /// The slot of the image set already has an image.
    SlotTaken = CONFLICT, "slot-taken";
    /// The user has already set up a second factor.
    TotpEnabled = CONFLICT, "totp-enabled";
    /// Another request changed the tier at the same time.
    TierChanged = CONFLICT, "tier-changed";
    /// The picture has the maximum number of renditions.
    TooManyRenditions = CONFLICT, "too-many-renditions";
    /// The tier has users.
    TierInUse = CONFLICT, "tier-in-use";
    /// The tier is the tier of new users.
    TierIsDefault = CONFLICT, "tier-is-default";
    /// The upload link accepts fewer images than the request contains.
    UploadLinkFull = CONFLICT, "upload-link-full";
    /// Another user has this user name.
    UsernameTaken = CONFLICT, "username-taken";

    /// The body is too large.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body-too-large";
    /// The file is larger than the caller's tier allows.
    FileTooLarge = PAYLOAD_TOO_LARGE, "file-too-large";
    /// The content type is not JSON.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type";
    /// Another request used the same idempotency key.
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY, "idempotency-key-reused";
    /// The caller has requested the maximum number of AI analyses and edits, or of downloads, for today.
    DailyLimitReached = TOO_MANY_REQUESTS, "daily-limit-reached";
    /// The user or the address sends too many requests, or the user creates too many things.
    RateLimited = TOO_MANY_REQUESTS, "rate-limited";
    /// The user made too many attempts.
    TooManyAttempts = TOO_MANY_REQUESTS, "too-many-attempts";

    /// Darkroom failed.
    Internal = INTERNAL_SERVER_ERROR, "internal";
    /// This deployment has no AI provider.
    AiNotConfigured = NOT_IMPLEMENTED, "ai-not-configured";
    /// Cognito has sent the maximum number of e-mails for today.
    MailLimitReached = SERVICE_UNAVAILABLE, "mail-limit-reached";
    /// AWS is busy. Another attempt can succeed.
    Unavailable = SERVICE_UNAVAILABLE, "unavailable";
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_yaml_ng::Value;

    use super::*;

    /// The statuses and codes of all schemas in a part of the contract.
    fn collect(contract: &Value, codes: &mut BTreeSet<(u64, String)>) {
        if let (Some(status), Some(all)) =
            (contract["status"]["const"].as_u64(), contract["code"]["enum"].as_sequence())
        {
            codes.extend(all.iter().map(|code| (status, code.as_str().unwrap().to_owned())));
        }
        match contract {
            Value::Mapping(members) => members.values().for_each(|member| collect(member, codes)),
            Value::Sequence(items) => items.iter().for_each(|item| collect(item, codes)),
            _ => {}
        }
    }

    #[test]
    fn the_contract_has_the_same_codes_and_statuses() {
        let contract: Value = serde_yaml_ng::from_str(include_str!("../../../docs/openapi.yaml")).unwrap();
        let mut documented = BTreeSet::new();
        collect(&contract, &mut documented);
        // Every path can return two more codes. The introduction names them, such as "405 `method-not-allowed`".
        let words: Vec<&str> = contract["info"]["description"].as_str().unwrap().split_whitespace().collect();
        for words in words.windows(2) {
            if let (Ok(status), Some(code)) = (words[0].parse(), words[1].strip_prefix('`')) {
                documented.insert((status, code.split('`').next().unwrap().to_owned()));
            }
        }
        let implemented: BTreeSet<_> = ProblemCode::ALL
            .iter()
            .map(|code| (u64::from(code.status().as_u16()), code.as_str().to_owned()))
            .collect();
        assert_eq!(implemented, documented);
    }
}
