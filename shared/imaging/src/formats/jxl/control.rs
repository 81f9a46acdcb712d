//! Stops the decoder: its options limit its frames, and its input and its processor end when the time is over.

use std::io::{self, Error, ErrorKind, IoSliceMut, Read};

use ::jxl::api::{
    AlphaMode, JxlBitstreamInput, JxlDecoderOptions, JxlParallelRunner, JxlParallelRunnerFun, ProfileLevel,
};

use crate::limits::Deadline;

/// Options for pictures whose frames have at most so many samples.
pub(crate) fn options(max_samples: Option<u64>) -> JxlDecoderOptions {
    let mut options = JxlDecoderOptions::default();
    options.adjust_orientation = false;
    options.alpha_mode = AlphaMode::Unpremultiplied;
    options.max_profile_level = ProfileLevel::Main10;
    // The decoder rejects a frame that has exactly the limit.
    options.sample_limit = max_samples.and_then(|samples| usize::try_from(samples + 1).ok());
    options
}

/// The file, which ends with an error when the time is over.
pub(crate) struct Input<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) deadline: Option<Deadline>,
}

impl JxlBitstreamInput for Input<'_> {
    fn available_bytes(&mut self) -> io::Result<usize> {
        Ok(self.rest.len())
    }

    fn read(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if self.deadline.is_some_and(|deadline| deadline.check().is_err()) {
            return Err(Error::from(ErrorKind::TimedOut));
        }
        self.rest.read_vectored(buffers)
    }

    fn skip(&mut self, bytes: usize) -> io::Result<usize> {
        let skipped = bytes.min(self.rest.len());
        self.rest = self.rest.get(skipped..).unwrap_or_default();
        Ok(skipped)
    }
}

/// Does the work of the decoder, one part of a frame after the other, until the time is over.
pub(crate) struct Worker {
    pub(crate) deadline: Deadline,
}

impl JxlParallelRunner for Worker {
    fn run(&mut self, count: usize, work: &JxlParallelRunnerFun<'_>) -> ::jxl::error::Result<()> {
        (0..count).try_for_each(|part| {
            self.deadline.check().map_err(|_timeout| Error::from(ErrorKind::TimedOut))?;
            work(part)
        })
    }

    fn num_threads(&self) -> usize {
        1
    }

    fn run_ordered(
        &mut self,
        count: usize,
        _max_threads: Option<usize>,
        work: &JxlParallelRunnerFun<'_>,
    ) -> ::jxl::error::Result<()> {
        self.run(count, work)
    }
}

/// Refuses all work.
pub(crate) struct NoWork;

impl JxlParallelRunner for NoWork {
    fn run(&mut self, _count: usize, _work: &JxlParallelRunnerFun<'_>) -> ::jxl::error::Result<()> {
        Err(Error::from(ErrorKind::Unsupported).into())
    }

    fn num_threads(&self) -> usize {
        1
    }

    fn run_ordered(
        &mut self,
        count: usize,
        _max_threads: Option<usize>,
        work: &JxlParallelRunnerFun<'_>,
    ) -> ::jxl::error::Result<()> {
        self.run(count, work)
    }
}
