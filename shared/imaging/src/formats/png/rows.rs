//! Decodes a PNG whose end is missing. All rows have to be there: then browsers show the whole picture.

use std::io::Cursor;

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use image::metadata::Orientation;
use png::{BitDepth, ColorType, Decoder, InterlaceInfo, Limits, Transformations, expand_interlaced_row};

use crate::color;
use crate::decoded::Decoded;
use crate::decoder::{DECODER_MEMORY, Memory, Request, incomplete};
use crate::error::DevelopError;
use crate::header::{Header, area};

/// `unusual` is the name of files that the decoder does not support.
pub(crate) fn decode(request: &Request<'_>, unusual: &'static str) -> Result<Decoded, DevelopError> {
    let limits = Limits { bytes: DECODER_MEMORY as usize };
    let mut decoder = Decoder::new_with_limits(Cursor::new(request.bytes), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(DevelopError::corrupt)?;
    let (width, height) = reader.info().size();
    Header { size: (width, height), ..request.header }.check(request.limits)?;
    let (color, depth) = reader.output_color_type();
    let pixel_type = match (color, depth) {
        (ColorType::Grayscale, BitDepth::Eight) => PixelType::U8,
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => PixelType::U8x2,
        (ColorType::Rgb, BitDepth::Eight) => PixelType::U8x3,
        (ColorType::Rgba, BitDepth::Eight) => PixelType::U8x4,
        (ColorType::Grayscale, BitDepth::Sixteen) => PixelType::U16,
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => PixelType::U16x2,
        (ColorType::Rgb, BitDepth::Sixteen) => PixelType::U16x3,
        (ColorType::Rgba, BitDepth::Sixteen) => PixelType::U16x4,
        _ => return Err(DevelopError::UnsupportedFormat { format: unusual }),
    };
    let bytes_per_pixel = pixel_type.size();
    let result = ((width, height), bytes_per_pixel as u64);
    let decoding =
        area((width, height)) * bytes_per_pixel as u64 + request.bytes.len() as u64 + DECODER_MEMORY;
    request.reserve(&Memory { decoding, result })?;
    let profile = reader.info().icc_profile.as_deref().and_then(color::profile);
    let exif = reader.info().exif_metadata.as_deref();
    let orientation = exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);

    let mut pixels = Image::new(width, height, pixel_type);
    let stride = width as usize * bytes_per_pixel;
    let buffer = pixels.buffer_mut();
    let count = if reader.info().interlaced { interlaced_rows(width, height) } else { height };
    for number in 0..count as usize {
        let row = reader.next_interlaced_row().map_err(DevelopError::corrupt)?.ok_or_else(incomplete)?;
        match row.interlace() {
            InterlaceInfo::Adam7(pass) => {
                expand_interlaced_row(buffer, stride, row.data(), pass, bytes_per_pixel as u8 * 8);
            }
            InterlaceInfo::Null(_) => {
                let to = buffer.get_mut(number * stride..(number + 1) * stride).unwrap_or_default();
                to.copy_from_slice(row.data().get(..to.len()).ok_or_else(incomplete)?);
            }
        }
    }
    if depth == BitDepth::Sixteen {
        // PNG stores the higher byte first.
        for sample in buffer.as_chunks_mut().0 {
            *sample = u16::from_be_bytes(*sample).to_ne_bytes();
        }
    }
    Ok(Decoded::whole(pixels, orientation, profile))
}

/// The number of rows in all seven passes of Adam7. A pass without columns has no rows.
fn interlaced_rows(width: u32, height: u32) -> u32 {
    /// The first column and the first row of each pass, and the distance to the next row.
    const PASSES: [[u32; 3]; 7] =
        [[0, 0, 8], [4, 0, 8], [0, 4, 8], [2, 0, 4], [0, 2, 4], [1, 0, 2], [0, 1, 2]];
    let passes = PASSES.iter().filter(|&&[left, ..]| left < width);
    passes.map(|&[_, top, down]| height.saturating_sub(top).div_ceil(down)).sum()
}
