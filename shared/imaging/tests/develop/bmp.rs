//! BMP: kinds of pixels, and files that end too early.

use image::codecs::bmp::BmpEncoder;
use image::{ExtendedColorType, ImageFormat};
use imaging::Format;

use crate::make::{BLUE, GREEN, RED, WHITE};
use crate::make::{assert_quadrants, code, develop, encode, noise, pixels, quadrants};

#[test]
fn a_bmp_of_each_common_kind_is_developed() {
    let picture = quadrants(101, 64);
    let rgb = encode(&picture, ImageFormat::Bmp);
    let rgba = encode(&picture.to_rgba8().into(), ImageFormat::Bmp);
    for file in [rgb, rgba, indexed(), upside_down(), compressed()] {
        let developed = develop(&file, &[100, 40]).unwrap();
        assert_eq!((developed.format, developed.width, developed.height), (Format::Bmp, 101, 64));
        for thumbnail in &developed.thumbnails {
            assert_eq!(thumbnail.content_type, "image/jpeg");
            assert_quadrants(&pixels(thumbnail), [RED, GREEN, BLUE, WHITE]);
        }
    }
}

const COLORS: [[u8; 3]; 4] = [RED, GREEN, BLUE, WHITE];

/// The index of the color of each pixel.
fn index(x: usize, y: usize) -> u8 {
    u8::from(x >= 50) + 2 * u8::from(y >= 32)
}

fn indexed() -> Vec<u8> {
    let indices: Vec<u8> = (0..64).flat_map(|y| (0..101).map(move |x| index(x, y))).collect();
    let mut file = Vec::new();
    let mut encoder = BmpEncoder::new(&mut file);
    encoder.encode_with_palette(&indices, 101, 64, ExtendedColorType::L8, Some(&COLORS)).unwrap();
    file
}

/// The first row is the upper one.
fn upside_down() -> Vec<u8> {
    let picture = quadrants(101, 64).to_rgb8();
    let mut file = header(-64, 24, 0, 0);
    for row in picture.rows() {
        file.extend(row.flat_map(|pixel| pixel.0.into_iter().rev()));
        file.push(0);
    }
    file
}

/// Runs of equal pixels.
fn compressed() -> Vec<u8> {
    let mut file = header(64, 8, 1, 4);
    file.extend(COLORS.iter().flat_map(|&[red, green, blue]| [blue, green, red, 0]));
    for y in (0..64).rev() {
        file.extend([50, index(0, y), 51, index(100, y), 0, 0]);
    }
    file.extend([0, 1]);
    file
}

fn header(height: i32, bits: u16, compression: u32, colors: u32) -> Vec<u8> {
    let start = 54 + 4 * colors;
    let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
    file.extend(start.to_le_bytes());
    file.extend(40_u32.to_le_bytes());
    file.extend(101_i32.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(bits.to_le_bytes());
    for number in [compression, 0, 0, 0, colors, 0] {
        file.extend(number.to_le_bytes());
    }
    file
}

#[test]
fn a_bmp_cut_in_its_rows_is_corrupt() {
    let file = encode(&noise(30, 20), ImageFormat::Bmp);
    for cut in 26..file.len() - 2 {
        assert_eq!(code(&file[..cut]), "corrupt-image", "cut at {cut}");
    }
}

#[test]
fn huge_dimensions_of_a_bmp_are_refused_from_the_header() {
    let mut file = header(i32::MIN, 24, 0, 0);
    assert_eq!(code(&file), "too-many-pixels");
    file[18..22].copy_from_slice(&(-1_i32).to_le_bytes());
    assert_eq!(code(&file), "corrupt-image");
}

#[test]
fn the_header_of_os_2_has_sides_of_two_bytes() {
    let picture = quadrants(101, 64).to_rgb8();
    let mut file = b"BM\0\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\x65\0\x40\0\x01\0\x18\0".to_vec();
    for row in picture.rows().rev() {
        file.extend(row.flat_map(|pixel| pixel.0.into_iter().rev()));
        file.push(0);
    }
    let developed = develop(&file, &[100]).unwrap();
    assert_eq!((developed.width, developed.height), (101, 64));
    assert_quadrants(&pixels(&developed.thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
}
