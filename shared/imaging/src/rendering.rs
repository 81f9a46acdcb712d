//! What can be made of a picture.

/// What [`render`](crate::render) makes of a picture. No picture is enlarged; only [`Fit::Pad`] adds a border.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rendering {
    /// The width of the area in pixels. If it is missing, the height decides.
    pub width: Option<u32>,
    /// The height of the area in pixels. If it is missing, the width decides.
    pub height: Option<u32>,
    /// How the picture fits the area. If a side of the area is missing, it is [`Fit::ScaleDown`].
    pub fit: Fit,
    /// What lies under transparent pixels and beside the picture. Without it, transparent pixels stay transparent (in JPEG
    /// they become white), and a border is transparent if the picture is, and otherwise white.
    pub background: Option<[u8; 3]>,
    /// The format.
    pub format: RenderFormat,
    /// The quality of JPEG, WebP and AVIF, from 1 to 100.
    pub quality: u8,
}

impl Default for Rendering {
    /// The whole picture in its own size, as JPEG or PNG, with the quality of thumbnails.
    fn default() -> Self {
        let format = RenderFormat::default();
        Self { width: None, height: None, fit: Fit::default(), background: None, format, quality: 80 }
    }
}

/// How a picture fits an area. `x` and `y` are the point of the upright picture that a crop keeps, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fit {
    /// The whole picture, as large as the area allows.
    #[default]
    ScaleDown,
    /// The largest part of the picture with the shape of the area.
    Cover {
        /// From the left to the right.
        x: f64,
        /// From the top to the bottom.
        y: f64,
    },
    /// As `Cover` if the picture is larger than the area. Otherwise the pixels stay as they are, and what is beyond the area
    /// is cut off.
    Crop {
        /// From the left to the right.
        x: f64,
        /// From the top to the bottom.
        y: f64,
    },
    /// The whole picture in the middle of a canvas with the size of the area.
    Pad,
}

/// A picture that [`render`](crate::render()) has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The media type of `bytes`.
    pub content_type: &'static str,
    /// The encoded picture, without metadata.
    pub bytes: Vec<u8>,
}

/// The format of a rendition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RenderFormat {
    /// PNG for a picture with transparency, JPEG for others.
    #[default]
    Auto,
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// AVIF, or WebP for pictures that are too large for AVIF.
    Avif,
}
