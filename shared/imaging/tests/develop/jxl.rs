//! JPEG XL. libjxl has written the files in `coded/`: [`quadrants`] of 120 x 80 pixels.

use std::io::Write;
use std::time::{Duration, Instant};

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use imaging::{Format, Limits, Settings, read_exif, sniff, without_metadata};

use crate::container::boxed;
use crate::jxl_made::{HEAD, Head, black, head, hidden, with_hidden_frames};
use crate::make::{BLUE, GREEN, RED, WHITE};
use crate::make::{assert_quadrants, code, develop, exif, is_within, pixels, quadrants};

const LOSSY: &[u8] = include_bytes!("coded/lossy.jxl");
const LOSSLESS: &[u8] = include_bytes!("coded/lossless.jxl");
const DEEP: &[u8] = include_bytes!("coded/deep.jxl");
const GREY: &[u8] = include_bytes!("coded/grey.jxl");
/// The right half has the alpha 90.
const ALPHA: &[u8] = include_bytes!("coded/alpha.jxl");
const GREY_ALPHA: &[u8] = include_bytes!("coded/grey-alpha.jxl");
/// A red, a green and a blue frame of 80 x 60 pixels.
const ANIMATION: &[u8] = include_bytes!("coded/animation.jxl");

/// Where the frame begins.
const LOSSY_FRAME: usize = 4;
const LOSSLESS_FRAME: usize = 5;

#[test]
fn a_jxl_of_each_kind_is_developed_at_every_size() {
    let grey = [30, 200, 30, 240].map(|value| [value; 3]);
    let colors = [RED, GREEN, BLUE, WHITE];
    // In this file, the values are proportional to the light.
    let linear = [[239, 96, 96], [96, 229, 96], [96, 96, 239], [248; 3]];
    for (name, file, expected) in [
        ("lossy", LOSSY, colors),
        ("lossless", LOSSLESS, colors),
        ("16 bits", DEEP, linear),
        ("grey", GREY, grey),
    ] {
        assert_eq!(sniff(file), Some(Format::Jxl), "{name}");
        let developed = develop(file, &[120, 60, 30]).unwrap();
        assert_eq!((developed.format, developed.width, developed.height), (Format::Jxl, 120, 80), "{name}");
        for thumbnail in &developed.thumbnails {
            assert_eq!(thumbnail.content_type, "image/jpeg", "{name}");
            assert_quadrants(&pixels(thumbnail), expected);
        }
    }
}

#[test]
fn transparency_of_a_jxl_is_kept() {
    for file in [ALPHA, GREY_ALPHA] {
        for thumbnail in develop(file, &[120, 40]).unwrap().thumbnails {
            assert_eq!(thumbnail.content_type, "image/webp");
            let small = pixels(&thumbnail).to_rgba8();
            let alpha = |quarter| small.get_pixel(small.width() * quarter / 4, small.height() / 4).0[3];
            assert_eq!((alpha(1), alpha(3)), (255, 90));
        }
    }
    let seen = pixels(&develop(ALPHA, &[120]).unwrap().thumbnails[0]).to_rgba8();
    assert!(is_within(12, &seen.get_pixel(90, 20).0[..3], &GREEN), "{:?}", seen.get_pixel(90, 20));
}

#[test]
fn each_orientation_of_a_jxl_is_upright() {
    let colors = [RED, GREEN, BLUE, WHITE];
    // The quadrants of the stored picture, in the order in which they are shown.
    for (orientation, order) in [
        (1, [0, 1, 2, 3]),
        (2, [1, 0, 3, 2]),
        (3, [3, 2, 1, 0]),
        (4, [2, 3, 0, 1]),
        (5, [0, 2, 1, 3]),
        (6, [2, 0, 3, 1]),
        (7, [3, 1, 2, 0]),
        (8, [1, 3, 0, 2]),
    ] {
        for (is_xyb, frame) in [(true, &LOSSY[LOSSY_FRAME..]), (false, &LOSSLESS[LOSSLESS_FRAME..])] {
            let file = [&head(Head { is_xyb, orientation, ..HEAD }), frame].concat();
            let developed = develop(&file, &[60]).unwrap();
            let expected = if orientation > 4 { (80, 120) } else { (120, 80) };
            assert_eq!((developed.width, developed.height), expected, "{orientation}");
            assert_quadrants(&pixels(&developed.thumbnails[0]), order.map(|index| colors[index]));
        }
    }
}

#[test]
fn the_colors_of_a_jxl_are_converted_from_its_color_space() {
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_icc_profile(moxcms::ColorProfile::new_display_p3().encode().unwrap()).unwrap();
    encoder.write_image(&quadrants(120, 80).to_rgb8(), 120, 80, ExtendedColorType::Rgb8).unwrap();
    let at =
        |file: &[u8], x, y| pixels(&develop(file, &[120]).unwrap().thumbnails[0]).to_rgb8().get_pixel(x, y).0;
    let file = [&head(Head { is_p3: true, ..HEAD }), &LOSSLESS[LOSSLESS_FRAME..]].concat();
    for (x, y) in [(30, 20), (90, 20), (30, 60)] {
        let (seen, expected) = (at(&file, x, y), at(&png, x, y));
        assert!(is_within(3, &seen, &expected), "{seen:?} instead of {expected:?}");
        assert!(!is_within(6, &seen, &at(LOSSLESS, x, y)), "{seen:?}");
    }
    // Lossy colors do not depend on the space in which the decoder gives them.
    let file = [&head(Head { is_p3: true, is_xyb: true, ..HEAD }), &LOSSY[LOSSY_FRAME..]].concat();
    assert_quadrants(&pixels(&develop(&file, &[120]).unwrap().thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
}

#[test]
fn of_an_animated_jxl_the_first_frame_counts() {
    let developed = develop(ANIMATION, &[80]).unwrap();
    assert_eq!((developed.width, developed.height, developed.frames), (80, 60, 1));
    assert_quadrants(&pixels(&developed.thumbnails[0]), [RED; 4]);
}

/// A container with these boxes behind the picture.
fn container(picture: &[u8], boxes: &[Vec<u8>]) -> Vec<u8> {
    let start = [boxed(b"JXL ", b"\r\n\x87\n"), boxed(b"ftyp", b"jxl \0\0\0\0jxl ")].concat();
    [start, boxed(b"jxlc", picture), boxes.concat()].concat()
}

/// The same in parts, with these boxes between them.
fn container_in_parts(picture: &[u8], boxes: &[Vec<u8>]) -> Vec<u8> {
    let start = [boxed(b"JXL ", b"\r\n\x87\n"), boxed(b"ftyp", b"jxl \0\0\0\0jxl ")].concat();
    let (first, second) = picture.split_at(4);
    let parts = [
        boxed(b"jxlp", &[&[0, 0, 0, 0], first].concat()),
        boxed(b"jxlp", &[&[0x80, 0, 0, 1], second].concat()),
    ];
    [&start[..], &parts[0], &boxes.concat(), &parts[1]].concat()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    brotli::CompressorWriter::new(&mut compressed, 4096, 5, 20).write_all(bytes).unwrap();
    compressed
}

/// An EXIF block with a camera.
fn camera() -> Vec<u8> {
    b"MM\0\x2a\0\0\0\x08\0\x01\x01\x10\0\x02\0\0\0\x06\0\0\0\x1a\0\0\0\0Model\0".to_vec()
}

#[test]
fn the_exif_block_of_a_jxl_is_read_and_does_not_turn_it() {
    let block = camera();
    let numbered = [&[0; 4], &block[..]].concat();
    let compressed = boxed(b"brob", &[b"Exif", &brotli(&numbered)[..]].concat());
    for (name, file) in [
        ("behind", container(LOSSY, &[boxed(b"Exif", &numbered)])),
        ("between", container_in_parts(LOSSY, &[boxed(b"Exif", &numbered)])),
        ("without the number", container(LOSSY, &[boxed(b"Exif", &block)])),
        ("compressed", container(LOSSY, &[compressed])),
    ] {
        assert_eq!(read_exif(&file).camera.as_deref(), Some("Model"), "{name}");
    }
    let turned = container(LOSSY, &[boxed(b"Exif", &[&[0; 4], &exif(6, &[])[6..]].concat())]);
    assert_eq!(develop(&turned, &[60]), develop(LOSSY, &[60]));
    assert_eq!(read_exif(LOSSY), imaging::Exif::default());
    // Kilobytes that become gigabytes.
    let bomb = boxed(b"brob", &[b"Exif", &brotli(&[numbered, vec![0; 64 << 20]].concat())[..]].concat());
    assert_eq!(read_exif(&container(LOSSY, &[bomb])), imaging::Exif::default());
}

#[test]
fn a_jxl_loses_its_metadata_and_keeps_its_pixels() {
    const SECRET: &[u8] = b"GPS 52.5200N 13.4050E";
    let boxes = [
        boxed(b"Exif", &[&[0; 4], SECRET].concat()),
        boxed(b"xml ", SECRET),
        boxed(b"jumb", SECRET),
        boxed(b"jbrd", SECRET),
        boxed(b"brob", &[b"xml ", SECRET].concat()),
    ];
    let behind = [&container(LOSSY, &boxes)[..], SECRET].concat();
    for file in
        [container(LOSSY, &boxes), container_in_parts(LOSSY, &boxes), behind, [LOSSY, SECRET].concat()]
    {
        let stripped = without_metadata(&file).unwrap();
        assert!(!stripped.windows(SECRET.len()).any(|window| window == SECRET));
        assert_eq!(develop(&stripped, &[60]), develop(LOSSY, &[60]));
        assert!(stripped.len() <= LOSSY.len() + 80);
    }
    assert_eq!(without_metadata(&[ANIMATION, SECRET].concat()).as_deref(), Some(ANIMATION));
    // A part is missing, or the end is not known.
    let file = container(LOSSY, &[]);
    assert_eq!(without_metadata(&file[..file.len() - 1]), None);
    assert_eq!(without_metadata(&LOSSY[..LOSSY.len() - 1]), None);
    assert_eq!(without_metadata(&with_hidden_frames((3000, 2000), 1)), None);
}

#[test]
fn a_jxl_cut_anywhere_is_corrupt() {
    let file = container(LOSSLESS, &[]);
    for (whole, step) in [(LOSSY, 23), (LOSSLESS, 1), (DEEP, 1), (&file, 1)] {
        for cut in (2..whole.len()).step_by(step).chain([whole.len() - 1]) {
            // A start of the container is not an image.
            let expected = if sniff(&whole[..cut]).is_some() { "corrupt-image" } else { "not-an-image" };
            assert_eq!(code(&whole[..cut]), expected, "cut at {cut} of {}", whole.len());
        }
    }
}

#[test]
fn a_jxl_with_too_many_pixels_is_refused_from_its_header() {
    let with_size = |size| head(Head { size, ..HEAD });
    assert_eq!(code(&with_size((7100, 7100))), "too-many-pixels");
    assert_eq!(code(&with_size((1 << 20, 1))), "side-too-long");
    assert_eq!(code(&with_size((7000, 7000))), "corrupt-image");
}

#[test]
fn hidden_frames_count_for_the_memory() {
    for size in [(100, 80), (3000, 2000)] {
        let developed = develop(&with_hidden_frames(size, 3), &[40]).unwrap();
        assert_quadrants(&pixels(&developed.thumbnails[0]), [[0; 3]; 4]);
    }
    assert_eq!(code(&with_hidden_frames((7000, 7000), 0)), "developed");
    assert_eq!(code(&with_hidden_frames((7000, 7000), 1)), "too-many-pixels");
    // A frame that is larger than the picture.
    let with_size =
        |size| [head(Head { size: (100, 80), ..HEAD }), hidden(size), black((100, 80), false)].concat();
    assert_eq!(code(&with_size((2304, 2304))), "developed");
    assert_eq!(code(&with_size((7000, 7000))), "corrupt-image");
}

/// Kilobytes can hold frames for minutes.
#[test]
fn a_jxl_that_takes_too_long_is_stopped() {
    for (size, count) in [((2000, 1500), 2_000), ((100, 80), 400_000)] {
        let file = with_hidden_frames(size, count);
        let limits = Limits { max_time: Duration::from_millis(400), ..Limits::default() };
        let start = Instant::now();
        let outcome = imaging::develop(&file, &[40], &Settings { limits, ..Settings::default() });
        assert_eq!(outcome.map_err(|error| error.code()).unwrap_err(), "timeout");
        assert!(start.elapsed() < Duration::from_secs(4), "stopped after {:?}", start.elapsed());
    }
}
