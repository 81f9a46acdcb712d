//! GIF, decoded by the `image` crate.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, ImageDecoder};

use super::whole::{self, Look};
use crate::decoded::Decoded;
use crate::decoder::{Decoder, Request, Sequence, incomplete, no_check, no_exif};
use crate::error::DevelopError;
use crate::header::{Frames, Header, size_le};
use crate::size::Size;

pub(crate) const GIF: Decoder = Decoder {
    content_type: "image/gif",
    extension: "gif",
    recognizes: |bytes| bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a"),
    read_header,
    check_content: no_check,
    exif: no_exif,
    strip,
    decode,
    animation: Some(animation),
};

/// The name, in errors, of files that the decoder does not support.
const UNUSUAL: &str = "GIF (of this unusual kind)";

/// The bytes that the decoder takes for each pixel besides the result, if the first frame is not as wide as its canvas.
const FRAME: u64 = 4;

/// The bytes that the decoder of an animation takes for each pixel: the canvas, a frame, and the composed picture.
const ANIMATION: u64 = 12;

fn read_header(bytes: &[u8]) -> Option<Header> {
    let [w1, w2, h1, h2, flags, _, _, rest @ ..] = bytes.get(6..)? else { return None };
    let canvas = size_le([*w1, *w2], [*h1, *h2]);
    let mut frames = Frames::default();
    let mut first = None;
    for frame in FrameSizes::new(*flags, rest) {
        first = first.or(Some(frame));
        frames.add(frame);
    }
    Some(Header::of_canvas(canvas, first, frames))
}

/// Copies the frames, and of the extensions those that control the animation and the colors.
fn strip(bytes: &[u8]) -> Option<Vec<u8>> {
    /// Delays and transparent colors, repetitions (by two names), and the profile.
    const NEEDED: [&[u8]; 4] =
        [b"\x21\xf9", b"\x21\xff\x0bNETSCAPE2.0", b"\x21\xff\x0bANIMEXTS1.0", b"\x21\xff\x0bICCRGBG1012"];
    let (head, blocks) = blocks(bytes)?;
    let mut stripped = head.to_vec();
    for block in blocks {
        let block = block?;
        if block.first() == Some(&0x2c) || NEEDED.iter().any(|start| block.starts_with(start)) {
            stripped.extend_from_slice(block);
        }
    }
    stripped.push(0x3b);
    Some(stripped)
}

/// Decodes all frames, and composes them on the canvas.
fn animation<'a>(request: &Request<'a>) -> Result<Sequence<'a>, DevelopError> {
    request.reserve_animation(ANIMATION)?;
    let mut decoder = GifDecoder::new(Cursor::new(request.bytes)).map_err(DevelopError::corrupt)?;
    decoder.set_limits(whole::decoder_limits(request, ANIMATION)).map_err(DevelopError::corrupt)?;
    let look = Look::of(&mut decoder);
    Ok(whole::sequence(plays(request.bytes).unwrap_or(1), decoder.into_frames(), look))
}

/// How often the animation is shown: 0 means without end. The file has the number of repetitions, as all browsers read
/// it. The result is `None` if it has none.
fn plays(bytes: &[u8]) -> Option<u32> {
    const NAMES: [&[u8]; 2] = [b"\x21\xff\x0bNETSCAPE2.0", b"\x21\xff\x0bANIMEXTS1.0"];
    let (_, blocks) = blocks(bytes)?;
    blocks.flatten().find_map(|block| {
        let [3, 1, low, high, ..] = NAMES.iter().find_map(|name| block.strip_prefix(*name))? else {
            return None;
        };
        let repetitions = u32::from(u16::from_le_bytes([*low, *high]));
        Some(if repetitions == 0 { 0 } else { repetitions + 1 })
    })
}

/// What precedes the blocks of a file, and its frames and extensions in their order. The last block is `None` if it is
/// damaged.
fn blocks(bytes: &[u8]) -> Option<(&[u8], impl Iterator<Item = Option<&[u8]>>)> {
    let (head, mut rest) = bytes.split_at_checked(13 + palette_length(*bytes.get(10)?))?;
    let blocks = std::iter::from_fn(move || {
        // Some encoders end a block twice.
        while let [0, after @ ..] = rest {
            rest = after;
        }
        let data = match rest {
            [0x2c, _, _, _, _, _, _, _, _, flags, data @ ..] => data.get(palette_length(*flags) + 1..),
            [0x21, _label, blocks @ ..] => Some(blocks),
            _ => return None,
        };
        let after = data.and_then(after_blocks);
        let block = after.and_then(|after| rest.get(..rest.len() - after.len()));
        rest = after.unwrap_or_default();
        Some(block)
    });
    Some((head, blocks))
}

/// Decodes the first picture. What else is in the file has no effect, also if it is damaged.
fn decode(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    let file = first_picture(request.bytes).ok_or_else(incomplete)?;
    let request = &Request { bytes: &file, ..*request };
    whole::decode(request, UNUSUAL, FRAME, |file, _limits| Ok(Box::new(GifDecoder::new(file)?)))
}

/// A copy of the file with nothing but the first picture: the palettes, the transparent color, the profile and the
/// pixels. It gets a palette of black and white if it has none. The result is `None` if the file ends before the pixels.
fn first_picture(bytes: &[u8]) -> Option<Vec<u8>> {
    /// Extensions with a transparent color, and with a profile.
    const CONTROL: &[u8] = &[0x21, 0xf9, 4];
    const PROFILE: &[u8] = b"\x21\xff\x0bICCRGBG1012";
    const HAS_PALETTE: u8 = 0x80;
    const DESCRIPTOR: usize = 10;
    let flags = *bytes.get(10)?;
    let (mut profile, mut control) = (&[][..], &[][..]);
    let mut rest = bytes.get(13 + palette_length(flags)..)?;
    loop {
        match rest {
            [0x2c, _, _, _, _, _, _, _, _, own_flags, ..] => {
                let pixels = rest.get(DESCRIPTOR + palette_length(*own_flags) + 1..)?;
                // Without an end, all pixels may still be there. The decoder knows.
                let after = after_blocks(pixels);
                let end: &[u8] = if after.is_some() { b";" } else { b"" };
                let length = rest.len() - after.unwrap_or_default().len();
                let mut file = bytes.get(..13 + palette_length(flags))?.to_vec();
                if (flags | own_flags) & HAS_PALETTE == 0 {
                    *file.get_mut(10)? |= HAS_PALETTE | 7;
                    file.extend([[0; 3], [u8::MAX; 3]].concat());
                    file.resize(13 + 3 * 256, 0);
                }
                return Some([&file, profile, control, rest.get(..length)?, end].concat());
            }
            [0x21, _label, blocks @ ..] => {
                let after = after_blocks(blocks)?;
                let extension = rest.get(..rest.len() - after.len())?;
                if extension.starts_with(CONTROL) && extension.len() == CONTROL.len() + 5 {
                    control = extension;
                } else if extension.starts_with(PROFILE) {
                    profile = extension;
                }
                rest = after;
            }
            // Some encoders end a block twice.
            [0, after @ ..] => rest = after,
            _ => return None,
        }
    }
}

/// An iterator over the sizes of the frames, in the order of the file.
struct FrameSizes<'a> {
    rest: &'a [u8],
}

impl<'a> FrameSizes<'a> {
    fn new(flags: u8, bytes: &'a [u8]) -> Self {
        Self { rest: bytes.get(palette_length(flags)..).unwrap_or_default() }
    }
}

impl Iterator for FrameSizes<'_> {
    type Item = Size;

    fn next(&mut self) -> Option<Size> {
        loop {
            match self.rest {
                [0x2c, _, _, _, _, w1, w2, h1, h2, flags, data @ ..] => {
                    // The palette, the code size and the pixels follow. An incomplete frame counts too.
                    let pixels = data.get(palette_length(*flags) + 1..).unwrap_or_default();
                    self.rest = after_blocks(pixels).unwrap_or_default();
                    return Some(size_le([*w1, *w2], [*h1, *h2]));
                }
                [0x21, _label, blocks @ ..] => self.rest = after_blocks(blocks)?,
                [0, after @ ..] => self.rest = after,
                _ => return None,
            }
        }
    }
}

fn palette_length(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// What follows a sequence of data blocks. An empty block ends the sequence.
fn after_blocks(mut rest: &[u8]) -> Option<&[u8]> {
    while let Some((&length, after)) = rest.split_first() {
        rest = after.get(usize::from(length)..)?;
        if length == 0 {
            break;
        }
    }
    Some(rest)
}
