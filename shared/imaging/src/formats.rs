//! The formats, and how the engine recognizes them by their content.
//!
//! To add a format, write a file like the others in `formats/`, name it in a `mod` line, and add its line to the list.

mod avif;
mod bmp;
mod gif;
mod heic;
mod heif;
mod jpeg;
mod jxl;
mod png;
mod tiff;
mod webp;
mod whole;

use crate::decoder::Decoder;
use crate::error::DevelopError;

/// Declares [`Format`] from a list of names and their decoders.
macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident = $decoder:path;)*) => {
        /// A format that the engine decodes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Format {
            $($(#[$doc])* $name,)*
        }

        impl Format {
            const ALL: &[Self] = &[$(Self::$name),*];

            /// How this format is decoded.
            pub(crate) fn decoder(self) -> &'static Decoder {
                match self {
                    $(Self::$name => &$decoder,)*
                }
            }
        }
    };
}

formats! {
    /// JPEG.
    Jpeg = jpeg::JPEG;
    /// PNG, including animated PNG.
    Png = png::PNG;
    /// WebP: lossy, lossless or animated.
    Webp = webp::WEBP;
    /// GIF.
    Gif = gif::GIF;
    /// AVIF, including animated AVIF.
    Avif = avif::AVIF;
    /// HEIC, and HEIF with pictures coded as in HEIC.
    Heic = heic::HEIC;
    /// TIFF. The first page counts.
    Tiff = tiff::TIFF;
    /// BMP.
    Bmp = bmp::BMP;
    /// JPEG XL. The first frame counts.
    Jxl = jxl::JXL;
}

impl Format {
    /// The format of `bytes` by their content.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| (format.decoder().recognizes)(bytes))
    }

    /// The media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        self.decoder().content_type
    }

    /// The usual file name extension, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        self.decoder().extension
    }
}

/// The format of `bytes` by their content, or `None` if the engine does not decode it.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    Format::of(bytes)
}

/// Whether the header of a picture declares several frames.
#[must_use]
pub fn is_animated(bytes: &[u8]) -> bool {
    let header = Format::of(bytes).and_then(|format| (format.decoder().read_header)(bytes));
    header.is_some_and(|header| header.frames.count > 1)
}

/// The error for content that has none of the formats.
pub(crate) fn rejection(bytes: &[u8]) -> DevelopError {
    let format = match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', b'c', b'r', b'x', b' ', ..] => "Camera raw",
        [0, 0, 1, 0, 1..=64, 0, ..] => "ICO",
        [0, 0, 0, 0x0c, b'j', b'P', b' ', b' ', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => "JPEG 2000",
        [b'8', b'B', b'P', b'S', 0, 1 | 2, ..] => "Photoshop",
        _ => return DevelopError::NotAnImage,
    };
    DevelopError::UnsupportedFormat { format }
}
