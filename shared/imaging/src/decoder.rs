//! What a format has to provide, so that the engine can decode it.

use image::metadata::Orientation;

use crate::decoded::Decoded;
use crate::error::DevelopError;
use crate::header::Header;
use crate::limits::Limits;
use crate::size::{Size, fit, oriented};

/// A format and how to decode it. Each file in `formats/` provides one.
pub(crate) struct Decoder {
    /// The media type.
    pub(crate) content_type: &'static str,
    /// The usual file name extension, without the dot.
    pub(crate) extension: &'static str,
    /// Whether the content has this format.
    pub(crate) recognizes: fn(&[u8]) -> bool,
    /// Reads the declared dimensions without a decoder, so that nothing is allocated for a picture that is rejected.
    pub(crate) read_header: fn(&[u8]) -> Option<Header>,
    /// Rejects files that the decoder would accept although they are incomplete or invalid.
    pub(crate) check_content: fn(&[u8]) -> Result<(), DevelopError>,
    /// Decodes the first picture.
    pub(crate) decode: fn(&Request<'_>) -> Result<Decoded, DevelopError>,
}

/// A file to decode. Its header and content were checked.
pub(crate) struct Request<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) header: Header,
    pub(crate) limits: &'a Limits,
    /// The longest side of the largest picture that will be made from the result.
    pub(crate) largest: u32,
}

impl Request<'_> {
    /// The smallest size to which the decoder may reduce a picture with this orientation, as stored.
    pub(crate) fn wanted(&self, orientation: Orientation) -> Size {
        let upright = oriented(orientation, self.header.size);
        oriented(orientation, fit(upright, self.largest))
    }
}

/// For formats whose decoder rejects all incomplete files itself.
pub(crate) fn no_check(_bytes: &[u8]) -> Result<(), DevelopError> {
    Ok(())
}

/// The error for a file that ends too early.
pub(crate) fn incomplete() -> DevelopError {
    DevelopError::corrupt("the file ends before the picture")
}
