//! Every picture comes out upright.

use image::metadata::Orientation;
use image::{DynamicImage, ImageEncoder, ImageFormat};
use imaging::Developed;

use crate::make::{
    BLUE, GREEN, RED, WHITE, assert_quadrants, develop, encode, exif, jpeg, pixels, quadrants, with_app1,
};

const UPRIGHT: [[u8; 3]; 4] = [RED, GREEN, BLUE, WHITE];

/// The picture as a camera held so would store it.
fn stored(orientation: u16) -> DynamicImage {
    let upright = quadrants(160, 96);
    match orientation {
        2 => upright.fliph(),
        3 => upright.rotate180(),
        4 => upright.flipv(),
        5 => upright.rotate90().fliph(), // row 0 is the left side, column 0 the top
        6 => upright.rotate270(),        // row 0 is the right side, column 0 the top
        7 => upright.rotate270().fliph(), // row 0 is the right side, column 0 the bottom
        8 => upright.rotate90(),         // row 0 is the left side, column 0 the bottom
        _ => upright,
    }
}

#[track_caller]
fn assert_upright(developed: &Developed) {
    assert_eq!((developed.width, developed.height), (160, 96));
    let sizes: Vec<_> = developed.thumbnails.iter().map(|t| (t.width, t.height)).collect();
    assert_eq!(sizes, [(20, 12), (50, 30), (80, 48), (160, 96)]);
    for thumbnail in &developed.thumbnails {
        assert_quadrants(&pixels(thumbnail), UPRIGHT);
    }
}

#[test]
fn all_eight_orientations_look_alike() {
    for orientation in 1..=8 {
        let photo = with_app1(&jpeg(&stored(orientation)), &exif(orientation, b""));
        assert_upright(&develop(&photo, &[20, 50, 80, 160]).unwrap());
    }
}

#[test]
fn without_exif_the_same_pictures_come_out_as_they_are_stored() {
    let upright = develop(&jpeg(&stored(1)), &[80]).unwrap();
    for orientation in 2..=8 {
        let plain = develop(&jpeg(&stored(orientation)), &[80]).unwrap();
        assert_eq!((plain.width, plain.height) == (96, 160), orientation >= 5);
        assert_ne!(plain.thumbnails, upright.thumbnails);
    }
}

#[test]
fn an_orientation_that_does_not_exist_is_taken_as_upright() {
    for orientation in [0, 9, 255, 256, u16::MAX] {
        let photo = with_app1(&jpeg(&stored(1)), &exif(orientation, b""));
        assert_upright(&develop(&photo, &[20, 50, 80, 160]).unwrap());
    }
}

#[test]
fn damaged_exif_is_taken_as_upright() {
    let good = exif(6, b"");
    let far_directory = [b"Exif\0\0MM\0\x2a\xff\xff\xff\xf0", &good[14..]].concat();
    let many_entries = [&good[..14], b"\xff\xff", &good[28..]].concat();
    let cut: Vec<Vec<u8>> = (0..24).map(|end| good[..end].to_vec()).collect();
    for payload in [far_directory, many_entries, b"Exif\0\0".to_vec()].iter().chain(&cut) {
        let photo = with_app1(&jpeg(&stored(1)), payload);
        assert_upright(&develop(&photo, &[20, 50, 80, 160]).unwrap());
    }
}

#[test]
fn a_png_and_a_webp_with_an_orientation_are_upright_too() {
    let sideways = stored(6).to_rgb8();
    let (width, height) = sideways.dimensions();
    let payload = exif(6, b"")[6..].to_vec();
    assert_eq!(Orientation::from_exif_chunk(&payload), Some(Orientation::Rotate90));

    let mut png = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.set_exif_metadata(payload.clone()).unwrap();
    encoder.write_image(&sideways, width, height, image::ExtendedColorType::Rgb8).unwrap();

    let mut webp = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut webp);
    encoder.set_exif_metadata(payload).unwrap();
    encoder.write_image(&sideways, width, height, image::ExtendedColorType::Rgb8).unwrap();

    for file in [png, webp] {
        assert_upright(&develop(&file, &[20, 50, 80, 160]).unwrap());
    }
}

#[test]
fn a_transparent_picture_is_turned_as_well() {
    let mut sideways = stored(6).to_rgba8();
    for pixel in sideways.pixels_mut() {
        pixel.0[3] = 200;
    }
    let mut png = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.set_exif_metadata(exif(6, b"")[6..].to_vec()).unwrap();
    encoder.write_image(&sideways, 96, 160, image::ExtendedColorType::Rgba8).unwrap();
    let developed = develop(&png, &[20, 50, 80, 160]).unwrap();
    assert_eq!(developed.thumbnails[0].content_type, ImageFormat::WebP.to_mime_type());
    assert_upright(&developed);
    assert_upright(&develop(&encode(&stored(1), ImageFormat::Png), &[20, 50, 80, 160]).unwrap());
}
