//! Decoding all pixels with the `image` crate.

use std::io::Cursor;

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use image::metadata::Orientation;
use image::{ColorType, Frames, ImageDecoder, ImageError, ImageResult};
use moxcms::ColorProfile;

use crate::color;
use crate::decoded::Decoded;
use crate::decoder::{DECODER_MEMORY, Frame, Memory, Request, Sequence};
use crate::error::DevelopError;
use crate::header::{Header, area};
use crate::size::Size;

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
    let limits = decoder_limits(request, MAX_SAMPLES);
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
    let Look { orientation, profile } = Look::of(&mut decoder);

    let mut pixels = Image::new(width, height, pixel_type);
    decoder.read_image_boxed(pixels.buffer_mut()).map_err(rejected)?;
    Ok(Decoded::whole(pixels, orientation, profile))
}

/// The largest number of bytes of a pixel: four samples of 16 bits.
const MAX_SAMPLES: u64 = 8;

/// Limits for a decoder that takes so many bytes for each pixel.
pub(crate) fn decoder_limits(request: &Request<'_>, bytes_per_pixel: u64) -> image::Limits {
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(request.limits.max_side);
    limits.max_image_height = Some(request.limits.max_side);
    limits.max_alloc = Some(area(request.header.size) * bytes_per_pixel + DECODER_MEMORY);
    limits
}

/// The frames of an animation, which the `image` crate composes.
pub(crate) fn sequence<'a>(plays: u32, frames: Frames<'a>, look: Look) -> Sequence<'a> {
    let frames = frames.map(move |frame| {
        let frame = frame.map_err(DevelopError::corrupt)?;
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let canvas = frame.into_buffer();
        look.frame(canvas.dimensions(), canvas.into_raw(), numerator.checked_div(denominator).unwrap_or(0))
    });
    Sequence { plays, frames: Box::new(frames) }
}

/// What applies to all frames of an animation.
pub(crate) struct Look {
    pub(crate) orientation: Orientation,
    pub(crate) profile: Option<Box<ColorProfile>>,
}

impl Look {
    /// Reads it with a decoder. An invalid orientation means that the picture is upright. A profile that cannot be read
    /// is ignored.
    pub(crate) fn of(decoder: &mut impl ImageDecoder) -> Self {
        let profile = decoder.icc_profile().unwrap_or_default();
        Self {
            orientation: decoder.orientation().unwrap_or(Orientation::NoTransforms),
            profile: profile.and_then(|profile| color::profile(&profile)),
        }
    }

    /// A frame of so many RGBA pixels, shown for so many milliseconds.
    pub(crate) fn frame(
        &self,
        (width, height): Size,
        rgba: Vec<u8>,
        delay: u32,
    ) -> Result<Frame, DevelopError> {
        let pixels =
            Image::from_vec_u8(width, height, rgba, PixelType::U8x4).map_err(DevelopError::internal)?;
        Ok(Frame { picture: Decoded::whole(pixels, self.orientation, self.profile.clone()), delay })
    }
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
