//! What a format gives the container: how its pictures are read and decoded.

use super::container::{Nclx, Source};
use crate::error::DevelopError;
use crate::size::Size;

/// What is coded in the container: AV1 or HEVC.
pub(crate) trait Codec {
    /// A decoded picture: the whole picture, or one tile of a grid.
    type Tile: Tile;

    /// Whether the picture has the size that the container declares. Otherwise it has that of the coded picture.
    const HAS_DECLARED_SIZE: bool;

    /// Reads the headers of a coded picture without decoding it, or `None` if they are damaged.
    fn read(source: &Source<'_>) -> Option<Coded>;

    /// Decodes a picture whose headers were read.
    fn decode(source: &Source<'_>, coded: &Coded) -> Result<Self::Tile, DevelopError>;
}

/// What the headers of a coded picture declare: of the main picture, a tile, or an alpha channel.
///
/// The container can declare any size for a picture. Only the headers of the coded picture say how much memory and time
/// its decoder takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coded {
    /// The size of the largest frame.
    pub(crate) size: Size,
    /// The number of frames, with the hidden ones and with all layers.
    pub(crate) frames: u32,
    /// The pixels that the decoder works on: whole blocks, and all frames.
    pub(crate) pixels: u64,
    /// The pixels that the decoder goes over, if parts of the picture repeat others.
    pub(crate) work: u64,
    /// The bytes of each sample.
    pub(crate) sample_bytes: u64,
    /// The number of samples for every two pixels: 2 for grey, 3, 4 or 6.
    pub(crate) samples_of_two: u64,
    /// The bytes that the decoder takes.
    pub(crate) decoding: u64,
    /// The color codes. Those of the container replace them.
    pub(crate) codes: Nclx,
}

impl Coded {
    /// Whether two tiles can be parts of one picture.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let kind = |coded: &Self| (coded.size, coded.sample_bytes, coded.samples_of_two);
        kind(self) == kind(other)
    }

    /// The bytes of all planes of a picture of this kind.
    pub(crate) fn planes(&self, pixels: u64) -> u64 {
        pixels.saturating_mul(self.samples_of_two * self.sample_bytes) / 2
    }
}

/// How much of the color a picture has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subsampling {
    /// No color.
    Grey,
    /// One sample for a square of four pixels.
    Both,
    /// One sample for two pixels next to each other.
    Horizontal,
    /// One sample for each pixel.
    None,
}

/// The kind of a decoded picture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) subsampling: Subsampling,
    /// The bits of a sample.
    pub(crate) depth: u32,
}

/// A picture as a decoder gives it.
pub(crate) trait Tile {
    fn kind(&self) -> Kind;

    fn size(&self) -> Size;

    /// Copies samples of a row of a plane, from the sample `start` on, to all of `to`, as far as the row has them: one
    /// byte each, or two in the order of this machine if a sample has more than 8 bits.
    fn copy_row(&self, plane: usize, row: usize, start: usize, to: &mut [u8]);
}
