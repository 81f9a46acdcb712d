//! Thumbnails that stay animated.

use std::borrow::Cow;
use std::time::Duration;

use gif::{DisposalMethod, Encoder, Repeat};
use image::{DynamicImage, Rgba, RgbaImage};
use imaging::{Animation, Developed, Limits, Output, Settings, Thumbnail, is_animated};
use png::{BitDepth, BlendOp, ColorType, DisposeOp};
use webpx::{AnimationDecoder, ColorMode};

use crate::make::{BLUE, GREEN, RED, WHITE, assert_quadrants, exif, is_within, noise, pixels, png_chunk};

/// The palette of all GIFs here. The last index is transparent.
const PALETTE: [[u8; 3]; 5] = [RED, GREEN, BLUE, WHITE, [0; 3]];
const CLEAR: u8 = 4;

const SIZE: (u16, u16) = (40, 30);

/// A rectangle of one color in a GIF: the index, and the place and the size.
fn rectangle(color: u8, (left, top): (u16, u16), (width, height): (u16, u16)) -> gif::Frame<'static> {
    let buffer = Cow::Owned(vec![color; usize::from(width) * usize::from(height)]);
    gif::Frame {
        left,
        top,
        width,
        height,
        buffer,
        transparent: Some(CLEAR),
        delay: 4,
        ..gif::Frame::default()
    }
}

fn gif((width, height): (u16, u16), repeat: Option<Repeat>, frames: &[gif::Frame<'_>]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height, &PALETTE.concat()).unwrap();
    if let Some(repeat) = repeat {
        encoder.set_repeat(repeat).unwrap();
    }
    for frame in frames {
        encoder.write_frame(frame).unwrap();
    }
    drop(encoder);
    file
}

/// Three whole frames of one color each.
fn three(repeat: Option<Repeat>) -> Vec<u8> {
    let frames = [0, 1, 2].map(|color| rectangle(color, (0, 0), SIZE));
    gif(SIZE, repeat, &frames)
}

const ALL: Settings = Settings {
    limits: Limits {
        max_pixels: 50_000_000,
        max_side: 65_535,
        max_bytes: 100_000_000,
        max_memory: 680_000_000,
        max_time: Duration::from_secs(90),
    },
    output: Output::Auto,
    animation: Animation::All,
    heic: true,
};

fn develop(file: &[u8], sizes: &[u32]) -> Developed {
    imaging::develop(file, sizes, &ALL).unwrap()
}

/// How often a thumbnail is shown, and its frames with their delays.
fn played(thumbnail: &Thumbnail) -> (u32, Vec<(RgbaImage, u32)>) {
    assert_eq!(thumbnail.content_type, "image/webp");
    let mut decoder = AnimationDecoder::with_options_limits(
        &thumbnail.bytes,
        ColorMode::Rgba,
        false,
        &webpx::Limits::none(),
    )
    .unwrap();
    let info = decoder.info().clone();
    assert_eq!((info.width, info.height), (thumbnail.width, thumbnail.height));
    let frames = decoder.decode_all().unwrap().into_iter();
    let frames = frames.map(|frame| {
        (RgbaImage::from_raw(frame.width, frame.height, frame.data).unwrap(), frame.duration_ms)
    });
    (info.loop_count, frames.collect())
}

#[track_caller]
fn assert_color(picture: &RgbaImage, (x, y): (u32, u32), expected: Option<[u8; 3]>) {
    let Rgba([red, green, blue, alpha]) = *picture.get_pixel(x, y);
    match expected {
        Some(color) => assert!(
            alpha == 255 && is_within(12, &[red, green, blue], &color),
            "{:?} at {x}, {y} instead of {color:?}",
            [red, green, blue, alpha]
        ),
        None => assert_eq!(alpha, 0, "at {x}, {y}"),
    }
}

#[test]
fn a_thumbnail_has_all_frames_with_their_delays_in_every_size() {
    let mut frames = [0, 1, 2].map(|color| rectangle(color, (0, 0), SIZE));
    for (frame, delay) in frames.iter_mut().zip([5, 20, 12]) {
        frame.delay = delay;
    }
    let file = gif(SIZE, Some(Repeat::Infinite), &frames);
    let developed = develop(&file, &[20, 200, 30, 40]);
    let sizes: Vec<_> = developed.thumbnails.iter().map(|t| (t.size, t.width, t.height)).collect();
    assert_eq!(sizes, [(20, 20, 15), (200, 40, 30), (30, 30, 23), (40, 40, 30)]);
    assert_eq!((developed.width, developed.height, developed.frames), (40, 30, 3));
    for thumbnail in &developed.thumbnails {
        let (_, frames) = played(thumbnail);
        assert_eq!(frames.iter().map(|(_, delay)| *delay).collect::<Vec<_>>(), [50, 200, 120]);
        for ((picture, _), color) in frames.iter().zip([RED, GREEN, BLUE]) {
            assert_color(picture, (10, 7), Some(color));
        }
    }
}

#[test]
fn the_placeholder_is_that_of_the_first_frame() {
    let file = three(None);
    let still = imaging::develop(&file, &[20], &Settings::default()).unwrap();
    assert_eq!(develop(&file, &[20]).placeholder, still.placeholder);
}

#[test]
fn thumbnails_are_still_unless_the_settings_say_otherwise() {
    let developed = imaging::develop(&three(None), &[40], &Settings::default()).unwrap();
    assert_eq!((developed.frames, developed.thumbnails[0].content_type), (3, "image/jpeg"));
    assert_color(&pixels(&developed.thumbnails[0]).to_rgba8(), (20, 15), Some(RED));
    assert_eq!(["first", "all"].map(str::parse), [Ok(Animation::First), Ok(Animation::All)]);
    assert!("last".parse::<Animation>().is_err());
}

#[test]
fn animated_thumbnails_are_webp_whatever_the_format_of_others_is() {
    for output in [Output::Auto, Output::Webp, Output::Avif] {
        let developed = imaging::develop(&three(None), &[40], &Settings { output, ..ALL }).unwrap();
        assert_eq!(played(&developed.thumbnails[0]).1.len(), 3);
    }
}

#[test]
fn a_still_picture_has_still_thumbnails() {
    for file in [
        gif(SIZE, Some(Repeat::Infinite), &[rectangle(0, (0, 0), SIZE)]),
        crate::make::jpeg(&noise(40, 30)),
        crate::make::encode(&noise(40, 30), image::ImageFormat::Png),
        crate::make::encode(&noise(40, 30), image::ImageFormat::WebP),
    ] {
        assert_eq!(develop(&file, &[40]).thumbnails[0].content_type, "image/jpeg");
        assert!(!is_animated(&file));
    }
}

/// What browsers do with a delay of at most 10 ms, and the longest delay that a file can have.
#[test]
fn delays_are_those_that_browsers_use() {
    let mut frames = [0, 1, 2].map(|color| rectangle(color, (0, 0), SIZE));
    for (frame, delay) in frames.iter_mut().zip([0, 1, 65_535]) {
        frame.delay = delay;
    }
    let developed = develop(&gif(SIZE, None, &frames), &[40]);
    let delays = played(&developed.thumbnails[0]).1.iter().map(|(_, delay)| *delay).collect::<Vec<_>>();
    assert_eq!(delays, [100, 100, 655_350]);
    let frames = [(1, 30), (u16::MAX, 1), (1, 0)].map(|delay| Apng { delay, ..APNG });
    let frames = frames.into_iter().zip([RED, GREEN, BLUE]).map(|(frame, color)| Apng { color, ..frame });
    let developed = develop(&apng(0, &frames.collect::<Vec<_>>()), &[40]);
    let delays = played(&developed.thumbnails[0]).1.iter().map(|(_, delay)| *delay).collect::<Vec<_>>();
    // A denominator of 0 means 100.
    assert_eq!(delays, [33, 655_350, 100]);
}

/// GIF counts repetitions, and the others count how often the animation is shown.
#[test]
fn the_animation_is_shown_as_often_as_the_file_says() {
    let plays = |file: &[u8]| played(&develop(file, &[40]).thumbnails[0]).0;
    assert_eq!(plays(&three(None)), 1);
    assert_eq!(plays(&three(Some(Repeat::Infinite))), 0);
    assert_eq!(plays(&three(Some(Repeat::Finite(1)))), 2);
    assert_eq!(plays(&three(Some(Repeat::Finite(65_535)))), 65_535);
    let frames = [RED, GREEN].map(|color| Apng { color, ..APNG });
    assert_eq!([0, 1, 7].map(|count| plays(&apng(count, &frames))), [0, 1, 7]);
    assert_eq!([0, 1, 7].map(|count| plays(&webp(count, &[RED, GREEN]))), [0, 1, 7]);
}

#[test]
fn frames_of_a_gif_are_composed_and_disposed() {
    let mut frames = [
        rectangle(0, (0, 0), SIZE),
        rectangle(1, (20, 15), (20, 15)),
        rectangle(2, (0, 0), (20, 15)),
        rectangle(CLEAR, (0, 0), (1, 1)),
        rectangle(3, (30, 0), (10, 10)),
    ];
    frames[0].dispose = DisposalMethod::Keep;
    frames[1].dispose = DisposalMethod::Previous;
    frames[2].dispose = DisposalMethod::Background;
    frames[3].dispose = DisposalMethod::Any;
    let file = gif(SIZE, None, &frames);
    let (upper_left, lower_right, upper_right) = ((5, 5), (35, 25), (35, 3));
    let expected = [
        [Some(RED), Some(RED), Some(RED)],
        [Some(RED), Some(GREEN), Some(RED)],
        [Some(BLUE), Some(RED), Some(RED)],
        [None, Some(RED), Some(RED)],
        [None, Some(RED), Some(WHITE)],
    ];
    for (size, divisor) in [(40, 1), (20, 2)] {
        let (_, frames) = played(&develop(&file, &[size]).thumbnails[0]);
        assert_eq!(frames.len(), 5);
        for ((picture, _), colors) in frames.iter().zip(expected) {
            for ((x, y), color) in [upper_left, lower_right, upper_right].into_iter().zip(colors) {
                assert_color(picture, (x / divisor, y / divisor), color);
            }
        }
    }
}

/// A frame of an animated PNG: a rectangle of one color.
#[derive(Clone, Copy)]
struct Apng {
    color: [u8; 3],
    alpha: u8,
    place: (u32, u32),
    size: (u32, u32),
    delay: (u16, u16),
    dispose: DisposeOp,
    blend: BlendOp,
}

const APNG: Apng = Apng {
    color: RED,
    alpha: 255,
    place: (0, 0),
    size: (40, 30),
    delay: (1, 25),
    dispose: DisposeOp::None,
    blend: BlendOp::Source,
};

fn apng(plays: u32, frames: &[Apng]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 40, 30);
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_animated(frames.len() as u32, plays).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for &Apng { color: [red, green, blue], alpha, place, size, delay, dispose, blend } in frames {
        writer.reset_frame_position().unwrap();
        writer.set_frame_dimension(size.0, size.1).unwrap();
        writer.set_frame_position(place.0, place.1).unwrap();
        writer.set_frame_delay(delay.0, delay.1).unwrap();
        writer.set_dispose_op(dispose).unwrap();
        writer.set_blend_op(blend).unwrap();
        writer.write_image_data(&[red, green, blue, alpha].repeat((size.0 * size.1) as usize)).unwrap();
    }
    writer.finish().unwrap();
    file
}

#[test]
fn frames_of_a_png_are_composed_blended_and_disposed() {
    let file = apng(
        0,
        &[
            Apng { color: RED, ..APNG },
            Apng { color: GREEN, place: (20, 15), size: (20, 15), dispose: DisposeOp::Previous, ..APNG },
            Apng {
                color: BLUE,
                alpha: 0,
                size: (20, 15),
                blend: BlendOp::Over,
                dispose: DisposeOp::Background,
                ..APNG
            },
            Apng { color: WHITE, place: (30, 0), size: (10, 10), ..APNG },
        ],
    );
    let (_, frames) = played(&develop(&file, &[40]).thumbnails[0]);
    let expected = [
        [Some(RED), Some(RED), Some(RED)],
        [Some(RED), Some(GREEN), Some(RED)],
        [Some(RED), Some(RED), Some(RED)],
        [None, Some(RED), Some(WHITE)],
    ];
    assert_eq!(frames.len(), expected.len());
    for ((picture, _), colors) in frames.iter().zip(expected) {
        for (place, color) in [(5, 5), (35, 25), (35, 3)].into_iter().zip(colors) {
            assert_color(picture, place, color);
        }
    }
}

#[test]
fn the_frames_of_a_png_are_turned_upright() {
    let file = apng(0, &[RED, GREEN].map(|color| Apng { color, ..APNG }));
    // The corner shows which way the picture is turned.
    let corner = Apng { color: BLUE, size: (20, 15), ..APNG };
    let turned = apng(0, &[APNG, corner]);
    let with_exif =
        |file: &[u8]| [&file[..33], &png_chunk(b"eXIf", &exif(6, &[])[6..]), &file[33..]].concat();
    let developed = develop(&with_exif(&file), &[40]);
    assert_eq!((developed.width, developed.height), (30, 40));
    assert_eq!((developed.thumbnails[0].width, developed.thumbnails[0].height), (30, 40));
    let (_, frames) = played(&develop(&with_exif(&turned), &[40]).thumbnails[0]);
    assert_color(&frames[1].0, (25, 5), Some(BLUE));
    assert_color(&frames[1].0, (5, 5), Some(RED));
}

/// An animated WebP of frames of one color each.
fn webp(plays: u32, colors: &[[u8; 3]]) -> Vec<u8> {
    let mut encoder = webpx::AnimationEncoder::with_options(40, 30, false, plays).unwrap();
    encoder.set_lossless(true);
    for (index, color) in colors.iter().enumerate() {
        encoder.add_frame_rgb(&color.repeat(40 * 30), index as i32 * 70).unwrap();
    }
    encoder.finish(colors.len() as i32 * 70).unwrap()
}

#[test]
fn an_animated_webp_stays_animated() {
    let file = webp(0, &[RED, GREEN, BLUE]);
    assert!(is_animated(&file));
    let developed = develop(&file, &[40, 20]);
    for thumbnail in &developed.thumbnails {
        let (_, frames) = played(thumbnail);
        assert_eq!(frames.iter().map(|(_, delay)| *delay).collect::<Vec<_>>(), [70; 3]);
        for ((picture, _), color) in frames.iter().zip([RED, GREEN, BLUE]) {
            assert_color(picture, (10, 7), Some(color));
        }
        assert!(is_animated(&thumbnail.bytes));
    }
    // The thumbnail itself can become a still picture again.
    let still = imaging::develop(&developed.thumbnails[0].bytes, &[40], &Settings::default()).unwrap();
    assert_eq!(still.thumbnails[0].content_type, "image/jpeg");
    assert_color(&pixels(&still.thumbnails[0]).to_rgba8(), (10, 7), Some(RED));
}

#[test]
fn a_frame_that_declares_a_wrong_size_is_shown_in_its_own_size() {
    let file = webp(0, &[RED, GREEN]);
    let frame = file.windows(4).position(|kind| kind == b"ANMF").unwrap();
    // The width and the height of the frame, each stored as one less.
    for place in [frame + 8 + 6, frame + 8 + 9] {
        let mut file = file.clone();
        file[place] -= 1;
        for animation in [Animation::First, Animation::All] {
            let settings = Settings { animation, ..Settings::default() };
            let developed = imaging::develop(&file, &[40], &settings).unwrap();
            assert_eq!((developed.width, developed.height), (40, 30));
            assert_color(&pixels(&developed.thumbnails[0]).to_rgba8(), (38, 28), Some(RED));
        }
    }
}

#[test]
fn transparency_is_as_smooth_as_in_a_still_thumbnail() {
    let picture: DynamicImage = RgbaImage::from_fn(40, 30, |x, _| Rgba([200, 40, 90, (x * 6) as u8])).into();
    let mut encoder = webpx::AnimationEncoder::with_options(40, 30, false, 0).unwrap();
    encoder.set_lossless(true);
    encoder.add_frame_rgba(picture.as_bytes(), 0).unwrap();
    encoder.add_frame_rgba(picture.fliph().as_bytes(), 50).unwrap();
    let developed = develop(&encoder.finish(100).unwrap(), &[20]);
    let (_, frames) = played(&developed.thumbnails[0]);
    for (index, (frame, _)) in frames.iter().enumerate() {
        for x in [2, 9, 17] {
            let shown = if index == 0 { x } else { 19 - x };
            let alpha = frame.get_pixel(shown, 8).0[3];
            assert!(alpha.abs_diff((x * 12 + 3) as u8) <= 4, "{alpha} at {shown} of frame {index}");
        }
    }
}

#[test]
fn a_damaged_frame_ends_the_animation() {
    let file = three(Some(Repeat::Infinite));
    let start = |number: usize| {
        let starts = (0..file.len()).filter(|&at| file[at..].starts_with(b"\x21\xf9\x04"));
        starts.collect::<Vec<_>>()[number]
    };
    let cut = |at: usize| develop(&file[..at], &[40]).thumbnails.remove(0);
    assert_eq!(played(&cut(file.len() - 1)).1.len(), 3);
    assert_eq!(played(&cut(start(2) + 30)).1.len(), 2);
    // With one whole frame, the picture is a still one.
    assert_eq!(cut(start(1) + 30).content_type, "image/jpeg");
}

#[test]
fn an_animation_with_too_many_frames_has_still_thumbnails() {
    let kind = |count: usize| {
        let frames: Vec<_> = (0..count).map(|index| rectangle((index % 4) as u8, (0, 0), (2, 2))).collect();
        develop(&gif((2, 2), None, &frames), &[40]).thumbnails[0].content_type
    };
    assert_eq!(kind(1_000), "image/webp");
    assert_eq!(kind(1_001), "image/jpeg");
}

/// A decoder composes each frame on the canvas, however small the frame is.
#[test]
fn the_canvas_counts_for_each_frame() {
    let frames: Vec<_> =
        (0..3).map(|color| rectangle(color, (0, 0), if color == 0 { SIZE } else { (1, 1) })).collect();
    let file = gif(SIZE, None, &frames);
    let kind = |max_pixels| {
        let limits = Limits { max_pixels, ..ALL.limits };
        let developed = imaging::develop(&file, &[40], &Settings { limits, ..ALL });
        developed.unwrap().thumbnails[0].content_type
    };
    assert_eq!(kind(3 * 40 * 30), "image/webp");
    assert_eq!(kind(3 * 40 * 30 - 1), "image/jpeg");
}

#[test]
fn an_animation_that_takes_too_much_time_or_memory_has_still_thumbnails() {
    let mut palette = vec![0; 200 * 200];
    let frames: Vec<_> = (0..300_usize)
        .map(|number| {
            for (index, color) in palette.iter_mut().enumerate() {
                *color = (index.wrapping_mul(number * 2_654_435_761 + 12_345) >> 9) as u8 % 4;
            }
            gif::Frame {
                width: 200,
                height: 200,
                buffer: Cow::Owned(palette.clone()),
                ..gif::Frame::default()
            }
        })
        .collect();
    let kind = |file: &[u8], max_time, max_memory| {
        let limits = Limits { max_time: Duration::from_millis(max_time), max_memory, ..ALL.limits };
        let developed = imaging::develop(file, &[200], &Settings { limits, ..ALL });
        developed.unwrap().thumbnails[0].content_type
    };
    let file = gif((200, 200), None, &frames);
    assert_eq!(kind(&file, 1_500, 680_000_000), "image/jpeg");
    let short = gif((200, 200), None, &frames[..3]);
    assert_eq!(kind(&short, 90_000, 680_000_000), "image/webp");
    assert_eq!(kind(&short, 90_000, 60_000_000), "image/jpeg");
}

/// Three frames of 80 x 60 pixels, written by libavif: the quadrants, which change their colors. The second has an alpha
/// channel: in the upper left quadrant, 60, 120 and 180.
const AVIF: &[u8] = include_bytes!("coded/animation.avif");
const AVIF_ALPHA: &[u8] = include_bytes!("coded/animation-alpha.avif");

#[test]
fn an_animated_avif_stays_animated() {
    for size in [80, 40] {
        let developed = develop(AVIF, &[size]);
        assert_eq!((developed.width, developed.height, developed.frames), (80, 60, 3));
        let (plays, frames) = played(&developed.thumbnails[0]);
        assert_eq!(
            (plays, frames.iter().map(|(_, delay)| *delay).collect::<Vec<_>>()),
            (0, vec![40, 70, 1000])
        );
        for ((picture, _), colors) in frames.into_iter().zip([
            [RED, GREEN, BLUE, WHITE],
            [GREEN, BLUE, WHITE, RED],
            [BLUE, WHITE, RED, GREEN],
        ]) {
            assert_quadrants(&picture.into(), colors);
        }
    }
    let still = imaging::develop(AVIF, &[80], &Settings::default()).unwrap();
    assert_eq!(still.placeholder, develop(AVIF, &[80]).placeholder);
    assert_quadrants(&pixels(&still.thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
}

#[test]
fn without_metadata_an_animated_avif_keeps_its_frames_and_loses_its_times_and_descriptions() {
    const SECRET: &[u8] = b"GPS 52.5200N 13.";
    for file in [AVIF, AVIF_ALPHA] {
        let mut file = file.to_vec();
        // When it was made and changed: two numbers of eight bytes behind the version 1 and flags.
        for header in [b"mvhd", b"tkhd", b"mdhd"] {
            let at = file.windows(4).position(|kind| kind == header).unwrap() + 4;
            assert_eq!(file[at], 1);
            file[at + 4..][..16].copy_from_slice(SECRET);
        }
        let file = [&file[..], &crate::container::boxed(b"mpvd", SECRET), SECRET].concat();
        let stripped = imaging::without_metadata(&file).unwrap();
        assert!(!stripped.windows(SECRET.len()).any(|part| part == SECRET));
        for size in [80, 40] {
            assert_eq!(develop(&stripped, &[size]), develop(&file, &[size]));
        }
    }
}

#[test]
fn an_animated_avif_keeps_its_transparency() {
    let (_, frames) = played(&develop(AVIF_ALPHA, &[80]).thumbnails[0]);
    for ((picture, _), alpha) in frames.iter().zip([60, 120, 180_u8]) {
        let at = |x, y| picture.get_pixel(x, y).0[3];
        assert!(at(20, 15).abs_diff(alpha) <= 4, "{} instead of {alpha}", at(20, 15));
        assert_eq!((at(60, 15), at(20, 45), at(60, 45)), (255, 255, 255));
    }
    assert_eq!(frames.len(), 3);
}

/// A copy of the animated AVIF in which the box of this kind, in the first track, has another number at this place.
fn with_number(kind: &[u8; 4], at: usize, number: u32) -> Vec<u8> {
    let mut file = AVIF.to_vec();
    let place = file.windows(4).rposition(|window| window == kind).unwrap() + 4 + at;
    file[place..place + 4].copy_from_slice(&number.to_be_bytes());
    file
}

#[test]
fn an_avif_with_damaged_tracks_has_still_thumbnails() {
    assert_eq!(develop(&with_number(b"stco", 0, 0), &[40]).thumbnails[0].content_type, "image/webp");
    let end = AVIF.len() as u32;
    for (name, file) in [
        ("a frame behind the end", with_number(b"stco", 8, end)),
        ("a frame of the whole file", with_number(b"stsz", 16, end)),
        ("frames that overlap", with_number(b"stsz", 4, end / 2)),
        ("more frames than chunks have", with_number(b"stsc", 12, 1)),
        ("no delays", with_number(b"stts", 4, 0)),
        ("no unit of time", with_number(b"mdhd", 20, 0)),
        ("no table", with_number(b"stbl", 0, 0)),
    ] {
        let developed = develop(&file, &[40]);
        assert_eq!(developed.thumbnails[0].content_type, "image/jpeg", "{name}");
    }
}

#[test]
fn an_animated_avif_is_shown_as_often_as_its_edits_say() {
    let plays = |file: &[u8]| played(&develop(file, &[40]).thumbnails[0]).0;
    // The edit repeats a part of 1,110 ms, and the track has a duration of 64 bits.
    let mut file = AVIF.to_vec();
    let header = file.windows(4).position(|window| window == b"tkhd").unwrap() + 4;
    file[header + 28..header + 36].copy_from_slice(&3_000_u64.to_be_bytes());
    assert_eq!(plays(&file), 3);
    // Without repetitions, and without edits.
    assert_eq!(plays(&with_number(b"elst", 0, 0x0100_0000)), 1);
    let edits = file.windows(4).position(|window| window == b"edts").unwrap();
    file[edits..edits + 4].copy_from_slice(b"free");
    assert_eq!(plays(&file), 0);
}
