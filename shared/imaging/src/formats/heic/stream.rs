//! The units of a coded picture of HEVC (H.265): which of them the decoder gets, and what their headers declare.
//!
//! A crafted file can make a decoder work for minutes: with a size of its own that is larger than the container says,
//! or with slices that repeat the picture. So the engine reads the headers before it decodes, and gives the decoder only
//! what a picture needs.

use heifer_hevc_dec::nal::{NalUnit, NalUnitType};
use heifer_hevc_dec::params::Sps;
use memchr::memmem;

use crate::formats::heif::{Coded, Fields, Nclx, Source};

/// What precedes each unit in a stream. A unit cannot contain it.
const START: [u8; 3] = [0, 0, 1];

/// The maximum number of parameter sets. Real files have three.
const MAX_SETS: usize = 64;

/// The maximum number of slices. Real files have one to four.
const MAX_SLICES: usize = 1024;

/// The sides of the largest blocks in which HEVC decodes. Even the smallest slice takes the time of one block.
const BLOCK: u32 = 64;

/// The bytes that the decoder remembers of a block of 4 x 4 pixels.
const BLOCK_BYTES: u64 = 24;

/// The units of the first picture.
pub(crate) struct Stream<'a> {
    /// The sequence and picture parameter sets, in their order.
    sets: Vec<&'a [u8]>,
    slices: Vec<&'a [u8]>,
    sequence: Sps,
}

impl<'a> Stream<'a> {
    /// Reads all units, or `None` if there is no picture, if there are too many units, or if the parameter sets
    /// describe pictures of several kinds.
    pub(crate) fn read(source: &'a Source<'_>) -> Option<Self> {
        // The version, the profile, and what decoders need for videos.
        let mut fields = Fields(source.configuration.get(21..)?);
        let [flags, arrays] = fields.array()?;
        let (mut sets, mut slices, mut sequence) = (Vec::new(), Vec::new(), None);
        let mut add = |unit: &'a [u8]| {
            if memmem::find(unit, &START).is_some() {
                return None;
            }
            match kind(unit)? {
                Unit::Sequence if *sequence.get_or_insert(unit) != unit => None,
                // Parameter sets for the next picture may follow the slices.
                Unit::Sequence | Unit::Picture if slices.is_empty() => push(&mut sets, unit, MAX_SETS),
                Unit::Slice { is_first } if is_first && !slices.is_empty() => Some(false),
                Unit::Slice { .. } => push(&mut slices, unit, MAX_SLICES),
                Unit::Sequence | Unit::Picture | Unit::Other => Some(true),
            }
        };
        for _ in 0..arrays {
            fields.number(1)?;
            for _ in 0..fields.number(2)? {
                let length = usize::try_from(fields.number(2)?).ok()?;
                add(fields.bytes(length)?)?;
            }
        }
        let mut fields = Fields(&source.data);
        while !fields.0.is_empty() {
            let length = usize::try_from(fields.number(usize::from(flags & 3) + 1)?).ok()?;
            if !add(fields.bytes(length)?)? {
                break;
            }
        }
        let unit = NalUnit::parse(sequence.filter(|_| !slices.is_empty())?).ok()?;
        let sequence = Sps::parse(&unit.rbsp).ok()?;
        // Three pictures without color, one for each color, which no camera writes.
        (!sequence.separate_colour_plane_flag).then_some(Self { sets, slices, sequence })
    }

    pub(crate) fn coded(&self) -> Coded {
        let sequence = &self.sequence;
        let full = (sequence.pic_width_in_luma_samples, sequence.pic_height_in_luma_samples);
        let blocks = |side: u32| u64::from(side.div_ceil(BLOCK)) * u64::from(BLOCK);
        let pixels = blocks(full.0).saturating_mul(blocks(full.1));
        let is_deep = sequence.bit_depth_luma.max(sequence.bit_depth_chroma) > 8;
        let samples_of_two = match sequence.chroma_format_idc {
            0 => 2,
            1 => 3,
            2 => 4,
            _ => 6,
        };
        // The decoder takes two bytes for each sample. It copies the brightness to filter it, or all to cut it.
        let copied = if sequence.conf_win_offsets == [0; 4] { 2 } else { samples_of_two };
        let planes = pixels.saturating_mul(samples_of_two + copied);
        let data: usize = self.slices.iter().map(|slice| slice.len()).sum();
        let codes = sequence.vui.as_ref().map_or(DEFAULT, |vui| Nclx {
            primaries: vui.colour_primaries.into(),
            transfer: vui.transfer_characteristics.into(),
            matrix: vui.matrix_coeffs.into(),
            is_full_range: vui.video_full_range_flag,
        });
        Coded {
            size: sequence.output_size(),
            frames: 1,
            pixels,
            work: pixels.saturating_mul(self.slices.len() as u64),
            sample_bytes: if is_deep { 2 } else { 1 },
            samples_of_two,
            // The data is copied twice.
            decoding: planes.saturating_add(pixels / 16 * BLOCK_BYTES).saturating_add(2 * data as u64),
            codes,
        }
    }

    /// The units as the decoder expects them.
    pub(crate) fn joined(&self) -> Vec<u8> {
        let units = || self.sets.iter().chain(&self.slices);
        let mut joined = Vec::with_capacity(units().map(|unit| START.len() + unit.len()).sum());
        for unit in units() {
            joined.extend(START);
            joined.extend_from_slice(unit);
        }
        joined
    }
}

/// The color codes of H.265 for pictures that have none: unknown, and limited range.
const DEFAULT: Nclx = Nclx { primaries: 2, transfer: 2, matrix: 2, is_full_range: false };

enum Unit {
    Sequence,
    Picture,
    Slice {
        /// Whether it is the first one of a picture.
        is_first: bool,
    },
    /// Also a unit of another layer, such as the picture for the other eye.
    Other,
}

/// The kind of a unit, or `None` if its header is invalid. Padding counts as a unit.
fn kind(unit: &[u8]) -> Option<Unit> {
    if unit.len() < 2 {
        return Some(Unit::Other);
    }
    let header = NalUnit::parse(unit.get(..unit.len().min(3))?).ok()?.header;
    Some(match header.unit_type {
        _ if header.layer_id > 0 => Unit::Other,
        NalUnitType::Sps => Unit::Sequence,
        NalUnitType::Pps => Unit::Picture,
        kind if kind.is_slice() => {
            Unit::Slice { is_first: unit.get(2).is_some_and(|flags| flags & 0x80 != 0) }
        }
        _ => Unit::Other,
    })
}

/// Adds a unit to a list, unless it already has the maximum number. The result says that more units may follow.
fn push<'a>(list: &mut Vec<&'a [u8]>, unit: &'a [u8], max: usize) -> Option<bool> {
    (list.len() < max).then(|| list.push(unit)).map(|()| true)
}
