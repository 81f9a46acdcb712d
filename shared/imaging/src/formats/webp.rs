//! WebP, decoded by libwebp. It reduces a still picture while it decodes, before it converts anything to RGB.

mod chunks;
mod strip;

use std::borrow::Cow;

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use image::metadata::Orientation;
use moxcms::ColorProfile;
use webpx::{AnimationDecoder, BitstreamFormat, ColorMode, DecoderConfig, Limits};

use super::whole::Look;
use crate::color;
use crate::decoded::{Decoded, Samples};
use crate::decoder::{DECODER_MEMORY, Decoder, Memory, Request, Sequence, incomplete};
use crate::error::DevelopError;
use crate::header::{Frames, Header, area, size_le};
use crate::size::Size;
use chunks::{Chunk, Chunks, content, declared_length, exif};

pub(crate) const WEBP: Decoder = Decoder {
    content_type: "image/webp",
    extension: "webp",
    recognizes: |bytes| matches!(bytes, [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..]),
    read_header,
    check_content,
    strip: strip::strip,
    exif: |bytes| exif(bytes).map(Cow::Borrowed),
    decode,
    animation: Some(animation),
};

/// The engine decodes a picture to this many times the wanted size. libwebp averages pixels, so the last step is left
/// to a better filter.
const OVERSAMPLING: u32 = 2;

/// libwebp reduces a picture only if each side becomes at most 1/2. For a smaller reduction, its own filter costs more
/// time than the missing pixels save.
const MIN_REDUCTION: u32 = 2;

/// The bytes for each pixel of a still picture at the peak: the result, the pixels of the lossless decoder, and the
/// alpha channel.
const STILL: u64 = 9;

/// The bytes that libwebp takes for each pixel to compose frames: two canvases, a frame with its planes, and a copy of the
/// canvas.
const COMPOSED: u64 = 20;

/// The bytes that libwebp keeps for each frame, besides its content.
const FRAME: u64 = 96;

fn read_header(bytes: &[u8]) -> Option<Header> {
    let first = Chunks::of_file(bytes).next()?;
    if first.kind != b"VP8X" {
        return frame_size(&first).map(Header::still);
    }
    let [_, _, _, _, a, b, c, d, e, f, ..] = *first.payload else { return None };
    let canvas = (side(a, b, c), side(d, e, f));
    let mut frames = Frames::default();
    let mut first = None;
    for chunk in Chunks::of_file(bytes) {
        let frame = if chunk.kind == b"ANMF" {
            let frame = frame_in(&chunk);
            frames.add(frame.unwrap_or_default());
            frame
        } else {
            frame_size(&chunk)
        };
        first = first.or(frame);
    }
    Some(Header::of_canvas(canvas, first, frames))
}

fn frame_size(chunk: &Chunk<'_>) -> Option<Size> {
    match chunk.kind {
        b"VP8 " => {
            let [_, _, _, 0x9d, 0x01, 0x2a, w1, w2, h1, h2, ..] = *chunk.payload else {
                return None;
            };
            let (width, height) = size_le([w1, w2], [h1, h2]);
            Some((width & 0x3fff, height & 0x3fff))
        }
        b"VP8L" => {
            let [0x2f, a, b, c, d, ..] = *chunk.payload else { return None };
            let bits = u32::from_le_bytes([a, b, c, d]);
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        _ => None,
    }
}

/// Checks that the file has its declared length and that every chunk is complete, before a decoder
/// allocates pixels.
fn check_content(bytes: &[u8]) -> Result<(), DevelopError> {
    let is_complete = declared_length(bytes).is_some_and(|length| length <= bytes.len())
        && Chunks::of_file(bytes).all(|chunk| chunk.is_complete);
    if is_complete { Ok(()) } else { Err(incomplete()) }
}

/// The size of the picture in a frame of an animation. libwebp uses it, and not the size that the frame declares
/// (`SetFrameInfo` in its demux.c).
fn frame_in(chunk: &Chunk<'_>) -> Option<Size> {
    Chunks { rest: chunk.payload.get(16..).unwrap_or_default() }
        .into_iter()
        .find_map(|chunk| frame_size(&chunk))
}

/// A width or height, which the file stores as one less.
fn side(a: u8, b: u8, c: u8) -> u32 {
    u32::from_le_bytes([a, b, c, 0]) + 1
}

fn decode(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    if request.header.frames.count == 0 { decode_still(request) } else { first_frame(request) }
}

/// Decodes the first frame of an animation. It can be smaller than the canvas.
fn first_frame(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    let frames_kept = FRAME * u64::from(request.header.frames.count);
    let decoding = composed(request) * area(request.header.size) + frames_kept + DECODER_MEMORY;
    request.reserve(&Memory { decoding, result: (request.header.size, 4) })?;
    let frame = frames(request)?.frames.next();
    frame
        .unwrap_or_else(|| Err(DevelopError::corrupt("an animation without a frame")))
        .map(|frame| frame.picture)
}

/// Decodes all frames.
fn animation<'a>(request: &Request<'a>) -> Result<Sequence<'a>, DevelopError> {
    request.reserve_animation(composed(request))?;
    frames(request)
}

/// The bytes for each pixel of the canvas while frames are composed on it. The decoder makes a copy of the file.
fn composed(request: &Request<'_>) -> u64 {
    COMPOSED + (request.bytes.len() as u64).div_ceil(area(request.header.size))
}

/// Decodes frame by frame, and composes them on the canvas.
fn frames<'a>(request: &Request<'a>) -> Result<Sequence<'a>, DevelopError> {
    let mut decoder =
        AnimationDecoder::with_options_limits(request.bytes, ColorMode::Rgba, false, &Limits::none())
            .map_err(DevelopError::corrupt)?;
    let look = Look { orientation: orientation(request.bytes), profile: profile(request.bytes) };
    let plays = decoder.info().loop_count;
    let frames = std::iter::from_fn(move || decoder.next_frame().transpose()).map(move |frame| {
        let frame = frame.map_err(DevelopError::corrupt)?;
        look.frame((frame.width, frame.height), frame.data, frame.duration_ms)
    });
    Ok(Sequence { plays, frames: Box::new(frames) })
}

fn orientation(bytes: &[u8]) -> Orientation {
    exif(bytes).and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

fn profile(bytes: &[u8]) -> Option<Box<ColorProfile>> {
    content(bytes, b"ICCP").and_then(color::profile)
}

fn decode_still(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    let bytes = request.bytes;
    let (orientation, profile) = (orientation(bytes), profile(bytes));

    let decoder = webpx::Decoder::new(bytes).map_err(DevelopError::corrupt)?;
    let info = decoder.info();
    let (full, is_lossy, has_alpha) =
        ((info.width, info.height), info.format == BitstreamFormat::Lossy, info.has_alpha);
    let (width, height) = request.wanted(orientation);
    let (width, height) = (width.saturating_mul(OVERSAMPLING), height.saturating_mul(OVERSAMPLING));
    // The header was checked against this crate's own limits.
    let config = DecoderConfig::new().limits(Limits::none());
    let is_reduced = width <= full.0 / MIN_REDUCTION && height <= full.1 / MIN_REDUCTION;
    // libwebp weights only the brightness by alpha while it reduces a picture, so colors of transparent pixels would
    // bleed.
    let is_reduced = is_lossy && !has_alpha && is_reduced;
    let (result, decoding) = if is_reduced {
        // The decoder makes a copy.
        (((width, height), 3), 2 * 3 * area((width, height)))
    } else {
        ((full, if has_alpha { 4 } else { 3 }), STILL * area(full))
    };
    request.reserve(&Memory { decoding, result })?;
    let pixels = if is_reduced {
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
    Ok(Decoded { pixels, samples: Samples::Light, full, covered, orientation, profile })
}
