//! The kinds of samples in a TIFF, and their conversion to those that the engine resizes.

use ::tiff::ColorType;
use fast_image_resize::PixelType;

use crate::decoded::Samples;

/// Alpha as an additional sample: with colors that are weighted by it, and with colors that are not.
const ALPHA: [u16; 2] = [1, 2];

/// What the samples of a file are.
pub(crate) enum Source {
    /// Brightness with 1, 2 or 4 bits.
    Bits(u8),
    /// Indices with 1, 2, 4 or 8 bits, and the palette: all red values, then green, then blue, with 16 bits each.
    Indices(u8, Vec<u16>),
    /// So many samples of 8 or 16 bits for each pixel.
    Light { depth: u8, count: usize },
    /// Cyan, magenta, yellow and black, with 8 or 16 bits.
    Ink { depth: u8 },
    /// Brightness and two color differences, as in JPEG.
    YCbCr,
}

/// What the samples become.
pub(crate) struct Target {
    pub(crate) pixel_type: PixelType,
    pub(crate) samples: Samples,
}

impl Source {
    /// The samples of a color type, or `None` if the engine does not convert them.
    pub(crate) fn of(color: ColorType, extra: &[u16], palette: Vec<u16>) -> Option<Self> {
        Some(match color {
            ColorType::Gray(bits @ (1 | 2 | 4 | 8)) if palette.len() >= 3 << bits => {
                Self::Indices(bits, palette)
            }
            _ if !palette.is_empty() => return None,
            ColorType::Gray(bits @ (1 | 2 | 4)) => Self::Bits(bits),
            ColorType::Gray(depth @ (8 | 16)) => Self::Light { depth, count: 1 },
            ColorType::Multiband { bit_depth: depth @ (8 | 16), num_samples: 2 }
                if extra.first().is_some_and(|extra| ALPHA.contains(extra)) =>
            {
                Self::Light { depth, count: 2 }
            }
            ColorType::RGB(depth @ (8 | 16)) => Self::Light { depth, count: 3 },
            ColorType::RGBA(depth @ (8 | 16)) => Self::Light { depth, count: 4 },
            ColorType::CMYK(depth @ (8 | 16)) => Self::Ink { depth },
            ColorType::YCbCr(8) => Self::YCbCr,
            _ => return None,
        })
    }

    pub(crate) fn target(&self) -> Target {
        let light = |pixel_type| Target { pixel_type, samples: Samples::Light };
        match self {
            Self::Bits(_) | Self::Light { depth: 8, count: 1 } => light(PixelType::U8),
            Self::Light { depth: 8, count: 2 } => light(PixelType::U8x2),
            Self::Indices(..) | Self::YCbCr | Self::Light { depth: 8, count: 3 } => light(PixelType::U8x3),
            Self::Light { depth: 8, .. } => light(PixelType::U8x4),
            Self::Light { count: 1, .. } => light(PixelType::U16),
            Self::Light { count: 2, .. } => light(PixelType::U16x2),
            Self::Light { count: 3, .. } => light(PixelType::U16x3),
            Self::Light { .. } => light(PixelType::U16x4),
            Self::Ink { .. } => {
                Target { pixel_type: PixelType::U8x4, samples: Samples::Ink { inverted: false } }
            }
        }
    }

    pub(crate) fn has_alpha(&self) -> bool {
        matches!(self, Self::Light { count: 2 | 4, .. })
    }

    /// Whether the samples are already as the engine needs them.
    pub(crate) fn is_direct(&self) -> bool {
        matches!(self, Self::Light { .. } | Self::Ink { depth: 8 })
    }

    /// The bytes of a pixel, at least 1.
    pub(crate) fn bytes_per_pixel(&self) -> usize {
        let (count, bytes) = self.layout();
        count * bytes
    }

    /// The number of samples of a pixel, and the bytes of each. Smaller samples share a byte.
    fn layout(&self) -> (usize, usize) {
        match self {
            Self::Bits(_) | Self::Indices(..) => (1, 1),
            Self::Light { depth, count } => (*count, usize::from(depth / 8)),
            Self::Ink { depth } => (4, usize::from(depth / 8)),
            Self::YCbCr => (3, 1),
        }
    }

    /// Converts rows of `row` bytes each. With `plane`, each sample of a pixel is in a plane of its own with so many
    /// bytes.
    pub(crate) fn convert(&self, raw: &[u8], plane: Option<usize>, row: usize, width: usize, to: &mut [u8]) {
        let interleaved;
        let (raw, row) = match plane {
            Some(plane) => {
                interleaved = self.interleave(raw, plane);
                (&interleaved[..], row * self.layout().0)
            }
            None => (raw, row),
        };
        match self {
            Self::Bits(bits) => {
                let scale = u8::MAX / (u8::MAX >> (8 - bits));
                for (from, to) in raw.chunks(row).zip(to.chunks_exact_mut(width)) {
                    for (sample, to) in unpacked(from, *bits).zip(to) {
                        *to = sample * scale;
                    }
                }
            }
            Self::Indices(bits, palette) => {
                let colors = 1 << bits;
                let color = |index: u8| {
                    let value = |plane: usize| palette.get(plane * colors + usize::from(index));
                    [0, 1, 2].map(|plane| value(plane).map_or(0, |value| (value >> 8) as u8))
                };
                for (from, to) in raw.chunks(row).zip(to.chunks_exact_mut(width * 3)) {
                    for (sample, to) in unpacked(from, *bits).zip(to.as_chunks_mut().0) {
                        *to = color(sample);
                    }
                }
            }
            Self::Ink { depth: 16 } => {
                for (from, to) in raw.as_chunks().0.iter().zip(to) {
                    *to = (u16::from_ne_bytes(*from) >> 8) as u8;
                }
            }
            Self::YCbCr => {
                for (from, to) in raw.as_chunks().0.iter().zip(to.as_chunks_mut().0) {
                    *to = rgb(*from);
                }
            }
            Self::Light { .. } | Self::Ink { .. } => {
                for (from, to) in raw.iter().zip(to) {
                    *to = *from;
                }
            }
        }
    }

    fn interleave(&self, raw: &[u8], plane: usize) -> Vec<u8> {
        let (count, bytes) = self.layout();
        let mut interleaved = vec![0; plane * count];
        for (number, plane) in raw.chunks_exact(plane.max(1)).take(count).enumerate() {
            let pixels = interleaved.chunks_exact_mut(count * bytes);
            for (from, pixel) in plane.chunks_exact(bytes).zip(pixels) {
                if let Some(to) = pixel.get_mut(number * bytes..(number + 1) * bytes) {
                    to.copy_from_slice(from);
                }
            }
        }
        interleaved
    }
}

/// The samples of a row that has several in each byte, the first one in the highest bits.
fn unpacked(row: &[u8], bits: u8) -> impl Iterator<Item = u8> {
    let shifts = move || (0..8 / bits).rev().map(move |index| index * bits);
    row.iter().flat_map(move |byte| shifts().map(move |shift| byte >> shift & (u8::MAX >> (8 - bits))))
}

/// The conversion of JPEG, as BT.601 says.
fn rgb([luma, blue, red]: [u8; 3]) -> [u8; 3] {
    let (luma, blue, red) = (f32::from(luma), f32::from(blue) - 128.0, f32::from(red) - 128.0);
    [luma + 1.402 * red, luma - 0.344_136 * blue - 0.714_136 * red, luma + 1.772 * blue]
        .map(|value| (value + 0.5) as u8)
}
