#![doc = include_str!("../README.md")]

mod decode;
mod encode;
mod error;
mod header;
mod placeholder;
mod reduce;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use error::DevelopError;
pub use header::{Format, sniff};

/// What a picture may ask of the machine, checked from its header before a pixel is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most pixels of a picture. The canvas that a file declares counts, and so does a first
    /// frame that is larger than its canvas. Later frames are never decoded.
    pub max_pixels: u64,
    /// The longest side, which bounds the working memory of one row or column.
    pub max_side: u32,
}

impl Default for Limits {
    /// 50 megapixels, and no side longer than the 65,535 pixels that JPEG and GIF can express.
    fn default() -> Self {
        Self { max_pixels: 50_000_000, max_side: 65_535 }
    }
}

/// A developed picture: what it was, and everything derived from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Developed {
    /// The format of the original, by its content.
    pub format: Format,
    /// The width of the original, upright.
    pub width: u32,
    /// The height of the original, upright.
    pub height: u32,
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
    /// `image/jpeg` for an opaque picture, `image/webp` for one with transparency.
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
pub fn develop(bytes: &[u8], sizes: &[u32], limits: &Limits) -> Result<Developed, DevelopError> {
    guarded(|| develop_unguarded(bytes, sizes, limits))
}

fn develop_unguarded(bytes: &[u8], sizes: &[u32], limits: &Limits) -> Result<Developed, DevelopError> {
    let header = header::read(bytes)?;
    header.check(limits)?;
    header::check_complete(bytes, header.format)?;
    let decoded = decode::decode(bytes, &header, limits)?;
    let (width, height) = decoded.upright();

    let mut asked: Vec<u32> = Vec::with_capacity(sizes.len());
    for &size in sizes {
        if !asked.contains(&size) {
            asked.push(size);
        }
    }
    let targets: Vec<_> = asked.iter().map(|&size| reduce::fit(width, height, size)).collect();
    let small = reduce::fit(width, height, placeholder::SIDE);
    let pictures = reduce::reduce(decoded, targets.iter().copied().chain([small]))?;

    // Sizes beyond the picture's own give the same picture: it is encoded once.
    let mut thumbnails: Vec<Thumbnail> = Vec::with_capacity(asked.len());
    for (&size, &target) in asked.iter().zip(&targets) {
        let twin = thumbnails.iter().find(|t| (t.width, t.height) == target);
        thumbnails.push(match twin {
            Some(twin) => Thumbnail { size, ..twin.clone() },
            None => encode::encode(size, pictures.get(target)?)?,
        });
    }
    let placeholder = placeholder::of(pictures.get(small)?);
    Ok(Developed { format: header.format, width, height, thumbnails, placeholder })
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
