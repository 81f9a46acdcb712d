//! Removes what a camera or a program wrote into a picture, without decoding the picture.

use image::metadata::Orientation;

use crate::formats::Format;

/// A copy of a picture without metadata: EXIF with place and camera, XMP, IPTC, comments, previews, and what follows the
/// end of the picture. The pixels and the color profile are the same to the last bit. An orientation stays, because the
/// picture would lie on its side without it. Animations stay animated.
///
/// In AVIF and HEIC, zeros replace all data that no picture needs.
///
/// The result is `None` for TIFF, which mixes metadata with what a decoder needs, for a JPEG XL without a container whose
/// end is not known without decoding, for other files that are not pictures, and for damaged files.
#[must_use]
pub fn without_metadata(bytes: &[u8]) -> Option<Vec<u8>> {
    // Bytes from a stranger may violate an assertion of a library.
    std::panic::catch_unwind(|| (Format::of(bytes)?.decoder().strip)(bytes)).ok().flatten()
}

/// An EXIF block with nothing but the orientation, or `None` if the picture is stored upright.
pub(crate) fn orientation_block(orientation: Orientation) -> Option<Vec<u8>> {
    /// The order of bytes, and one entry: the tag, the type, and the number of values.
    const START: &[u8] = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
    let is_upright = orientation == Orientation::NoTransforms;
    (!is_upright).then(|| [START, &[orientation.to_exif(), 0, 0, 0, 0, 0, 0]].concat())
}
