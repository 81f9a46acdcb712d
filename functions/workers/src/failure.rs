//! Failures of the imaging engine as the owner of an image sees them.

use domain::{Failure, FailureCode};
use imaging::DevelopError;

/// The failure that the owner of the image sees.
pub(crate) fn failure(error: &DevelopError) -> Failure {
    let code = match error {
        DevelopError::NotAnImage => FailureCode::NotAnImage,
        DevelopError::UnsupportedFormat { .. } => FailureCode::UnsupportedFormat,
        DevelopError::HeicNotSupported => FailureCode::HeicNotSupported,
        DevelopError::TooManyPixels { .. } | DevelopError::TooManyFrames { .. } => FailureCode::TooManyPixels,
        DevelopError::TooManyBytes { .. } => FailureCode::TooManyBytes,
        DevelopError::SideTooLong { .. } => FailureCode::SideTooLong,
        DevelopError::Timeout => FailureCode::Timeout,
        DevelopError::CorruptImage { .. } => FailureCode::CorruptImage,
        DevelopError::Internal { .. } => FailureCode::InternalError,
    };
    Failure::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_the_codes_of_the_engine() {
        let (width, height, limit) = (1, 1, 1);
        for error in [
            DevelopError::NotAnImage,
            DevelopError::UnsupportedFormat { format: "TIFF" },
            DevelopError::HeicNotSupported,
            DevelopError::TooManyPixels { width, height, limit },
            DevelopError::TooManyFrames { frames: 1, pixels: 1, limit },
            DevelopError::TooManyBytes { bytes: 1, limit },
            DevelopError::SideTooLong { width, height, limit: 1 },
            DevelopError::Timeout,
            DevelopError::CorruptImage { reason: String::new() },
            DevelopError::Internal { reason: String::new() },
        ] {
            assert_eq!(failure(&error).code.as_str(), error.code());
        }
    }
}
