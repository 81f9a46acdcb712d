//! The only metadata that a picture without metadata keeps.

use image::metadata::Orientation;

/// An EXIF block with nothing but the orientation, or `None` if the picture is stored upright.
pub(crate) fn orientation_block(orientation: Orientation) -> Option<Vec<u8>> {
    /// The order of bytes, and one entry: the tag, the type, and the number of values.
    const START: &[u8] = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
    let is_upright = orientation == Orientation::NoTransforms;
    (!is_upright).then(|| [START, &[orientation.to_exif(), 0, 0, 0, 0, 0, 0]].concat())
}
