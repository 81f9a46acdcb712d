//! What the first bytes of a file tell: its format, its dimensions, and whether it is all there.
//!
//! Read here rather than through a decoder, so that nothing is allocated for a picture that will
//! be refused, whichever engine decodes.

use crate::{DevelopError, Limits};

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
}

/// The header of a picture.
pub(crate) struct Header {
    pub(crate) format: Format,
    /// The larger of the declared canvas and the first frame, as stored: not yet upright.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// The format of `bytes` by their content, where it is one that is developed.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Format::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::Webp),
        _ => None,
    }
}

/// Reads the header of `bytes`.
pub(crate) fn read(bytes: &[u8]) -> Result<Header, DevelopError> {
    let format = sniff(bytes).ok_or_else(|| refusal(bytes))?;
    let (width, height) = match format {
        Format::Jpeg => jpeg(bytes),
        Format::Png => png(bytes),
        Format::Webp => webp(bytes),
        Format::Gif => gif(bytes),
    }
    .filter(|&(width, height)| width > 0 && height > 0)
    .ok_or_else(|| DevelopError::corrupt("the header gives no dimensions"))?;
    Ok(Header { format, width, height })
}

/// Refuses a file that says itself how long it is, or where it ends, and is shorter.
///
/// JPEG decoders fill what is missing with grey, and WebP's read past a short chunk, so these two
/// are checked here; for PNG and GIF the decoder refuses.
pub(crate) fn check_complete(bytes: &[u8], format: Format) -> Result<(), DevelopError> {
    let complete = match format {
        Format::Jpeg => JpegSegments::new(bytes).any(|segment| segment.marker == JPEG_END),
        Format::Webp => webp_is_complete(bytes),
        Format::Png | Format::Gif => true,
    };
    if complete { Ok(()) } else { Err(DevelopError::corrupt("the file ends before the picture")) }
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
        }
    }

    /// What to call a picture of this format which its decoder does not know how to read.
    pub(crate) fn unusual(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG (of this unusual kind)",
            Self::Png => "PNG (of this unusual kind)",
            Self::Webp => "WebP (of this unusual kind)",
            Self::Gif => "GIF (of this unusual kind)",
        }
    }
}

impl Header {
    /// Holds the declared dimensions against `limits`.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DevelopError> {
        let &Self { width, height, .. } = self;
        if u64::from(width) * u64::from(height) > limits.max_pixels {
            return Err(DevelopError::TooManyPixels { width, height, limit: limits.max_pixels });
        }
        if width.max(height) > limits.max_side {
            return Err(DevelopError::SideTooLong { width, height, limit: limits.max_side });
        }
        Ok(())
    }
}

/// What to say of content which is not developed.
fn refusal(bytes: &[u8]) -> DevelopError {
    let format = match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.get(..4) {
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => {
                // `mif1` is any image in this container, AV1 too where it is said to be compatible.
                let brands = brand.get(..64.min(brand.len())).unwrap_or_default();
                if brands.chunks_exact(4).any(|b| b == b"avif") {
                    "AVIF"
                } else {
                    return DevelopError::HeicNotSupported;
                }
            }
            Some(b"avif" | b"avis") => "AVIF",
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

const JPEG_SCAN: u8 = 0xda;
const JPEG_END: u8 = 0xd9;

fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let frame = JpegSegments::new(bytes)
        .take_while(|segment| segment.marker != JPEG_SCAN)
        // Start of frame, of every coding process: C4, C8 and CC are other tables.
        .find(|s| matches!(s.marker, 0xc0..=0xcf) && !matches!(s.marker, 0xc4 | 0xc8 | 0xcc))?;
    let [_precision, h1, h2, w1, w2, ..] = *frame.payload else { return None };
    Some((u16::from_be_bytes([w1, w2]).into(), u16::from_be_bytes([h1, h2]).into()))
}

/// The marker segments of a JPEG in order, entropy-coded data skipped.
struct JpegSegments<'a> {
    rest: &'a [u8],
}

struct JpegSegment<'a> {
    marker: u8,
    payload: &'a [u8],
}

impl<'a> JpegSegments<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for JpegSegments<'a> {
    type Item = JpegSegment<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.rest.iter().position(|&byte| byte == 0xff)?;
            let marker = *self.rest.get(start + 1)?;
            if marker == 0xff {
                self.rest = self.rest.get(start + 1..)?; // a fill byte
                continue;
            }
            self.rest = self.rest.get(start + 2..)?;
            match marker {
                // A stuffed byte, restarts, the start: they stand alone and say nothing.
                0x00 | 0x01 | 0xd0..=0xd8 => {}
                JPEG_END => return Some(JpegSegment { marker, payload: &[] }),
                _ => {
                    let (length, _) = self.rest.split_first_chunk()?;
                    let length = usize::from(u16::from_be_bytes(*length));
                    let payload = self.rest.get(2..length)?;
                    self.rest = self.rest.get(length..)?;
                    return Some(JpegSegment { marker, payload });
                }
            }
        }
    }
}

fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.get(12..16)? != b"IHDR" {
        return None;
    }
    let (width, rest) = bytes.get(16..)?.split_first_chunk()?;
    let (height, _) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

/// The canvas, or the first frame where that is larger.
fn gif(bytes: &[u8]) -> Option<(u32, u32)> {
    let [w1, w2, h1, h2, flags, _, _, rest @ ..] = bytes.get(6..)? else { return None };
    let canvas = size_le([*w1, *w2], [*h1, *h2]);
    Some(larger(canvas, gif_first_frame(*flags, rest)))
}

fn gif_first_frame(flags: u8, mut rest: &[u8]) -> Option<(u32, u32)> {
    if flags & 0x80 != 0 {
        rest = rest.get(3 << ((flags & 7) + 1)..)?; // the global palette
    }
    loop {
        match rest {
            [0x2c, _, _, _, _, w1, w2, h1, h2, ..] => {
                return Some(size_le([*w1, *w2], [*h1, *h2]));
            }
            [0x21, _label, blocks @ ..] => {
                rest = blocks;
                while let Some((&length, after)) = rest.split_first() {
                    rest = after.get(usize::from(length)..)?;
                    if length == 0 {
                        break;
                    }
                }
            }
            _ => return None,
        }
    }
}

/// The canvas, or the first frame where that is larger.
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let first = WebpChunks::of_file(bytes).next()?;
    if first.kind != b"VP8X" {
        return webp_frame(&first);
    }
    let [_, _, _, _, a, b, c, d, e, f, ..] = *first.payload else { return None };
    let side = |a, b, c| u32::from_le_bytes([a, b, c, 0]) + 1;
    let canvas = (side(a, b, c), side(d, e, f));
    let frame = WebpChunks::of_file(bytes).find_map(|chunk| match chunk.kind {
        b"ANMF" => WebpChunks { rest: chunk.payload.get(16..)? }.find_map(|c| webp_frame(&c)),
        _ => webp_frame(&chunk),
    });
    Some(larger(canvas, frame))
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

fn size_le(width: [u8; 2], height: [u8; 2]) -> (u32, u32) {
    (u16::from_le_bytes(width).into(), u16::from_le_bytes(height).into())
}
