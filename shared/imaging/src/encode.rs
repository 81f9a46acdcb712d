//! From a reduced picture to the bytes of a thumbnail.
//!
//! The encoders receive only pixels, so a thumbnail contains no metadata.

use image::DynamicImage;
use png::{BitDepth, ColorType, Compression, Encoder};
use ravif::Img;
use turbojpeg::{Compressor, PixelFormat, Subsamp};
use webpx::{AnimationEncoder, EncoderConfig, Unstoppable};

use crate::error::DevelopError;
use crate::size::Size;

/// The quality of JPEG and WebP, on the scale of their libraries from 1 to 100. It is also sharp's default.
const QUALITY: u8 = 80;

/// The quality of AVIF on its encoder's own scale. It looks as good as [`QUALITY`] for the others.
const AVIF_QUALITY: f32 = 65.0;

/// The speed of the AVIF encoder, from 1 (thorough) to 10. At higher speeds, files grow and little time is saved.
const AVIF_SPEED: u8 = 8;

/// The longest side of icons and similar pictures, whose colors change from pixel to pixel.
const SMALL: usize = 128;

/// The media type of WebP.
const WEBP: &str = "image/webp";

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

impl Thumbnail {
    /// An animated thumbnail.
    pub(crate) fn animated(size: u32, (width, height): Size, bytes: Vec<u8>) -> Self {
        Self { size, width, height, content_type: WEBP, bytes }
    }
}

/// Encodes a picture as `output` says. A picture with transparency never becomes JPEG.
pub(crate) fn encode(size: u32, picture: &DynamicImage, output: Output) -> Result<Thumbnail, DevelopError> {
    let has_alpha = picture.color().has_alpha();
    let (content_type, bytes) = match output {
        Output::Auto if !has_alpha => ("image/jpeg", jpeg(picture, QUALITY).map_err(DevelopError::internal)?),
        Output::Auto | Output::Webp => (WEBP, webp(picture, QUALITY).map_err(DevelopError::internal)?),
        Output::Avif => {
            ("image/avif", avif(picture, AVIF_QUALITY, AVIF_SPEED).map_err(DevelopError::internal)?)
        }
    };
    let (width, height) = (picture.width(), picture.height());
    Ok(Thumbnail { size, width, height, content_type, bytes })
}

/// Encodes RGB. The color has half the resolution, except in pictures so small that this would be visible.
pub(crate) fn jpeg(picture: &DynamicImage, quality: u8) -> turbojpeg::Result<Vec<u8>> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut compressor = Compressor::new()?;
    compressor.set_quality(quality.into())?;
    let is_small = width.max(height) <= SMALL;
    compressor.set_subsamp(if is_small { Subsamp::None } else { Subsamp::Sub2x2 })?;
    compressor.set_optimize(true)?;
    let (pixels, format) = (picture.as_bytes(), PixelFormat::RGB);
    compressor.compress_to_vec(turbojpeg::Image { pixels, width, pitch: width * 3, height, format })
}

/// Encodes RGB, or RGBA with a lossless alpha channel.
pub(crate) fn webp(picture: &DynamicImage, quality: u8) -> webpx::Result<Vec<u8>> {
    let (width, height, pixels) = (picture.width(), picture.height(), picture.as_bytes());
    let config = EncoderConfig::new().quality(quality.into());
    if picture.color().has_alpha() {
        config.encode_rgba(pixels, width, height, Unstoppable)
    } else {
        config.encode_rgb(pixels, width, height, Unstoppable)
    }
}

/// Encodes RGB or RGBA.
pub(crate) fn avif(picture: &DynamicImage, quality: f32, speed: u8) -> Result<Vec<u8>, ravif::Error> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels = picture.as_bytes();
    let encoder = ravif::Encoder::new()
        .with_quality(quality)
        .with_alpha_quality(quality)
        .with_speed(speed)
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

/// Encodes an animation, frame by frame. Each frame is lossy or lossless, as is smaller.
pub(crate) struct AnimatedWebp(AnimationEncoder);

impl AnimatedWebp {
    /// Starts an animation that is shown so often, or without end if `plays` is 0.
    pub(crate) fn new((width, height): Size, plays: u32) -> Result<Self, DevelopError> {
        let plays = plays.min(u16::MAX.into());
        let mut encoder =
            AnimationEncoder::with_options(width, height, true, plays).map_err(DevelopError::internal)?;
        encoder.set_quality(QUALITY.into());
        Ok(Self(encoder))
    }

    /// Adds a frame that is shown from this time on, in milliseconds.
    pub(crate) fn add(&mut self, picture: &DynamicImage, time: u32) -> Result<(), DevelopError> {
        let (pixels, time) = (picture.as_bytes(), i32::try_from(time).map_err(DevelopError::internal)?);
        let added = if picture.color().has_alpha() {
            self.0.add_frame_rgba(pixels, time)
        } else {
            self.0.add_frame_rgb(pixels, time)
        };
        added.map_err(DevelopError::internal)
    }

    /// The file of an animation that ends at this time.
    pub(crate) fn finish(self, time: u32) -> Result<Vec<u8>, DevelopError> {
        let time = i32::try_from(time).map_err(DevelopError::internal)?;
        self.0.finish(time).map_err(DevelopError::internal)
    }
}

/// Encodes RGB or RGBA.
pub(crate) fn png(picture: &DynamicImage) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width(), picture.height());
    encoder.set_color(if picture.color().has_alpha() { ColorType::Rgba } else { ColorType::Rgb });
    encoder.set_depth(BitDepth::Eight);
    // `Balanced` takes three to ten times as long, and makes files of about the same size (docs/BENCHMARKS.md).
    encoder.set_compression(Compression::Fast);
    encoder.write_header()?.write_image_data(picture.as_bytes())?;
    Ok(file)
}
