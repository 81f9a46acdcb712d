//! The planes of an AVIF: decoding, putting tiles together, and the conversion to RGB.

use std::borrow::Cow;

use fast_image_resize::images::Image;
use fast_image_resize::{PixelType, Resizer};
use re_rav1d::dav1d::pixel::YUVRange;
use re_rav1d::dav1d::{Decoder, Error, Picture, PixelLayout, PlanarImageComponent, Settings};
use zenavif_parse::{AvifParser, ColorInformation};

use crate::error::DevelopError;
use crate::limits::Limits;
use crate::resize;
use crate::size::Size;

/// The shares of red and blue in the brightness.
pub(crate) type Weights = (f32, f32);

/// The planes of a picture. The tiles of a grid are already put together.
pub(crate) struct Planes {
    layout: PixelLayout,
    depth: u32,
    is_full_range: bool,
    planes: Vec<Image<'static>>,
}

impl Planes {
    /// Decodes the picture of `container`, which has the size `full`.
    pub(crate) fn decode(
        container: &AvifParser<'_>,
        full: Size,
        limits: &Limits,
    ) -> Result<Self, DevelopError> {
        let (tiles, columns) = match container.grid_config() {
            Some(grid) => {
                let tiles = usize::from(grid.rows) * usize::from(grid.columns);
                let tile =
                    |index| picture(&container.tile_data(index).map_err(DevelopError::corrupt)?, limits);
                ((0..tiles).map(tile).collect::<Result<Vec<_>, _>>()?, grid.columns.into())
            }
            None => {
                let data: Cow<'_, [u8]> = container.primary_data().map_err(DevelopError::corrupt)?;
                (vec![picture(&data, limits)?], 1)
            }
        };
        let mut planes = Self::of(&tiles, columns, full)?;
        if let Some(&ColorInformation::Nclx { full_range, .. }) = container.color_info() {
            planes.is_full_range = full_range;
        }
        Ok(planes)
    }

    /// Decodes the coded picture that contains the alpha channel.
    pub(crate) fn decode_alpha(data: &[u8], full: Size, limits: &Limits) -> Result<Self, DevelopError> {
        Self::of(&[picture(data, limits)?], 1, full)
    }

    /// Whether there is no color.
    pub(crate) fn is_grey(&self) -> bool {
        self.layout == PixelLayout::I400
    }

    /// Puts `tiles` together, with `columns` tiles per row, and cuts off what is outside `full`.
    fn of(tiles: &[Picture], columns: usize, full: Size) -> Result<Self, DevelopError> {
        let first = tiles.first().ok_or_else(|| DevelopError::corrupt("a grid without tiles"))?;
        let (layout, depth) = (first.pixel_layout(), first.bit_depth() as u32);
        let tile = (first.width(), first.height());
        let is_like_first = |other: &Picture| {
            (other.width(), other.height()) == tile
                && other.pixel_layout() == layout
                && other.bit_depth() as u32 == depth
        };
        let rows = tiles.len() / columns.max(1);
        let covers = |tile: u32, count: usize, side: u32| u64::from(tile) * count as u64 >= u64::from(side);
        let is_covered = covers(tile.0, columns, full.0) && covers(tile.1, rows, full.1);
        if !tiles.iter().all(is_like_first) || !is_covered {
            return Err(DevelopError::corrupt("the coded picture is of another size than the file says"));
        }
        let components = match layout {
            PixelLayout::I400 => &[PlanarImageComponent::Y][..],
            _ => &[PlanarImageComponent::Y, PlanarImageComponent::U, PlanarImageComponent::V],
        };
        let planes = components.iter().map(|&component| assemble(tiles, columns, full, component));
        Ok(Self {
            layout,
            depth,
            is_full_range: first.color_range() == YUVRange::Full,
            planes: planes.collect::<Result<_, _>>()?,
        })
    }

    /// Reduces every plane and converts the result to RGB of 8 bits, or to RGBA with the brightness of `alpha`. Without
    /// `weights`, the planes are green, blue and red.
    pub(crate) fn to_rgb(
        &self,
        size: Size,
        weights: Option<Weights>,
        alpha: Option<&Self>,
    ) -> Result<Image<'static>, DevelopError> {
        let mut resizer = Resizer::new();
        let mut planes = Vec::new();
        for plane in &self.planes {
            planes.push(samples(&mut resizer, plane, size)?);
        }
        let alpha = match alpha {
            Some(alpha) => {
                let plane = alpha.planes.first().ok_or_else(|| DevelopError::corrupt("no alpha"))?;
                let (low, scale) = alpha.range(false);
                let samples = samples(&mut resizer, plane, size)?;
                Some(samples.into_iter().map(move |sample| to_8_bits((f32::from(sample) - low) * scale)))
            }
            None => None,
        };
        let pixel_type = if alpha.is_some() { PixelType::U8x4 } else { PixelType::U8x3 };
        let mut pixels = Vec::with_capacity(size.0 as usize * size.1 as usize * pixel_type.size());
        let mut alpha = alpha;
        let (low, scale) = self.range(false);
        let (middle, color_scale) = self.range(true);
        let [luma, rest @ ..] = &planes[..] else { return Err(DevelopError::corrupt("no planes")) };
        for (index, &luma) in luma.iter().enumerate() {
            let luma = (f32::from(luma) - low) * scale;
            let chroma = |plane: usize| {
                rest.get(plane).and_then(|plane| plane.get(index)).map_or(middle, |&sample| f32::from(sample))
            };
            let rgb = match weights {
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
        Image::from_vec_u8(size.0, size.1, pixels, pixel_type).map_err(DevelopError::internal)
    }

    /// The sample value of black, or of no color, and the factor that scales samples to a range of 1.
    fn range(&self, is_chroma: bool) -> (f32, f32) {
        let unit = (1_u32 << (self.depth - 8)) as f32;
        let whole = ((1_u32 << self.depth) - 1) as f32;
        match (self.is_full_range, is_chroma) {
            (true, false) => (0.0, 1.0 / whole),
            (true, true) => (128.0 * unit, 1.0 / whole),
            (false, false) => (16.0 * unit, 1.0 / (219.0 * unit)),
            (false, true) => (128.0 * unit, 1.0 / (224.0 * unit)),
        }
    }
}

/// Decodes one coded picture.
fn picture(data: &[u8], limits: &Limits) -> Result<Picture, DevelopError> {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(u32::try_from(limits.max_pixels).unwrap_or(u32::MAX));
    let mut decoder = Decoder::with_settings(&settings).map_err(DevelopError::internal)?;
    decoder.send_data(data.to_vec(), None, None, None).map_err(DevelopError::corrupt)?;
    // With one thread, the decoder works during this call. It has all data, so a second call would not find a picture
    // that the first did not. It leaks 48 bytes each time.
    match decoder.get_picture() {
        Err(Error::Again) => Err(DevelopError::corrupt("no picture in the data")),
        outcome => outcome.map_err(DevelopError::corrupt),
    }
}

fn to_8_bits(value: f32) -> u8 {
    (value * 255.0 + 0.5) as u8
}

fn samples(resizer: &mut Resizer, plane: &Image<'_>, size: Size) -> Result<Vec<u16>, DevelopError> {
    let mut reduced = Image::new(size.0, size.1, plane.pixel_type());
    resizer.resize(plane, &mut reduced, &resize::options()).map_err(DevelopError::internal)?;
    Ok(match reduced.pixel_type() {
        PixelType::U8 => reduced.buffer().iter().map(|&sample| sample.into()).collect(),
        _ => reduced.buffer().as_chunks().0.iter().map(|&sample| u16::from_ne_bytes(sample)).collect(),
    })
}

/// Puts one plane of all tiles together.
fn assemble(
    tiles: &[Picture],
    columns: usize,
    full: Size,
    component: PlanarImageComponent,
) -> Result<Image<'static>, DevelopError> {
    let Some(first) = tiles.first() else { return Err(DevelopError::corrupt("a grid without tiles")) };
    let is_chroma = component != PlanarImageComponent::Y;
    let subsampled =
        |side: u32, is_subsampled: bool| if is_chroma && is_subsampled { side.div_ceil(2) } else { side };
    let layout = first.pixel_layout();
    let across = |side| subsampled(side, matches!(layout, PixelLayout::I420 | PixelLayout::I422)) as usize;
    let down = |side| subsampled(side, layout == PixelLayout::I420) as usize;
    let (width, height) = (across(full.0), down(full.1));
    let (tile_width, tile_height) = (across(first.width()), down(first.height()));
    let (pixel_type, bytes) = if first.bit_depth() > 8 { (PixelType::U16, 2) } else { (PixelType::U8, 1) };

    let mut samples = vec![0; width * height * bytes];
    for (index, tile) in tiles.iter().enumerate() {
        let (left, top) = (index % columns * tile_width, index / columns * tile_height);
        let plane = tile.plane(component);
        let rows = plane.chunks(tile.stride(component) as usize).take(tile_height);
        let length = tile_width.min(width.saturating_sub(left)) * bytes;
        for (row, y) in rows.zip(top..height) {
            let start = (y * width + left) * bytes;
            if let (Some(to), Some(from)) = (samples.get_mut(start..start + length), row.get(..length)) {
                to.copy_from_slice(from);
            }
        }
    }
    let (width, height) = (width as u32, height as u32);
    Image::from_vec_u8(width, height, samples, pixel_type).map_err(DevelopError::internal)
}
