//! Renditions: pictures that Darkroom makes from an original when a client asks for them.
//!
//! The parameters have the names and meanings of Cloudflare Images ("Optimization, Features", Cloudflare Images
//! documentation), with one difference: a picture is never enlarged.

mod color;
mod focal_point;
mod options;
mod parameters;

use serde::{Deserialize, Serialize};

pub use color::Color;
pub use focal_point::{FocalPoint, Fraction};
pub use options::RenditionOptions;
pub use parameters::{
    Dpr, Fit, Gravity, InvalidOption, Pixels, Quality, RenditionFormat, RequestedRendition,
};

use crate::{ObjectKey, derivatives_prefix};

/// What Darkroom makes from an original for a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rendition {
    /// A picture of another size, shape or format.
    Picture(RenditionOptions),
    /// The original without its metadata.
    StrippedOriginal,
}

impl Rendition {
    /// The greatest number of renditions of one picture.
    pub const MAX_PER_PICTURE: u32 = 100;

    /// The canonical form: 1 to 64 letters, digits, hyphens and dots, such as `w320-h240-cover-0.5x0.5-q80-webp` or
    /// `stripped`. Renditions that are the same whatever the picture is have the same form. A form never looks like the
    /// file name of a thumbnail, which begins with a digit.
    ///
    /// A `gravity` of `auto` counts as the centre, so apply the image's focal point before, with
    /// [`Rendition::with_focal_point`].
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::Picture(options) => options.canonical(),
            Self::StrippedOriginal => "stripped".to_owned(),
        }
    }

    /// Replaces a `gravity` of `auto` with the focal point of the image, if the image has one.
    #[must_use]
    pub fn with_focal_point(self, point: Option<FocalPoint>) -> Self {
        match self {
            Self::Picture(options) => Self::Picture(options.with_focal_point(point)),
            Self::StrippedOriginal => Self::StrippedOriginal,
        }
    }

    /// The key of the object in the bucket of derivatives: `<user>/<image>/<version>/<canonical form>`.
    #[must_use]
    pub fn key(&self, original: &ObjectKey) -> String {
        format!("{}{}", derivatives_prefix(original), self.canonical())
    }
}

/// A rendition that exists in the bucket of derivatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRendition {
    /// The key of the object.
    pub key: String,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The media type.
    pub content_type: String,
    /// The length in bytes.
    pub bytes: u64,
}
