//! The container of JPEG XL (ISO/IEC 18181-2): boxes with the picture, and boxes with metadata.

use std::borrow::Cow;
use std::io::Read;

use ::jxl::api::{Event, JxlDecoder};

use super::control::{Input, NoWork, options};
use crate::formats::heif::{boxes, exif_block};

/// The start of a file without a container, and of one with it.
pub(crate) const CODESTREAM: &[u8] = b"\xff\x0a";
pub(crate) const CONTAINER: &[u8] = b"\0\0\0\x0cJXL \r\n\x87\n";

/// The boxes that a decoder needs: the start, the level, and the picture in one part or in several.
const NEEDED: [&[u8; 4]; 5] = [b"JXL ", b"ftyp", b"jxll", b"jxlc", b"jxlp"];

/// The EXIF block. It can be compressed with Brotli.
pub(crate) fn exif(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let data = boxes(bytes).find_map(|(kind, content)| match &kind {
        b"Exif" => Some(Cow::Borrowed(content)),
        b"brob" => decompressed(content.strip_prefix(b"Exif")?).map(Cow::Owned),
        _ => None,
    })?;
    // Some programs leave out the number before the block.
    if data.starts_with(b"II*\0") || data.starts_with(b"MM\0*") { Some(data) } else { exif_block(data) }
}

fn decompressed(content: &[u8]) -> Option<Vec<u8>> {
    /// Real blocks have some kilobytes, with a preview.
    const MAX: u64 = 4 << 20;
    let mut block = Vec::new();
    brotli::Decompressor::new(content, 4096).take(MAX + 1).read_to_end(&mut block).ok()?;
    (block.len() as u64 <= MAX).then_some(block)
}

/// Copies the boxes with the picture. A file without a container has no metadata, and is copied up to its end. The result
/// is `None` if the end is not known without decoding: if a file without a container has hidden frames.
pub(crate) fn strip(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.starts_with(CODESTREAM) {
        return bytes.get(..length(bytes)?).map(<[u8]>::to_vec);
    }
    let (mut stripped, mut is_complete) = (Vec::new(), false);
    for (kind, content) in boxes(bytes).filter(|(kind, _)| NEEDED.contains(&kind)) {
        stripped.extend(u32::try_from(content.len() + 8).ok()?.to_be_bytes());
        stripped.extend(kind);
        stripped.extend_from_slice(content);
        // The number of the last part has the highest bit.
        is_complete |=
            kind == *b"jxlc" || kind == *b"jxlp" && content.first().is_some_and(|&byte| byte & 0x80 != 0);
    }
    is_complete.then_some(stripped)
}

/// The length of a picture without a container.
fn length(bytes: &[u8]) -> Option<usize> {
    let mut options = options(None);
    options.scan_frames_only = true;
    let mut decoder = JxlDecoder::new(options);
    let mut input = Input { rest: bytes, deadline: None };
    loop {
        match decoder.process(&mut input, None, Some(&mut NoWork)).ok()? {
            Event::Complete => return usize::try_from(decoder.file_length()?).ok(),
            Event::NeedMoreInput { .. } => return None,
            Event::BasicInfo | Event::FrameHeader | Event::FrameComplete { .. } => {}
        }
    }
}
