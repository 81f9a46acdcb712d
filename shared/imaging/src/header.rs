//! What the header of a file declares.

use crate::error::DevelopError;
use crate::limits::Limits;
use crate::size::Size;

/// A decoder works on whole blocks, and the last tiles of a grid reach beyond the picture: this share of the limit.
const PADDING: u64 = 4;

/// The padding of the smallest pictures, in pixels.
const MIN_PADDING: u64 = 1 << 20;

/// The header of a picture.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    /// The larger of the declared canvas and the first frame, as stored: the orientation is not applied.
    pub(crate) size: Size,
    /// The frames of an animation. A still picture has none here.
    pub(crate) frames: Frames,
    /// What has to be decoded for the first picture, if that is more than one frame of its size: tiles, layers and
    /// hidden frames.
    pub(crate) coded: Frames,
}

/// The frames that an animation declares.
#[derive(Clone, Copy, Default)]
pub(crate) struct Frames {
    pub(crate) count: u32,
    /// The pixels of all frames together.
    pub(crate) pixels: u64,
}

impl Frames {
    pub(crate) fn add(&mut self, size: Size) {
        self.count = self.count.saturating_add(1);
        self.pixels = self.pixels.saturating_add(area(size));
    }
}

impl Header {
    /// The header of a still picture.
    pub(crate) fn still(size: Size) -> Self {
        Self { size, frames: Frames::default(), coded: Frames::default() }
    }

    /// The header of a file with a canvas and perhaps a first frame. A decoder allocates memory for the larger one.
    /// An empty canvas stays empty, and is rejected later.
    pub(crate) fn of_canvas(canvas: Size, first: Option<Size>, frames: Frames) -> Self {
        let larger = first.filter(|&first| area(canvas) > 0 && area(first) > area(canvas));
        Self { size: larger.unwrap_or(canvas), frames, coded: Frames::default() }
    }

    /// Compares the declared dimensions with `limits`.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DevelopError> {
        let &Self { size: (width, height), frames, coded } = self;
        let limit = limits.max_pixels;
        if area((width, height)) > limit {
            return Err(DevelopError::TooManyPixels { width, height, limit });
        }
        if frames.pixels > limit {
            return Err(DevelopError::TooManyFrames { frames: frames.count, pixels: frames.pixels, limit });
        }
        if coded.pixels > limit + limit / PADDING + MIN_PADDING {
            return Err(DevelopError::TooManyFrames { frames: coded.count, pixels: coded.pixels, limit });
        }
        if width.max(height) > limits.max_side {
            return Err(DevelopError::SideTooLong { width, height, limit: limits.max_side });
        }
        Ok(())
    }
}

/// A width and a height that the file stores in 16 bits each, the lower byte first.
pub(crate) fn size_le(width: [u8; 2], height: [u8; 2]) -> Size {
    (u16::from_le_bytes(width).into(), u16::from_le_bytes(height).into())
}

pub(crate) fn area((width, height): Size) -> u64 {
    u64::from(width) * u64::from(height)
}
