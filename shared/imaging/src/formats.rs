//! The formats, and how the engine recognizes them by their content.
//!
//! To add a format, write a file like the others in `formats/`, name it in a `mod` line, and add its line to the list.

mod avif;
mod gif;
mod jpeg;
mod png;
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

/// The error for content that has none of the formats.
pub(crate) fn rejection(bytes: &[u8]) -> DevelopError {
    let format = match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.get(..4) {
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => {
                return DevelopError::HeicNotSupported;
            }
            Some(b"crx ") => "Camera raw",
            _ => return DevelopError::NotAnImage,
        },
        [b'I', b'I', 0x2a | 0x2b, 0, ..] | [b'M', b'M', 0, 0x2a | 0x2b, ..] => "TIFF",
        // In a BMP, the length of the file and four reserved bytes follow the signature.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => "BMP",
        [0, 0, 1, 0, 1..=64, 0, ..] => "ICO",
        [0xff, 0x0a, ..] | [0, 0, 0, 0x0c, b'J', b'X', b'L', b' ', ..] => "JPEG XL",
        [0, 0, 0, 0x0c, b'j', b'P', b' ', b' ', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => "JPEG 2000",
        [b'8', b'B', b'P', b'S', 0, 1 | 2, ..] => "Photoshop",
        _ => return DevelopError::NotAnImage,
    };
    DevelopError::UnsupportedFormat { format }
}
