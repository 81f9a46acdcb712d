//! A PNG without metadata.

use image::metadata::Orientation;

use super::chunks::{chunks, exif};
use crate::orientation::orientation_block;

/// The chunks that a decoder needs to show all frames in their colors.
const NEEDED: [&[u8; 4]; 19] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD",
    b"pHYs", b"hIST", b"acTL", b"fcTL", b"fdAT", b"cICP", b"mDCV", b"cLLI",
];

pub(crate) fn strip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut stripped = bytes.get(..8)?.to_vec();
    let orientation = exif(bytes).and_then(|exif| Orientation::from_exif_chunk(&exif));
    let mut orientation = orientation.and_then(orientation_block);
    for (length, chunk) in chunks(bytes) {
        let kind = chunk.first_chunk::<4>()?;
        if kind == b"IDAT"
            && let Some(block) = orientation.take()
        {
            let chunk = [&b"eXIf"[..], &block].concat();
            stripped.extend(u32::try_from(block.len()).ok()?.to_be_bytes());
            stripped.extend_from_slice(&chunk);
            stripped.extend(checksum(&chunk).to_be_bytes());
        }
        if NEEDED.contains(&kind) {
            stripped.extend(u32::try_from(length).ok()?.to_be_bytes());
            stripped.extend_from_slice(chunk.get(..length.checked_add(8)?)?);
        }
        if kind == b"IEND" {
            return Some(stripped);
        }
    }
    None
}

/// The CRC of a chunk.
fn checksum(chunk: &[u8]) -> u32 {
    !chunk.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}
