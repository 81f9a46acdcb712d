//! GIF, decoded by the `image` crate.

use image::codecs::gif::GifDecoder;

use super::whole;
use crate::decoded::Decoded;
use crate::decoder::{Decoder, Request, no_check};
use crate::error::DevelopError;
use crate::header::{Frames, Header, size_le};
use crate::size::Size;

pub(crate) const GIF: Decoder = Decoder {
    content_type: "image/gif",
    extension: "gif",
    recognizes: |bytes| bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a"),
    read_header,
    check_content: no_check,
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

fn decode(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    whole::decode(request, UNUSUAL, FRAME, |file, _limits| Ok(Box::new(GifDecoder::new(file)?)))
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
