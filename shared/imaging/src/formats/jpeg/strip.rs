//! A JPEG without metadata.

use jpeg_dc::markers::{EOI, SOS, Segment, Segments};

use super::markers::Markers;
use crate::orientation::orientation_block;

/// Copies the segments that a decoder needs, and all pixels, up to the end marker.
pub(crate) fn strip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut stripped = vec![0xff, 0xd8];
    let mut orientation = orientation_block(Markers::read(bytes).orientation);
    // The end of the last segment, if pixels follow it.
    let mut pixels = None;
    for segment in Segments::new(bytes) {
        if let Some(from) = pixels {
            stripped.extend_from_slice(bytes.get(from..segment.start)?);
        }
        // The block belongs behind the marker of JFIF.
        if segment.marker != 0xe0
            && let Some(block) = orientation.take()
        {
            let payload = [&b"Exif\0\0"[..], &block].concat();
            stripped.extend([0xff, 0xe1]);
            stripped.extend(u16::try_from(payload.len() + 2).ok()?.to_be_bytes());
            stripped.extend(payload);
        }
        if is_needed(&segment) {
            stripped.extend_from_slice(bytes.get(segment.start..segment.end)?);
        }
        pixels = (segment.marker == SOS || pixels.is_some()).then_some(segment.end);
        if segment.marker == EOI {
            return Some(stripped);
        }
    }
    None
}

/// Whether a decoder needs a segment: everything but applications' data and comments, of which it needs the marker of
/// JFIF, the color profile, and Adobe's marker.
fn is_needed(segment: &Segment<'_>) -> bool {
    match segment.marker {
        0xe0 => segment.payload.starts_with(b"JFIF\0"),
        0xe2 => segment.payload.starts_with(b"ICC_PROFILE\0"),
        0xee => segment.payload.starts_with(b"Adobe"),
        0xe1..=0xef | 0xfe => false,
        _ => true,
    }
}
