//! How a picture consists of coded pictures: one, or the tiles of a grid.

use super::codec::{Codec, Coded};
use super::container::{Container, Item, Window};
use crate::error::DevelopError;
use crate::header::Frames;
use crate::size::Size;

/// The sides of the largest tile of a picture that is smaller. Encoders enlarge the last tiles to the size of the first.
const TILE: u32 = 512;

/// How many times the length of the file the data of all tiles may have together, if it is longer than `MIN_BYTES`.
const MAX_REPETITION: usize = 4;
const MIN_BYTES: usize = 16 << 20;

/// The coded pictures of one picture.
pub(crate) struct Layout {
    /// The size of the picture.
    pub(crate) size: Size,
    /// The size that the tiles cover. The picture is a part of it.
    pub(crate) canvas: Size,
    /// The part of the canvas that the picture is.
    pub(crate) window: Window,
    /// The coded pictures, row by row.
    pub(crate) tiles: Vec<Item>,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// The first coded picture.
    pub(crate) coded: Coded,
    /// The frames of all coded pictures, and the pixels that the decoder works on.
    pub(crate) coded_frames: Frames,
    /// The pixels that the decoder goes over in all coded pictures.
    pub(crate) work: u64,
    /// Whether the tiles have the same size and kind of pixels.
    is_uniform: bool,
}

impl Layout {
    /// Reads the headers of all coded pictures of an item, or `None` if one of them is damaged.
    pub(crate) fn read<C: Codec>(container: &Container<'_>, item: Item) -> Option<Self> {
        // Encoders store the data of equal tiles once. But many tiles that point at the whole file would take minutes.
        let mut bytes_left = container.length().saturating_mul(MAX_REPETITION).max(MIN_BYTES);
        let mut coded = |tile: Item| {
            let source = container.source(tile)?;
            bytes_left = bytes_left.checked_sub(source.data.len() + source.configuration.len())?;
            C::read(&source)
        };
        let (grid, tiles) = match container.grid(item) {
            Some(grid) => grid.map(|(grid, tiles)| (Some(grid), tiles))?,
            None => (None, vec![item]),
        };
        let first = coded(*tiles.first()?)?;
        let (mut coded_frames, mut work, mut is_uniform) = (Frames::default(), 0_u64, true);
        for &tile in &tiles {
            let tile = coded(tile)?;
            is_uniform &= tile.is_like(&first);
            coded_frames.count = coded_frames.count.saturating_add(tile.frames);
            coded_frames.pixels = coded_frames.pixels.saturating_add(tile.pixels);
            work = work.saturating_add(tile.work);
        }
        let (canvas, rows, columns) = match grid {
            Some(grid) => ((grid.width, grid.height), grid.rows, grid.columns),
            None => {
                // HEVC codes whole blocks, so the picture can be smaller than what is coded.
                let declared = container.declared_size(item).filter(|_| C::HAS_DECLARED_SIZE);
                (declared.unwrap_or(first.size), 1, 1)
            }
        };
        let window = container.window(item, canvas);
        let size = window.size;
        Some(Self {
            size,
            canvas,
            window,
            tiles,
            rows,
            columns,
            coded: first,
            coded_frames,
            work,
            is_uniform,
        })
    }

    /// Checks that the tiles are for a canvas of the size `full`, that the tiles fit together and cover it, that none of them is
    /// outside of it, and that none of them is much larger.
    pub(crate) fn check(&self, full: Size) -> Result<(), DevelopError> {
        let fits = |tile: u32, count: usize, side: u32| {
            let (tile, count, side) = (u64::from(tile), count as u64, u64::from(side));
            tile * count >= side && tile * (count - 1) < side && tile <= side.next_multiple_of(TILE.into())
        };
        let (width, height) = self.coded.size;
        let fits = fits(width, self.columns, full.0) && fits(height, self.rows, full.1);
        if self.is_uniform && self.canvas == full && fits {
            return Ok(());
        }
        Err(DevelopError::corrupt("the coded picture is of another size than the file says"))
    }
}
