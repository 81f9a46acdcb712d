//! What the headers inside a coded picture declare, read without decoding it.
//!
//! The container can declare any size for a picture. Only the sequence header of AV1 says how much memory its decoder
//! takes, and only the number of frames says how often.

use scuffle_av1::ObuHeader;
use scuffle_av1::seq::SequenceHeaderObu;

use crate::size::Size;

const SEQUENCE_HEADER: u8 = 1;

/// The kinds of units that start a frame: a frame header, a frame, and a repeated frame header.
const FRAMES: [u8; 3] = [3, 6, 7];

/// The maximum number of units of a coded picture. Real ones have less than a hundred. A unit has at least two bytes, so a
/// file could have millions, and every tile could point at them.
const MAX_UNITS: usize = 1024;

/// The sides of the blocks in which AV1 decodes. Even the smallest frame takes the time of one block.
const BLOCK: u32 = 64;

/// A coded picture: the main picture, a tile, or an alpha channel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coded {
    /// The size of the largest frame.
    pub(crate) size: Size,
    /// The number of frames, with the hidden ones and with all layers.
    pub(crate) frames: u32,
    /// The bytes of each sample.
    pub(crate) sample_bytes: u64,
    /// The number of samples for every two pixels: 2 for grey, 3, 4 or 6.
    pub(crate) samples_of_two: u64,
    /// Whether the decoder adds noise, for which it takes another picture.
    pub(crate) has_grain: bool,
    /// The matrix coefficients of H.273.
    pub(crate) matrix: u16,
}

impl Coded {
    /// Reads all headers, or `None` if there is no frame, no header that tells its size, or if there are too many units.
    pub(crate) fn read(data: &[u8]) -> Option<Self> {
        let (mut sequence, mut frames) = (None, 0_u32);
        for (index, (kind, unit)) in Units(data).enumerate() {
            if index == MAX_UNITS {
                return None;
            }
            // AVIF allows one sequence header. If it is repeated, it has to be the same.
            if kind == SEQUENCE_HEADER && *sequence.get_or_insert(unit) != unit {
                return None;
            }
            frames = frames.saturating_add(u32::from(FRAMES.contains(&kind)));
        }
        let mut unit = sequence.filter(|_| frames > 0)?;
        let header = ObuHeader::parse(&mut unit).ok()?;
        let sequence = SequenceHeaderObu::parse(header, &mut unit).ok()?;
        let color = &sequence.color_config;
        let samples_of_two = match (color.mono_chrome, color.subsampling_x, color.subsampling_y) {
            (true, ..) => 2,
            (_, true, true) => 3,
            (_, true, false) => 4,
            _ => 6,
        };
        Some(Self {
            size: (sequence.max_frame_width.try_into().ok()?, sequence.max_frame_height.try_into().ok()?),
            frames,
            sample_bytes: if color.bit_depth > 8 { 2 } else { 1 },
            samples_of_two,
            has_grain: sequence.film_grain_params_present,
            matrix: color.matrix_coefficients.into(),
        })
    }

    /// Whether two tiles can be parts of one picture.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let kind = |coded: &Self| (coded.size, coded.sample_bytes, coded.samples_of_two);
        kind(self) == kind(other)
    }

    /// The pixels that the decoder works on: whole blocks, and all frames.
    pub(crate) fn pixels(&self) -> u64 {
        let side = |side: u32| u64::from(side.div_ceil(BLOCK)) * u64::from(BLOCK);
        u64::from(self.frames).saturating_mul(side(self.size.0).saturating_mul(side(self.size.1)))
    }

    /// The bytes of all planes of a picture of this kind.
    pub(crate) fn planes(&self, pixels: u64) -> u64 {
        pixels.saturating_mul(self.samples_of_two * self.sample_bytes) / 2
    }

    /// The bytes that the decoder takes: the picture, the frames that it keeps to predict others, the picture with
    /// noise, and what it remembers of every block.
    pub(crate) fn decoding(&self) -> u64 {
        /// AV1 predicts a frame from eight others.
        const KEPT: u32 = 9;
        let frame = self.pixels() / u64::from(self.frames.max(1));
        let pictures = self.frames.min(KEPT) + u32::from(self.has_grain);
        (self.planes(frame) + frame / 4).saturating_mul(pictures.into())
    }
}

/// The units of a coded picture: the kind, and the unit with its header.
struct Units<'a>(&'a [u8]);

impl<'a> Iterator for Units<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&flags, mut rest) = self.0.split_first()?;
        if flags & 4 != 0 {
            rest = rest.get(1..)?;
        }
        // Without a length, the unit is the last one.
        let rest = if flags & 2 == 0 { &[][..] } else { after_length(rest)? };
        let unit = self.0.get(..self.0.len() - rest.len())?;
        self.0 = rest;
        Some((flags >> 3 & 15, unit))
    }
}

/// What follows a unit that starts with its length, which has seven bits in each byte, the lowest first.
fn after_length(bytes: &[u8]) -> Option<&[u8]> {
    let mut length = 0_u64;
    for (index, &byte) in bytes.iter().take(8).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.get(index + 1..)?.get(usize::try_from(length).ok()?..);
        }
    }
    None
}
