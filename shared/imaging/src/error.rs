//! Why a picture could not be developed.

/// The reason recorded when a decoder panicked.
pub(crate) const PANICKED: &str = "a decoder panicked";

/// Why a picture could not be developed. The messages are for the person who sent it. The message of a decoder is only
/// in the fields, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DevelopError {
    /// The content has no known image format.
    #[error("The file is not an image. Send a JPEG, PNG, WebP, AVIF, GIF, HEIC, TIFF, BMP or JXL.")]
    NotAnImage,
    /// The content is a picture in a format that the engine does not decode.
    #[error("{format} images are not supported. Send a JPEG, PNG, WebP, AVIF, GIF, HEIC, TIFF, BMP or JXL.")]
    UnsupportedFormat {
        /// The name of the format.
        format: &'static str,
    },
    /// The content is HEIC or HEIF, the format of some phones, and [`Settings::heic`](crate::Settings) is off.
    #[error("HEIC images are not supported here. Send a JPEG; phones can export or share as JPEG.")]
    HeicNotSupported,
    /// The picture has too many pixels.
    #[error("The image has {width} x {height} pixels; at most {limit} pixels are allowed.")]
    TooManyPixels {
        /// The width that the file declares.
        width: u32,
        /// The height that the file declares.
        height: u32,
        /// The maximum number of pixels.
        limit: u64,
    },
    /// The frames of an animation, or the tiles and hidden frames of a picture, have too many pixels together.
    #[error(
        "The image has {frames} frames or tiles with {pixels} pixels together; at most {limit} are allowed."
    )]
    TooManyFrames {
        /// The number of frames.
        frames: u32,
        /// The pixels that the file declares for all of them together.
        pixels: u64,
        /// The maximum number of pixels.
        limit: u64,
    },
    /// The file is too long.
    #[error("The image has {bytes} bytes; at most {limit} are allowed.")]
    TooManyBytes {
        /// The length of the file.
        bytes: u64,
        /// The maximum number of bytes.
        limit: u64,
    },
    /// One side is too long.
    #[error("The image is {width} x {height} pixels; no side may be longer than {limit}.")]
    SideTooLong {
        /// The width that the file declares.
        width: u32,
        /// The height that the file declares.
        height: u32,
        /// The maximum length of a side.
        limit: u32,
    },
    /// The work took too long, or would take too long.
    #[error("The image took too long to process.")]
    Timeout,
    /// The content starts like a picture, but is damaged or incomplete.
    #[error("The image is damaged or incomplete.")]
    CorruptImage {
        /// The message of the decoder, for the log.
        reason: String,
    },
    /// This crate failed, although the picture may be good.
    #[error("The image could not be processed.")]
    Internal {
        /// What failed, for the log.
        reason: String,
    },
}

impl DevelopError {
    /// The stable code of the error.
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
}
