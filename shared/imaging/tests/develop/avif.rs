//! AVIF, in and out.

use image::{DynamicImage, Rgba, RgbaImage};
use imaging::{Format, Output, Settings};
use ravif::{BitDepth, Encoder, Img};

use crate::make::{
    BLUE, GREEN, RED, WHITE, assert_quadrants, code, develop, is_within, noise, pixels, quadrants,
};

fn encoder() -> Encoder<'static> {
    Encoder::new().with_quality(90.0).with_speed(10).with_num_threads(Some(1))
}

fn avif(picture: &DynamicImage, depth: BitDepth) -> Vec<u8> {
    let picture = picture.to_rgba8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels: Vec<_> =
        picture.pixels().map(|p| ravif::RGBA8::new(p.0[0], p.0[1], p.0[2], p.0[3])).collect();
    encoder().with_bit_depth(depth).encode_rgba(Img::new(&pixels, width, height)).unwrap().avif_file
}

#[test]
fn eight_and_ten_bits_are_developed_at_every_size() {
    for depth in [BitDepth::Eight, BitDepth::Ten] {
        let developed = develop(&avif(&quadrants(161, 97), depth), &[161, 60, 30]).unwrap();
        assert_eq!((developed.format, developed.width, developed.height), (Format::Avif, 161, 97));
        for thumbnail in &developed.thumbnails {
            assert_eq!(thumbnail.content_type, "image/jpeg");
            assert_quadrants(&pixels(thumbnail), [RED, GREEN, BLUE, WHITE]);
        }
    }
}

#[test]
fn transparency_of_an_avif_is_kept() {
    let picture: DynamicImage =
        RgbaImage::from_fn(
            120,
            60,
            |x, _| {
                if x < 60 { Rgba([220, 30, 30, 255]) } else { Rgba([30, 30, 220, 90]) }
            },
        )
        .into();
    for thumbnail in develop(&avif(&picture, BitDepth::Eight), &[120, 40]).unwrap().thumbnails {
        assert_eq!(thumbnail.content_type, "image/webp");
        let small = pixels(&thumbnail).to_rgba8();
        let at = |quarter| small.get_pixel(small.width() * quarter / 4, small.height() / 2).0;
        assert!(is_within(12, &at(1), &[220, 30, 30, 255]), "{:?}", at(1));
        assert!(is_within(12, &at(3), &[30, 30, 220, 90]), "{:?}", at(3));
    }
}

/// Changes the colour description of the coded picture, which lies on no byte boundary: primaries, curve, matrix.
fn recode(file: &mut [u8], from: [u8; 3], to: [u8; 3]) {
    let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
    let is_here = |at: &usize| (0..24).all(|offset| bit(file, at + offset) == bit(&from, offset));
    let at = (0..file.len() * 8 - 24).find(is_here).unwrap();
    for offset in 0..24 {
        let (index, shift) = ((at + offset) / 8, 7 - (at + offset) % 8);
        file[index] = file[index] & !(1 << shift) | bit(&to, offset) << shift;
    }
}

#[test]
fn color_codes_of_the_coded_picture_apply_if_the_container_has_none() {
    let mut file = avif(&quadrants(161, 97), BitDepth::Eight);
    // What was written by BT.601 is read by BT.709.
    recode(&mut file, [1, 13, 6], [1, 13, 1]);
    let seen = pixels(&develop(&file, &[60]).unwrap().thumbnails[0]).to_rgb8();
    for ((x, y), expected) in [((15, 9), [236, 48, 27]), ((45, 9), [18, 174, 25]), ((15, 27), [27, 41, 228])]
    {
        assert!(is_within(8, &seen.get_pixel(x, y).0, &expected), "{:?}", seen.get_pixel(x, y));
    }
}

#[test]
fn a_reserved_code_for_what_colours_mean_is_none() {
    let file = avif(&quadrants(161, 97), BitDepth::Eight);
    let mut recoded = file.clone();
    // 3 is reserved for the future.
    recode(&mut recoded, [1, 13, 6], [1, 13, 3]);
    assert_ne!(recoded, file);
    assert_eq!(develop(&recoded, &[60]).unwrap(), develop(&file, &[60]).unwrap());
}

#[test]
fn an_avif_cut_anywhere_is_refused() {
    let file = avif(&noise(64, 48), BitDepth::Eight);
    assert_eq!(code(&file), "developed");
    for cut in (12..file.len()).step_by(29).chain([file.len() - 1]) {
        assert_eq!(code(&file[..cut]), "corrupt-image", "cut at {cut} of {}", file.len());
    }
}

#[test]
fn an_avif_that_claims_a_huge_size_is_refused_from_its_header() {
    // A grid of one tile, whose canvas is larger than any tile.
    let file = avif(&noise(64, 48), BitDepth::Eight);
    let settings = |max_pixels| {
        let mut settings = Settings::default();
        settings.limits.max_pixels = max_pixels;
        settings
    };
    assert!(imaging::develop(&file, &[20], &settings(64 * 48)).is_ok());
    let refused = imaging::develop(&file, &[20], &settings(64 * 48 - 1)).map_err(|e| e.code());
    assert_eq!(refused.unwrap_err(), "too-many-pixels");
}

#[test]
fn a_deployment_can_choose_webp_or_avif_for_all() {
    let file = crate::make::jpeg(&quadrants(160, 96));
    for (output, content_type) in [(Output::Webp, "image/webp"), (Output::Avif, "image/avif")] {
        let settings = Settings { output, ..Settings::default() };
        let developed = imaging::develop(&file, &[80], &settings).unwrap();
        let thumbnail = &developed.thumbnails[0];
        assert_eq!(thumbnail.content_type, content_type);
        // Both are formats that are developed, so they can be looked at through the engine itself.
        let seen = develop(&thumbnail.bytes, &[80]).unwrap();
        assert_eq!((seen.width, seen.height), (80, 48));
        assert_quadrants(&pixels(&seen.thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
    }
    assert_eq!("avif".parse(), Ok(Output::Avif));
    assert!("png".parse::<Output>().is_err());
}
