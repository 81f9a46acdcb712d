//! The chunks of a PNG.

use std::borrow::Cow;

pub(crate) fn exif(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (length, chunk) = chunks(bytes).find(|(_, chunk)| chunk.starts_with(b"eXIf"))?;
    let block = chunk.get(4..)?.get(..length)?;
    // Some programs write the prefix of JPEG.
    Some(Cow::Borrowed(block.strip_prefix(b"Exif\0\0").unwrap_or(block)))
}

/// The chunks in the order of the file: the length of the content, and everything from the chunk's type on.
pub(crate) fn chunks(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, chunk) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        // The type precedes the content, and the checksum follows it.
        rest = chunk.get(length.saturating_add(8)..).unwrap_or_default();
        Some((length, chunk))
    })
}
