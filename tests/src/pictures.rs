//! Generated pictures, and checks of their thumbnails.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, codecs::jpeg::JpegEncoder};

const RED: [u8; 3] = [220, 30, 30];
const GREEN: [u8; 3] = [30, 200, 30];
const BLUE: [u8; 3] = [30, 30, 220];
const WHITE: [u8; 3] = [240, 240, 240];

/// A HEIC of [`quadrants`] with 300 x 200 pixels, written by libheif.
pub const HEIC: &[u8] = include_bytes!("pictures/quadrants.heic");

/// A JPEG XL of [`quadrants`] with 300 x 200 pixels, written by libjxl.
pub const JXL: &[u8] = include_bytes!("pictures/quadrants.jxl");
/// A JPEG of 64 x 48 pixels with a position and the text `Hideout` in EXIF, XMP and a maker note, with the text in IPTC,
/// in a comment and behind the end of the picture. Pillow and exiftool wrote it.
pub const GPS_JPEG: &[u8] = include_bytes!("pictures/gps.jpg");
/// The same as a PNG.
pub const GPS_PNG: &[u8] = include_bytes!("pictures/gps.png");
/// The same as a lossless WebP, without IPTC and comments.
pub const GPS_WEBP: &[u8] = include_bytes!("pictures/gps.webp");
/// The same as a TIFF, without a maker note.
pub const GPS_TIFF: &[u8] = include_bytes!("pictures/gps.tif");

/// Red and green above blue and white, so that each orientation looks different.
#[must_use]
pub fn quadrants(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb(match (x < width / 2, y < height / 2) {
            (true, true) => RED,
            (false, true) => GREEN,
            (true, false) => BLUE,
            (false, false) => WHITE,
        })
    })
    .into()
}

/// A JPEG of [`quadrants`].
///
/// # Errors
/// If encoding fails.
pub fn jpeg(width: u32, height: u32) -> Result<Vec<u8>> {
    encode_jpeg(&quadrants(width, height))
}

/// A PNG of [`quadrants`].
///
/// # Errors
/// If encoding fails.
pub fn png(width: u32, height: u32) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    quadrants(width, height).write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// A JPEG of [`quadrants`], stored rotated, with the EXIF orientation that makes it upright.
///
/// # Errors
/// If encoding fails.
pub fn jpeg_held(orientation: u16, width: u32, height: u32) -> Result<Vec<u8>> {
    let upright = quadrants(width, height);
    let stored = match orientation {
        2 => upright.fliph(),
        3 => upright.rotate180(),
        4 => upright.flipv(),
        5 => upright.rotate90().fliph(),
        6 => upright.rotate270(),
        7 => upright.rotate270().fliph(),
        8 => upright.rotate90(),
        _ => upright,
    };
    let jpeg = encode_jpeg(&stored)?;
    let entry = [&[0x01, 0x12, 0, 3, 0, 0, 0, 1][..], &orientation.to_be_bytes(), &[0, 0]].concat();
    with_exif(&jpeg, &[b"MM\0\x2a\0\0\0\x08\0\x01", &entry[..], &[0, 0, 0, 0]].concat())
}

/// A JPEG of [`quadrants`] as a phone writes it, taken in Sydney. `time` is what the clock showed, such as
/// `2026:05:01 14:30:05`. The offset is +10:00.
///
/// # Errors
/// If encoding fails.
pub fn jpeg_taken(time: &str, width: u32, height: u32) -> Result<Vec<u8>> {
    let ascii = |text: &str| Value::Ascii(vec![text.as_bytes().to_vec()]);
    let rational = |parts: &[(u32, u32)]| {
        Value::Rational(parts.iter().map(|&(num, denom)| Rational { num, denom }).collect())
    };
    let fields = [
        (Tag::Make, ascii("Apple")),
        (Tag::Model, ascii("iPhone 15 Pro")),
        (Tag::LensModel, ascii("back camera 6.765mm f/1.78")),
        (Tag::DateTimeOriginal, ascii(time)),
        (Tag::OffsetTimeOriginal, ascii("+10:00")),
        (Tag::ExposureTime, rational(&[(1, 250)])),
        (Tag::FNumber, rational(&[(178, 100)])),
        (Tag::PhotographicSensitivity, Value::Short(vec![64])),
        (Tag::FocalLength, rational(&[(6_765, 1_000)])),
        (Tag::GPSLatitudeRef, ascii("S")),
        (Tag::GPSLatitude, rational(&[(33, 1), (51, 1), (3_550, 100)])),
        (Tag::GPSLongitudeRef, ascii("E")),
        (Tag::GPSLongitude, rational(&[(151, 1), (12, 1), (4_000, 100)])),
        (Tag::GPSAltitude, rational(&[(35, 10)])),
    ];
    let fields = fields.map(|(tag, value)| Field { tag, ifd_num: In::PRIMARY, value });
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut block = Cursor::new(Vec::new());
    writer.write(&mut block, false)?;
    with_exif(&jpeg(width, height)?, &block.into_inner())
}

/// A JPEG with an EXIF block.
fn with_exif(jpeg: &[u8], block: &[u8]) -> Result<Vec<u8>> {
    let content = [b"Exif\0\0", block].concat();
    let length = u16::try_from(content.len() + 2)?.to_be_bytes();
    Ok([&jpeg[..2], &[0xff, 0xe1], &length, &content, &jpeg[2..]].concat())
}

/// A JPEG of [`quadrants`] that begins with a remark and is padded with comments to a minimum length in bytes.
///
/// # Errors
/// If encoding fails.
pub fn jpeg_of_bytes(remark: &str, bytes: usize) -> Result<Vec<u8>> {
    // The longest segment, including its two bytes of length (ITU-T T.81, B.1.1.4).
    const SEGMENT: u16 = u16::MAX;
    let jpeg = jpeg(640, 480)?;
    let mut comment = vec![b'.'; usize::from(SEGMENT) - 2];
    comment.splice(..remark.len(), remark.bytes());
    let segment = [&[0xff, 0xfe][..], &SEGMENT.to_be_bytes(), &comment].concat();
    Ok([&jpeg[..2], &segment.repeat(bytes / segment.len() + 1), &jpeg[2..]].concat())
}

/// Requires that bytes are [`quadrants`] of this size, upright.
///
/// # Errors
/// If they are different.
pub fn check_quadrants(bytes: &[u8], width: u32, height: u32) -> Result<()> {
    let picture = image::load_from_memory(bytes).context("a thumbnail is no picture")?.to_rgb8();
    ensure!(picture.dimensions() == (width, height), "{:?} pixels", picture.dimensions());
    let places = [(1, 1, RED), (3, 1, GREEN), (1, 3, BLUE), (3, 3, WHITE)];
    for (x, y, expected) in places {
        let actual = picture.get_pixel(width * x / 4, height * y / 4).0;
        let is_near = actual.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 25);
        ensure!(is_near, "{actual:?} instead of {expected:?} at {x}/4, {y}/4");
    }
    Ok(())
}

fn encode_jpeg(picture: &DynamicImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90))?;
    Ok(bytes)
}
