//! What a picture may demand of the machine.

use std::time::{Duration, Instant};

use crate::error::DevelopError;

/// What a picture may demand of the machine. The engine checks the header before it allocates memory for pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of pixels. It applies to the declared canvas, to a first frame that is larger than its
    /// canvas, and to all frames of an animation together, although the engine decodes only the first.
    pub max_pixels: u64,
    /// The maximum length of a side, which bounds the working memory of one row or column.
    pub max_side: u32,
    /// The maximum length of the file, in bytes.
    pub max_bytes: u64,
    /// The maximum memory of the whole process while it works on one picture, in bytes, with the file itself. Kinds of
    /// pictures with more bytes per pixel than usual reach it before they reach `max_pixels`. The engine estimates the
    /// memory from the header.
    pub max_memory: u64,
    /// The maximum time for one picture. The engine checks it between its steps. The number of pixels bounds the steps
    /// that cannot be interrupted, and it also bounds the number of scans of a JPEG.
    pub max_time: Duration,
}

impl Default for Limits {
    /// 50 megapixels, files of 100 MB, 680 MB of memory, 30 seconds, and sides of at most 65,535 pixels, the maximum of JPEG and GIF.
    fn default() -> Self {
        Self {
            max_pixels: 50_000_000,
            max_side: 65_535,
            max_bytes: 100_000_000,
            max_memory: 680_000_000,
            max_time: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Checks the length of a file. A caller can use it before it reads the file.
    ///
    /// # Errors
    /// [`DevelopError::TooManyBytes`]
    pub fn check_length(&self, bytes: u64) -> Result<(), DevelopError> {
        if bytes > self.max_bytes {
            return Err(DevelopError::TooManyBytes { bytes, limit: self.max_bytes });
        }
        Ok(())
    }
}

/// The time at which the work on a picture has to end.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    pub(crate) fn check(self) -> Result<(), DevelopError> {
        if Instant::now() > self.0 { Err(DevelopError::Timeout) } else { Ok(()) }
    }
}
