//! PNG, decoded by the `image` crate, or row by row if the end of the file is missing.

mod chunks;
mod rows;
mod strip;

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::metadata::LoopCount;
use image::{AnimationDecoder, ImageDecoder};

use super::whole::{self, Look};
use crate::decoded::Decoded;
use crate::decoder::{DECODER_MEMORY, Decoder, Request, Sequence};
use crate::error::DevelopError;
use crate::header::{Frames, Header};
use crate::size::Size;
use chunks::{chunks, exif};

pub(crate) const PNG: Decoder = Decoder {
    content_type: "image/png",
    extension: "png",
    recognizes: |bytes| bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
    read_header,
    check_content,
    exif,
    strip: strip::strip,
    decode,
    animation: Some(animation),
};

/// The name, in errors, of files that the decoder does not support.
const UNUSUAL: &str = "PNG (of this unusual kind)";

/// The bytes that the decoder of an animation takes for each pixel: the canvas, the canvas before, a frame as it is stored
/// and in RGBA, and the composed picture.
const ANIMATION: u64 = 20;

fn read_header(bytes: &[u8]) -> Option<Header> {
    if bytes.get(12..16)? != b"IHDR" {
        return None;
    }
    let size = size_be(bytes.get(16..)?)?;
    let mut frames = Frames::default();
    for (_, chunk) in chunks(bytes) {
        if let Some(control) = chunk.strip_prefix(b"fcTL") {
            frames.add(control.get(4..).and_then(size_be).unwrap_or_default());
        }
    }
    Some(Header { frames, ..Header::still(size) })
}

/// Checks that a palette, if the picture uses one, is a list of at most 256 colors of three bytes, as PNG demands. The
/// decoder relies on it.
fn check_content(bytes: &[u8]) -> Result<(), DevelopError> {
    const INDEXED: u8 = 3;
    let is_valid = |(length, _): (usize, _)| length.is_multiple_of(3) && length <= 3 * 256;
    if bytes.get(25) != Some(&INDEXED)
        || chunks(bytes).find(|(_, chunk)| chunk.starts_with(b"PLTE")).is_none_or(is_valid)
    {
        return Ok(());
    }
    Err(DevelopError::corrupt("the palette is no list of colours"))
}

fn decode(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    if !chunks(request.bytes).any(|(_, chunk)| chunk.starts_with(b"IEND")) {
        return rows::decode(request, UNUSUAL);
    }
    whole::decode(request, UNUSUAL, 0, |file, mut limits| {
        // This decoder does not count its pixels. The limit is for what it decompresses besides them.
        limits.max_alloc = Some(DECODER_MEMORY);
        Ok(Box::new(PngDecoder::with_limits(file, limits)?))
    })
}

/// Decodes all frames of 8 bits, and composes them on the canvas.
fn animation<'a>(request: &Request<'a>) -> Result<Sequence<'a>, DevelopError> {
    request.reserve_animation(ANIMATION)?;
    let mut limits = whole::decoder_limits(request, ANIMATION);
    let composing = limits.clone();
    limits.max_alloc = Some(DECODER_MEMORY);
    let file = Cursor::new(request.bytes);
    let mut decoder = PngDecoder::with_limits(file, limits).map_err(DevelopError::corrupt)?;
    decoder.set_limits(composing).map_err(DevelopError::corrupt)?;
    let look = Look::of(&mut decoder);
    let decoder = decoder.apng().map_err(DevelopError::corrupt)?;
    let plays = match decoder.loop_count() {
        LoopCount::Infinite => 0,
        LoopCount::Finite(plays) => plays.get(),
    };
    Ok(whole::sequence(plays, decoder.into_frames(), look))
}

fn size_be(bytes: &[u8]) -> Option<Size> {
    let (width, rest) = bytes.split_first_chunk()?;
    let (height, _) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}
