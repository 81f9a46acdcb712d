//! What thumbnails and placeholders are like.

use base64::Engine;
use image::{DynamicImage, Frame, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba, RgbaImage};

use crate::make::{
    BLUE, GREEN, RED, WHITE, assert_quadrants, develop, encode, is_like, is_within, jpeg, noise, pixels,
    quadrants,
};

fn dimensions(bytes: &[u8], sizes: &[u32]) -> Vec<(u32, u32, u32)> {
    let developed = develop(bytes, sizes).unwrap();
    for thumbnail in &developed.thumbnails {
        pixels(thumbnail); // they have the dimensions they claim
    }
    developed.thumbnails.iter().map(|t| (t.size, t.width, t.height)).collect()
}

#[test]
fn the_longer_side_is_the_size_asked_for() {
    let [wide, tall] = [quadrants(300, 200), quadrants(200, 300)].map(|p| jpeg(&p));
    assert_eq!(dimensions(&wide, &[150, 30]), [(150, 150, 100), (30, 30, 20)]);
    assert_eq!(dimensions(&tall, &[150, 30]), [(150, 100, 150), (30, 20, 30)]);
}

#[test]
fn nothing_is_enlarged() {
    let file = jpeg(&quadrants(30, 20));
    assert_eq!(dimensions(&file, &[200, 30, 31]), [(200, 30, 20), (30, 30, 20), (31, 30, 20)]);
}

#[test]
fn a_line_or_a_dot_keeps_at_least_one_pixel() {
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Jpeg] {
        let line = |width, height| encode(&quadrants(width, height), format);
        assert_eq!(dimensions(&line(1000, 1), &[100, 16]), [(100, 100, 1), (16, 16, 1)]);
        assert_eq!(dimensions(&line(1, 1000), &[100, 16]), [(100, 1, 100), (16, 1, 16)]);
        assert_eq!(dimensions(&line(1, 1), &[100, 16]), [(100, 1, 1), (16, 1, 1)]);
    }
}

#[test]
fn sizes_come_in_the_order_asked_for_and_once() {
    let file = jpeg(&quadrants(300, 200));
    let sizes = [60, 150, 60, 90, 150];
    assert_eq!(dimensions(&file, &sizes), [(60, 60, 40), (150, 150, 100), (90, 90, 60)]);
    assert!(develop(&file, &[]).unwrap().thumbnails.is_empty());
}

#[test]
fn every_size_shows_the_same_picture() {
    let developed = develop(&jpeg(&quadrants(900, 600)), &[700, 600, 350, 299, 60, 30]).unwrap();
    for thumbnail in &developed.thumbnails {
        assert_eq!(thumbnail.content_type, "image/jpeg");
        assert_quadrants(&pixels(thumbnail), [RED, GREEN, BLUE, WHITE]);
    }
}

#[test]
fn every_pixel_layout_of_png_has_the_right_colours() {
    let rgb = quadrants(80, 60);
    let grey = |v: u8| [v, v, v];
    let levels = [200, 20, 90, 250];
    let luma = |x: u32, y: u32| levels[usize::from(y >= 30) * 2 + usize::from(x >= 40)];
    let l8: DynamicImage = ImageBuffer::from_fn(80, 60, |x, y| Luma([luma(x, y)])).into();
    let l16: DynamicImage = ImageBuffer::from_fn(80, 60, |x, y| Luma([u16::from(luma(x, y)) * 257])).into();
    let la8: DynamicImage = ImageBuffer::from_fn(80, 60, |x, y| LumaA([luma(x, y), 255])).into();
    let colours = [RED, GREEN, BLUE, WHITE];
    let greys = levels.map(grey);
    for (picture, expected) in [
        (DynamicImage::from(rgb.to_rgb8()), colours),
        (rgb.to_rgba8().into(), colours),
        (rgb.to_rgb16().into(), colours),
        (rgb.to_rgba16().into(), colours),
        (l8, greys),
        (l16, greys),
        (la8.clone(), greys),
        (la8.to_luma_alpha16().into(), greys),
    ] {
        let developed = develop(&encode(&picture, ImageFormat::Png), &[80, 40, 20]).unwrap();
        for thumbnail in &developed.thumbnails {
            assert_eq!(thumbnail.content_type, "image/jpeg", "{:?}", picture.color());
            assert_quadrants(&pixels(thumbnail), expected);
        }
    }
}

#[test]
fn transparency_is_kept() {
    // The left half is red, the right half nothing, in green: none of the green may be seen.
    let picture: DynamicImage =
        RgbaImage::from_fn(
            120,
            60,
            |x, _| {
                if x < 61 { Rgba([220, 30, 30, 255]) } else { Rgba([0, 255, 0, 0]) }
            },
        )
        .into();
    for picture in [picture.to_rgba16().into(), picture] {
        let developed = develop(&encode(&picture, ImageFormat::Png), &[120, 50, 20]).unwrap();
        for thumbnail in &developed.thumbnails {
            assert_eq!(thumbnail.content_type, "image/webp");
            let small = pixels(thumbnail).to_rgba8();
            let (width, height) = small.dimensions();
            assert!(is_like(&small.get_pixel(width / 4, height / 2).0, &[220, 30, 30, 255]));
            assert_eq!(small.get_pixel(width - 2, height / 2).0[3], 0);
            for pixel in small.pixels().filter(|pixel| pixel.0[3] > 16) {
                assert!(is_within(25, &pixel.0[..3], &[220, 30, 30]), "{pixel:?} bleeds");
            }
        }
    }
}

#[test]
fn half_transparent_grey_is_kept() {
    let picture: DynamicImage = ImageBuffer::from_pixel(80, 60, LumaA([180_u8, 100])).into();
    let developed = develop(&encode(&picture, ImageFormat::Png), &[20]).unwrap();
    let small = pixels(&developed.thumbnails[0]).to_rgba8();
    assert!(is_like(&small.get_pixel(10, 7).0, &[180, 180, 180, 100]));
}

#[test]
fn the_first_frame_of_a_gif_is_composed_on_its_canvas() {
    let mut gif = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
    let frame = |colour, left, top| {
        let picture = RgbaImage::from_pixel(20, 10, Rgba(colour));
        Frame::from_parts(picture, left, top, image::Delay::from_numer_denom_ms(10, 1))
    };
    encoder.encode_frame(frame([220, 30, 30, 255], 0, 0)).unwrap();
    encoder.encode_frame(frame([30, 30, 220, 255], 0, 0)).unwrap();
    drop(encoder);
    // The canvas is made larger than the frame, which is moved into its middle.
    gif[6..10].copy_from_slice(&[40, 0, 20, 0]);
    let descriptor = gif.windows(9).position(|w| w == [0x2c, 0, 0, 0, 0, 20, 0, 10, 0]).unwrap();
    gif[descriptor + 1..descriptor + 5].copy_from_slice(&[10, 0, 5, 0]);

    let developed = develop(&gif, &[40]).unwrap();
    assert_eq!((developed.width, developed.height), (40, 20));
    let picture = pixels(&developed.thumbnails[0]).to_rgba8();
    assert!(is_like(&picture.get_pixel(20, 10).0, &[220, 30, 30, 255]));
    assert_eq!(picture.get_pixel(2, 2).0[3], 0);
}

#[test]
fn the_placeholder_has_the_colours_of_the_picture() {
    let orange = image::RgbImage::from_pixel(300, 200, Rgb([240, 140, 20]));
    let placeholder = develop(&jpeg(&orange.into()), &[64]).unwrap().placeholder;
    let hash = base64::engine::general_purpose::STANDARD.decode(&placeholder.thumbhash).unwrap();
    let (red, green, blue, alpha) = thumbhash::thumb_hash_to_average_rgba(&hash).unwrap();
    let average = [red, green, blue, alpha].map(|value| (value * 255.0).round() as u8);
    assert!(is_like(&average, &[240, 140, 20, 255]), "{average:?}");
    let aspect = thumbhash::thumb_hash_to_approximate_aspect_ratio(&hash).unwrap();
    assert!((1.3..1.8).contains(&aspect), "{aspect}");

    let [red, green, blue] =
        [1, 3, 5].map(|at| u8::from_str_radix(&placeholder.color[at..at + 2], 16).unwrap());
    assert!(is_like(&[red, green, blue], &[240, 140, 20]), "{}", placeholder.color);
}

#[test]
fn the_dominant_colour_is_the_commonest_and_not_the_mean() {
    let picture = image::RgbImage::from_fn(100, 90, |x, _| Rgb(if x < 60 { RED } else { BLUE }));
    let developed = develop(&encode(&picture.into(), ImageFormat::Png), &[]).unwrap();
    assert_eq!(developed.placeholder.color, "#dc1e1e");
}

#[test]
fn a_picture_of_nothing_has_a_placeholder_too() {
    let nothing: DynamicImage = RgbaImage::new(40, 30).into();
    let developed = develop(&encode(&nothing, ImageFormat::Png), &[10]).unwrap();
    assert_eq!(developed.placeholder.color, "#ffffff");
    assert!(!developed.placeholder.thumbhash.is_empty());
}

#[test]
fn the_same_bytes_give_the_same_derivatives() {
    let file = jpeg(&noise(300, 200));
    assert_eq!(develop(&file, &[150, 60]), develop(&file, &[150, 60]));
}
