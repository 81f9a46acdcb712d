//! Colours come out as sRGB, whatever they were in.

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder};
use image::{DynamicImage, ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};
use moxcms::ColorProfile;

use crate::make::{develop, is_within, pixels};

/// A flat picture, marked with a profile, in each of the formats that can carry one.
fn marked(color: [u8; 3], profile: &[u8]) -> [Vec<u8>; 3] {
    let picture: DynamicImage = RgbImage::from_pixel(64, 48, Rgb(color)).into();
    let (mut jpeg, mut png, mut webp) = (Vec::new(), Vec::new(), Vec::new());
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
    encoder.set_icc_profile(profile.to_vec()).unwrap();
    picture.write_with_encoder(encoder).unwrap();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_icc_profile(profile.to_vec()).unwrap();
    picture.write_with_encoder(encoder).unwrap();
    let mut encoder = WebPEncoder::new_lossless(&mut webp);
    encoder.set_icc_profile(profile.to_vec()).unwrap();
    picture.write_with_encoder(encoder).unwrap();
    [jpeg, png, webp]
}

#[track_caller]
fn assert_becomes(file: &[u8], expected: [u8; 3]) {
    for thumbnail in develop(file, &[64, 20]).unwrap().thumbnails {
        let color = pixels(&thumbnail).to_rgb8().get_pixel(10, 7).0;
        assert!(is_within(3, &color, &expected), "{color:?} instead of {expected:?}");
    }
}

#[test]
fn display_p3_and_adobe_rgb_become_srgb() {
    // By the primaries and curves of the three standards.
    for (profile, color, expected) in [
        (ColorProfile::new_display_p3(), [180, 100, 80], [193, 95, 74]),
        (ColorProfile::new_adobe_rgb(), [150, 120, 90], [162, 121, 88]),
        (ColorProfile::new_srgb(), [180, 100, 80], [180, 100, 80]),
    ] {
        for file in marked(color, &profile.encode().unwrap()) {
            assert_becomes(&file, expected);
        }
    }
}

#[test]
fn a_broken_profile_is_ignored() {
    let good = ColorProfile::new_display_p3().encode().unwrap();
    let mut pointing_nowhere = good.clone();
    for byte in &mut pointing_nowhere[132..180] {
        *byte = 0xff;
    }
    let ink = [&good[..16], b"CMYK", &good[20..]].concat();
    for profile in [&good[..good.len() / 3], &good[..40], b"not a profile", &pointing_nowhere, &ink] {
        for file in marked([180, 100, 80], profile) {
            assert_becomes(&file, [180, 100, 80]);
        }
    }
}

#[test]
fn a_profile_of_grey_holds_for_a_grey_picture_and_for_no_other() {
    // Linear light: half of it is 188 in sRGB.
    let profile = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let grey: DynamicImage = image::GrayImage::from_pixel(64, 48, image::Luma([128])).into();
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    encoder.set_icc_profile(profile.clone()).unwrap();
    grey.write_with_encoder(encoder).unwrap();
    assert_becomes(&file, [188, 188, 188]);
    for file in marked([180, 100, 80], &profile) {
        assert_becomes(&file, [180, 100, 80]);
    }
}

#[test]
fn transparency_survives_a_profile() {
    let picture: DynamicImage = RgbaImage::from_pixel(64, 48, Rgba([180, 100, 80, 128])).into();
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    encoder.set_icc_profile(ColorProfile::new_display_p3().encode().unwrap()).unwrap();
    picture.write_with_encoder(encoder).unwrap();
    let small = pixels(&develop(&file, &[20]).unwrap().thumbnails[0]).to_rgba8();
    let color = small.get_pixel(10, 7).0;
    assert!(is_within(6, &color, &[193, 95, 74, 128]), "{color:?}");
}
