//! What to show while a thumbnail loads: a ThumbHash and the dominant colour.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, RgbaImage};

use crate::Placeholder;

/// The longest side that a ThumbHash is computed from.
pub(crate) const SIDE: u32 = 32;

/// The placeholder of a picture of at most [`SIDE`] pixels.
pub(crate) fn of(picture: &DynamicImage) -> Placeholder {
    let rgba = picture.to_rgba8();
    let (width, height) = (rgba.width() as usize, rgba.height() as usize);
    let hash = thumbhash::rgba_to_thumb_hash(width, height, &rgba);
    let [red, green, blue] = dominant(&rgba);
    Placeholder { thumbhash: STANDARD.encode(hash), color: format!("#{red:02x}{green:02x}{blue:02x}") }
}

/// The mean of the most frequent of 4,096 groups of like colours, a pixel counting as much as it
/// is opaque; white where nothing is.
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
