//! The planes of an AVIF: decoding, putting tiles together, and the conversion to RGB.

use fast_image_resize::images::Image;
use fast_image_resize::{PixelType, Resizer};
use re_rav1d::dav1d::pixel::YUVRange;
use re_rav1d::dav1d::{Decoder, Error, Picture, PixelLayout, PlanarImageComponent, Settings};

use super::container::Container;
use super::layout::Layout;
use crate::error::DevelopError;
use crate::header::area;
use crate::limits::Deadline;
use crate::resize;
use crate::size::Size;

/// The shares of red and blue in the brightness.
pub(crate) type Weights = (f32, f32);

/// The planes of a picture. The tiles of a grid are already put together.
pub(crate) struct Planes {
    layout: PixelLayout,
    depth: u32,
    pub(crate) is_full_range: bool,
    planes: Vec<Image<'static>>,
}

impl Planes {
    /// Decodes a picture and cuts off what is outside the size `full`.
    pub(crate) fn decode(
        container: &Container<'_>,
        layout: &Layout,
        full: Size,
        deadline: Deadline,
    ) -> Result<Self, DevelopError> {
        let components = [PlanarImageComponent::Y, PlanarImageComponent::U, PlanarImageComponent::V];
        Self::decode_components(container, layout, full, deadline, &components)
    }

    /// Decodes the brightness of a picture, which contains the alpha channel.
    pub(crate) fn decode_luma(
        container: &Container<'_>,
        layout: &Layout,
        full: Size,
        deadline: Deadline,
    ) -> Result<Self, DevelopError> {
        Self::decode_components(container, layout, full, deadline, &[PlanarImageComponent::Y])
    }

    /// Decodes one tile after the other, and keeps only the part of it that belongs to the picture.
    fn decode_components(
        container: &Container<'_>,
        layout: &Layout,
        full: Size,
        deadline: Deadline,
        components: &[PlanarImageComponent],
    ) -> Result<Self, DevelopError> {
        let mut assembled: Option<Self> = None;
        for (index, &item) in layout.tiles.iter().enumerate() {
            deadline.check()?;
            let data = container.data(item).ok_or_else(|| DevelopError::corrupt("a tile without data"))?;
            let tile = picture(&data, layout.coded.size)?;
            let is_as_declared = (tile.width(), tile.height()) == layout.coded.size;
            let planes = match &mut assembled {
                Some(planes) => planes,
                None => assembled.insert(Self::like(&tile, full, components)?),
            };
            let is_like_first =
                tile.pixel_layout() == planes.layout && tile.bit_depth() as u32 == planes.depth;
            if !is_as_declared || !is_like_first {
                return Err(DevelopError::corrupt("the coded picture is of another size than the file says"));
            }
            let position = (index % layout.columns, index / layout.columns);
            for (plane, &component) in planes.planes.iter_mut().zip(components) {
                copy(&tile, component, position, plane);
            }
        }
        assembled.ok_or_else(|| DevelopError::corrupt("a grid without tiles"))
    }

    /// Empty planes for a picture of the size `full` whose tiles are like `tile`.
    fn like(tile: &Picture, full: Size, components: &[PlanarImageComponent]) -> Result<Self, DevelopError> {
        let layout = tile.pixel_layout();
        let is_deep = tile.bit_depth() > 8;
        let pixel_type = if is_deep { PixelType::U16 } else { PixelType::U8 };
        let count = if layout == PixelLayout::I400 { 1 } else { components.len() };
        let planes = components.iter().take(count).map(|&component| {
            let (width, height) = plane_size(layout, component, full);
            Image::new(width, height, pixel_type)
        });
        Ok(Self {
            layout,
            depth: tile.bit_depth() as u32,
            is_full_range: tile.color_range() == YUVRange::Full,
            planes: planes.collect(),
        })
    }

    /// Whether there is no color.
    pub(crate) fn is_grey(&self) -> bool {
        self.layout == PixelLayout::I400
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
        let pixels = if self.depth > 8 {
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
        Ok(if self.depth > 8 {
            plane.buffer().as_chunks().0.iter().map(|sample: &[u8; 2]| alpha(sample.value())).collect()
        } else {
            plane.buffer().iter().map(|sample| alpha(sample.value())).collect()
        })
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

/// Decodes one coded picture whose header declares the size `declared`. The decoder rejects larger frames.
fn picture(data: &[u8], declared: Size) -> Result<Picture, DevelopError> {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(u32::try_from(area(declared)).unwrap_or(u32::MAX));
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
fn plane_size(layout: PixelLayout, component: PlanarImageComponent, (width, height): Size) -> Size {
    let is_chroma = component != PlanarImageComponent::Y;
    let subsampled =
        |side: u32, is_subsampled: bool| if is_chroma && is_subsampled { side.div_ceil(2) } else { side };
    (
        subsampled(width, matches!(layout, PixelLayout::I420 | PixelLayout::I422)),
        subsampled(height, layout == PixelLayout::I420),
    )
}

/// Copies one plane of a tile to its column and row in the plane of the picture.
fn copy(
    tile: &Picture,
    component: PlanarImageComponent,
    (column, row): (usize, usize),
    plane: &mut Image<'_>,
) {
    let (tile_width, tile_height) = plane_size(tile.pixel_layout(), component, (tile.width(), tile.height()));
    let (tile_width, tile_height) = (tile_width as usize, tile_height as usize);
    let (width, height) = (plane.width() as usize, plane.height() as usize);
    let bytes = plane.pixel_type().size();
    let (left, top) = (column * tile_width, row * tile_height);
    let length = tile_width.min(width.saturating_sub(left)) * bytes;
    let samples = tile.plane(component);
    let rows = samples.chunks(tile.stride(component) as usize).take(tile_height);
    for (from, y) in rows.zip(top..height) {
        let start = (y * width + left) * bytes;
        if let (Some(to), Some(from)) =
            (plane.buffer_mut().get_mut(start..start + length), from.get(..length))
        {
            to.copy_from_slice(from);
        }
    }
}
