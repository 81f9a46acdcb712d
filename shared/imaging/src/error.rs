//! Why a picture could not be developed.

use crate::Format;

/// The reason recorded when a decoder panicked.
pub(crate) const PANICKED: &str = "a decoder panicked";

/// Why a picture could not be developed. The texts are meant for the person who sent it; what a
/// decoder said is only in the fields, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DevelopError {
    /// The content is no picture of any format known here.
    #[error("The file is not an image. Send a JPEG, PNG, WebP, AVIF or GIF.")]
    NotAnImage,
    /// The content is a picture, of a format that is not developed.
    #[error("{format} images are not supported. Send a JPEG, PNG, WebP, AVIF or GIF.")]
    UnsupportedFormat {
        /// What it is.
        format: &'static str,
    },
    /// The content is HEIC, which phones send.
    #[error("HEIC images are not supported. Send a JPEG; phones can export or share as JPEG.")]
    HeicNotSupported,
    /// There are more pixels than are allowed.
    #[error("The image has {width} x {height} pixels; at most {limit} pixels are allowed.")]
    TooManyPixels {
        /// The width that the file declares.
        width: u32,
        /// The height that the file declares.
        height: u32,
        /// The most pixels allowed.
        limit: u64,
    },
    /// The frames of an animation have more pixels together than are allowed.
    #[error("The image has {frames} frames with {pixels} pixels together; at most {limit} are allowed.")]
    TooManyFrames {
        /// The number of frames.
        frames: u32,
        /// The pixels that the file declares for all of them together.
        pixels: u64,
        /// The most pixels allowed.
        limit: u64,
    },
    /// The file is longer than is allowed.
    #[error("The image has {bytes} bytes; at most {limit} are allowed.")]
    TooManyBytes {
        /// The length of the file.
        bytes: u64,
        /// The most bytes allowed.
        limit: u64,
    },
    /// One side is longer than is allowed.
    #[error("The image is {width} x {height} pixels; no side may be longer than {limit}.")]
    SideTooLong {
        /// The width that the file declares.
        width: u32,
        /// The height that the file declares.
        height: u32,
        /// The longest side allowed.
        limit: u32,
    },
    /// Developing took longer than is allowed, or would.
    #[error("The image took too long to process.")]
    Timeout,
    /// The content begins as a picture and is damaged or cut off.
    #[error("The image is damaged or incomplete.")]
    CorruptImage {
        /// What the decoder said, for the log.
        reason: String,
    },
    /// The picture is good; this crate failed.
    #[error("The image could not be processed.")]
    Internal {
        /// What failed, for the log.
        reason: String,
    },
}

impl DevelopError {
    /// The stable name of the failure.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnImage => "not-an-image",
            Self::UnsupportedFormat { .. } => "unsupported-format",
            Self::HeicNotSupported => "heic-not-supported",
            Self::TooManyPixels { .. } | Self::TooManyFrames { .. } => "too-many-pixels",
            Self::TooManyBytes { .. } => "too-many-bytes",
            Self::Timeout => "timeout",
            Self::SideTooLong { .. } => "side-too-long",
            Self::CorruptImage { .. } => "corrupt-image",
            Self::Internal { .. } => "internal-error",
        }
    }

    pub(crate) fn corrupt(reason: impl ToString) -> Self {
        Self::CorruptImage { reason: reason.to_string() }
    }

    pub(crate) fn internal(reason: impl ToString) -> Self {
        Self::Internal { reason: reason.to_string() }
    }

    /// What a decoder's refusal means.
    pub(crate) fn from_decoder(format: Format, error: &image::ImageError) -> Self {
        match error {
            image::ImageError::Unsupported(_) => Self::UnsupportedFormat { format: format.unusual() },
            error => Self::corrupt(error),
        }
    }
}
