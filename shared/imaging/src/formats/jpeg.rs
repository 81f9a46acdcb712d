//! JPEG, decoded by libjpeg-turbo at the smallest scale that is large enough.
//!
//! Its inverse DCT can give 1/8, 1/4 or 1/2 of the picture with less work and memory than the whole picture. The engine
//! reads the markers itself, because libjpeg-turbo starts to allocate before it can tell what they declare.

mod markers;
mod strip;

use std::borrow::Cow;

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use jpeg_dc::markers::{EOI, SOS, Segment, Segments};
use turbojpeg::{Colorspace, Decompressor, PixelFormat, ScalingFactor};

use crate::color;
use crate::decoded::{Decoded, Samples};
use crate::decoder::{Decoder, Memory, Request, incomplete};
use crate::error::DevelopError;
use crate::header::{Header, area};
use crate::size::Size;
use markers::Markers;

pub(crate) const JPEG: Decoder = Decoder {
    content_type: "image/jpeg",
    extension: "jpg",
    recognizes: |bytes| bytes.starts_with(&[0xff, 0xd8, 0xff]),
    read_header,
    check_content,
    strip: strip::strip,
    exif: |bytes| markers::exif(bytes).map(Cow::Borrowed),
    decode,
    animation: None,
};

/// The maximum of pixels times scans. A decoder goes over the whole picture for every scan of a progressive JPEG, even
/// an empty one. This allows 60 scans of 50 megapixels, which take about ten seconds. Encoders write about ten scans.
const MAX_SCANNED_PIXELS: u64 = 3_000_000_000;

/// The maximum number of scans of small pictures.
const MAX_SCANS: u32 = 2_000;

/// Warnings of libjpeg-turbo about pictures whose pixels are not all there. Browsers show a grey area instead of them.
/// They show every other picture of which libjpeg-turbo warns, and so does this engine.
const INCOMPLETE: [&str; 3] =
    ["premature end of data segment", "Premature end of JPEG file", "instead of RST"];

/// The start of the messages of warnings that are no errors.
const WARNINGS: [&str; 4] =
    ["Corrupt JPEG data", "Warning:", "Inconsistent progression", "Invalid SOS parameters"];

/// The dimensions in the frame header.
fn read_header(bytes: &[u8]) -> Option<Header> {
    let frame = Segments::new(bytes).take_while(|segment| segment.marker != SOS).find(Segment::is_frame)?;
    let [_precision, h1, h2, w1, w2, ..] = *frame.payload else { return None };
    Some(Header::still((u16::from_be_bytes([w1, w2]).into(), u16::from_be_bytes([h1, h2]).into())))
}

/// Checks that the file has an end marker. libjpeg-turbo fills missing pixels with grey.
fn check_content(bytes: &[u8]) -> Result<(), DevelopError> {
    let is_complete = Segments::new(bytes).any(|segment| segment.marker == EOI);
    if is_complete { Ok(()) } else { Err(incomplete()) }
}

/// Decodes at the smallest scale at which no side is shorter than wanted.
fn decode(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    let markers = Markers::read(request.bytes);
    if markers.precision != 8 {
        return Err(unusual());
    }
    let mut decompressor = Decompressor::new().map_err(DevelopError::internal)?;
    decompressor.set_scan_limit(MAX_SCANS).map_err(DevelopError::internal)?;
    // The library reports a warning about the header as an error, so a header with one is written anew.
    let (bytes, header) = match decompressor.read_header(request.bytes) {
        Ok(header) => (Cow::Borrowed(request.bytes), header),
        Err(error) => {
            let bytes = markers::with_clean_header(request.bytes).ok_or_else(|| rejected(&error))?;
            let header = decompressor.read_header(&bytes).map_err(|error| rejected(&error))?;
            (Cow::Owned(bytes), header)
        }
    };
    let bytes = &*bytes;
    let full = (side(header.width)?, side(header.height)?);
    let scanned = u64::from(full.0) * u64::from(full.1) * u64::from(markers.scans);
    if scanned > MAX_SCANNED_PIXELS || markers.scans > MAX_SCANS {
        return Err(DevelopError::Timeout);
    }

    let denominator = denominator(&header, request.wanted(markers.orientation));
    let scale = ScalingFactor::new(1, denominator);
    let scaled = header.scaled(scale);
    let (format, pixel_type, samples) = match header.colorspace {
        Colorspace::Gray => (PixelFormat::GRAY, PixelType::U8, Samples::Light),
        Colorspace::CMYK | Colorspace::YCCK => {
            (PixelFormat::CMYK, PixelType::U8x4, Samples::Ink { inverted: markers.is_adobe })
        }
        Colorspace::RGB | Colorspace::YCbCr => (PixelFormat::RGB, PixelType::U8x3, Samples::Light),
    };
    let result = (side(scaled.width)?, side(scaled.height)?);
    let coefficients = markers.coefficients(area(full));
    let bytes_per_pixel = pixel_type.size() as u64;
    // A copy with a clean header, and one without needless scans, are at most as long as the file.
    let decoding = coefficients + area(result) * bytes_per_pixel + 2 * bytes.len() as u64;
    request.reserve(&Memory { decoding, result: (result, bytes_per_pixel) })?;
    let mut pixels = Image::new(result.0, result.1, pixel_type);
    let is_for_dc = denominator == 8 && matches!(header.colorspace, Colorspace::Gray | Colorspace::YCbCr);
    let size = (scaled.width, scaled.height);
    if !is_for_dc || jpeg_dc::decode(bytes, size, pixels.buffer_mut()).is_err() {
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
        outcome.or_else(|error| if is_harmless(&error) { Ok(()) } else { Err(rejected(&error)) })?;
    }

    // At 1/8, the last pixel of a row or column can stand for fewer than eight pixels of the picture.
    let covered = |side: u32| f64::from(side) / denominator as f64;
    Ok(Decoded {
        pixels,
        samples,
        full,
        covered: (covered(full.0), covered(full.1)),
        orientation: markers.orientation,
        profile: markers.profile.and_then(|profile| color::profile(&profile)),
    })
}

/// The largest of 8, 4, 2 and 1 by which both sides can be divided without becoming shorter than wanted.
fn denominator(header: &turbojpeg::DecompressHeader, (width, height): Size) -> usize {
    let is_enough = |&denominator: &usize| {
        let scaled = |side: usize| side.div_ceil(denominator);
        scaled(header.width) >= width as usize && scaled(header.height) >= height as usize
    };
    let denominators = if header.is_lossless { &[][..] } else { &[8, 4, 2] };
    denominators.iter().copied().find(is_enough).unwrap_or(1)
}

fn side(side: usize) -> Result<u32, DevelopError> {
    u32::try_from(side).map_err(DevelopError::internal)
}

fn unusual() -> DevelopError {
    DevelopError::UnsupportedFormat { format: "JPEG (of this unusual kind)" }
}

fn is_harmless(error: &turbojpeg::Error) -> bool {
    let message = error.to_string();
    WARNINGS.iter().any(|start| message.contains(start))
        && !INCOMPLETE.iter().any(|part| message.contains(part))
}

fn rejected(error: &turbojpeg::Error) -> DevelopError {
    let reason = error.to_string();
    if reason.contains("scans") {
        DevelopError::Timeout
    } else if reason.contains("Unsupported") || reason.contains("not supported") {
        unusual()
    } else {
        DevelopError::corrupt(reason)
    }
}
