//! Why an upload or a job failed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an upload or a job failed, for the owner of the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable code.
    pub code: FailureCode,
    /// One sentence for people.
    pub detail: String,
}

impl Failure {
    /// A failure with a code and a sentence for people.
    #[must_use]
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

macro_rules! failure_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// The stable code of a failure. `docs/openapi.yaml` lists the same codes, and a test compares both lists.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum FailureCode {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl FailureCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code in records, responses and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

failure_codes! {
    /// The uploaded file has no known image format.
    NotAnImage = "not-an-image",
    /// The uploaded file has an image format that Darkroom does not decode.
    UnsupportedFormat = "unsupported-format",
    /// The uploaded file is HEIC or HEIF, and the deployment does not decode these.
    HeicNotSupported = "heic-not-supported",
    /// The picture, or all frames of an animation together, have too many pixels.
    TooManyPixels = "too-many-pixels",
    /// One side of the picture is too long.
    SideTooLong = "side-too-long",
    /// The file is too long to be decoded, whatever the tier allows.
    TooManyBytes = "too-many-bytes",
    /// Processing the picture took too long.
    Timeout = "timeout",
    /// The file is damaged or incomplete.
    CorruptImage = "corrupt-image",
    /// The uploaded file no longer exists.
    UploadMissing = "upload-missing",
    /// The image engine failed.
    InternalError = "internal-error",
    /// All attempts to process the upload failed because of a fault on our side.
    ProcessingFailed = "processing-failed",
    /// A job needs a picture that the image does not have.
    NoPicture = "no-picture",
    /// All attempts of a job failed because of a fault on our side.
    GaveUp = "gave-up",
    /// The provider limits its requests.
    ProviderBusy = "provider-busy",
    /// The provider did not answer in time.
    ProviderTimeout = "provider-timeout",
    /// The provider could not be reached, or has a fault.
    ProviderUnavailable = "provider-unavailable",
    /// The provider's answer could not be read.
    ProviderAnswerInvalid = "provider-answer-invalid",
    /// The provider's answer was too long.
    ProviderAnswerTooLarge = "provider-answer-too-large",
    /// The provider rejected the credentials of this deployment.
    ProviderCredentials = "provider-credentials",
    /// The account at the provider has no storage left.
    ProviderFull = "provider-full",
    /// The provider rejected the request.
    ProviderRefused = "provider-refused",
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_contract_lists_the_same_codes() {
        const CONTRACT: &str = include_str!("../../../docs/openapi.yaml");
        let schema = CONTRACT.split_once("\n    Failure:\n").unwrap().1;
        let code =
            schema.split_once("\n        code:\n").unwrap().1.split_once("\n        detail:").unwrap().0;
        // Each code is between backticks.
        let listed: BTreeSet<&str> = code.split('`').skip(1).step_by(2).collect();
        let known: BTreeSet<&str> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(listed, known);
    }
}
