//! The planes of a picture: decoding, putting tiles together, and the conversion to RGB.

use fast_image_resize::images::Image;
use fast_image_resize::{PixelType, Resizer};

use super::codec::{Codec, Kind, Subsampling, Tile};
use super::container::{Container, Window};
use super::layout::Layout;
use crate::error::DevelopError;
use crate::limits::Deadline;
use crate::resize;
use crate::size::Size;

/// The shares of red and blue in the brightness.
pub(crate) type Weights = (f32, f32);

/// The planes of a picture. The tiles of a grid are already put together.
pub(crate) struct Planes {
    kind: Kind,
    pub(crate) is_full_range: bool,
    planes: Vec<Image<'static>>,
}

impl Planes {
    /// Decodes a picture and cuts off what is outside the window.
    pub(crate) fn decode<C: Codec>(
        container: &Container<'_>,
        layout: &Layout,
        window: Window,
        deadline: Deadline,
    ) -> Result<Self, DevelopError> {
        Self::decode_planes::<C>(container, layout, window, deadline, 3)
    }

    /// Decodes the brightness of a picture, which contains the alpha channel.
    pub(crate) fn decode_luma<C: Codec>(
        container: &Container<'_>,
        layout: &Layout,
        window: Window,
        deadline: Deadline,
    ) -> Result<Self, DevelopError> {
        Self::decode_planes::<C>(container, layout, window, deadline, 1)
    }

    /// Decodes one tile after the other, and keeps only the part of it that belongs to the picture.
    fn decode_planes<C: Codec>(
        container: &Container<'_>,
        layout: &Layout,
        window: Window,
        deadline: Deadline,
        count: usize,
    ) -> Result<Self, DevelopError> {
        let mut assembled: Option<Self> = None;
        for (index, &item) in layout.tiles.iter().enumerate() {
            deadline.check()?;
            let source =
                container.source(item).ok_or_else(|| DevelopError::corrupt("a tile without data"))?;
            let tile = C::decode(&source, &layout.coded)?;
            let is_as_declared = tile.size() == layout.coded.size;
            let planes = match &mut assembled {
                Some(planes) => planes,
                None => {
                    assembled.insert(Self::like(tile.kind(), layout.coded.codes.is_full_range, window, count))
                }
            };
            if !is_as_declared || tile.kind() != planes.kind {
                return Err(DevelopError::corrupt("the coded picture is of another size than the file says"));
            }
            let position = ((index % layout.columns) as u32, (index / layout.columns) as u32);
            for (number, plane) in planes.planes.iter_mut().enumerate() {
                copy(&tile, number, position, window, plane);
            }
        }
        assembled.ok_or_else(|| DevelopError::corrupt("a grid without tiles"))
    }

    /// The first `count` planes of a decoded picture.
    pub(crate) fn of<T: Tile>(picture: &T, is_full_range: bool, count: usize) -> Self {
        let window = Window { left: 0, top: 0, size: picture.size() };
        let mut planes = Self::like(picture.kind(), is_full_range, window, count);
        for (number, plane) in planes.planes.iter_mut().enumerate() {
            copy(picture, number, (0, 0), window, plane);
        }
        planes
    }

    /// Empty planes for a picture of this kind.
    fn like(kind: Kind, is_full_range: bool, window: Window, count: usize) -> Self {
        let pixel_type = if kind.depth > 8 { PixelType::U16 } else { PixelType::U8 };
        let count = if kind.subsampling == Subsampling::Grey { 1 } else { count };
        let planes = (0..count).map(|plane| {
            let (width, height) = plane_size(kind.subsampling, plane, window.size);
            Image::new(width, height, pixel_type)
        });
        Self { kind, is_full_range, planes: planes.collect() }
    }

    /// Whether there is no color.
    pub(crate) fn is_grey(&self) -> bool {
        self.kind.subsampling == Subsampling::Grey
    }

    /// Reduces every plane and converts the result to RGB of 8 bits, or to RGBA with `alpha`, which has the same size.
    /// Without `weights`, the planes are green, blue and red.
    pub(crate) fn into_rgb(
        self,
        size: Size,
        weights: Option<Weights>,
        alpha: Option<Vec<u8>>,
    ) -> Result<Image<'static>, DevelopError> {
        let conversion = Conversion { luma: self.range(false), chroma: self.range(true), weights };
        let mut resizer = Resizer::new();
        let planes = self.planes.into_iter().map(|plane| reduced(&mut resizer, plane, size));
        let planes: Vec<_> = planes.collect::<Result<_, _>>()?;
        drop(resizer);
        let buffers: Vec<&[u8]> = planes.iter().map(Image::buffer).collect();
        let [luma, rest @ ..] = &buffers[..] else { return Err(DevelopError::corrupt("no planes")) };
        let pixels = if self.kind.depth > 8 {
            let rest: Vec<&[[u8; 2]]> = rest.iter().map(|plane| plane.as_chunks().0).collect();
            conversion.rgb(luma.as_chunks().0, &rest, alpha.as_deref())
        } else {
            conversion.rgb(luma, rest, alpha.as_deref())
        };
        let pixel_type = if alpha.is_some() { PixelType::U8x4 } else { PixelType::U8x3 };
        Image::from_vec_u8(size.0, size.1, pixels, pixel_type).map_err(DevelopError::internal)
    }

    /// Converts the brightness to 8 bits.
    pub(crate) fn into_alpha(self) -> Result<Vec<u8>, DevelopError> {
        let (low, scale) = self.range(false);
        let plane = self.planes.first().ok_or_else(|| DevelopError::corrupt("no alpha"))?;
        let alpha = |sample: f32| to_8_bits((sample - low) * scale);
        Ok(if self.kind.depth > 8 {
            plane.buffer().as_chunks().0.iter().map(|sample: &[u8; 2]| alpha(sample.value())).collect()
        } else {
            plane.buffer().iter().map(|sample| alpha(sample.value())).collect()
        })
    }

    /// The sample value of black, or of no color, and the factor that scales samples to a range of 1.
    fn range(&self, is_chroma: bool) -> (f32, f32) {
        let unit = (1_u32 << (self.kind.depth - 8)) as f32;
        let whole = ((1_u32 << self.kind.depth) - 1) as f32;
        match (self.is_full_range, is_chroma) {
            (true, false) => (0.0, 1.0 / whole),
            (true, true) => (128.0 * unit, 1.0 / whole),
            (false, false) => (16.0 * unit, 1.0 / (219.0 * unit)),
            (false, true) => (128.0 * unit, 1.0 / (224.0 * unit)),
        }
    }
}

/// A sample of 8 bits, or of 16 in the order of this machine.
trait Sample {
    fn value(&self) -> f32;
}

impl Sample for u8 {
    fn value(&self) -> f32 {
        (*self).into()
    }
}

impl Sample for [u8; 2] {
    fn value(&self) -> f32 {
        u16::from_ne_bytes(*self).into()
    }
}

/// How samples become RGB.
struct Conversion {
    /// The sample value of black, and the factor that scales samples to a range of 1.
    luma: (f32, f32),
    /// The same for no color.
    chroma: (f32, f32),
    weights: Option<Weights>,
}

impl Conversion {
    fn rgb<T: Sample>(&self, luma: &[T], rest: &[&[T]], alpha: Option<&[u8]>) -> Vec<u8> {
        let mut pixels = Vec::with_capacity(luma.len() * if alpha.is_some() { 4 } else { 3 });
        let mut alpha = alpha.map(|alpha| alpha.iter());
        let (low, scale) = self.luma;
        let (middle, color_scale) = self.chroma;
        for (index, luma) in luma.iter().enumerate() {
            let luma = (luma.value() - low) * scale;
            let chroma = |plane: usize| {
                rest.get(plane).and_then(|plane| plane.get(index)).map_or(middle, Sample::value)
            };
            let rgb = match self.weights {
                None if !rest.is_empty() => {
                    let light = |sample: f32| (sample - low) * scale;
                    [light(chroma(1)), luma, light(chroma(0))]
                }
                weights => {
                    let (red, blue) = weights.unwrap_or_default();
                    let [cb, cr] = [0, 1].map(|plane| (chroma(plane) - middle) * color_scale);
                    let (r, b) = (luma + 2.0 * (1.0 - red) * cr, luma + 2.0 * (1.0 - blue) * cb);
                    [r, (luma - red * r - blue * b) / (1.0 - red - blue), b]
                }
            };
            pixels.extend(rgb.map(to_8_bits));
            if let Some(alpha) = &mut alpha {
                pixels.extend(alpha.next());
            }
        }
        pixels
    }
}

fn to_8_bits(value: f32) -> u8 {
    (value * 255.0 + 0.5) as u8
}

/// The plane itself if it already has this size.
fn reduced(resizer: &mut Resizer, plane: Image<'static>, size: Size) -> Result<Image<'static>, DevelopError> {
    if (plane.width(), plane.height()) == size {
        return Ok(plane);
    }
    let mut reduced = Image::new(size.0, size.1, plane.pixel_type());
    resizer.resize(&plane, &mut reduced, &resize::options()).map_err(DevelopError::internal)?;
    Ok(reduced)
}

/// The size of one plane of a picture. Color can have half the resolution.
fn plane_size(subsampling: Subsampling, plane: usize, (width, height): Size) -> Size {
    let (across, down) = divisors(subsampling, plane);
    (width.div_ceil(across), height.div_ceil(down))
}

/// How many pixels share a sample, across and down.
fn divisors(subsampling: Subsampling, plane: usize) -> (u32, u32) {
    match subsampling {
        Subsampling::Both if plane > 0 => (2, 2),
        Subsampling::Horizontal if plane > 0 => (2, 1),
        _ => (1, 1),
    }
}

/// Copies what is inside the window, of one plane of the tile in this column and row, to the plane of the picture.
fn copy<T: Tile>(tile: &T, number: usize, (column, row): (u32, u32), window: Window, plane: &mut Image<'_>) {
    let subsampling = tile.kind().subsampling;
    let (across, down) = divisors(subsampling, number);
    let size = plane_size(subsampling, number, tile.size());
    let bytes = plane.pixel_type().size();
    let (width, height) = (plane.width() as usize, plane.height() as usize);
    // The first sample of the tile that is in the window, where it belongs in the plane, and how many follow.
    let span = |index: u32, tile: u32, start: u32, side: usize| {
        let (from, start) = (u64::from(index) * u64::from(tile), u64::from(start));
        let skipped = start.saturating_sub(from).min(tile.into());
        let at = (from + skipped - start.min(from + skipped)) as usize;
        (skipped as usize, at, ((u64::from(tile) - skipped) as usize).min(side.saturating_sub(at)))
    };
    let (from_x, x, columns) = span(column, size.0, window.left / across, width);
    let (from_y, y, rows) = span(row, size.1, window.top / down, height);
    for row in 0..rows {
        let start = ((y + row) * width + x) * bytes;
        if let Some(to) = plane.buffer_mut().get_mut(start..start + columns * bytes) {
            tile.copy_row(number, from_y + row, from_x, to);
        }
    }
}
