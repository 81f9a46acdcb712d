//! Removes what a camera or a program wrote into a picture, without decoding the picture.

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
