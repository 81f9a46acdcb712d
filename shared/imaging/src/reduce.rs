//! One decoded picture in, all its reductions out, upright and in 8 bits.

use std::cmp::Reverse;

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, MulDiv, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageBuffer, Pixel};

use crate::decode::{Decoded, Source, turned};
use crate::{Deadline, DevelopError, color};

type Size = (u32, u32);

/// A reduction is made from an earlier one that is at least this many times as long; from a
/// closer one the two filters would add up to a visibly softer picture.
const CHAIN_RATIO: u32 = 2;

/// The reductions of one picture.
pub(crate) struct Reductions(Vec<DynamicImage>);

/// Fits a picture into a square of `size`: never enlarged, no side below 1.
pub(crate) fn fit(width: u32, height: u32, size: u32) -> Size {
    let (longer, size) = (width.max(height), size.max(1));
    if longer <= size {
        return (width, height);
    }
    let scale = |side: u32| {
        let scaled = (u64::from(side) * u64::from(size) * 2 + u64::from(longer)) / (u64::from(longer) * 2);
        u32::try_from(scaled).unwrap_or(size).clamp(1, size)
    };
    (scale(width), scale(height))
}

/// Makes every one of the `upright` sizes, the largest first and the smaller ones from it. The
/// decoded picture is let go as soon as no other size needs it.
pub(crate) fn reduce(
    decoded: Decoded,
    upright: impl Iterator<Item = Size>,
    deadline: Deadline,
) -> Result<Reductions, DevelopError> {
    let mut sizes: Vec<Size> = upright.collect();
    sizes.sort_unstable_by_key(|&(width, height)| Reverse((width.max(height), width, height)));
    sizes.dedup();
    let chained = |index: usize| {
        let longer = |&(width, height): &Size| width.max(height);
        let (before, from) = sizes.split_at(index);
        let needed = from.first().map(longer)?.saturating_mul(CHAIN_RATIO);
        before.iter().rposition(|size| longer(size) >= needed)
    };

    let mut resizer = Resizer::new();
    let mut original = Some(Original::new(decoded));
    let last_from_original = (0..sizes.len()).rfind(|&index| chained(index).is_none());
    let mut made: Vec<DynamicImage> = Vec::with_capacity(sizes.len());
    for (index, &size) in sizes.iter().enumerate() {
        deadline.check()?;
        let picture = match (chained(index).and_then(|from| made.get(from)), &mut original) {
            (Some(from), _) => reduce_again(&mut resizer, from, size)?,
            (None, Some(original)) => original.reduce(&mut resizer, size)?,
            (None, None) => return Err(DevelopError::internal("the original is gone")),
        };
        if Some(index) == last_from_original {
            original = None;
            resizer.reset_internal_buffers();
        }
        made.push(picture);
    }
    Ok(Reductions(made))
}

impl Reductions {
    /// The reduction of exactly this size, which is one of those asked for.
    pub(crate) fn get(&self, size: Size) -> Result<&DynamicImage, DevelopError> {
        self.0
            .iter()
            .find(|picture| (picture.width(), picture.height()) == size)
            .ok_or_else(|| DevelopError::internal("a size was not made"))
    }
}

/// The decoded picture, as large as it was decoded and as it is stored.
struct Original {
    decoded: Decoded,
    alpha: Alpha,
}

#[derive(Clone, Copy, PartialEq)]
enum Alpha {
    /// No alpha channel, or one that says opaque everywhere.
    Opaque,
    Straight,
    Premultiplied,
}

impl Original {
    fn new(decoded: Decoded) -> Self {
        let has_alpha = decoded.source == Source::Light && !is_opaque(&decoded.pixels);
        Self { decoded, alpha: if has_alpha { Alpha::Straight } else { Alpha::Opaque } }
    }

    /// Reduces to an upright size. The largest size comes first.
    fn reduce(&mut self, resizer: &mut Resizer, upright: Size) -> Result<DynamicImage, DevelopError> {
        let stored = turned(self.decoded.orientation, upright);
        let small =
            if self.is_exactly(stored) { self.decoded.pixels.copy() } else { self.resize(resizer, stored)? };
        let mut picture = match self.decoded.source {
            Source::Light => to_8_bits(small)?,
            Source::Ink { inverted } => color::from_ink(&small, inverted)?,
        };
        if picture.color().has_alpha() && picture.as_bytes().iter().skip(3).step_by(4).all(|&a| a == 255) {
            picture = picture.into_rgb8().into();
        }
        if let (Source::Light, Some(profile)) = (self.decoded.source, &self.decoded.profile) {
            color::to_srgb(&mut picture, profile);
        }
        picture.apply_orientation(self.decoded.orientation);
        Ok(picture)
    }

    /// Colours are weighted by their alpha, so that what shines through does not bleed. The
    /// multiplication happens in place: a copy would be as large as the picture.
    fn resize(
        &mut self,
        resizer: &mut Resizer,
        (width, height): Size,
    ) -> Result<Image<'static>, DevelopError> {
        let weights = MulDiv::new();
        if self.alpha == Alpha::Straight {
            weights.multiply_alpha_inplace(&mut self.decoded.pixels).map_err(DevelopError::internal)?;
            self.alpha = Alpha::Premultiplied;
        }
        let mut small = Image::new(width, height, self.decoded.pixels.pixel_type());
        let (across, down) = self.decoded.covered;
        let options = options().use_alpha(false).crop(0.0, 0.0, across, down);
        resizer.resize(&self.decoded.pixels, &mut small, &options).map_err(DevelopError::internal)?;
        if self.alpha == Alpha::Premultiplied {
            weights.divide_alpha_inplace(&mut small).map_err(DevelopError::internal)?;
        }
        Ok(small)
    }

    /// Whether it was decoded to this very size.
    fn is_exactly(&self, (width, height): Size) -> bool {
        let Decoded { pixels, covered, .. } = &self.decoded;
        (pixels.width(), pixels.height()) == (width, height) && *covered == (width.into(), height.into())
    }
}

/// Reduces what is upright and in 8 bits already.
fn reduce_again(
    resizer: &mut Resizer,
    from: &DynamicImage,
    (width, height): Size,
) -> Result<DynamicImage, DevelopError> {
    let pixel_type = if from.color().has_alpha() { PixelType::U8x4 } else { PixelType::U8x3 };
    // A copy of what is small already; a borrowed image would have all kernels compiled once more.
    let pixels = Image::from_vec_u8(from.width(), from.height(), from.as_bytes().to_vec(), pixel_type)
        .map_err(DevelopError::internal)?;
    let mut small = Image::new(width, height, pixel_type);
    resizer.resize(&pixels, &mut small, &options()).map_err(DevelopError::internal)?;
    to_8_bits(small)
}

pub(crate) fn options() -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
}

fn is_opaque(pixels: &Image<'_>) -> bool {
    let (bytes_per_pixel, alpha_bytes) = match pixels.pixel_type() {
        PixelType::U8x2 => (2, 1),
        PixelType::U8x4 => (4, 1),
        PixelType::U16x2 => (4, 2),
        PixelType::U16x4 => (8, 2),
        _ => return true,
    };
    pixels
        .buffer()
        .chunks_exact(bytes_per_pixel)
        .all(|pixel| pixel.iter().rev().take(alpha_bytes).all(|&byte| byte == u8::MAX))
}

/// RGB, or RGBA where there is an alpha channel.
fn to_8_bits(image: Image<'static>) -> Result<DynamicImage, DevelopError> {
    let (size, pixel_type) = ((image.width(), image.height()), image.pixel_type());
    let bytes = image.into_vec();
    Ok(match pixel_type {
        PixelType::U8 => DynamicImage::ImageLuma8(buffer(size, bytes)?).into_rgb8().into(),
        PixelType::U8x2 => DynamicImage::ImageLumaA8(buffer(size, bytes)?).into_rgba8().into(),
        PixelType::U8x3 => DynamicImage::ImageRgb8(buffer(size, bytes)?),
        PixelType::U8x4 => DynamicImage::ImageRgba8(buffer(size, bytes)?),
        PixelType::U16 => DynamicImage::ImageLuma16(buffer(size, samples(&bytes))?).into_rgb8().into(),
        PixelType::U16x2 => DynamicImage::ImageLumaA16(buffer(size, samples(&bytes))?).into_rgba8().into(),
        PixelType::U16x3 => DynamicImage::ImageRgb16(buffer(size, samples(&bytes))?).into_rgb8().into(),
        PixelType::U16x4 => DynamicImage::ImageRgba16(buffer(size, samples(&bytes))?).into_rgba8().into(),
        other => return Err(DevelopError::internal(format!("{other:?} was not decoded to"))),
    })
}

fn buffer<P: Pixel>(
    (width, height): Size,
    samples: Vec<P::Subpixel>,
) -> Result<ImageBuffer<P, Vec<P::Subpixel>>, DevelopError> {
    ImageBuffer::from_raw(width, height, samples)
        .ok_or_else(|| DevelopError::internal("the buffer does not fit the picture"))
}

fn samples(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks().0.iter().map(|&sample| u16::from_ne_bytes(sample)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fitted_side_is_rounded_and_never_below_one_nor_enlarged() {
        assert_eq!(fit(4000, 3000, 400), (400, 300));
        assert_eq!(fit(3, 2, 2), (2, 1));
        assert_eq!(fit(2725, 2225, 200), (200, 163));
        assert_eq!(fit(5000, 1, 200), (200, 1));
        assert_eq!(fit(1, 65_535, 200), (1, 200));
        assert_eq!(fit(120, 80, 200), (120, 80));
        assert_eq!(fit(120, 80, 0), (1, 1));
    }
}
