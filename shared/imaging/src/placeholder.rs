//! The placeholder for a thumbnail that is not loaded yet: a ThumbHash and the dominant color.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, RgbaImage};

/// The longest side of the picture that a placeholder is computed from.
pub(crate) const SIDE: u32 = 32;

/// What a client can show until it has loaded a thumbnail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// A [ThumbHash](https://evanw.github.io/thumbhash/), in standard base64.
    pub thumbhash: String,
    /// The dominant color, as `#rrggbb`.
    pub color: String,
}

/// Computes the placeholder from a picture whose sides have at most [`SIDE`] pixels.
pub(crate) fn of(picture: &DynamicImage) -> Placeholder {
    let rgba = picture.to_rgba8();
    let (width, height) = (rgba.width() as usize, rgba.height() as usize);
    let hash = thumbhash::rgba_to_thumb_hash(width, height, &rgba);
    let [red, green, blue] = dominant(&rgba);
    Placeholder { thumbhash: STANDARD.encode(hash), color: format!("#{red:02x}{green:02x}{blue:02x}") }
}

/// The mean of the most frequent of 4,096 groups of similar colors. A pixel counts in proportion to its alpha. The
/// result is white if all pixels are transparent.
fn dominant(picture: &RgbaImage) -> [u8; 3] {
    let group = |[red, green, blue]: [u8; 3]| {
        usize::from(red >> 4) << 8 | usize::from(green >> 4) << 4 | usize::from(blue >> 4)
    };
    let mut groups = vec![[0_u64; 4]; 1 << 12];
    for pixel in picture.pixels() {
        let [red, green, blue, alpha] = pixel.0;
        if let Some(sums) = groups.get_mut(group([red, green, blue])) {
            for (sum, value) in sums.iter_mut().zip([red, green, blue, 255]) {
                *sum += u64::from(value) * u64::from(alpha);
            }
        }
    }
    let [red, green, blue, weight] =
        groups.into_iter().max_by_key(|&[.., weight]| weight).unwrap_or_default();
    let mean = |sum: u64| (sum * 255 + weight / 2).checked_div(weight).unwrap_or(255).min(255) as u8;
    [mean(red), mean(green), mean(blue)]
}
