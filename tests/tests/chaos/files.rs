//! The files that clients send: small ones of several formats, some broken.

use std::io::Cursor;

use anyhow::Result;
use image::ImageFormat;
use tests::pictures;

/// A file that clients send.
#[derive(Debug)]
pub(crate) struct Picture {
    /// The media type that the client declares.
    pub(crate) content_type: &'static str,
    /// The content.
    pub(crate) bytes: Vec<u8>,
    /// Whether Darkroom can develop it.
    pub(crate) is_good: bool,
}

/// The files of a run, good ones first.
#[derive(Debug)]
pub(crate) struct Files {
    good: Vec<Picture>,
    broken: Vec<Picture>,
}

impl Files {
    /// Makes the files, once for the whole process.
    pub(crate) fn make() -> Result<&'static Self> {
        let good = |content_type, bytes| Picture { content_type, bytes, is_good: true };
        let broken = |content_type, bytes| Picture { content_type, bytes, is_good: false };
        let encoded = |format, width, height| -> Result<Vec<u8>> {
            let mut bytes = Cursor::new(Vec::new());
            pictures::quadrants(width, height).to_rgb8().write_to(&mut bytes, format)?;
            Ok(bytes.into_inner())
        };
        let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
        let files = Self {
            good: vec![
                good("image/png", pictures::png(64, 48)?),
                good("image/png", pictures::png(31, 57)?),
                good("image/jpeg", pictures::jpeg(80, 60)?),
                good("image/jpeg", pictures::jpeg_held(6, 90, 40)?),
                good("image/webp", encoded(ImageFormat::WebP, 72, 40)?),
                good("image/gif", encoded(ImageFormat::Gif, 40, 40)?),
                // The declared type is only a hint.
                good("image/webp", pictures::png(50, 50)?),
            ],
            broken: vec![
                broken("image/png", b"This is a text, not a picture.".to_vec()),
                broken("image/png", half(pictures::png(64, 64)?)),
                broken("image/webp", half(encoded(ImageFormat::WebP, 64, 64)?)),
            ],
        };
        Ok(Box::leak(Box::new(files)))
    }

    /// One of the files. Every eighth is broken.
    pub(crate) fn pick(&'static self, rng: &mut fastrand::Rng) -> &'static Picture {
        let from = if rng.u8(0..8) == 0 { &self.broken } else { &self.good };
        &from[rng.usize(0..from.len())]
    }
}
