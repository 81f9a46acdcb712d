//! What a format has to provide, so that the engine can decode it.

use std::borrow::Cow;

use image::metadata::Orientation;

use crate::decoded::Decoded;
use crate::error::DevelopError;
use crate::header::{Header, area};
use crate::layout::Layout;
use crate::limits::{Deadline, Limits};
use crate::rendering::Rendering;
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
    /// The EXIF block, without the prefix that some formats put before it.
    pub(crate) exif: fn(&[u8]) -> Option<Cow<'_, [u8]>>,
    /// A copy without metadata, or `None` if that is not possible.
    pub(crate) strip: fn(&[u8]) -> Option<Vec<u8>>,
    /// Decodes the first picture.
    pub(crate) decode: fn(&Request<'_>) -> Result<Decoded, DevelopError>,
    /// Opens an animation, if the format has them.
    pub(crate) animation: Option<OpenAnimation>,
}

/// Starts to decode all frames of a file.
pub(crate) type OpenAnimation = for<'a> fn(&Request<'a>) -> Result<Sequence<'a>, DevelopError>;

/// An animation that is being decoded.
pub(crate) struct Sequence<'a> {
    /// How often the animation is shown. 0 means without end.
    pub(crate) plays: u32,
    /// The frames in their order, decoded one by one.
    pub(crate) frames: Box<dyn Iterator<Item = Result<Frame, DevelopError>> + 'a>,
}

/// A frame of an animation.
pub(crate) struct Frame {
    /// The whole canvas while this frame is shown.
    pub(crate) picture: Decoded,
    /// How long the frame is shown, in milliseconds.
    pub(crate) delay: u32,
}

/// A file to decode. Its header and content were checked.
pub(crate) struct Request<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) header: Header,
    pub(crate) limits: &'a Limits,
    /// The longest side of the largest picture that will be made from the result.
    pub(crate) largest: u32,
    /// The bytes of all pictures that will be made from the result.
    pub(crate) made: u64,
    pub(crate) deadline: Deadline,
    /// The only picture that will be made from the result, if it is a rendition.
    pub(crate) rendering: Option<&'a Rendering>,
}

/// The memory that a decoder is going to take.
pub(crate) struct Memory {
    /// The bytes at the peak of decoding, besides the file.
    pub(crate) decoding: u64,
    /// The size of the decoded picture, and the bytes of each pixel.
    pub(crate) result: (Size, u64),
}

/// The memory of the process itself, and of small tables.
const PROCESS: u64 = 24 << 20;

/// The memory that a decoder may allocate besides the pixels: for its tables, a profile, a compressed comment.
pub(crate) const DECODER_MEMORY: u64 = 32 << 20;

/// The bytes that an encoder of animations takes for each of its pixels, besides the picture: four canvases, of which one
/// is encoded in two ways.
const ENCODER: u64 = 60;

impl Request<'_> {
    /// The smallest size to which the decoder may reduce a picture with this orientation, as stored.
    pub(crate) fn wanted(&self, orientation: Orientation) -> Size {
        let upright = oriented(orientation, self.header.size);
        let longest = match self.rendering {
            Some(rendering) => Layout::of(upright, rendering).longest_side(upright),
            None => self.largest,
        };
        oriented(orientation, fit(upright, longest))
    }

    /// Checks the memory of decoding, and of reducing the result, against the limit. A decoder calls it before it
    /// allocates pixels.
    pub(crate) fn reserve(&self, memory: &Memory) -> Result<(), DevelopError> {
        let &Memory { decoding, result: (size, bytes_per_pixel) } = memory;
        let (width, height) = fit(size, self.largest);
        // The resizer reduces the width first. The result is converted to 8 bits.
        let reducing = area(size) + area((width, size.1)) + 2 * area((width, height));
        let pixels = decoding.max(reducing.saturating_mul(bytes_per_pixel).saturating_add(self.made));
        let available = self.limits.max_memory.saturating_sub(PROCESS + self.bytes.len() as u64);
        if pixels > available {
            let (width, height) = self.header.size;
            let limit = u128::from(area(self.header.size)) * u128::from(available) / u128::from(pixels);
            let limit = u64::try_from(limit).unwrap_or(self.limits.max_pixels);
            return Err(DevelopError::TooManyPixels { width, height, limit });
        }
        Ok(())
    }
}

impl Request<'_> {
    /// Checks the memory of an animation, whose decoder keeps `kept` bytes for each pixel of the canvas while the engine
    /// reduces and encodes each frame in RGBA.
    pub(crate) fn reserve_animation(&self, kept: u64) -> Result<(), DevelopError> {
        let decoder = area(self.header.size).saturating_mul(kept).saturating_add(DECODER_MEMORY);
        let made = self.made.saturating_mul(1 + ENCODER / 4).saturating_add(decoder);
        Request { made, ..*self }.reserve(&Memory { decoding: 0, result: (self.header.size, 4) })
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

/// For formats without EXIF.
pub(crate) fn no_exif(_bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    None
}
