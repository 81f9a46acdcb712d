//! Pictures made by hand, and the reading of thumbnails.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use imaging::{DevelopError, Developed, Settings, Thumbnail};

pub(crate) const RED: [u8; 3] = [220, 30, 30];
pub(crate) const GREEN: [u8; 3] = [30, 200, 30];
pub(crate) const BLUE: [u8; 3] = [30, 30, 220];
pub(crate) const WHITE: [u8; 3] = [240, 240, 240];

pub(crate) fn develop(bytes: &[u8], sizes: &[u32]) -> Result<Developed, DevelopError> {
    imaging::develop(bytes, sizes, &Settings::default())
}

pub(crate) fn code(bytes: &[u8]) -> &'static str {
    develop(bytes, &[200]).map_or_else(|error| error.code(), |_| "developed")
}

/// Red and green above blue and white.
pub(crate) fn quadrants(width: u32, height: u32) -> DynamicImage {
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

/// Hard to compress, so that a file cut in two is cut in its pixels.
pub(crate) fn noise(width: u32, height: u32) -> DynamicImage {
    let mut state = 1_u32;
    RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, red, green, blue] = state.to_le_bytes();
        Rgb([red, green, blue])
    })
    .into()
}

pub(crate) fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn jpeg(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 95)).unwrap();
    bytes
}

/// Puts an APP1 segment right behind the start of a JPEG.
pub(crate) fn with_app1(jpeg: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, payload, &jpeg[2..]].concat()
}

/// An EXIF payload with an orientation, big-endian, and further bytes behind the directory.
pub(crate) fn exif(orientation: u16, rest: &[u8]) -> Vec<u8> {
    let entry = [&[0x01, 0x12, 0, 3, 0, 0, 0, 1][..], &orientation.to_be_bytes(), &[0, 0]].concat();
    [b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01", &entry[..], &[0, 0, 0, 0], rest].concat()
}

pub(crate) fn pixels(thumbnail: &Thumbnail) -> DynamicImage {
    let format = ImageFormat::from_mime_type(thumbnail.content_type).unwrap();
    let picture = image::load_from_memory_with_format(&thumbnail.bytes, format).unwrap();
    assert_eq!((picture.width(), picture.height()), (thumbnail.width, thumbnail.height));
    picture
}

/// Equal but for what JPEG does to a colour.
pub(crate) fn is_like(actual: &[u8], expected: &[u8]) -> bool {
    is_within(6, actual, expected)
}

pub(crate) fn is_within(tolerance: u8, actual: &[u8], expected: &[u8]) -> bool {
    let close = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= tolerance;
    actual.len() == expected.len() && actual.iter().zip(expected).all(close)
}

/// The colours in the middle of the quadrants: upper left and right, lower left and right. In a
/// small picture the edges are near, and a sharp filter overshoots there.
#[track_caller]
pub(crate) fn assert_quadrants(picture: &DynamicImage, expected: [[u8; 3]; 4]) {
    let picture = picture.to_rgb8();
    let (width, height) = picture.dimensions();
    let at = |x, y| picture.get_pixel(width * x / 4, height * y / 4).0;
    let actual = [at(1, 1), at(3, 1), at(1, 3), at(3, 3)];
    assert!(
        actual.iter().zip(&expected).all(|(a, b)| is_within(25, a, b)),
        "{actual:?} instead of {expected:?}"
    );
}

pub(crate) fn png_chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let chunk = [kind, content].concat();
    [&(content.len() as u32).to_be_bytes()[..], &chunk, &crc32(&chunk).to_be_bytes()].concat()
}

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}
