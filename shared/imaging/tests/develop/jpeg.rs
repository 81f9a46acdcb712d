//! The kinds of JPEG: every one comes out right, at every scale it is decoded at.

use image::{DynamicImage, RgbImage};
use imaging::{DevelopError, Settings};
use turbojpeg::{Colorspace, Compressor, PixelFormat, Subsamp};

use crate::make::{
    BLUE, GREEN, RED, WHITE, assert_quadrants, code, develop, is_within, noise, pixels, quadrants,
};

/// Sizes at which a picture of some 800 pixels is decoded whole, at 1/2, 1/4 and 1/8.
const SCALES: [u32; 4] = [800, 300, 150, 60];

fn encoder(subsampling: Subsamp) -> Compressor {
    let mut encoder = Compressor::new().unwrap();
    encoder.set_quality(95).unwrap();
    encoder.set_subsamp(subsampling).unwrap();
    encoder
}

fn encode(encoder: &mut Compressor, picture: &DynamicImage) -> Vec<u8> {
    let picture = picture.to_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let image = turbojpeg::Image {
        pixels: &picture.as_raw()[..],
        width,
        pitch: width * 3,
        height,
        format: PixelFormat::RGB,
    };
    encoder.compress_to_vec(image).unwrap()
}

/// Soft colours and detail, on sides that are no multiple of a block.
fn scene(width: u32, height: u32) -> DynamicImage {
    let wave = |at: u32, length: f32| ((at as f32 / length).sin() * 60.0 + 120.0) as u8;
    RgbImage::from_fn(width, height, |x, y| image::Rgb([wave(x, 90.0), wave(y, 70.0), wave(x + y, 110.0)]))
        .into()
}

fn mean_difference(a: &DynamicImage, b: &DynamicImage) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let (a, b) = (a.to_rgb8(), b.to_rgb8());
    let sum: u64 = a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

#[test]
fn every_subsampling_is_right_at_every_scale() {
    for subsampling in
        [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub1x2, Subsamp::Sub2x2, Subsamp::Sub4x1, Subsamp::Sub1x4]
    {
        let scene = scene(803, 601);
        let file = encode(&mut encoder(subsampling), &scene);
        for size in SCALES {
            let thumbnail = pixels(&develop(&file, &[size]).unwrap().thumbnails[0]);
            let filter = image::imageops::FilterType::Lanczos3;
            let expected = scene.resize_exact(thumbnail.width(), thumbnail.height(), filter);
            let difference = mean_difference(&thumbnail, &expected);
            assert!(difference < 2.5, "{subsampling:?} at {size}: {difference}");
        }
    }
}

#[test]
fn an_odd_side_is_not_stretched_when_decoded_at_a_scale() {
    // At 1/8 the last pixel across stands for one column of the picture, not for eight.
    let half = RgbImage::from_fn(1601, 320, |x, _| image::Rgb([if x < 800 { 40 } else { 210 }; 3]));
    let file = encode(&mut encoder(Subsamp::Gray), &half.into());
    let thumbnail = pixels(&develop(&file, &[200]).unwrap().thumbnails[0]).to_luma8();
    let mean = thumbnail.iter().map(|&value| f64::from(value)).sum::<f64>() / thumbnail.len() as f64;
    let expected = (800.0 * 40.0 + 801.0 * 210.0) / 1601.0;
    assert!((mean - expected).abs() < 0.2, "{mean} instead of {expected}");
}

#[test]
fn a_progressive_jpeg_gives_the_very_thumbnails_of_a_sequential_one() {
    // The coefficients are the same, so scans that are left out must make no difference at all.
    for subsampling in [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Gray] {
        for picture in [noise(803, 601), scene(640, 480)] {
            let sequential = encode(&mut encoder(subsampling), &picture);
            let mut progressive = encoder(subsampling);
            progressive.set_progressive(true).unwrap();
            let progressive = encode(&mut progressive, &picture);
            assert_ne!(progressive, sequential);
            for size in SCALES {
                let [sequential, progressive] =
                    [&sequential, &progressive].map(|file| develop(file, &[size, 40]).unwrap());
                assert_eq!(progressive, sequential, "{subsampling:?} at {size}");
            }
        }
    }
}

#[test]
fn restart_intervals_are_right() {
    // A picture of one block each has what a restart interval of one block has.
    let picture = quadrants(128, 96);
    let mut encoder = encoder(Subsamp::None);
    let whole = encode(&mut encoder, &picture);
    let scan = |file: &[u8]| file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    let head = &whole[..scan(&whole) + 14];
    let mut file = [&head[..scan(&whole)], &[0xff, 0xdd, 0, 4, 0, 1], &head[scan(&whole)..]].concat();
    for index in 0..16 * 12_u32 {
        let block = encode(&mut encoder, &picture.crop_imm(index % 16 * 8, index / 16 * 8, 8, 8));
        file.extend(&block[scan(&block) + 14..block.len() - 2]);
        file.extend([0xff, 0xd0 + (index % 8) as u8]);
    }
    file.truncate(file.len() - 2);
    file.extend([0xff, 0xd9]);
    for size in [128, 60, 30] {
        let thumbnail = &develop(&file, &[size]).unwrap().thumbnails[0];
        assert_quadrants(&pixels(thumbnail), [RED, GREEN, BLUE, WHITE]);
    }
}

#[test]
fn inks_give_the_colours_of_ideal_inks() {
    // As Adobe writes them, and so as this encoder marks them: 255 is no ink.
    let inks: [[u8; 4]; 4] =
        [[230, 40, 40, 250], [40, 220, 60, 240], [50, 60, 230, 200], [255, 255, 255, 128]];
    let expected = inks.map(|[c, m, y, k]| [c, m, y].map(|ink| (u16::from(ink) * u16::from(k) / 255) as u8));
    let at = |index: usize| inks[usize::from(index / 160 >= 60) * 2 + usize::from(index % 160 >= 80)];
    let pixels_of_inks: Vec<u8> = (0..160 * 120).flat_map(at).collect();
    for colours in [Colorspace::CMYK, Colorspace::YCCK] {
        for is_progressive in [false, true] {
            let mut encoder = encoder(Subsamp::None);
            encoder.set_colorspace(colours).unwrap();
            encoder.set_progressive(is_progressive).unwrap();
            let format = PixelFormat::CMYK;
            let image =
                turbojpeg::Image { pixels: &pixels_of_inks[..], width: 160, pitch: 640, height: 120, format };
            let file = encoder.compress_to_vec(image).unwrap();
            for size in [160, 70, 30] {
                let thumbnail = &develop(&file, &[size]).unwrap().thumbnails[0];
                assert_quadrants(&pixels(thumbnail), expected);
            }
        }
    }
}

/// Charts of sixteen inks in squares of 16 pixels, written by Pillow: as Adobe marks them, as Adobe converts them, and
/// without a mark. The colors are those that Pillow shows, without a printing profile. It takes 255 as no ink even
/// without a mark, while libvips takes it as full ink, as this engine does: there, the colors are those of the first
/// chart.
#[test]
fn inks_have_the_colors_that_another_program_shows() {
    #[rustfmt::skip]
    let cmyk: [[u8; 3]; 16] = [
        [255, 255, 255], [0, 255, 255], [255, 0, 255], [255, 255, 0], [0, 0, 255], [255, 0, 0], [0, 255, 0], [0, 0, 0],
        [127, 255, 255], [191, 95, 191], [127, 127, 63], [190, 154, 119], [36, 126, 152], [235, 34, 82], [165, 165, 165],
        [42, 46, 46],
    ];
    #[rustfmt::skip]
    let ycck: [[u8; 3]; 16] = [
        [0, 0, 0], [254, 0, 0], [0, 255, 1], [0, 0, 255], [255, 255, 1], [1, 255, 255], [255, 0, 254], [0, 0, 0],
        [128, 0, 0], [0, 96, 1], [0, 0, 64], [36, 71, 107], [129, 39, 12], [10, 212, 163], [90, 90, 90], [13, 9, 9],
    ];
    for (name, file, expected) in [
        ("cmyk-adobe", &include_bytes!("inks/cmyk-adobe.jpg")[..], cmyk),
        ("ycck-adobe", include_bytes!("inks/ycck-adobe.jpg"), ycck),
        ("cmyk-plain", include_bytes!("inks/cmyk-plain.jpg"), cmyk),
    ] {
        for thumbnail in develop(file, &[64, 32]).unwrap().thumbnails {
            let (seen, square) = (pixels(&thumbnail).to_rgb8(), thumbnail.width / 4);
            // At 1/2, the filter and JPEG blur the edges of a square, which are near.
            let tolerance = if square == 16 { 3 } else { 24 };
            for (index, expected) in (0..).zip(&expected) {
                let color =
                    seen.get_pixel(index % 4 * square + square / 2, index / 4 * square + square / 2).0;
                assert!(is_within(tolerance, &color, expected), "{name}: {color:?} instead of {expected:?}");
            }
        }
    }
}

#[test]
fn a_progressive_jpeg_of_very_many_scans_is_a_timeout() {
    let mut encoder = encoder(Subsamp::Gray);
    encoder.set_progressive(true).unwrap();
    let file = encode(&mut encoder, &noise(64, 48));
    // The last scan over and over again: each costs a pass over the picture.
    let scans: Vec<usize> = memchr_all(&file, 0xda);
    let last = *scans.last().unwrap();
    let repeated = [&file[..file.len() - 2], &file[last..file.len() - 2].repeat(2_001), b"\xff\xd9"].concat();
    assert_eq!(develop(&repeated, &[20]), Err(DevelopError::Timeout));
}

fn memchr_all(file: &[u8], marker: u8) -> Vec<usize> {
    let pairs = file.windows(2).enumerate();
    pairs.filter(|(_, pair)| *pair == [0xff, marker]).map(|(at, _)| at).collect()
}

#[test]
fn what_takes_longer_than_allowed_is_a_timeout() {
    let mut settings = Settings::default();
    settings.limits.max_time = std::time::Duration::ZERO;
    let file = encode(&mut encoder(Subsamp::None), &noise(64, 48));
    assert_eq!(imaging::develop(&file, &[20], &settings), Err(DevelopError::Timeout));
}

#[test]
fn a_progressive_jpeg_cut_anywhere_is_corrupt() {
    let mut encoder = encoder(Subsamp::Sub2x2);
    encoder.set_progressive(true).unwrap();
    let file = encode(&mut encoder, &noise(160, 120));
    for cut in (3..file.len()).step_by(97).chain(file.len() - 40..file.len()) {
        for size in [10, 160] {
            assert_eq!(
                develop(&file[..cut], &[size]).map_err(|e| e.code()),
                Err("corrupt-image"),
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn damage_in_the_middle_of_a_jpeg_is_corrupt_and_padding_between_its_segments_is_not() {
    let file = encode(&mut encoder(Subsamp::None), &noise(160, 120));
    let middle = file.len() / 2;
    let damaged = [&file[..middle], &[0xff, 0xd9], &file[middle..]].concat();
    assert_eq!(code(&damaged), "corrupt-image");

    let end = file.len() - 2;
    let padded = [&file[..end], &[0; 40], &file[end..]].concat();
    let (padded, plain) = (develop(&padded, &[40]).unwrap(), develop(&file, &[40]).unwrap());
    assert!(is_within(0, &padded.thumbnails[0].bytes, &plain.thumbnails[0].bytes));
}

#[test]
fn twelve_bits_are_an_unusual_kind() {
    let mut file = encode(&mut encoder(Subsamp::Gray), &noise(16, 16));
    let frame = *memchr_all(&file, 0xc0).first().unwrap();
    file[frame + 4] = 12;
    assert_eq!(code(&file), "unsupported-format");
}
