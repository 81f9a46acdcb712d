//! WebP, through libwebp. It reduces while it decodes, before anything is converted to RGB.
//!
//! Animations are not read here: their first frame is composed on a canvas.

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use image::metadata::Orientation;
use webpx::{BitstreamFormat, Decoder, DecoderConfig, EncoderConfig, Limits, Unstoppable};

use crate::decode::{Decoded, Source};
use crate::{DevelopError, color, header};

/// A picture is decoded to this many times the size that is wanted. libwebp averages, so the last
/// step is left to a better filter.
const OVERSAMPLING: u32 = 2;

/// It is reduced while it is decoded only where that halves it at least: libwebp's own filter costs more than
/// all the pixels that a smaller step saves.
const WORTHWHILE: u32 = 2;

/// Decodes a still picture, reduced where it is much larger than `wanted`, as it is stored.
pub(crate) fn decode(
    bytes: &[u8],
    wanted: impl Fn(Orientation) -> (u32, u32),
) -> Result<Decoded, DevelopError> {
    let exif = header::webp_chunk(bytes, b"EXIF");
    let orientation =
        exif.and_then(|exif| Orientation::from_exif_chunk(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)));
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    let profile = header::webp_chunk(bytes, b"ICCP").and_then(color::profile);

    let decoder = Decoder::new(bytes).map_err(DevelopError::corrupt)?;
    let info = decoder.info();
    let (full, is_lossy, has_alpha) =
        ((info.width, info.height), info.format == BitstreamFormat::Lossy, info.has_alpha);
    let (width, height) = wanted(orientation);
    let (width, height) = (width.saturating_mul(OVERSAMPLING), height.saturating_mul(OVERSAMPLING));
    // The header was held against this crate's own limits.
    let config = DecoderConfig::new().limits(Limits::none());
    // With alpha, libwebp weights only the brightness by it while it reduces; the colours would bleed.
    let pixels = if is_lossy && !has_alpha && width <= full.0 / WORTHWHILE && height <= full.1 / WORTHWHILE {
        let decoder = decoder.config(config.scale(width, height));
        let (rgb, width, height) = decoder.decode_rgb_raw().map_err(DevelopError::corrupt)?;
        Image::from_vec_u8(width, height, rgb, PixelType::U8x3).map_err(DevelopError::internal)?
    } else {
        let (pixel_type, stride) =
            if has_alpha { (PixelType::U8x4, full.0 * 4) } else { (PixelType::U8x3, full.0 * 3) };
        let mut pixels = Image::new(full.0, full.1, pixel_type);
        let decoder = decoder.config(config);
        let outcome = if has_alpha {
            decoder.decode_rgba_into(pixels.buffer_mut(), stride)
        } else {
            decoder.decode_rgb_into(pixels.buffer_mut(), stride)
        };
        outcome.map_err(DevelopError::corrupt)?;
        pixels
    };
    let covered = (pixels.width().into(), pixels.height().into());
    Ok(Decoded { pixels, source: Source::Light, full, covered, orientation, profile })
}

/// Encodes RGB, or RGBA where there is transparency; its edges stay as sharp as they are.
pub(crate) fn encode(
    pixels: &[u8],
    width: u32,
    height: u32,
    has_alpha: bool,
    quality: u8,
) -> webpx::Result<Vec<u8>> {
    let config = EncoderConfig::new().quality(quality.into());
    if has_alpha {
        config.encode_rgba(pixels, width, height, Unstoppable)
    } else {
        config.encode_rgb(pixels, width, height, Unstoppable)
    }
}
