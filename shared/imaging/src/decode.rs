//! Bytes in, the pixels of the first picture out, as they are stored.

use std::io::Cursor;

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use image::codecs::{gif::GifDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageResult};

use crate::header::Header;
use crate::{DevelopError, Format, Limits};

/// Besides the pixels, what a decoder may take for its tables, a profile, a compressed comment.
const DECODER_MEMORY: u64 = 16 << 20;

/// A decoded picture in the pixel type it has, to be reduced before anything is converted.
pub(crate) struct Decoded {
    pub(crate) pixels: Image<'static>,
    pub(crate) orientation: Orientation,
}

/// Decodes the first picture of `bytes`, composed on its canvas.
pub(crate) fn decode(bytes: &[u8], header: &Header, limits: &Limits) -> Result<Decoded, DevelopError> {
    let refused = |error| DevelopError::from_decoder(header.format, &error);
    let mut decoder = open(bytes, header, limits).map_err(refused)?;

    // The decoder has read the header too. Should it have understood something else, it is held
    // against the limits again.
    let (width, height) = decoder.dimensions();
    Header { format: header.format, width, height }.check(limits)?;
    let pixel_type = pixel_type(decoder.color_type())?;
    // A damaged or absurd orientation is none.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);

    let mut pixels = Image::new(width, height, pixel_type);
    decoder.read_image_boxed(pixels.buffer_mut()).map_err(refused)?;
    Ok(Decoded { pixels, orientation })
}

impl Decoded {
    /// Whether upright means that the sides change places.
    pub(crate) fn is_on_its_side(&self) -> bool {
        matches!(
            self.orientation,
            Orientation::Rotate90
                | Orientation::Rotate270
                | Orientation::Rotate90FlipH
                | Orientation::Rotate270FlipH
        )
    }

    /// The dimensions of the picture when upright.
    pub(crate) fn upright(&self) -> (u32, u32) {
        let (width, height) = (self.pixels.width(), self.pixels.height());
        if self.is_on_its_side() { (height, width) } else { (width, height) }
    }
}

fn open<'a>(bytes: &'a [u8], header: &Header, limits: &Limits) -> ImageResult<Box<dyn ImageDecoder + 'a>> {
    let mut allowed = image::Limits::default();
    allowed.max_image_width = Some(limits.max_side);
    allowed.max_image_height = Some(limits.max_side);
    allowed.max_alloc = Some(u64::from(header.width) * u64::from(header.height) * 8 + DECODER_MEMORY);

    let input = Cursor::new(bytes);
    let mut decoder: Box<dyn ImageDecoder> = match header.format {
        Format::Jpeg => Box::new(JpegDecoder::new(input)?),
        Format::Png => Box::new(PngDecoder::with_limits(input, allowed.clone())?),
        Format::Webp => Box::new(WebPDecoder::new(input)?),
        Format::Gif => Box::new(GifDecoder::new(input)?),
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
