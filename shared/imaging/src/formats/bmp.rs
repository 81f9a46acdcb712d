//! BMP, decoded by the `image` crate.

use image::codecs::bmp::BmpDecoder;

use super::whole;
use crate::decoded::Decoded;
use crate::decoder::{Decoder, Request, no_check, no_exif};
use crate::error::DevelopError;
use crate::header::{Header, size_le};

pub(crate) const BMP: Decoder = Decoder {
    content_type: "image/bmp",
    extension: "bmp",
    recognizes,
    read_header,
    check_content: no_check,
    exif: no_exif,
    strip: |bytes| Some(bytes.to_vec()),
    decode,
    animation: None,
};

/// The name, in errors, of files that the decoder does not support.
const UNUSUAL: &str = "BMP (of this unusual kind)";

/// The lengths of the header after that of the file: of OS/2, and of all versions of Windows.
const HEADERS: [u32; 8] = [12, 16, 40, 52, 56, 64, 108, 124];

/// Whether the file starts with the two letters of the format, and has a header of a known length. Two letters alone
/// could be any text.
fn recognizes(bytes: &[u8]) -> bool {
    bytes.starts_with(b"BM") && header(bytes).is_some_and(|(length, _)| HEADERS.contains(&length))
}

/// The length of the header, and what follows that length.
fn header(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (length, rest) = bytes.get(14..)?.split_first_chunk()?;
    Some((u32::from_le_bytes(*length), rest))
}

fn read_header(bytes: &[u8]) -> Option<Header> {
    Some(Header::still(match header(bytes)? {
        (12, [w1, w2, h1, h2, ..]) => size_le([*w1, *w2], [*h1, *h2]),
        (_, [w1, w2, w3, w4, h1, h2, h3, h4, ..]) => {
            let [width, height] = [[*w1, *w2, *w3, *w4], [*h1, *h2, *h3, *h4]].map(i32::from_le_bytes);
            // A negative height means that the first row is the upper one.
            (u32::try_from(width).ok()?, height.unsigned_abs())
        }
        _ => return None,
    }))
}

fn decode(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    whole::decode(request, UNUSUAL, 0, |file, _limits| Ok(Box::new(BmpDecoder::new(file)?)))
}
