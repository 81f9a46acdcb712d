//! The tracks of an animation (ISO/IEC 14496-12): where its frames are, and how long each of them is shown.
//!
//! Colors, turns and reflections are those of the main picture, which encoders write alike.

use super::boxes::{Fields, boxes};
use super::container::is_alpha;

/// An animation, and its alpha channel.
pub(crate) struct Movie<'a> {
    pub(crate) pictures: Vec<&'a [u8]>,
    /// The alpha channel of each frame.
    pub(crate) alpha: Option<Vec<&'a [u8]>>,
    /// How long each frame is shown, in milliseconds.
    pub(crate) delays: Vec<u32>,
    /// How often the animation is shown. 0 means without end.
    pub(crate) plays: u32,
}

impl<'a> Movie<'a> {
    /// Reads the tracks, or returns `None` if they are damaged, or if the data of all frames together is longer than the
    /// file.
    pub(crate) fn read(file: &'a [u8]) -> Option<Self> {
        /// Real files have one or two.
        const MAX: usize = 16;
        let movie = child(file, b"moov")?;
        let tracks: Vec<&[u8]> =
            boxes(movie).filter(|(kind, _)| kind == b"trak").take(MAX).map(|(_, track)| track).collect();
        let track = *tracks.iter().find(|track| handler(track) == Some(*b"pict"))?;
        let media = child(track, b"mdia")?;
        let table = table(track)?;
        let mut bytes_left = file.len();
        let pictures = samples(table, file, &mut bytes_left)?;
        let delays = delays(table, timescale(child(media, b"mdhd")?)?, pictures.len())?;
        let (id, _) = id_and_duration(track)?;
        let alpha = tracks.iter().find(|track| is_alpha_of(track, id).is_some());
        let alpha = match alpha {
            Some(track) => Some(samples(self::table(track)?, file, &mut bytes_left)?),
            None => None,
        };
        Some(Self { pictures, alpha, delays, plays: plays(track)? })
    }
}

/// The content of the first box of this kind.
fn child<'a>(content: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(content).find(|(other, _)| other == kind).map(|(_, content)| content)
}

/// The tables of the frames of a track.
fn table(track: &[u8]) -> Option<&[u8]> {
    child(child(child(track, b"mdia")?, b"minf")?, b"stbl")
}

/// The kind of a track.
fn handler(track: &[u8]) -> Option<[u8; 4]> {
    // It follows a version, flags, and four bytes that mean nothing.
    Fields(child(child(track, b"mdia")?, b"hdlr")?.get(8..)?).array()
}

/// The number of a track, and its duration, or `None` for without end.
fn id_and_duration(track: &[u8]) -> Option<(u32, Option<u64>)> {
    let mut fields = Fields(child(track, b"tkhd")?);
    let length = if fields.full_box()? == 0 { 4 } else { 8 };
    // The times at which the track was made and changed.
    fields.bytes(2 * length)?;
    let id = fields.id(4)?;
    fields.number(4)?;
    let duration = fields.number(length)?;
    Some((id, (duration != u64::MAX >> (64 - 8 * length)).then_some(duration)))
}

/// How often a track is shown, as browsers read it. Without a list of edits, it has no end.
fn plays(track: &[u8]) -> Option<u32> {
    let Some(list) = child(track, b"edts").and_then(|edits| child(edits, b"elst")) else { return Some(0) };
    let mut fields = Fields(list);
    let [version, _, _, flags] = fields.array()?;
    if flags & 1 == 0 {
        return Some(1);
    }
    fields.number(4)?;
    let once = fields.number(if version == 0 { 4 } else { 8 })?;
    let (_, duration) = id_and_duration(track)?;
    let Some(duration) = duration else { return Some(0) };
    (once > 0).then(|| u32::try_from(duration.div_ceil(once)).unwrap_or(u32::MAX).max(1))
}

/// Whether a track is the alpha channel of the track with this number.
fn is_alpha_of(track: &[u8], id: u32) -> Option<()> {
    let reference = child(child(track, b"tref")?, b"auxl")?;
    // The coded pictures are described behind a version, flags and a count. Eighty-six bytes precede the details.
    let (_, entry) = boxes(child(table(track)?, b"stsd")?.get(8..)?).next()?;
    let name = child(entry.get(78..)?, b"auxi")?.get(4..)?;
    (handler(track)? == *b"auxv" && Fields(reference).id(4)? == id && is_alpha(name)).then_some(())
}

fn timescale(header: &[u8]) -> Option<u64> {
    let mut fields = Fields(header);
    let length = if fields.full_box()? == 0 { 4 } else { 8 };
    fields.bytes(2 * length)?;
    fields.number(4).filter(|&scale| scale > 0)
}

/// The data of all frames: their sizes, how many of them are in each chunk, and where the chunks are.
fn samples<'a>(table: &[u8], file: &'a [u8], bytes_left: &mut usize) -> Option<Vec<&'a [u8]>> {
    let mut sizes = Fields(child(table, b"stsz")?);
    sizes.full_box()?;
    let (size_of_all, count) = (sizes.number(4)?, sizes.number(4)?);
    let (mut chunks, length) = match (child(table, b"stco"), child(table, b"co64")) {
        (Some(chunks), _) => (Fields(chunks), 4),
        (None, chunks) => (Fields(chunks?), 8),
    };
    chunks.full_box()?;
    let chunk_count = chunks.number(4)?;
    let mut runs = Fields(child(table, b"stsc")?);
    runs.full_box()?;
    let mut runs_left = runs.number(4)?;
    // A run of chunks with the same number of frames goes up to the next run.
    let mut run = |runs_left: &mut u64| {
        *runs_left = runs_left.checked_sub(1)?;
        let (first, frames) = (runs.number(4)?, runs.number(4)?);
        runs.number(4)?;
        Some((first, frames))
    };
    let (_, mut frames) = run(&mut runs_left)?;
    let mut next = run(&mut runs_left);
    let mut samples = Vec::new();
    for chunk in 1..=chunk_count {
        if let Some((first, of_next)) = next
            && first == chunk
        {
            frames = of_next;
            next = run(&mut runs_left);
        }
        let mut start = usize::try_from(chunks.number(length)?).ok()?;
        for _ in 0..frames.min(count - samples.len() as u64) {
            let size = if size_of_all == 0 { sizes.number(4)? } else { size_of_all };
            let size = usize::try_from(size).ok()?;
            // Frames that overlap could add up to any length.
            *bytes_left = bytes_left.checked_sub(size)?;
            let end = start.checked_add(size)?;
            samples.push(file.get(start..end)?);
            start = end;
        }
    }
    (samples.len() as u64 == count).then_some(samples)
}

/// How long each frame is shown.
fn delays(table: &[u8], timescale: u64, count: usize) -> Option<Vec<u32>> {
    let mut fields = Fields(child(table, b"stts")?);
    fields.full_box()?;
    let mut delays = Vec::new();
    for _ in 0..fields.number(4)? {
        let (frames, duration) = (fields.number(4)?, fields.number(4)?);
        let delay = u32::try_from(duration * 1000 / timescale).unwrap_or(u32::MAX);
        let frames = frames.min((count - delays.len()) as u64);
        delays.extend((0..frames).map(|_| delay));
    }
    (delays.len() == count).then_some(delays)
}
