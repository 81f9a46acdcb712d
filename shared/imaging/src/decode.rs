//! Bytes in, the pixels of the first picture out, as they are stored.

use std::io::Cursor;

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageResult};
use moxcms::ColorProfile;

use crate::header::Header;
use crate::{DevelopError, Format, Limits, avif, color, jpeg, webp};

/// Besides the pixels, what a decoder may take for its tables, a profile, a compressed comment.
const DECODER_MEMORY: u64 = 16 << 20;

/// A decoded picture in the pixel type it has, to be reduced before anything is converted.
pub(crate) struct Decoded {
    /// The pixels, fewer than the picture has where the decoder could reduce it.
    pub(crate) pixels: Image<'static>,
    pub(crate) source: Source,
    /// The width and height of the picture itself.
    pub(crate) full: (u32, u32),
    /// How much of `pixels` the picture covers, from the upper left: all, or all but a part of the
    /// last column and row.
    pub(crate) covered: (f64, f64),
    pub(crate) orientation: Orientation,
    /// What the colours mean, where it is not sRGB.
    pub(crate) profile: Option<Box<ColorProfile>>,
}

/// What the samples are of.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Source {
    /// Grey or RGB, with or without alpha.
    Light,
    /// Cyan, magenta, yellow and black; `inverted`, as Adobe writes them, with 255 for no ink.
    Ink { inverted: bool },
}

impl Decoded {
    /// A picture with all its pixels.
    pub(crate) fn whole(
        pixels: Image<'static>,
        orientation: Orientation,
        profile: Option<Box<ColorProfile>>,
    ) -> Self {
        let full = (pixels.width(), pixels.height());
        let covered = (full.0.into(), full.1.into());
        Self { pixels, source: Source::Light, full, covered, orientation, profile }
    }

    /// The dimensions of the picture when upright.
    pub(crate) fn upright(&self) -> (u32, u32) {
        turned(self.orientation, self.full)
    }
}

/// Width and height after turning upright, and before: the same step leads both ways.
pub(crate) fn turned(orientation: Orientation, (width, height): (u32, u32)) -> (u32, u32) {
    let is_on_its_side = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    if is_on_its_side { (height, width) } else { (width, height) }
}

/// Decodes the first picture of `bytes`, composed on its canvas. `largest` is the largest of the
/// sizes that will be made of it: the decoder may reduce the picture as long as it stays above that.
pub(crate) fn decode(
    bytes: &[u8],
    header: &Header,
    limits: &Limits,
    largest: u32,
) -> Result<Decoded, DevelopError> {
    let full = (header.width, header.height);
    let wanted = |orientation| {
        let (width, height) = turned(orientation, full);
        turned(orientation, crate::reduce::fit(width, height, largest))
    };
    match header.format {
        Format::Jpeg => jpeg::decode(bytes, wanted),
        Format::Avif => avif::decode(bytes, header, limits, wanted),
        Format::Webp if header.frames.count == 0 => webp::decode(bytes, wanted),
        _ => decode_whole(bytes, header, limits),
    }
}

fn decode_whole(bytes: &[u8], header: &Header, limits: &Limits) -> Result<Decoded, DevelopError> {
    let refused = |error| DevelopError::from_decoder(header.format, &error);
    let mut decoder = open(bytes, header, limits).map_err(refused)?;

    // The decoder has read the header too. Should it have understood something else, it is held
    // against the limits again.
    let (width, height) = decoder.dimensions();
    Header { width, height, ..*header }.check(limits)?;
    let pixel_type = pixel_type(decoder.color_type())?;
    // A damaged or absurd orientation is none, and a profile that cannot be read is none.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().unwrap_or_default();
    let profile = profile.and_then(|profile| color::profile(&profile));

    let mut pixels = Image::new(width, height, pixel_type);
    decoder.read_image_boxed(pixels.buffer_mut()).map_err(refused)?;
    Ok(Decoded::whole(pixels, orientation, profile))
}

fn open<'a>(bytes: &'a [u8], header: &Header, limits: &Limits) -> ImageResult<Box<dyn ImageDecoder + 'a>> {
    let mut allowed = image::Limits::default();
    allowed.max_image_width = Some(limits.max_side);
    allowed.max_image_height = Some(limits.max_side);
    allowed.max_alloc = Some(u64::from(header.width) * u64::from(header.height) * 8 + DECODER_MEMORY);

    let input = Cursor::new(bytes);
    let mut decoder: Box<dyn ImageDecoder> = match header.format {
        Format::Png => Box::new(PngDecoder::with_limits(input, allowed.clone())?),
        Format::Gif => Box::new(GifDecoder::new(input)?),
        Format::Webp | Format::Jpeg | Format::Avif => Box::new(WebPDecoder::new(input)?),
    };
    decoder.set_limits(allowed)?;
    Ok(decoder)
}

fn pixel_type(color: ColorType) -> Result<PixelType, DevelopError> {
    Ok(match color {
        ColorType::L8 => PixelType::U8,
        ColorType::La8 => PixelType::U8x2,
        ColorType::Rgb8 => PixelType::U8x3,
        ColorType::Rgba8 => PixelType::U8x4,
        ColorType::L16 => PixelType::U16,
        ColorType::La16 => PixelType::U16x2,
        ColorType::Rgb16 => PixelType::U16x3,
        ColorType::Rgba16 => PixelType::U16x4,
        other => return Err(DevelopError::internal(format!("no pixel type for {other:?}"))),
    })
}
