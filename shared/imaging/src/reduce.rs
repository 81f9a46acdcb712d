//! From a decoded picture to all its reductions, upright and with 8 bits per sample.

use std::cmp::Reverse;

use fast_image_resize::images::Image;
use fast_image_resize::{MulDiv, PixelType, Resizer};
use image::{DynamicImage, ImageBuffer, Pixel};

use crate::decoded::{Decoded, Samples};
use crate::error::DevelopError;
use crate::layout::{Layout, Part};
use crate::limits::Deadline;
use crate::size::{Size, oriented};
use crate::{color, resize};

/// A reduction is made from an earlier one that is at least this many times as long. If the two were closer, their
/// filters would add up to a visibly softer picture.
const CHAIN_RATIO: u32 = 2;

/// The reductions of one picture.
pub(crate) struct Reductions(Vec<DynamicImage>);

/// Makes all `upright` sizes: the largest first, and smaller ones from it where possible. It frees the decoded picture
/// as soon as no other size needs it.
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
            (None, Some(original)) => original.reduce(&mut resizer, size, None)?,
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

/// Makes the part of a picture that a layout shows, upright and in its size.
pub(crate) fn reduce_part(
    decoded: Decoded,
    layout: &Layout,
    deadline: Deadline,
) -> Result<DynamicImage, DevelopError> {
    deadline.check()?;
    Original::new(decoded).reduce(&mut Resizer::new(), layout.size, Some(layout.part))
}

impl Reductions {
    /// The reduction of exactly this size, which was one of the sizes given to [`reduce`].
    pub(crate) fn get(&self, size: Size) -> Result<&DynamicImage, DevelopError> {
        self.0
            .iter()
            .find(|picture| (picture.width(), picture.height()) == size)
            .ok_or_else(|| DevelopError::internal("a size was not made"))
    }
}

/// The decoded picture, not yet reduced, as it is stored.
struct Original {
    decoded: Decoded,
    alpha: Alpha,
}

#[derive(Clone, Copy, PartialEq)]
enum Alpha {
    /// There is no alpha channel, or all pixels are opaque.
    Opaque,
    Straight,
    Premultiplied,
}

impl Original {
    fn new(decoded: Decoded) -> Self {
        let has_alpha = decoded.samples == Samples::Light && !is_opaque(&decoded.pixels);
        Self { decoded, alpha: if has_alpha { Alpha::Straight } else { Alpha::Opaque } }
    }

    /// Reduces the picture, or a part of it, to an upright size. The caller starts with the largest.
    fn reduce(
        &mut self,
        resizer: &mut Resizer,
        upright: Size,
        part: Option<Part>,
    ) -> Result<DynamicImage, DevelopError> {
        let stored = oriented(self.decoded.orientation, upright);
        let crop = self.crop(part);
        let small = if self.is_exactly(stored, crop) {
            self.decoded.pixels.copy()
        } else {
            self.resize(resizer, stored, crop)?
        };
        let mut picture = match self.decoded.samples {
            Samples::Light => to_8_bits(small)?,
            Samples::Ink { inverted } => color::from_ink(&small, inverted, self.decoded.profile.as_deref())?,
        };
        if picture.color().has_alpha() && picture.as_bytes().iter().skip(3).step_by(4).all(|&a| a == 255) {
            picture = picture.into_rgb8().into();
        }
        if let (Samples::Light, Some(profile)) = (self.decoded.samples, &self.decoded.profile) {
            color::to_srgb(&mut picture, profile);
        }
        picture.apply_orientation(self.decoded.orientation);
        Ok(picture)
    }

    /// Weights colors by their alpha, so that colors of transparent pixels do not bleed. It multiplies in place,
    /// because a copy would be as large as the picture.
    fn resize(
        &mut self,
        resizer: &mut Resizer,
        (width, height): Size,
        crop: Part,
    ) -> Result<Image<'static>, DevelopError> {
        let weights = MulDiv::new();
        if self.alpha == Alpha::Straight {
            weights.multiply_alpha_inplace(&mut self.decoded.pixels).map_err(DevelopError::internal)?;
            self.alpha = Alpha::Premultiplied;
        }
        let mut small = Image::new(width, height, self.decoded.pixels.pixel_type());
        let Part { left, top, width, height } = crop;
        let options = resize::options().use_alpha(false).crop(left, top, width, height);
        resizer.resize(&self.decoded.pixels, &mut small, &options).map_err(DevelopError::internal)?;
        if self.alpha == Alpha::Premultiplied {
            weights.divide_alpha_inplace(&mut small).map_err(DevelopError::internal)?;
        }
        Ok(small)
    }

    /// Where a part of the upright picture is in the decoded pixels. Without a part, what the picture covers.
    fn crop(&self, part: Option<Part>) -> Part {
        let Decoded { full, covered, orientation, .. } = &self.decoded;
        let Some(part) = part else {
            return Part { left: 0.0, top: 0.0, width: covered.0, height: covered.1 };
        };
        let Part { left, top, width, height } = part.stored(*orientation, self.decoded.upright());
        let (across, down) = (covered.0 / f64::from(full.0), covered.1 / f64::from(full.1));
        // The resizer refuses a part that ends beyond the pixels, even if only by a rounding error.
        let (width, height) = ((width * across).min(covered.0), (height * down).min(covered.1));
        let (left, top) = ((left * across).min(covered.0 - width), (top * down).min(covered.1 - height));
        Part { left: left.max(0.0), top: top.max(0.0), width, height }
    }

    /// Whether the decoder already gave exactly this part in this size.
    fn is_exactly(&self, (width, height): Size, crop: Part) -> bool {
        let pixels = &self.decoded.pixels;
        let all = Part { left: 0.0, top: 0.0, width: pixels.width().into(), height: pixels.height().into() };
        (pixels.width(), pixels.height()) == (width, height) && crop == all
    }
}

/// Reduces a picture that is already upright and has 8 bits per sample.
fn reduce_again(
    resizer: &mut Resizer,
    from: &DynamicImage,
    (width, height): Size,
) -> Result<DynamicImage, DevelopError> {
    let pixel_type = if from.color().has_alpha() { PixelType::U8x4 } else { PixelType::U8x3 };
    // The picture is small, so a copy is cheap. A borrowed image would compile all resizing kernels once more.
    let pixels = Image::from_vec_u8(from.width(), from.height(), from.as_bytes().to_vec(), pixel_type)
        .map_err(DevelopError::internal)?;
    let mut small = Image::new(width, height, pixel_type);
    resizer.resize(&pixels, &mut small, &resize::options()).map_err(DevelopError::internal)?;
    to_8_bits(small)
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

/// Converts to RGB, or to RGBA if there is an alpha channel.
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
        other => return Err(DevelopError::internal(format!("no decoder gives {other:?}"))),
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
