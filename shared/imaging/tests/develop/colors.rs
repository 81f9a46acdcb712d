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

/// A profile of a press whose inks all give the same grey: L* = 50.
fn grey_press() -> Vec<u8> {
    let one = 65_536_i32.to_be_bytes();
    let unit: Vec<u8> = (0..9).flat_map(|index| if index % 4 == 0 { one } else { [0; 4] }).collect();
    let linear: Vec<u8> = (0..=255).collect();
    // Four inks, three values of L*a*b*, and a table with two points for each ink.
    let table = [&b"mft1\0\0\0\0\x04\x03\x02\0"[..], &unit, &linear.repeat(4), &[128; 48], &linear.repeat(3)]
        .concat();
    let white = [63_190_i32, 65_536, 54_061].map(i32::to_be_bytes).concat();
    let white = [&b"XYZ \0\0\0\0"[..], &white].concat();
    let description = [&b"desc\0\0\0\0\0\0\0\x06press\0"[..], &[0; 78]].concat();
    let mut tags = vec![0, 0, 0, 4];
    let mut data = Vec::new();
    for (name, content) in [
        (b"desc", &description),
        (b"wtpt", &white),
        (b"A2B0", &table),
        (b"cprt", &b"text\0\0\0\0no\0\0".to_vec()),
    ] {
        tags.extend_from_slice(name);
        tags.extend((128 + 4 + 4 * 12 + data.len() as u32).to_be_bytes());
        tags.extend((content.len() as u32).to_be_bytes());
        data.extend_from_slice(content);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    let length = 128 + tags.len() + data.len();
    let mut profile = (length as u32).to_be_bytes().to_vec();
    profile.extend_from_slice(b"none\x02\x40\0\0prtrCMYKLab ");
    profile.extend([7, 234, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    profile.extend_from_slice(b"acsp");
    profile.resize(68, 0);
    profile.extend_from_slice(&white[8..]);
    profile.resize(128, 0);
    [profile, tags, data].concat()
}

#[test]
fn inks_have_the_colors_of_the_profile_in_the_file() {
    let mut encoder = turbojpeg::Compressor::new().unwrap();
    encoder.set_colorspace(turbojpeg::Colorspace::CMYK).unwrap();
    encoder.set_subsamp(turbojpeg::Subsamp::None).unwrap();
    let pixels_of_inks: Vec<u8> = [10, 200, 90, 240].repeat(64 * 64);
    let format = turbojpeg::PixelFormat::CMYK;
    let image = turbojpeg::Image { pixels: &pixels_of_inks[..], width: 64, pitch: 256, height: 64, format };
    let file = encoder.compress_to_vec(image).unwrap();
    let payload = [b"ICC_PROFILE\0\x01\x01", &grey_press()[..]].concat();
    let length = (payload.len() as u16 + 2).to_be_bytes();
    let with_profile = [&file[..2], &[0xff, 0xe2], &length, &payload, &file[2..]].concat();
    let color = |file: &[u8]| {
        let thumbnail = &develop(file, &[32]).unwrap().thumbnails[0];
        pixels(thumbnail).to_rgb8().get_pixel(9, 9).0
    };
    // As ideal inks, and as L* = 50.
    assert!(is_within(5, &color(&file), &[9, 188, 85]), "{:?}", color(&file));
    assert!(is_within(5, &color(&with_profile), &[119, 119, 119]), "{:?}", color(&with_profile));
    // A broken profile has no effect.
    let at = with_profile.windows(4).position(|bytes| bytes == b"mft1").unwrap();
    let mut broken = with_profile;
    broken[at + 8] = 200;
    assert_eq!(color(&broken), color(&file));
}
