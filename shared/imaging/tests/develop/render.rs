//! What `render` makes: parts, sizes, colors and formats.

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use imaging::{Fit, RenderFormat, Rendered, Rendering, Settings, render};
use moxcms::ColorProfile;

use crate::make::{
    BLUE, GREEN, RED, WHITE, encode, exif, is_like, is_within, jpeg, noise, quadrants, with_app1,
};

fn rendered(file: &[u8], rendering: Rendering) -> (Rendered, DynamicImage) {
    let made = render(file, &rendering, &Settings::default()).unwrap();
    let format = ImageFormat::from_mime_type(made.content_type).unwrap();
    let picture = image::load_from_memory_with_format(&made.bytes, format).unwrap();
    assert_eq!((picture.width(), picture.height()), (made.width, made.height));
    (made, picture)
}

fn area(width: u32, height: u32, fit: Fit) -> Rendering {
    Rendering {
        width: Some(width),
        height: Some(height),
        fit,
        format: RenderFormat::Png,
        ..Rendering::default()
    }
}

#[track_caller]
fn assert_pixel(picture: &DynamicImage, (x, y): (u32, u32), expected: [u8; 3]) {
    let actual = picture.to_rgb8().get_pixel(x, y).0;
    assert!(is_like(&actual, &expected), "{actual:?} instead of {expected:?} at {x}, {y}");
}

#[test]
fn the_part_is_that_of_the_upright_picture_however_it_is_stored() {
    let upright = quadrants(600, 400);
    for orientation in 1..=8_u16 {
        let stored = match orientation {
            2 => upright.fliph(),
            3 => upright.rotate180(),
            4 => upright.flipv(),
            5 => upright.rotate90().fliph(),
            6 => upright.rotate270(),
            7 => upright.rotate270().fliph(),
            8 => upright.rotate90(),
            _ => upright.clone(),
        };
        let file = with_app1(&jpeg(&stored), &exif(orientation, &[]));
        // Decoded at a scale, and at full size.
        for side in [40, 100, 380] {
            let (_, picture) = rendered(&file, area(side, side, Fit::Cover { x: 0.0, y: 0.0 }));
            assert_eq!((picture.width(), picture.height()), (side, side), "{orientation}");
            // The part is 400 pixels wide, and the left half of the picture 300.
            assert_pixel(&picture, (side * 7 / 10, side / 4), RED);
            assert_pixel(&picture, (side * 8 / 10, side / 4), GREEN);
            assert_pixel(&picture, (side * 7 / 10, side * 3 / 4), BLUE);
            assert_pixel(&picture, (side * 8 / 10, side * 3 / 4), WHITE);
        }
        let (_, picture) = rendered(&file, area(700, 100, Fit::Crop { x: 0.5, y: 1.0 }));
        assert_eq!((picture.width(), picture.height()), (600, 100), "{orientation}");
        assert_pixel(&picture, (10, 10), BLUE);
        assert_pixel(&picture, (590, 90), WHITE);
    }
}

#[test]
fn pixels_that_are_only_cut_out_do_not_change() {
    let picture = noise(301, 201);
    let file = encode(&picture, ImageFormat::Png);
    let (_, made) = rendered(&file, area(100, 300, Fit::Crop { x: 0.25, y: 0.5 }));
    // The point is 75.25 pixels from the left, and the part begins at the nearest whole pixel.
    assert_eq!(made, picture.crop_imm(25, 0, 100, 201));
    let (_, made) = rendered(&file, area(4096, 4096, Fit::Cover { x: 0.5, y: 0.5 }));
    assert_eq!((made.width(), made.height()), (201, 201));
    assert_eq!(made, picture.crop_imm(50, 0, 201, 201));
}

#[test]
fn a_rendition_of_the_size_of_a_thumbnail_is_like_the_thumbnail() {
    let file = jpeg(&noise(2000, 1333));
    for size in [200, 400, 1200] {
        let thumbnail = imaging::develop(&file, &[size], &Settings::default()).unwrap().thumbnails.remove(0);
        let rendering = Rendering { format: RenderFormat::Auto, ..area(size, size, Fit::ScaleDown) };
        let (made, _) = rendered(&file, rendering);
        assert_eq!((made.width, made.height), (thumbnail.width, thumbnail.height));
        assert_eq!(made.bytes, thumbnail.bytes);
    }
}

#[test]
fn colors_become_srgb_in_every_format() {
    let picture: DynamicImage = RgbImage::from_pixel(64, 48, Rgb([180, 100, 80])).into();
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 100);
    encoder.set_icc_profile(ColorProfile::new_display_p3().encode().unwrap()).unwrap();
    picture.write_with_encoder(encoder).unwrap();
    for format in [RenderFormat::Jpeg, RenderFormat::Png, RenderFormat::Webp] {
        let (_, made) = rendered(&file, Rendering { format, ..area(32, 32, Fit::ScaleDown) });
        let color = made.to_rgb8().get_pixel(9, 9).0;
        assert!(is_within(4, &color, &[193, 95, 74]), "{format:?}: {color:?}");
    }
}

#[test]
fn transparency_is_kept_or_lies_on_the_background() {
    let picture = RgbaImage::from_fn(60, 20, |x, _| Rgba([30, 30, 220, [0, 128, 255][x as usize / 20]]));
    let file = encode(&picture.into(), ImageFormat::Png);
    let pixel = |format, background| {
        let rendering = Rendering { format, background, ..area(60, 60, Fit::Pad) };
        let (made, picture) = rendered(&file, rendering);
        let picture = picture.to_rgba8();
        (made.content_type, [(30, 5), (30, 30), (50, 30)].map(|(x, y)| picture.get_pixel(x, y).0))
    };
    let kept = [[0, 0, 0, 0], [30, 30, 220, 128], [30, 30, 220, 255]];
    assert_eq!(pixel(RenderFormat::Auto, None), ("image/png", kept));
    let on_green = [[0, 255, 0, 255], [15, 142, 110, 255], [30, 30, 220, 255]];
    assert_eq!(pixel(RenderFormat::Png, Some([0, 255, 0])), ("image/png", on_green));
    let (content_type, on_white) = pixel(RenderFormat::Jpeg, None);
    assert_eq!(content_type, "image/jpeg");
    assert!(is_within(8, &on_white[1], &[142, 142, 237, 255]), "{on_white:?}");
}

#[test]
fn a_large_avif_becomes_webp() {
    let file = jpeg(&quadrants(2100, 1400));
    let avif = |width| {
        let rendering = Rendering { width: Some(width), format: RenderFormat::Avif, ..Rendering::default() };
        render(&file, &rendering, &Settings::default()).unwrap().content_type
    };
    assert_eq!((avif(300), avif(2100)), ("image/avif", "image/webp"));
}

#[test]
fn what_cannot_be_developed_cannot_be_rendered() {
    let file = jpeg(&noise(300, 200));
    let code = |file: &[u8], settings: &Settings| {
        render(file, &area(30, 30, Fit::ScaleDown), settings)
            .map_or_else(|error| error.code(), |_| "rendered")
    };
    assert_eq!(code(&file, &Settings::default()), "rendered");
    assert_eq!(code(&file[..file.len() / 2], &Settings::default()), "corrupt-image");
    assert_eq!(code(b"<svg/>", &Settings::default()), "not-an-image");
    let mut small = Settings::default();
    small.limits.max_memory = 25 << 20;
    let large = Rendering { width: Some(4096), format: RenderFormat::Png, ..Rendering::default() };
    let refused = render(&jpeg(&quadrants(3000, 2000)), &large, &small);
    assert_eq!(refused.map_err(|error| error.code()), Err("too-many-pixels"));
}
