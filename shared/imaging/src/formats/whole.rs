//! Decoding all pixels with the `image` crate.

use std::io::Cursor;

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageResult};

use crate::color;
use crate::decoded::Decoded;
use crate::decoder::{Memory, Request};
use crate::error::DevelopError;
use crate::header::{Header, area};

/// The memory that a decoder may allocate besides the pixels: for its tables, a profile, a compressed comment.
pub(crate) const DECODER_MEMORY: u64 = 32 << 20;

/// Makes a decoder of a file.
type Open<'a> = fn(Cursor<&'a [u8]>, image::Limits) -> ImageResult<Box<dyn ImageDecoder + 'a>>;

/// Decodes the first picture with the decoder that `open` makes from the file and the limits. `unusual` is the name of
/// files that this decoder does not support. `frame_bytes` is what the decoder takes for each pixel besides the result.
pub(crate) fn decode<'a>(
    request: &Request<'a>,
    unusual: &'static str,
    frame_bytes: u64,
    open: Open<'a>,
) -> Result<Decoded, DevelopError> {
    let rejected = |error| match error {
        ImageError::Unsupported(_) => DevelopError::UnsupportedFormat { format: unusual },
        error => DevelopError::corrupt(error),
    };
    let limits = decoder_limits(request);
    let mut decoder = open(Cursor::new(request.bytes), limits.clone()).map_err(rejected)?;
    decoder.set_limits(limits).map_err(rejected)?;

    // The decoder has read the header too. If it found other dimensions, they have to be within the limits too.
    let (width, height) = decoder.dimensions();
    Header { size: (width, height), ..request.header }.check(request.limits)?;
    let pixel_type = pixel_type(decoder.color_type())?;
    let bytes_per_pixel = pixel_type.size() as u64;
    let result = ((width, height), bytes_per_pixel);
    // The metadata that the decoder copies is a part of the file.
    let decoding = area((width, height)) * bytes_per_pixel + area(request.header.size) * frame_bytes;
    request.reserve(&Memory { decoding: decoding + request.bytes.len() as u64 + DECODER_MEMORY, result })?;
    // An invalid orientation means that the picture is upright. A profile that cannot be read is ignored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().unwrap_or_default();
    let profile = profile.and_then(|profile| color::profile(&profile));

    let mut pixels = Image::new(width, height, pixel_type);
    decoder.read_image_boxed(pixels.buffer_mut()).map_err(rejected)?;
    Ok(Decoded::whole(pixels, orientation, profile))
}

fn decoder_limits(request: &Request<'_>) -> image::Limits {
    let (width, height) = request.header.size;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(request.limits.max_side);
    limits.max_image_height = Some(request.limits.max_side);
    limits.max_alloc = Some(u64::from(width) * u64::from(height) * 8 + DECODER_MEMORY);
    limits
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
