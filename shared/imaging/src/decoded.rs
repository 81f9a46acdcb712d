//! A decoded picture.

use fast_image_resize::images::Image;
use image::metadata::Orientation;
use moxcms::ColorProfile;

use crate::size::{Size, oriented};

/// A decoded picture in the decoder's own pixel type. Conversions happen later, after the picture is reduced.
pub(crate) struct Decoded {
    /// The pixels. There are fewer than the picture has if the decoder reduced it.
    pub(crate) pixels: Image<'static>,
    pub(crate) samples: Samples,
    /// The size of the picture itself, as stored.
    pub(crate) full: Size,
    /// The part of `pixels` that the picture covers, from the upper left corner: all of them, or all but a part of the
    /// last column and row.
    pub(crate) covered: (f64, f64),
    pub(crate) orientation: Orientation,
    /// The color profile, if it is not sRGB.
    pub(crate) profile: Option<Box<ColorProfile>>,
}

/// What the samples of a picture measure.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Samples {
    /// Light: grey or RGB, with or without alpha.
    Light,
    /// Ink: cyan, magenta, yellow and black. Adobe writes them `inverted`: 255 means no ink.
    Ink { inverted: bool },
}

impl Decoded {
    /// A picture that was decoded with all its pixels.
    pub(crate) fn whole(
        pixels: Image<'static>,
        orientation: Orientation,
        profile: Option<Box<ColorProfile>>,
    ) -> Self {
        let full = (pixels.width(), pixels.height());
        let covered = (full.0.into(), full.1.into());
        Self { pixels, samples: Samples::Light, full, covered, orientation, profile }
    }

    /// The size of the upright picture.
    pub(crate) fn upright(&self) -> Size {
        oriented(self.orientation, self.full)
    }
}
