//! An animated AVIF. Frames predict each other, so one decoder gets them in their order.

use re_rav1d::dav1d::Decoder as Av1Decoder;

use super::decoder::{next_picture, open};
use super::units;
use crate::decoder::{Frame, Request, Sequence};
use crate::error::DevelopError;
use crate::formats::heif::{Coded, Look, Movie, Planes, Tile, check_work, unreadable};
use crate::header::area;

/// The bytes that the engine takes for each sample of a frame: the planes, the planes in the size of the picture, and the
/// result.
const CONVERTING: u64 = 12;

/// Opens an animation whose frames have the size of the main picture.
pub(crate) fn animation<'a>(request: &Request<'a>) -> Result<Sequence<'a>, DevelopError> {
    let Movie { pictures, alpha, delays, plays } = Movie::read(request.bytes).ok_or_else(unreadable)?;
    let coded = units::read_all(&pictures).ok_or_else(unreadable)?;
    let alpha = match alpha {
        Some(samples) => Some((units::read_all(&samples).ok_or_else(unreadable)?, samples)),
        None => None,
    };
    let alpha_coded = alpha.as_ref().map(|(coded, _)| *coded);
    let size = request.header.size;
    if coded.size != size || alpha_coded.is_some_and(|alpha| alpha.size != size) {
        return Err(unreadable());
    }
    check_work(coded.work.saturating_add(alpha_coded.map_or(0, |alpha| alpha.work)), request.limits)?;
    let decoders = coded.decoding.saturating_add(alpha_coded.map_or(0, |alpha| alpha.decoding));
    request
        .reserve_animation(decoders.div_ceil(area(size)).saturating_add(CONVERTING * coded.sample_bytes))?;

    let look = Look::of(request, coded.codes, alpha.is_some())?;
    let mut track = Track { decoder: open(&coded)?, coded };
    let mut alpha = match alpha {
        Some((coded, samples)) => Some((Track { decoder: open(&coded)?, coded }, samples.into_iter())),
        None => None,
    };
    let frames = pictures.into_iter().zip(delays).map(move |(sample, delay)| {
        let planes = track.next(sample, 3)?;
        let alpha = match &mut alpha {
            Some((track, samples)) => Some(track.next(samples.next().unwrap_or_default(), 1)?),
            None => None,
        };
        Ok(Frame { picture: look.picture(planes, alpha)?, delay })
    });
    Ok(Sequence { plays, frames: Box::new(frames) })
}

struct Track {
    decoder: Av1Decoder,
    coded: Coded,
}

impl Track {
    /// The first planes of the next frame.
    fn next(&mut self, sample: &[u8], planes: usize) -> Result<Planes, DevelopError> {
        let picture = next_picture(&mut self.decoder, sample)?;
        if Tile::size(&picture) != self.coded.size {
            return Err(unreadable());
        }
        Ok(Planes::of(&picture, self.coded.codes.is_full_range, planes))
    }
}
