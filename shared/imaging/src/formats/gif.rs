//! GIF, decoded by the `image` crate.

use image::codecs::gif::GifDecoder;

use super::whole;
use crate::decoded::Decoded;
use crate::decoder::{Decoder, Request, incomplete, no_check, no_exif};
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
};

/// The name, in errors, of files that the decoder does not support.
const UNUSUAL: &str = "GIF (of this unusual kind)";

/// The bytes that the decoder takes for each pixel besides the result, if the first frame is not as wide as its canvas.
const FRAME: u64 = 4;

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
    let start = 13 + palette_length(*bytes.get(10)?);
    let mut stripped = bytes.get(..start)?.to_vec();
    let mut rest = bytes.get(start..)?;
    loop {
        let after = match rest {
            [0x2c, _, _, _, _, _, _, _, _, flags, data @ ..] => {
                after_blocks(data.get(palette_length(*flags) + 1..)?)?
            }
            [0x21, _label, blocks @ ..] => after_blocks(blocks)?,
            // Some encoders end a block twice.
            [0, after @ ..] => after,
            _ => {
                stripped.push(0x3b);
                return Some(stripped);
            }
        };
        let block = rest.get(..rest.len() - after.len())?;
        if block.first() == Some(&0x2c) || NEEDED.iter().any(|start| block.starts_with(start)) {
            stripped.extend_from_slice(block);
        }
        rest = after;
    }
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
