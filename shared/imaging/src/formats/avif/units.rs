//! What the headers inside a coded picture declare, read without decoding it.
//!
//! The container can declare any size for a picture. Only the sequence header of AV1 says how much memory its decoder
//! takes, and only the number of frames says how often.

use scuffle_av1::ObuHeader;
use scuffle_av1::seq::SequenceHeaderObu;

use crate::formats::heif::{Coded, Nclx};
use crate::size::Size;

const SEQUENCE_HEADER: u8 = 1;

/// The kinds of units that start a frame: a frame header, a frame, and a repeated frame header.
const FRAMES: [u8; 3] = [3, 6, 7];

/// The maximum number of units of a coded picture. Real ones have less than a hundred. A unit has at least two bytes, so a
/// file could have millions, and every tile could point at them.
const MAX_UNITS: usize = 1024;

/// The color code for what is not known.
const UNKNOWN: u16 = 2;

/// The sides of the blocks in which AV1 decodes. Even the smallest frame takes the time of one block.
const BLOCK: u32 = 64;

/// Reads all headers, or `None` if there is no frame, no header that tells its size, or if there are too many units.
pub(crate) fn read(data: &[u8]) -> Option<Coded> {
    read_all(&[data])
}

/// Reads the headers of all pictures of an animation. Only the first one needs the header that tells its size.
pub(crate) fn read_all(pictures: &[&[u8]]) -> Option<Coded> {
    let (mut sequence, mut frames) = (None, 0_u32);
    for data in pictures {
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
    let size: Size = (sequence.max_frame_width.try_into().ok()?, sequence.max_frame_height.try_into().ok()?);
    let blocks = |side: u32| u64::from(side.div_ceil(BLOCK)) * u64::from(BLOCK);
    let frame = blocks(size.0).saturating_mul(blocks(size.1));
    let pixels = frame.saturating_mul(frames.into());
    let coded = Coded {
        size,
        frames,
        pixels,
        work: pixels,
        sample_bytes: if color.bit_depth > 8 { 2 } else { 1 },
        samples_of_two,
        decoding: 0,
        // AVIF declares the primaries and the transfer curve in its container.
        codes: Nclx {
            primaries: UNKNOWN,
            transfer: UNKNOWN,
            matrix: color.matrix_coefficients.into(),
            is_full_range: color.full_color_range,
        },
    };
    // The decoder takes the picture, the frames that it keeps to predict others, the picture with noise, and what it
    // remembers of every block. AV1 predicts a frame from eight others.
    const KEPT: u32 = 9;
    let pictures = frames.min(KEPT) + u32::from(sequence.film_grain_params_present);
    let decoding = (coded.planes(frame) + frame / 4).saturating_mul(pictures.into());
    Some(Coded { decoding, ..coded })
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
