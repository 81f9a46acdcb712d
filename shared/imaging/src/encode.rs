//! From a reduced picture to the bytes of a thumbnail.
//!
//! The encoders receive only pixels, so a thumbnail contains no metadata.

use image::DynamicImage;
use ravif::Img;
use turbojpeg::{Compressor, PixelFormat, Subsamp};
use webpx::{EncoderConfig, Unstoppable};

use crate::error::DevelopError;

/// The quality of JPEG and WebP, on the scale of their libraries from 1 to 100. It is also sharp's default.
const QUALITY: u8 = 80;

/// The quality of AVIF on its encoder's own scale. It looks as good as 80 for the others.
const AVIF_QUALITY: f32 = 65.0;

/// The speed of the AVIF encoder, from 1 (thorough) to 10. At higher speeds, files grow and little time is saved.
const AVIF_SPEED: u8 = 8;

/// The longest side of icons and similar pictures, whose colors change from pixel to pixel.
const SMALL: usize = 128;

/// The format of thumbnails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// JPEG for opaque pictures, WebP for pictures with transparency.
    #[default]
    Auto,
    /// WebP for all pictures.
    Webp,
    /// AVIF for all pictures: the smallest files, and a hundred times the work.
    Avif,
}

impl std::str::FromStr for Output {
    type Err = UnknownOutput;

    /// The value in a deployment's settings: `auto`, `webp` or `avif`.
    fn from_str(name: &str) -> Result<Self, UnknownOutput> {
        match name {
            "auto" => Ok(Self::Auto),
            "webp" => Ok(Self::Webp),
            "avif" => Ok(Self::Avif),
            _ => Err(UnknownOutput),
        }
    }
}

/// A name that is not that of an [`Output`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("thumbnails can be made as auto, webp or avif")]
pub struct UnknownOutput;

/// One reduced picture, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// The requested size: the maximum length of the longer side, in pixels.
    pub size: u32,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The media type of `bytes`.
    pub content_type: &'static str,
    /// The encoded picture, without metadata.
    pub bytes: Vec<u8>,
}

/// Encodes a picture as `output` says. A picture with transparency never becomes JPEG.
pub(crate) fn encode(size: u32, picture: &DynamicImage, output: Output) -> Result<Thumbnail, DevelopError> {
    let has_alpha = picture.color().has_alpha();
    let (content_type, bytes) = match output {
        Output::Auto if !has_alpha => ("image/jpeg", jpeg(picture).map_err(DevelopError::internal)?),
        Output::Auto | Output::Webp => ("image/webp", webp(picture).map_err(DevelopError::internal)?),
        Output::Avif => ("image/avif", avif(picture).map_err(DevelopError::internal)?),
    };
    let (width, height) = (picture.width(), picture.height());
    Ok(Thumbnail { size, width, height, content_type, bytes })
}

/// Encodes RGB. The color has half the resolution, except in pictures so small that this would be visible.
fn jpeg(picture: &DynamicImage) -> turbojpeg::Result<Vec<u8>> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut compressor = Compressor::new()?;
    compressor.set_quality(QUALITY.into())?;
    let is_small = width.max(height) <= SMALL;
    compressor.set_subsamp(if is_small { Subsamp::None } else { Subsamp::Sub2x2 })?;
    compressor.set_optimize(true)?;
    let (pixels, format) = (picture.as_bytes(), PixelFormat::RGB);
    compressor.compress_to_vec(turbojpeg::Image { pixels, width, pitch: width * 3, height, format })
}

/// Encodes RGB, or RGBA with a lossless alpha channel.
fn webp(picture: &DynamicImage) -> webpx::Result<Vec<u8>> {
    let (width, height, pixels) = (picture.width(), picture.height(), picture.as_bytes());
    let config = EncoderConfig::new().quality(QUALITY.into());
    if picture.color().has_alpha() {
        config.encode_rgba(pixels, width, height, Unstoppable)
    } else {
        config.encode_rgb(pixels, width, height, Unstoppable)
    }
}

/// Encodes RGB or RGBA.
fn avif(picture: &DynamicImage) -> Result<Vec<u8>, ravif::Error> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels = picture.as_bytes();
    let encoder = ravif::Encoder::new()
        .with_quality(AVIF_QUALITY)
        .with_alpha_quality(AVIF_QUALITY)
        .with_speed(AVIF_SPEED)
        .with_num_threads(Some(1));
    let encoded = if picture.color().has_alpha() {
        let pixels: Vec<_> =
            pixels.as_chunks().0.iter().map(|&[r, g, b, a]| ravif::RGBA8::new(r, g, b, a)).collect();
        encoder.encode_rgba(Img::new(&pixels, width, height))?
    } else {
        let pixels: Vec<_> =
            pixels.as_chunks().0.iter().map(|&[r, g, b]| ravif::RGB8::new(r, g, b)).collect();
        encoder.encode_rgb(Img::new(&pixels, width, height))?
    };
    Ok(encoded.avif_file)
}
