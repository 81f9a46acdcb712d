#![doc = include_str!("../README.md")]

mod avif;
mod color;
mod decode;
mod encode;
mod error;
mod header;
mod jpeg;
mod placeholder;
mod reduce;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

pub use error::DevelopError;
pub use header::{Format, sniff};

/// How pictures are developed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What a picture may ask of the machine.
    pub limits: Limits,
    /// What the thumbnails are encoded as.
    pub output: Output,
}

/// What a picture may ask of the machine, checked from its header before a pixel is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most pixels of a picture. The canvas that a file declares counts, a first frame that is
    /// larger than its canvas, and all frames of an animation together, though only the first is decoded.
    pub max_pixels: u64,
    /// The longest side, which bounds the working memory of one row or column.
    pub max_side: u32,
    /// The longest file, in bytes.
    pub max_bytes: u64,
    /// The longest that developing one picture may take, looked at between its steps. A step that
    /// cannot be interrupted is bounded by the pixels, and a JPEG's number of scans by its pixels.
    pub max_time: Duration,
}

impl Default for Limits {
    /// 50 megapixels, 100 MB, 30 seconds, and no side longer than the 65,535 pixels that JPEG and GIF can
    /// express.
    fn default() -> Self {
        Self {
            max_pixels: 50_000_000,
            max_side: 65_535,
            max_bytes: 100_000_000,
            max_time: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Whether a file may be so long, for whoever would rather not read it first.
    ///
    /// # Errors
    /// [`DevelopError::TooManyBytes`]
    pub fn check_length(&self, bytes: u64) -> Result<(), DevelopError> {
        if bytes > self.max_bytes {
            return Err(DevelopError::TooManyBytes { bytes, limit: self.max_bytes });
        }
        Ok(())
    }
}

/// What thumbnails are encoded as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// JPEG for opaque pictures, WebP for those with transparency.
    #[default]
    Auto,
    /// WebP for all.
    Webp,
    /// AVIF for all: the smallest files, and a hundred times the work.
    Avif,
}

impl std::str::FromStr for Output {
    type Err = UnknownOutput;

    /// As a deployment names it: `auto`, `webp` or `avif`.
    fn from_str(name: &str) -> Result<Self, UnknownOutput> {
        match name {
            "auto" => Ok(Self::Auto),
            "webp" => Ok(Self::Webp),
            "avif" => Ok(Self::Avif),
            _ => Err(UnknownOutput),
        }
    }
}

/// A name that stands for no [`Output`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("thumbnails can be made as auto, webp or avif")]
pub struct UnknownOutput;

/// A developed picture: what it was, and everything derived from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Developed {
    /// The format of the original, by its content.
    pub format: Format,
    /// The width of the original, upright.
    pub width: u32,
    /// The height of the original, upright.
    pub height: u32,
    /// How many frames the original has: 1, unless it is an animation.
    pub frames: u32,
    /// One for each size asked for, in that order, without duplicates.
    pub thumbnails: Vec<Thumbnail>,
    /// What to show while a thumbnail loads.
    pub placeholder: Placeholder,
}

/// One reduced picture, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// The size asked for: the longer side is at most this.
    pub size: u32,
    /// The width it has.
    pub width: u32,
    /// The height it has.
    pub height: u32,
    /// The media type of `bytes`.
    pub content_type: &'static str,
    /// The encoded picture, without metadata.
    pub bytes: Vec<u8>,
}

/// What to show while a thumbnail loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// A [ThumbHash](https://evanw.github.io/thumbhash/), in standard base64.
    pub thumbhash: String,
    /// The dominant colour, as `#rrggbb`.
    pub color: String,
}

/// Decodes `bytes` once and derives a thumbnail of every one of `sizes`, and a placeholder.
///
/// # Errors
/// [`DevelopError`] says what is wrong with the picture. None of them heals with a retry.
pub fn develop(bytes: &[u8], sizes: &[u32], settings: &Settings) -> Result<Developed, DevelopError> {
    guarded(|| develop_unguarded(bytes, sizes, settings))
}

fn develop_unguarded(bytes: &[u8], sizes: &[u32], settings: &Settings) -> Result<Developed, DevelopError> {
    let Settings { limits, output } = settings;
    let deadline = Deadline(Instant::now() + limits.max_time);
    limits.check_length(bytes.len() as u64)?;
    let header = header::read(bytes)?;
    header.check(limits)?;
    header::check_content(bytes, header.format)?;
    let largest = sizes.iter().copied().chain([placeholder::SIDE]).max().unwrap_or_default();
    let decoded = decode::decode(bytes, &header, limits, largest)?;
    let (width, height) = decoded.upright();

    let mut asked: Vec<u32> = Vec::with_capacity(sizes.len());
    for &size in sizes {
        if !asked.contains(&size) {
            asked.push(size);
        }
    }
    let targets: Vec<_> = asked.iter().map(|&size| reduce::fit(width, height, size)).collect();
    let small = reduce::fit(width, height, placeholder::SIDE);
    let pictures = reduce::reduce(decoded, targets.iter().copied().chain([small]), deadline)?;

    // Sizes beyond the picture's own give the same picture: it is encoded once.
    let mut thumbnails: Vec<Thumbnail> = Vec::with_capacity(asked.len());
    for (&size, &target) in asked.iter().zip(&targets) {
        deadline.check()?;
        let twin = thumbnails.iter().find(|t| (t.width, t.height) == target);
        thumbnails.push(match twin {
            Some(twin) => Thumbnail { size, ..twin.clone() },
            None => encode::encode(size, pictures.get(target)?, *output)?,
        });
    }
    let placeholder = placeholder::of(pictures.get(small)?);
    let frames = header.frames.count.max(1);
    Ok(Developed { format: header.format, width, height, frames, thumbnails, placeholder })
}

/// When developing has to be over.
#[derive(Clone, Copy)]
struct Deadline(Instant);

impl Deadline {
    fn check(self) -> Result<(), DevelopError> {
        if Instant::now() > self.0 { Err(DevelopError::Timeout) } else { Ok(()) }
    }
}

/// Bytes from strangers may trip an assertion inside a decoder; the process lives on.
fn guarded<T>(work: impl FnOnce() -> Result<T, DevelopError>) -> Result<T, DevelopError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(DevelopError::corrupt(error::PANICKED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panicking_decoder_is_a_corrupt_image_and_the_process_lives_on() {
        let outcome: Result<(), _> = guarded(|| panic!("index out of bounds"));
        assert_eq!(outcome.map_err(|e| e.code()), Err("corrupt-image"));
    }
}
