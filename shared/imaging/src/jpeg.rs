//! JPEG, through libjpeg-turbo: decoded at the smallest scale that is large enough.
//!
//! Its inverse DCT can give an eighth, a quarter or half of the picture for less work than the whole
//! of it, and with none of the memory. Everything the markers tell is read here, since the decoder
//! would start to allocate before it can be asked.

mod means;

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use image::metadata::Orientation;
use turbojpeg::{Colorspace, Compressor, Decompressor, PixelFormat, ScalingFactor, Subsamp};

use crate::decode::{Decoded, Source};
use crate::{DevelopError, Format, color};

pub(crate) const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const EXIF: &[u8] = b"Exif\0\0";
const PROFILE: &[u8] = b"ICC_PROFILE\0";

/// What the scans of a picture may cost: pixels times scans. Every scan of a progressive JPEG goes
/// over the whole picture, be it empty. This is 60 scans of 50 megapixels, some ten seconds, where
/// encoders make ten or so.
const SCAN_PIXELS: u64 = 3_000_000_000;

/// The largest number of scans, for small pictures.
const SCANS: u32 = 2_000;

/// The longest side of icons and the like, whose colours change from pixel to pixel.
const SMALL: usize = 128;

/// What libjpeg-turbo remarks on although every pixel is there and right.
const HARMLESS: [&str; 4] = [
    "extraneous bytes before marker",
    "Unknown Adobe color transform",
    "unknown JFIF revision",
    "Invalid SOS parameters for sequential",
];

/// The width and height in the frame header.
pub(crate) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let frame = Segments::new(bytes).take_while(|segment| segment.marker != SCAN).find(Segment::is_frame)?;
    let [_precision, h1, h2, w1, w2, ..] = *frame.payload else { return None };
    Some((u16::from_be_bytes([w1, w2]).into(), u16::from_be_bytes([h1, h2]).into()))
}

/// Decodes at the smallest scale at which no side is below `wanted`, as the picture is stored.
pub(crate) fn decode(
    bytes: &[u8],
    wanted: impl Fn(Orientation) -> (u32, u32),
) -> Result<Decoded, DevelopError> {
    let markers = Markers::read(bytes);
    if markers.precision != 8 {
        return Err(unusual());
    }
    let mut decompressor = Decompressor::new().map_err(DevelopError::internal)?;
    decompressor.set_scan_limit(SCANS).map_err(DevelopError::internal)?;
    let header = decompressor.read_header(bytes).map_err(|error| refused(&error))?;
    let full = (side(header.width)?, side(header.height)?);
    if u64::from(full.0) * u64::from(full.1) * u64::from(markers.scans) > SCAN_PIXELS || markers.scans > SCANS
    {
        return Err(DevelopError::Timeout);
    }

    let (width, height) = wanted(markers.orientation);
    let enough = |&denominator: &usize| {
        let scaled = |side: usize| side.div_ceil(denominator);
        scaled(header.width) >= width as usize && scaled(header.height) >= height as usize
    };
    let scales = if header.is_lossless { &[][..] } else { &[8, 4, 2] };
    let denominator = scales.iter().copied().find(enough).unwrap_or(1);
    let scale = ScalingFactor::new(1, denominator);
    let scaled = header.scaled(scale);

    let (format, pixel_type, source) = match header.colorspace {
        Colorspace::Gray => (PixelFormat::GRAY, PixelType::U8, Source::Light),
        Colorspace::CMYK | Colorspace::YCCK => {
            (PixelFormat::CMYK, PixelType::U8x4, Source::Ink { inverted: markers.is_adobe })
        }
        Colorspace::RGB | Colorspace::YCbCr => (PixelFormat::RGB, PixelType::U8x3, Source::Light),
    };
    let mut pixels = Image::new(side(scaled.width)?, side(scaled.height)?, pixel_type);
    let can_be_means = denominator == 8 && matches!(header.colorspace, Colorspace::Gray | Colorspace::YCbCr);
    let size = (scaled.width, scaled.height);
    if !can_be_means || means::decode(bytes, size, pixels.buffer_mut()).is_none() {
        let output = turbojpeg::Image {
            pixels: pixels.buffer_mut(),
            width: scaled.width,
            pitch: scaled.width * format.size(),
            height: scaled.height,
            format,
        };
        decompressor.set_scaling_factor(scale).map_err(DevelopError::internal)?;
        let needed = markers.without_needless_scans(bytes, 8 / denominator);
        let outcome = decompressor.decompress(needed.as_deref().unwrap_or(bytes), output);
        outcome.or_else(|error| if is_harmless(&error) { Ok(()) } else { Err(refused(&error)) })?;
    }

    // At 1/8 the last of the pixels may stand for less than eight of the picture's.
    let covered = |side: u32| f64::from(side) / denominator as f64;
    Ok(Decoded {
        pixels,
        source,
        full,
        covered: (covered(full.0), covered(full.1)),
        orientation: markers.orientation,
        profile: markers.profile.and_then(|profile| color::profile(&profile)),
    })
}

/// Encodes RGB, with colour at half the density unless the picture is so small that it would show.
pub(crate) fn encode(rgb: &[u8], width: u32, height: u32, quality: u8) -> turbojpeg::Result<Vec<u8>> {
    let (width, height) = (width as usize, height as usize);
    let mut compressor = Compressor::new()?;
    compressor.set_quality(quality.into())?;
    let is_small = width.max(height) <= SMALL;
    compressor.set_subsamp(if is_small { Subsamp::None } else { Subsamp::Sub2x2 })?;
    compressor.set_optimize(true)?;
    let format = PixelFormat::RGB;
    compressor.compress_to_vec(turbojpeg::Image { pixels: rgb, width, pitch: width * 3, height, format })
}

fn side(side: usize) -> Result<u32, DevelopError> {
    u32::try_from(side).map_err(DevelopError::internal)
}

fn unusual() -> DevelopError {
    DevelopError::UnsupportedFormat { format: Format::Jpeg.unusual() }
}

fn is_harmless(error: &turbojpeg::Error) -> bool {
    let remark = error.to_string();
    HARMLESS.iter().any(|harmless| remark.contains(harmless))
}

fn refused(error: &turbojpeg::Error) -> DevelopError {
    let remark = error.to_string();
    if remark.contains("scans") {
        DevelopError::Timeout
    } else if remark.contains("Unsupported") || remark.contains("not supported") {
        unusual()
    } else {
        DevelopError::corrupt(remark)
    }
}

/// What the markers of a JPEG tell, besides its size.
struct Markers {
    orientation: Orientation,
    profile: Option<Vec<u8>>,
    is_adobe: bool,
    is_progressive: bool,
    precision: u8,
    components: Vec<Component>,
    scans: u32,
}

/// A component of the frame: its name, and how densely it is sampled.
struct Component {
    id: u8,
    horizontal: u8,
    vertical: u8,
}

impl Markers {
    fn read(bytes: &[u8]) -> Self {
        let mut markers = Self {
            orientation: Orientation::NoTransforms,
            profile: None,
            is_adobe: false,
            is_progressive: false,
            precision: 0,
            components: Vec::new(),
            scans: 0,
        };
        let mut exif = None;
        let mut profile: Vec<(u8, &[u8])> = Vec::new();
        for segment in Segments::new(bytes).take_while(|segment| segment.marker != END) {
            let payload = segment.payload;
            match segment.marker {
                SCAN => markers.scans = markers.scans.saturating_add(1),
                0xe1 => exif = exif.or_else(|| payload.strip_prefix(EXIF)),
                0xe2 => {
                    if let Some([number, _of, part @ ..]) = payload.strip_prefix(PROFILE) {
                        profile.push((*number, part));
                    }
                }
                0xee => markers.is_adobe |= payload.starts_with(b"Adobe"),
                _ if segment.is_frame() && markers.components.is_empty() => markers.frame(&segment),
                _ => {}
            }
        }
        // A damaged or absurd orientation is none.
        markers.orientation =
            exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
        profile.sort_by_key(|&(number, _)| number);
        let parts: Vec<&[u8]> = profile.into_iter().map(|(_, part)| part).collect();
        markers.profile = Some(parts.concat()).filter(|profile| !profile.is_empty());
        markers
    }

    fn frame(&mut self, segment: &Segment<'_>) {
        let [precision, _, _, _, _, _, components @ ..] = segment.payload else { return };
        self.precision = *precision;
        self.is_progressive = matches!(segment.marker, 0xc2 | 0xca);
        let component = |&[id, sampling, _table]: &[u8; 3]| Component {
            id,
            horizontal: (sampling >> 4).max(1),
            vertical: (sampling & 15).max(1),
        };
        self.components = components.as_chunks().0.iter().map(component).collect();
    }

    /// A progressive picture without the scans that have only detail of components of which the decoder,
    /// making `block` pixels of eight, looks at the mean alone: most of the file. The result is the same
    /// to the last bit.
    fn without_needless_scans(&self, bytes: &[u8], block: usize) -> Option<Vec<u8>> {
        if !self.is_progressive || block >= 8 {
            return None;
        }
        let mut kept = Vec::with_capacity(bytes.len() / 2);
        // From which on everything belongs to a scan that is left out.
        let (mut from, mut is_dropping) = (0, false);
        let mut known = Vec::new();
        for segment in Segments::new(bytes) {
            let drops = segment.marker == SCAN && self.is_needless(segment.payload, block, &mut known);
            if drops != is_dropping || segment.marker != SCAN {
                if !is_dropping {
                    kept.extend_from_slice(bytes.get(from..segment.at)?);
                }
                (from, is_dropping) = (segment.at, drops);
            }
            if segment.marker == END {
                kept.extend_from_slice(bytes.get(segment.at..)?);
                return Some(kept);
            }
        }
        None
    }

    /// Whether a scan has nothing that is looked at. The first scan of a component that is not its mean
    /// is needed all the same: without any, the decoder smooths the means.
    fn is_needless(&self, scan: &[u8], block: usize, known: &mut Vec<u8>) -> bool {
        let [1, id, _tables, first, ..] = *scan else { return false };
        if first == 0 {
            return false;
        }
        if !known.contains(&id) {
            known.push(id);
            return false;
        }
        let Some(component) = self.components.iter().find(|component| component.id == id) else {
            return false;
        };
        let most = |sampling: fn(&Component) -> u8| self.components.iter().map(sampling).max().unwrap_or(1);
        // A component that is sampled more thinly is decoded to more of its pixels.
        let across = most(|c| c.horizontal).div_ceil(component.horizontal);
        let down = most(|c| c.vertical).div_ceil(component.vertical);
        block * usize::from(across.max(down)) == 1
    }
}

/// The marker segments of a JPEG in order, entropy-coded data skipped.
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    payload: &'a [u8],
    /// Where its marker is in the file.
    at: usize,
}

impl Segment<'_> {
    /// Whether it is a start of frame, of any coding process: C4, C8 and CC are other tables.
    fn is_frame(&self) -> bool {
        matches!(self.marker, 0xc0..=0xcf) && !matches!(self.marker, 0xc4 | 0xc8 | 0xcc)
    }
}

impl<'a> Segments<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        loop {
            let at = self.at + memchr::memchr(0xff, self.bytes.get(self.at..)?)?;
            let marker = *self.bytes.get(at + 1)?;
            self.at = at + 1;
            match marker {
                0xff => {} // a fill byte
                // A stuffed byte, restarts, the start: they stand alone and say nothing.
                0x00 | 0x01 | 0xd0..=0xd8 => self.at = at + 2,
                END => {
                    self.at = at + 2;
                    return Some(Segment { marker, payload: &[], at });
                }
                _ => {
                    let rest = self.bytes.get(at + 2..)?;
                    let (length, _) = rest.split_first_chunk()?;
                    let length = usize::from(u16::from_be_bytes(*length));
                    let payload = rest.get(2..length)?;
                    self.at = at + 2 + length;
                    return Some(Segment { marker, payload, at });
                }
            }
        }
    }
}
