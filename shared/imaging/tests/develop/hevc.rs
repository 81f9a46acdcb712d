//! Pictures of HEVC, encoded by heifer-hevc-enc, and put into containers by hand.

use heifer_hevc_enc::encoder::{EncoderConfig, Planes16, encode_picture16};
use image::{DynamicImage, GenericImageView, GrayImage};

use crate::container::{Container, Property};

/// A coded picture.
#[derive(Clone)]
pub(crate) struct Hevc {
    /// The parameter sets.
    pub(crate) sets: Vec<Vec<u8>>,
    pub(crate) slices: Vec<Vec<u8>>,
    pub(crate) size: (u32, u32),
}

/// How samples are coded.
#[derive(Clone, Copy)]
pub(crate) struct Coding {
    pub(crate) depth: u8,
    pub(crate) is_full_range: bool,
    /// What the coded picture says of its range. `None` is the truth.
    pub(crate) declared_range: Option<bool>,
    pub(crate) primaries: u8,
}

pub(crate) const USUAL: Coding = Coding { depth: 8, is_full_range: true, declared_range: None, primaries: 1 };

impl Hevc {
    pub(crate) fn of(picture: &DynamicImage) -> Self {
        Self::coded(picture, USUAL)
    }

    pub(crate) fn coded(picture: &DynamicImage, coding: Coding) -> Self {
        let rgb = picture.to_rgb8();
        let (width, height) = rgb.dimensions();
        let unit = f64::from(1_u32 << (coding.depth - 8));
        let sample = |x: u32, y: u32, plane: usize| {
            let [r, g, b] = rgb.get_pixel(x.min(width - 1), y.min(height - 1)).0.map(f64::from);
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            let value = [luma, (b - luma) / 1.772, (r - luma) / 1.402][plane];
            let value = match (coding.is_full_range, plane) {
                (true, 0) => value,
                (true, _) => value + 128.0,
                (false, 0) => value * 219.0 / 255.0 + 16.0,
                (false, _) => value * 224.0 / 255.0 + 128.0,
            };
            (value * unit).round() as u16
        };
        let plane = |plane: usize, step: u32| -> Vec<u16> {
            let (columns, rows) = (width.div_ceil(step), height.div_ceil(step));
            (0..rows)
                .flat_map(|y| (0..columns).map(move |x| (x * step, y * step)))
                .map(|(x, y)| sample(x, y, plane))
                .collect()
        };
        let (luma, blue, red) = (plane(0, 1), plane(1, 2), plane(2, 2));
        let planes = Planes16 { y: &luma, chroma: Some((&blue, &red)), bit_depth: coding.depth };
        let full_range = coding.declared_range.unwrap_or(coding.is_full_range);
        Self::encode(width, height, planes, full_range, (coding.primaries, 13, 6))
    }

    /// A picture without color, such as an alpha channel.
    pub(crate) fn grey(picture: &GrayImage) -> Self {
        let luma: Vec<u16> = picture.iter().map(|&value| value.into()).collect();
        let planes = Planes16 { y: &luma, chroma: None, bit_depth: 8 };
        Self::encode(picture.width(), picture.height(), planes, true, (2, 2, 2))
    }

    fn encode(width: u32, height: u32, planes: Planes16<'_>, full_range: bool, colour: (u8, u8, u8)) -> Self {
        let config = EncoderConfig { qp: 10, full_range, colour };
        let picture = encode_picture16(width, height, planes, &config).unwrap();
        Self { sets: picture.parameter_sets, slices: picture.slices, size: (width, height) }
    }

    /// The units with their lengths.
    pub(crate) fn data(&self) -> Vec<u8> {
        let unit = |unit: &Vec<u8>| [&(unit.len() as u32).to_be_bytes()[..], unit].concat();
        self.slices.iter().flat_map(unit).collect()
    }

    /// The property with the parameter sets.
    pub(crate) fn configuration(&self) -> Property {
        let mut content = vec![1; 21];
        // Lengths have four bytes.
        content.extend([3, self.sets.len() as u8]);
        for set in &self.sets {
            content.push(set[0] >> 1);
            content.extend([0, 1]);
            content.extend((set.len() as u16).to_be_bytes());
            content.extend_from_slice(set);
        }
        (*b"hvcC", content)
    }
}

pub(crate) fn extent(width: u32, height: u32) -> Property {
    (*b"ispe", [[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat())
}

pub(crate) fn item(coded: &Hevc, more: &[Property]) -> ([u8; 4], Vec<u8>, Vec<Property>) {
    let (width, height) = coded.size;
    let properties = [&[coded.configuration(), extent(width, height)], more].concat();
    (*b"hvc1", coded.data(), properties)
}

pub(crate) fn file(coded: &Hevc, more: &[Property]) -> Container {
    Container { brand: Some(*b"heic"), items: vec![item(coded, more)], ..Container::default() }
}

/// A grid of tiles, without properties of its own but `more`.
pub(crate) fn file_of_grid(content: Vec<u8>, tiles: &[Hevc], more: &[Property]) -> Container {
    let mut container = Container { brand: Some(*b"heic"), ..Container::default() };
    add_grid(&mut container, content, tiles, more);
    container
}

fn add_grid(container: &mut Container, content: Vec<u8>, tiles: &[Hevc], more: &[Property]) -> u16 {
    container.items.push((*b"grid", content, more.to_vec()));
    let number = container.items.len() as u16;
    container.items.extend(tiles.iter().map(|tile| item(tile, &[])));
    container.references.push((*b"dimg", number, (number + 1..=container.items.len() as u16).collect()));
    number
}

pub(crate) fn tiles(picture: &DynamicImage, side: u32) -> Vec<Hevc> {
    let (width, height) = picture.dimensions();
    let corners = (0..height).step_by(side as usize).flat_map(|y| {
        let row = (0..width).step_by(side as usize);
        row.map(move |x| (x, y))
    });
    let tile = |(left, top): (u32, u32)| {
        let pixel = |x: u32, y: u32| picture.get_pixel((left + x).min(width - 1), (top + y).min(height - 1));
        Hevc::of(&image::RgbaImage::from_fn(side, side, pixel).into())
    };
    corners.map(tile).collect()
}

pub(crate) fn nclx(primaries: u16, transfer: u16, matrix: u16, is_full_range: bool) -> Property {
    let codes = [primaries, transfer, matrix].map(u16::to_be_bytes).concat();
    (*b"colr", [&b"nclx"[..], &codes, &[u8::from(is_full_range) << 7]].concat())
}
