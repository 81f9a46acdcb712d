//! AVIF, through rav1d, the Rust port of dav1d.
//!
//! Brightness and colour lie in planes of their own, which are reduced before they become RGB: there is
//! little to convert then, and thinly sampled colour is never enlarged to be reduced again.

use std::borrow::Cow;

use fast_image_resize::images::Image;
use fast_image_resize::{MulDiv, PixelType, Resizer};
use image::metadata::Orientation;
use moxcms::{CicpProfile, ColorProfile};
use ravif::{Encoder, Img};
use re_rav1d::dav1d::pixel::YUVRange;
use re_rav1d::dav1d::{Decoder, Error, Picture, PixelLayout, PlanarImageComponent, Settings};
use scuffle_av1::seq::SequenceHeaderObu;
use scuffle_av1::{ObuHeader, ObuType};
use zenavif_parse::{AvifParser, ColorInformation, DecodeConfig};

use crate::decode::Decoded;
use crate::header::{Frames, Header};
use crate::{DevelopError, Limits, color, reduce};

/// Of the encoder, from 1, thorough, to 10: beyond this files grow without much time being saved.
const SPEED: u8 = 8;

/// H.273's matrix coefficients of a picture that does not say.
const UNSPECIFIED: u16 = 2;

/// The width and height as they are stored, and the frames of an animation.
pub(crate) fn size(bytes: &[u8]) -> Option<((u32, u32), Frames)> {
    let container = parse(bytes).ok()?;
    let size = match container.grid_config() {
        Some(grid) if grid.output_width > 0 => (grid.output_width, grid.output_height),
        _ => {
            let picture = container.primary_metadata().ok()?;
            (picture.max_frame_width.get(), picture.max_frame_height.get())
        }
    };
    let mut frames = Frames::default();
    if let Some(animation) = container.animation_info() {
        frames.count = u32::try_from(animation.frame_count).unwrap_or(u32::MAX);
        frames.pixels = u64::from(frames.count) * u64::from(size.0) * u64::from(size.1);
    }
    Some((size, frames))
}

/// Decodes, reduced to `wanted` where there is no transparency, as the picture is stored.
pub(crate) fn decode(
    bytes: &[u8],
    header: &Header,
    limits: &Limits,
    wanted: impl Fn(Orientation) -> (u32, u32),
) -> Result<Decoded, DevelopError> {
    let container = parse(bytes).map_err(DevelopError::corrupt)?;
    let orientation = orientation(&container);
    let full = (header.width, header.height);
    let planes = Planes::decode(&container, full, limits)?;
    let profile = profile(&container, &planes);
    let weights = weights(matrix(&container));

    let Some(alpha) = container.alpha_data() else {
        let pixels = planes.to_rgb(wanted(orientation), weights, None)?;
        return Ok(Decoded { full, ..Decoded::whole(pixels, orientation, profile) });
    };
    // Colours are weighted by their alpha when they are reduced, which takes all of both.
    let alpha = alpha.map_err(DevelopError::corrupt)?;
    let alpha = Planes::of(&[picture(&alpha, limits)?], 1, full)?;
    let mut pixels = planes.to_rgb(full, weights, Some(&alpha))?;
    if container.premultiplied_alpha() {
        MulDiv::new().divide_alpha_inplace(&mut pixels).map_err(DevelopError::internal)?;
    }
    Ok(Decoded::whole(pixels, orientation, profile))
}

/// Encodes RGB, or RGBA where there is transparency.
pub(crate) fn encode(
    pixels: &[u8],
    width: u32,
    height: u32,
    has_alpha: bool,
    quality: f32,
) -> Result<Vec<u8>, ravif::Error> {
    let (width, height) = (width as usize, height as usize);
    let encoder = Encoder::new().with_quality(quality).with_alpha_quality(quality).with_speed(SPEED);
    let encoder = encoder.with_num_threads(Some(1));
    let encoded = if has_alpha {
        let pixels: Vec<_> =
            pixels.as_chunks().0.iter().map(|&[r, g, b, a]| ravif::RGBA8::new(r, g, b, a)).collect();
        encoder.encode_rgba(Img::new(&pixels, width, height))?
    } else {
        let pixels: Vec<_> =
            pixels.as_chunks().0.iter().map(|&[r, g, b]| ravif::RGB8::new(r, g, b)).collect();
        encoder.encode_rgb(Img::new(&pixels, width, height))?
    };
    Ok(encoded.avif_file)
}

fn parse(bytes: &[u8]) -> Result<AvifParser<'_>, String> {
    let stop = zenavif_parse::Unstoppable;
    AvifParser::from_bytes_with_config(bytes, &DecodeConfig::default(), &stop)
        .map_err(|error| error.to_string())
}

/// As the container says; an EXIF block in it is for information alone.
fn orientation(container: &AvifParser<'_>) -> Orientation {
    // The container turns the other way round, then mirrors. To exchange top and bottom is to exchange
    // left and right and turn by half.
    let turn = container.rotation().map_or(0, |rotation| 360 - rotation.angle % 360);
    let (turn, is_mirrored) = match container.mirror().map(|mirror| mirror.axis) {
        None => (turn, false),
        Some(0) => (turn + 180, true),
        Some(_) => (turn, true),
    };
    match (turn % 360, is_mirrored) {
        (90, false) => Orientation::Rotate90,
        (180, false) => Orientation::Rotate180,
        (270, false) => Orientation::Rotate270,
        (90, true) => Orientation::Rotate90FlipH,
        (180, true) => Orientation::FlipVertical,
        (270, true) => Orientation::Rotate270FlipH,
        (_, true) => Orientation::FlipHorizontal,
        (_, false) => Orientation::NoTransforms,
    }
}

fn profile(container: &AvifParser<'_>, planes: &Planes) -> Option<Box<ColorProfile>> {
    match container.color_info()? {
        ColorInformation::IccProfile(profile) => color::profile(profile),
        &ColorInformation::Nclx { color_primaries, transfer_characteristics, .. } => {
            // 1 and 13 are sRGB's own, 2 is for unknown; 1, 6, 14 and 15 as a curve mean its like.
            let is_like_srgb = matches!(color_primaries, 1 | 2)
                && matches!(transfer_characteristics, 1 | 2 | 6 | 13 | 14 | 15);
            if is_like_srgb || planes.layout == PixelLayout::I400 {
                return None;
            }
            let code = |code: u16| u8::try_from(code).ok();
            Some(Box::new(ColorProfile::new_from_cicp(CicpProfile {
                color_primaries: code(color_primaries)?.try_into().ok()?,
                transfer_characteristics: code(transfer_characteristics)?.try_into().ok()?,
                matrix_coefficients: moxcms::MatrixCoefficients::Identity,
                full_range: true,
            })))
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
    // On one thread it decodes while it is asked: with all of the data, it has no picture later that it has
    // not now. It leaks 48 bytes each time.
    match decoder.get_picture() {
        Err(Error::Again) => Err(DevelopError::corrupt("no picture in the data")),
        outcome => outcome.map_err(DevelopError::corrupt),
    }
}

/// The planes of a picture, put together where it comes as a grid of tiles.
struct Planes {
    layout: PixelLayout,
    depth: u32,
    is_full_range: bool,
    planes: Vec<Image<'static>>,
}

impl Planes {
    fn decode(container: &AvifParser<'_>, full: (u32, u32), limits: &Limits) -> Result<Self, DevelopError> {
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

    /// Puts `tiles` together, of which `columns` make a row, and cuts off what is beyond `full`.
    fn of(tiles: &[Picture], columns: usize, full: (u32, u32)) -> Result<Self, DevelopError> {
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

    /// Reduces every plane and makes RGB of them, or RGBA with the brightness of `alpha`, in 8 bits.
    /// `weights` are the parts that red and blue have in brightness; none where the planes are green, blue
    /// and red themselves.
    fn to_rgb(
        &self,
        size: (u32, u32),
        weights: Option<(f32, f32)>,
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
        let (middle, colour_scale) = self.range(true);
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
                    let [cb, cr] = [0, 1].map(|plane| (chroma(plane) - middle) * colour_scale);
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

    /// The sample of black, or of no colour, and the factor from there to a range of 1.
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

/// H.273's matrix coefficients: the container's, or else those of the coded picture.
fn matrix(container: &AvifParser<'_>) -> u16 {
    if let Some(&ColorInformation::Nclx { matrix_coefficients, .. }) = container.color_info() {
        return matrix_coefficients;
    }
    let data = match container.grid_config() {
        Some(_) => container.tile_data(0),
        None => container.primary_data(),
    };
    data.ok().and_then(|data| coded_matrix(&data)).unwrap_or(UNSPECIFIED)
}

/// The matrix coefficients of the first sequence header. re_rav1d's own accessor panics at those that
/// AV1 reserves.
fn coded_matrix(mut data: &[u8]) -> Option<u16> {
    while !data.is_empty() {
        let header = ObuHeader::parse(&mut data).ok()?;
        if header.obu_type == ObuType::SequenceHeader {
            let sequence = SequenceHeaderObu::parse(header, &mut data).ok()?;
            return Some(sequence.color_config.matrix_coefficients.into());
        }
        data = data.get(usize::try_from(header.size?).ok()?..)?;
    }
    None
}

/// Of H.273's matrix coefficients, the parts that red and blue have in brightness.
fn weights(matrix: u16) -> Option<(f32, f32)> {
    match matrix {
        0 => None,
        1 => Some((0.2126, 0.0722)),
        7 => Some((0.212, 0.087)),
        9 | 10 => Some((0.2627, 0.0593)),
        _ => Some((0.299, 0.114)),
    }
}

fn to_8_bits(value: f32) -> u8 {
    (value * 255.0 + 0.5) as u8
}

fn samples(resizer: &mut Resizer, plane: &Image<'_>, size: (u32, u32)) -> Result<Vec<u16>, DevelopError> {
    let mut reduced = Image::new(size.0, size.1, plane.pixel_type());
    resizer.resize(plane, &mut reduced, &reduce::options()).map_err(DevelopError::internal)?;
    Ok(match reduced.pixel_type() {
        PixelType::U8 => reduced.buffer().iter().map(|&sample| sample.into()).collect(),
        _ => reduced.buffer().as_chunks().0.iter().map(|&sample| u16::from_ne_bytes(sample)).collect(),
    })
}

/// One plane of all tiles.
fn assemble(
    tiles: &[Picture],
    columns: usize,
    full: (u32, u32),
    component: PlanarImageComponent,
) -> Result<Image<'static>, DevelopError> {
    let Some(first) = tiles.first() else { return Err(DevelopError::corrupt("a grid without tiles")) };
    let is_chroma = component != PlanarImageComponent::Y;
    let thinned = |side: u32, is_thinned: bool| if is_chroma && is_thinned { side.div_ceil(2) } else { side };
    let layout = first.pixel_layout();
    let across = |side| thinned(side, matches!(layout, PixelLayout::I420 | PixelLayout::I422)) as usize;
    let down = |side| thinned(side, layout == PixelLayout::I420) as usize;
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
