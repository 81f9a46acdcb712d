//! A WebP without metadata.

use image::metadata::Orientation;

use super::chunks::{Chunks, exif};
use crate::orientation::orientation_block;

/// The chunks that a decoder needs.
const NEEDED: [&[u8; 4]; 7] = [b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];

/// The flags that announce EXIF and XMP.
const EXIF: u8 = 0x08;
const XMP: u8 = 0x04;

pub(crate) fn strip(bytes: &[u8]) -> Option<Vec<u8>> {
    let orientation = exif(bytes).and_then(Orientation::from_exif_chunk).and_then(orientation_block);
    let mut content = b"WEBP".to_vec();
    for chunk in Chunks::of_file(bytes) {
        if !chunk.is_complete {
            return None;
        }
        if NEEDED.contains(&chunk.kind) {
            let start = content.len();
            add(&mut content, chunk.kind, chunk.payload)?;
            if chunk.kind == b"VP8X" {
                let flags = content.get_mut(start + 8)?;
                *flags &= !(EXIF | XMP);
                *flags |= if orientation.is_some() { EXIF } else { 0 };
            }
        }
    }
    if let Some(block) = orientation {
        add(&mut content, b"EXIF", &block)?;
    }
    let mut stripped = Vec::with_capacity(content.len() + 8);
    add(&mut stripped, b"RIFF", &content)?;
    Some(stripped)
}

fn add(to: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) -> Option<()> {
    to.extend_from_slice(kind);
    to.extend(u32::try_from(content.len()).ok()?.to_le_bytes());
    to.extend_from_slice(content);
    // Chunks have even lengths.
    to.extend((content.len() % 2 == 1).then_some(0));
    Some(())
}
