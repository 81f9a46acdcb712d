//! Thumbnails that show all frames of an animation, as animated WebP.
//!
//! The engine decodes, composes, reduces and encodes one frame after the other, so it holds one frame at a time.

use std::iter;

use crate::decoder::{Frame, Request, Sequence};
use crate::encode::{AnimatedWebp, Thumbnail};
use crate::error::DevelopError;
use crate::formats::Format;
use crate::guard::guarded;
use crate::header::area;
use crate::limits::Deadline;
use crate::placeholder::{self, Placeholder};
use crate::reduce::reduce;
use crate::size::{Size, fit};

/// The maximum number of frames of an animated thumbnail: 40 seconds of a film. Each frame takes time, even an empty one.
const MAX_FRAMES: u32 = 1_000;

/// An animated thumbnail may take this part of the time for a picture. The rest is for still thumbnails.
const PART_OF_TIME: u32 = 3;

/// Browsers show a frame for 100 ms if its delay is at most 10 ms.
const TOO_SHORT: u32 = 10;
const INSTEAD: u32 = 100;

/// The maximum delay in milliseconds: that of GIF. The other formats allow 16 seconds to 18 hours.
const MAX_DELAY: u32 = 655_350;

/// Which frames of an animation the thumbnails show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Animation {
    /// The first frame, or the default image of an animated PNG.
    #[default]
    First,
    /// All frames, unless they are too many, too large, or take too long: then the first.
    All,
}

impl std::str::FromStr for Animation {
    type Err = UnknownAnimation;

    /// The value in a deployment's settings: `first` or `all`.
    fn from_str(name: &str) -> Result<Self, UnknownAnimation> {
        match name {
            "first" => Ok(Self::First),
            "all" => Ok(Self::All),
            _ => Err(UnknownAnimation),
        }
    }
}

/// A name that is not that of an [`Animation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("thumbnails of animations can show first or all")]
pub struct UnknownAnimation;

/// What was made of a picture.
pub(crate) struct Made {
    pub(crate) upright: Size,
    pub(crate) thumbnails: Vec<Thumbnail>,
    pub(crate) placeholder: Placeholder,
}

/// Makes animated thumbnails of all `sizes`. The result is `None` if the picture is not an animation, if it exceeds a
/// bound, or if it has only one undamaged frame: then it gets still thumbnails.
pub(crate) fn make(format: Format, request: &Request<'_>, sizes: &[u32]) -> Option<Made> {
    let frames = request.header.frames.count;
    // A decoder composes each frame on the canvas, however small the frame is.
    let pixels = area(request.header.size).saturating_mul(frames.into());
    if !(2..=MAX_FRAMES).contains(&frames) || pixels > request.limits.max_pixels {
        return None;
    }
    let open = format.decoder().animation?;
    let deadline = Deadline::after(request.limits.max_time / PART_OF_TIME);
    let made = || open(&Request { deadline, ..*request }).and_then(|frames| encode(frames, sizes, deadline));
    guarded(made).ok().flatten()
}

fn encode(sequence: Sequence<'_>, sizes: &[u32], deadline: Deadline) -> Result<Option<Made>, DevelopError> {
    let Sequence { plays, mut frames } = sequence;
    let Some(Ok(first)) = frames.next() else { return Ok(None) };
    let upright = first.picture.upright();
    let mut encoders: Vec<(Size, AnimatedWebp)> = Vec::with_capacity(sizes.len());
    for &size in sizes {
        let target = fit(upright, size);
        if !encoders.iter().any(|(other, _)| *other == target) {
            encoders.push((target, AnimatedWebp::new(target, plays)?));
        }
    }
    let targets: Vec<Size> = encoders.iter().map(|(target, _)| *target).collect();
    let small = fit(upright, placeholder::SIDE);
    let (mut placeholder, mut time, mut count) = (None, 0, 0_u32);
    // A damaged frame ends the animation, as in browsers.
    for Frame { picture, delay } in iter::once(first).chain(frames.map_while(Result::ok)) {
        let is_first = placeholder.is_none();
        let pictures = reduce(picture, targets.iter().copied().chain(is_first.then_some(small)), deadline)?;
        if is_first {
            placeholder = Some(placeholder::of(pictures.get(small)?));
        }
        for (target, encoder) in &mut encoders {
            deadline.check()?;
            encoder.add(pictures.get(*target)?, time)?;
        }
        time += if delay <= TOO_SHORT { INSTEAD } else { delay.min(MAX_DELAY) };
        count += 1;
    }
    let Some(placeholder) = placeholder.filter(|_| count > 1) else { return Ok(None) };
    let mut files = Vec::with_capacity(encoders.len());
    for (target, encoder) in encoders {
        files.push((target, encoder.finish(time)?));
    }
    let thumbnails = sizes.iter().filter_map(|&size| {
        let (target, bytes) = files.iter().find(|(target, _)| *target == fit(upright, size))?;
        Some(Thumbnail::animated(size, *target, bytes.clone()))
    });
    Ok(Some(Made { upright, thumbnails: thumbnails.collect(), placeholder }))
}
