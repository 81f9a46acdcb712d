//! Conversion to sRGB.
//!
//! The functions work on reduced pictures, which have few pixels to convert.

use fast_image_resize::images::Image;
use image::{DynamicImage, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::error::DevelopError;

/// The maximum length of a profile in bytes. Profiles of cameras and screens have some kilobytes. Those of presses have up to
/// some megabytes.
pub(crate) const MAX_PROFILE: usize = 4 << 20;

/// Converts cyan, magenta, yellow and black to sRGB: with the profile of the press, if there is one for inks. Without
/// one, the inks count as ideal, as in browsers and in most decoders. A profile of a press gives mostly duller colors.
pub(crate) fn from_ink(
    inks: &Image<'_>,
    inverted: bool,
    profile: Option<&ColorProfile>,
) -> Result<DynamicImage, DevelopError> {
    let flip = if inverted { 255 } else { 0 };
    let inks_of_press = || inks.buffer().iter().map(|ink| ink ^ flip).collect::<Vec<u8>>();
    let profile = profile.filter(|profile| profile.color_space == DataColorSpace::Cmyk);
    // The library takes four inks in the layout of four colors.
    let converted = profile.and_then(|profile| convert(profile, Layout::Rgba, &inks_of_press(), Layout::Rgb));
    let rgb = converted.unwrap_or_else(|| ideal(inks.buffer(), flip));
    let picture = RgbImage::from_raw(inks.width(), inks.height(), rgb);
    picture.map(Into::into).ok_or_else(|| DevelopError::internal("the buffer does not fit the picture"))
}

fn ideal(inks: &[u8], flip: u8) -> Vec<u8> {
    let light = |ink: u8| u16::from(!(ink ^ flip));
    let mut rgb = Vec::with_capacity(inks.len() / 4 * 3);
    for &[cyan, magenta, yellow, black] in inks.as_chunks().0 {
        let black = light(black);
        rgb.extend([cyan, magenta, yellow].map(|ink| ((light(ink) * black + 127) / 255) as u8));
    }
    rgb
}

/// Reads an ICC profile. The result is `None` if it is damaged.
pub(crate) fn profile(icc: &[u8]) -> Option<Box<ColorProfile>> {
    let is_short = icc.len() <= MAX_PROFILE;
    is_short.then(|| ColorProfile::new_from_slice(icc).ok()).flatten().map(Box::new)
}

/// Converts an RGB or RGBA picture from its profile to sRGB. A profile for another color space than that of the picture
/// has no effect.
pub(crate) fn to_srgb(picture: &mut DynamicImage, profile: &ColorProfile) {
    let layout = if picture.color().has_alpha() { Layout::Rgba } else { Layout::Rgb };
    let converted = match profile.color_space {
        DataColorSpace::Rgb => convert(profile, layout, picture.as_bytes(), layout),
        DataColorSpace::Gray => {
            let (source, channels) = match layout {
                Layout::Rgba => (Layout::GrayAlpha, &[0, 3][..]),
                _ => (Layout::Gray, &[0][..]),
            };
            if !is_grey(picture) {
                return;
            }
            let pixels = picture.as_bytes().chunks_exact(layout.channels());
            let grey: Vec<u8> = pixels
                .flat_map(|pixel| channels.iter().filter_map(|&channel| pixel.get(channel)))
                .copied()
                .collect();
            convert(profile, source, &grey, layout)
        }
        _ => None,
    };
    match (picture, converted) {
        (DynamicImage::ImageRgb8(rgb), Some(srgb)) => rgb.copy_from_slice(&srgb),
        (DynamicImage::ImageRgba8(rgba), Some(srgb)) => rgba.copy_from_slice(&srgb),
        _ => {}
    }
}

fn convert(profile: &ColorProfile, from: Layout, pixels: &[u8], to: Layout) -> Option<Vec<u8>> {
    let srgb = ColorProfile::new_srgb();
    let transform = profile.create_transform_8bit(from, &srgb, to, TransformOptions::default()).ok()?;
    let mut converted = vec![0; pixels.len() / from.channels() * to.channels()];
    transform.transform(pixels, &mut converted).ok()?;
    Some(converted)
}

fn is_grey(picture: &DynamicImage) -> bool {
    let pixels = picture.as_bytes().chunks_exact(picture.color().channel_count().into());
    pixels.into_iter().all(|pixel| matches!(pixel, [red, green, blue, ..] if red == green && green == blue))
}
