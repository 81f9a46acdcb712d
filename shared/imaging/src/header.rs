//! What the first bytes of a file tell: its format, its dimensions, and whether it is all there.
//!
//! Read here rather than through a decoder, so that nothing is allocated for a picture that will
//! be refused, whichever engine decodes.

use crate::{DevelopError, Limits, avif, jpeg};

/// A format that is developed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG, animated ones included.
    Png,
    /// WebP, lossy, lossless or animated.
    Webp,
    /// GIF.
    Gif,
    /// AVIF, animated ones included.
    Avif,
}

/// The header of a picture.
pub(crate) struct Header {
    pub(crate) format: Format,
    /// The larger of the declared canvas and the first frame, as stored: not yet upright.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// What an animation adds up to; of a still picture, one frame and no more.
    pub(crate) frames: Frames,
}

/// The frames of an animation as the file declares them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Frames {
    pub(crate) count: u32,
    /// The pixels of all frames together.
    pub(crate) pixels: u64,
}

impl Frames {
    fn add(&mut self, (width, height): (u32, u32)) {
        self.count = self.count.saturating_add(1);
        self.pixels = self.pixels.saturating_add(u64::from(width) * u64::from(height));
    }
}

/// The format of `bytes` by their content, where it is one that is developed.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Format::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::Webp),
        [_, _, _, _, b'f', b't', b'y', b'p', brands @ ..] if is_avif(brands) => Some(Format::Avif),
        _ => None,
    }
}

/// Reads the header of `bytes`.
pub(crate) fn read(bytes: &[u8]) -> Result<Header, DevelopError> {
    let format = sniff(bytes).ok_or_else(|| refusal(bytes))?;
    let still = |size| (size, Frames::default());
    let ((width, height), frames) = match format {
        Format::Jpeg => jpeg::size(bytes).map(still),
        Format::Png => png(bytes),
        Format::Webp => webp(bytes),
        Format::Gif => gif(bytes),
        Format::Avif => avif::size(bytes),
    }
    .filter(|&((width, height), _)| width > 0 && height > 0)
    .ok_or_else(|| DevelopError::corrupt("the header gives no dimensions"))?;
    Ok(Header { format, width, height, frames })
}

/// Refuses what a decoder would not: a file that says itself how long it is, or where it ends, and is shorter, and a
/// palette that is none.
///
/// JPEG decoders fill what is missing with grey, and WebP's read past a short chunk, so these two
/// are checked here; for PNG and GIF the decoder refuses.
pub(crate) fn check_content(bytes: &[u8], format: Format) -> Result<(), DevelopError> {
    const ENDS: &str = "the file ends before the picture";
    let (is_sound, otherwise) = match format {
        Format::Jpeg => (jpeg::Segments::new(bytes).any(|segment| segment.marker == jpeg::END), ENDS),
        Format::Webp => (webp_is_complete(bytes), ENDS),
        Format::Png => (png_palette_is_whole(bytes), "the palette is no list of colours"),
        Format::Gif | Format::Avif => (true, ENDS),
    };
    if is_sound { Ok(()) } else { Err(DevelopError::corrupt(otherwise)) }
}

impl Format {
    /// The media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Avif => "image/avif",
        }
    }

    /// The usual ending of a file's name, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Gif => "gif",
            Self::Avif => "avif",
        }
    }

    /// What to call a picture of this format which its decoder does not know how to read.
    pub(crate) fn unusual(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG (of this unusual kind)",
            Self::Png => "PNG (of this unusual kind)",
            Self::Webp => "WebP (of this unusual kind)",
            Self::Gif => "GIF (of this unusual kind)",
            Self::Avif => "AVIF (of this unusual kind)",
        }
    }
}

impl Header {
    /// Holds the declared dimensions against `limits`.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DevelopError> {
        let &Self { width, height, frames, .. } = self;
        let limit = limits.max_pixels;
        if u64::from(width) * u64::from(height) > limit {
            return Err(DevelopError::TooManyPixels { width, height, limit });
        }
        if frames.pixels > limit {
            return Err(DevelopError::TooManyFrames { frames: frames.count, pixels: frames.pixels, limit });
        }
        if width.max(height) > limits.max_side {
            return Err(DevelopError::SideTooLong { width, height, limit: limits.max_side });
        }
        Ok(())
    }
}

/// `mif1` is any image in this container, AV1 too where it is said to be compatible.
fn is_avif(brands: &[u8]) -> bool {
    match brands.get(..4) {
        Some(b"avif" | b"avis") => true,
        Some(b"mif1" | b"msf1") => {
            let brands = brands.get(..64.min(brands.len())).unwrap_or_default();
            brands.chunks_exact(4).any(|brand| brand == b"avif" || brand == b"avis")
        }
        _ => false,
    }
}

/// What to say of content which is not developed.
fn refusal(bytes: &[u8]) -> DevelopError {
    let format = match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.get(..4) {
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => {
                return DevelopError::HeicNotSupported;
            }
            Some(b"crx ") => "Camera raw",
            _ => return DevelopError::NotAnImage,
        },
        [b'I', b'I', 0x2a | 0x2b, 0, ..] | [b'M', b'M', 0, 0x2a | 0x2b, ..] => "TIFF",
        // A BMP: its name, its length, four bytes of nothing.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => "BMP",
        [0, 0, 1, 0, 1..=64, 0, ..] => "ICO",
        [0xff, 0x0a, ..] | [0, 0, 0, 0x0c, b'J', b'X', b'L', b' ', ..] => "JPEG XL",
        [0, 0, 0, 0x0c, b'j', b'P', b' ', b' ', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => "JPEG 2000",
        [b'8', b'B', b'P', b'S', 0, 1 | 2, ..] => "Photoshop",
        _ => return DevelopError::NotAnImage,
    };
    DevelopError::UnsupportedFormat { format }
}

fn png(bytes: &[u8]) -> Option<((u32, u32), Frames)> {
    if bytes.get(12..16)? != b"IHDR" {
        return None;
    }
    let size = size_be(bytes.get(16..)?)?;
    let mut frames = Frames::default();
    for (_, chunk) in png_chunks(bytes) {
        if let Some(control) = chunk.strip_prefix(b"fcTL") {
            frames.add(control.get(4..).and_then(size_be).unwrap_or_default());
        }
    }
    Some((size, frames))
}

/// The chunks of a PNG in order: the length of the content, and all from the kind on.
fn png_chunks(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, chunk) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        // The kind before the content, the check sum behind it.
        rest = chunk.get(length.saturating_add(8)..).unwrap_or_default();
        Some((length, chunk))
    })
}

/// Whether a palette that is used is a list of up to 256 colours of three bytes, as PNG demands. The decoder takes it
/// for granted.
fn png_palette_is_whole(bytes: &[u8]) -> bool {
    const INDEXED: u8 = 3;
    let is_whole = |(length, _): (usize, _)| length.is_multiple_of(3) && length <= 3 * 256;
    bytes.get(25) != Some(&INDEXED)
        || png_chunks(bytes).find(|(_, chunk)| chunk.starts_with(b"PLTE")).is_none_or(is_whole)
}

/// The canvas, or the first frame where that is larger.
fn gif(bytes: &[u8]) -> Option<((u32, u32), Frames)> {
    let [w1, w2, h1, h2, flags, _, _, rest @ ..] = bytes.get(6..)? else { return None };
    let canvas = size_le([*w1, *w2], [*h1, *h2]);
    let mut frames = Frames::default();
    let mut first = None;
    for frame in GifFrames::new(*flags, rest) {
        first = first.or(Some(frame));
        frames.add(frame);
    }
    Some((larger(canvas, first), frames))
}

/// The sizes of the frames of a GIF in order.
struct GifFrames<'a> {
    rest: &'a [u8],
}

impl<'a> GifFrames<'a> {
    fn new(flags: u8, bytes: &'a [u8]) -> Self {
        Self { rest: bytes.get(palette_length(flags)..).unwrap_or_default() }
    }
}

impl Iterator for GifFrames<'_> {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<(u32, u32)> {
        loop {
            match self.rest {
                [0x2c, _, _, _, _, w1, w2, h1, h2, flags, data @ ..] => {
                    // The palette, the code size, the pixels. A frame that is cut off counts too.
                    let pixels = data.get(palette_length(*flags) + 1..).unwrap_or_default();
                    self.rest = behind_blocks(pixels).unwrap_or_default();
                    return Some(size_le([*w1, *w2], [*h1, *h2]));
                }
                [0x21, _label, blocks @ ..] => self.rest = behind_blocks(blocks)?,
                _ => return None,
            }
        }
    }
}

fn palette_length(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// What follows a chain of a GIF's data blocks, which an empty one ends.
fn behind_blocks(mut rest: &[u8]) -> Option<&[u8]> {
    while let Some((&length, after)) = rest.split_first() {
        rest = after.get(usize::from(length)..)?;
        if length == 0 {
            break;
        }
    }
    Some(rest)
}

/// The canvas, or the first frame where that is larger.
fn webp(bytes: &[u8]) -> Option<((u32, u32), Frames)> {
    let still = |size| (size, Frames::default());
    let first = WebpChunks::of_file(bytes).next()?;
    if first.kind != b"VP8X" {
        return webp_frame(&first).map(still);
    }
    let [_, _, _, _, a, b, c, d, e, f, ..] = *first.payload else { return None };
    let side = |a, b, c| u32::from_le_bytes([a, b, c, 0]) + 1;
    let canvas = (side(a, b, c), side(d, e, f));
    let mut frames = Frames::default();
    let mut first = None;
    for chunk in WebpChunks::of_file(bytes) {
        let frame = if chunk.kind == b"ANMF" {
            let inner = WebpChunks { rest: chunk.payload.get(16..).unwrap_or_default() };
            let frame = inner.into_iter().find_map(|chunk| webp_frame(&chunk));
            frames.add(frame.unwrap_or_default());
            frame
        } else {
            webp_frame(&chunk)
        };
        first = first.or(frame);
    }
    Some((larger(canvas, first), frames))
}

fn webp_frame(chunk: &WebpChunk<'_>) -> Option<(u32, u32)> {
    match chunk.kind {
        b"VP8 " => {
            let [_, _, _, 0x9d, 0x01, 0x2a, w1, w2, h1, h2, ..] = *chunk.payload else {
                return None;
            };
            let (width, height) = size_le([w1, w2], [h1, h2]);
            Some((width & 0x3fff, height & 0x3fff))
        }
        b"VP8L" => {
            let [0x2f, a, b, c, d, ..] = *chunk.payload else { return None };
            let bits = u32::from_le_bytes([a, b, c, d]);
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        _ => None,
    }
}

/// Whether the file is as long as it says, and each of its chunks lies inside it. The decoder
/// allocates what a chunk claims.
fn webp_is_complete(bytes: &[u8]) -> bool {
    webp_length(bytes).is_some_and(|length| length <= bytes.len())
        && WebpChunks::of_file(bytes).all(|chunk| chunk.whole)
}

fn webp_length(bytes: &[u8]) -> Option<usize> {
    let (declared, _) = bytes.get(4..)?.split_first_chunk()?;
    (u32::from_le_bytes(*declared) as usize).checked_add(8)
}

/// The content of the first chunk of this kind, from the file's own level.
pub(crate) fn webp_chunk<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    WebpChunks::of_file(bytes).find(|chunk| chunk.kind == kind).map(|chunk| chunk.payload)
}

/// The chunks of a WebP in order.
struct WebpChunks<'a> {
    rest: &'a [u8],
}

struct WebpChunk<'a> {
    kind: &'a [u8; 4],
    payload: &'a [u8],
    /// Whether all of the payload is there.
    whole: bool,
}

impl<'a> WebpChunks<'a> {
    /// What follows the file's declared end is none of the picture.
    fn of_file(bytes: &'a [u8]) -> Self {
        let end = webp_length(bytes).unwrap_or_default().min(bytes.len());
        Self { rest: bytes.get(12..end).unwrap_or_default() }
    }
}

impl<'a> Iterator for WebpChunks<'a> {
    type Item = WebpChunk<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let whole = length <= rest.len();
        let payload = rest.get(..length).unwrap_or(rest);
        self.rest = rest.get(length.saturating_add(length & 1)..).unwrap_or_default();
        Some(WebpChunk { kind, payload, whole })
    }
}

/// What a decoder allocates for: the canvas, or a first frame that is larger than it. An empty
/// canvas stays empty, and is refused.
fn larger(canvas: (u32, u32), frame: Option<(u32, u32)>) -> (u32, u32) {
    let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    frame.filter(|&frame| area(canvas) > 0 && area(frame) > area(canvas)).unwrap_or(canvas)
}

fn size_be(bytes: &[u8]) -> Option<(u32, u32)> {
    let (width, rest) = bytes.split_first_chunk()?;
    let (height, _) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

fn size_le(width: [u8; 2], height: [u8; 2]) -> (u32, u32) {
    (u16::from_le_bytes(width).into(), u16::from_le_bytes(height).into())
}
