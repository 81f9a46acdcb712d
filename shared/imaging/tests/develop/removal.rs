//! What the removal of metadata leaves, format by format, and rare places of metadata.

use image::ImageFormat;
use imaging::{read_exif, without_metadata};

use crate::container::{Container, alpha, boxed, coded, grid, tiles};
use crate::make::{BLUE, GREEN, RED, WHITE};
use crate::make::{assert_quadrants, develop, encode, exif, jpeg, pixels, png_chunk, quadrants};

const SECRET: &[u8] = b"GPS 52.5200N 13.4050E";

fn has_secret(file: &[u8]) -> bool {
    file.windows(SECRET.len()).any(|window| window == SECRET)
}

/// An EXIF block with a camera.
fn camera() -> Vec<u8> {
    b"MM\0\x2a\0\0\0\x08\0\x01\x01\x10\0\x02\0\0\0\x06\0\0\0\x1a\0\0\0\0Model\0".to_vec()
}

/// A profile of a color space of its own.
fn profile() -> Vec<u8> {
    moxcms::ColorProfile::new_display_p3().encode().unwrap()
}

#[test]
fn the_inks_of_a_jpeg_keep_their_meaning() {
    for file in [
        &include_bytes!("inks/cmyk-plain.jpg")[..],
        include_bytes!("inks/cmyk-adobe.jpg"),
        include_bytes!("inks/ycck-adobe.jpg"),
    ] {
        let stripped = without_metadata(file).unwrap();
        assert_eq!(develop(&stripped, &[40]), develop(file, &[40]));
        assert!(develop(&stripped, &[40]).is_ok());
    }
}

#[test]
fn the_list_of_further_pictures_and_the_preview_in_a_jpeg_are_removed() {
    let file = jpeg(&quadrants(64, 48));
    let segment = |marker: u8, content: &[u8]| {
        [&[0xff, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
    };
    let pictures = segment(0xe2, &[b"MPF\0", SECRET].concat());
    let preview = segment(0xe0, &[b"JFXX\0", SECRET].concat());
    let with_both = [&file[..2], &preview, &pictures, &file[2..]].concat();
    assert_eq!(without_metadata(&with_both), without_metadata(&file));
}

/// A WebP in the extended form, with these chunks behind the picture.
fn webp(flags: u8, chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let picture = encode(&quadrants(64, 48), ImageFormat::WebP);
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        [&kind[..], &(content.len() as u32).to_le_bytes(), content, &[0][..content.len() % 2]].concat()
    };
    let canvas = chunk(b"VP8X", &[flags, 0, 0, 0, 63, 0, 0, 47, 0, 0]);
    let chunks: Vec<u8> = chunks.iter().flat_map(|(kind, content)| chunk(kind, content)).collect();
    chunk(b"RIFF", &[b"WEBP", &canvas[..], &picture[12..], &chunks].concat())
}

#[test]
fn the_header_of_a_webp_announces_what_is_left() {
    const EXIF: u8 = 0x08;
    const XMP: u8 = 0x04;
    let flags = |orientation| {
        let file = webp(EXIF | XMP, &[(b"EXIF", &exif(orientation, SECRET)[6..]), (b"XMP ", SECRET)]);
        let stripped = without_metadata(&file).unwrap();
        assert!(!has_secret(&stripped));
        stripped[20]
    };
    assert_eq!((flags(1), flags(6)), (0, EXIF));
    let file = webp(XMP, &[(b"XMP ", SECRET)]);
    assert_eq!(without_metadata(&file[..file.len() - 4]), None);
}

#[test]
fn of_a_container_only_what_pictures_need_is_left() {
    let mut container = Container::of(coded(&quadrants(64, 48)));
    // A description that the user wrote.
    container.items[0].2.push((*b"udes", [&[0; 4][..], SECRET, &[0; 4]].concat()));
    for kind in [b"mime", b"uri ", b"Exif", b"some"] {
        container.items.push((*kind, SECRET.to_vec(), Vec::new()));
    }
    let picture = container.build();
    // The video of a motion photo is in `mpvd`.
    let boxes = [b"uuid", b"jumb", b"mpvd", b"free"].map(|kind| boxed(kind, SECRET)).concat();
    // Metadata can also be media data that no item lists, and bytes behind the last box.
    for file in [
        [&picture[..], &boxes, SECRET].concat(),
        [&picture[..], &boxed(b"mdat", SECRET), &boxes, SECRET].concat(),
    ] {
        let stripped = without_metadata(&file).unwrap();
        assert!(!has_secret(&stripped));
        assert!(stripped.len() <= picture.len() + SECRET.len() + 8);
        assert_eq!(develop(&stripped, &[40]), develop(&file, &[40]));
        assert!(develop(&stripped, &[40]).is_ok());
    }
}

#[test]
fn the_tiles_and_the_alpha_channel_of_a_container_stay() {
    let picture = quadrants(128, 128);
    let mut container = Container::of_grid(grid(2, 2, 128, 128), tiles(&picture, 64));
    let alpha_item = container.add_grid(grid(2, 2, 128, 128), tiles(&picture, 64), vec![alpha()]);
    container.references.push((*b"auxl", alpha_item, vec![1]));
    let file = container.build();
    let stripped = without_metadata(&file).unwrap();
    assert!(develop(&file, &[40]).is_ok());
    assert_eq!(develop(&stripped, &[40]), develop(&file, &[40]));
}

#[test]
fn the_exif_block_of_a_png_may_have_the_prefix_of_jpeg() {
    let png = encode(&quadrants(64, 48), ImageFormat::Png);
    let with_block = |block: &[u8]| [&png[..33], &png_chunk(b"eXIf", block), &png[33..]].concat();
    for file in [with_block(&camera()), with_block(&[b"Exif\0\0", &camera()[..]].concat())] {
        assert_eq!(read_exif(&file).camera.as_deref(), Some("Model"));
    }
}

#[test]
fn a_huge_exif_block_of_a_container_is_not_read() {
    let with_length = |length: usize| {
        let mut block = [&[0; 4][..], &camera()].concat();
        block.resize(length, 0);
        let mut container = Container::of(coded(&quadrants(64, 48)));
        container.items.push((*b"Exif", block, Vec::new()));
        container.build()
    };
    assert_eq!(read_exif(&with_length(4 << 20)).camera.as_deref(), Some("Model"));
    assert_eq!(read_exif(&with_length((4 << 20) + 1)).camera, None);
}

/// A GIF with these bytes before its frame.
fn gif(before: &[u8]) -> Vec<u8> {
    let gif = encode(&quadrants(60, 40).to_rgba8().into(), ImageFormat::Gif);
    let start = gif.windows(3).position(|bytes| bytes == [0x21, 0xf9, 4]).unwrap();
    [&gif[..start], before, &gif[start..]].concat()
}

#[test]
fn the_profile_of_a_gif_is_applied_and_stays() {
    let parts: Vec<u8> =
        profile().chunks(255).flat_map(|part| [&[part.len() as u8][..], part].concat()).collect();
    let file = gif(&[b"\x21\xff\x0bICCRGBG1012", &parts[..], &[0]].concat());
    let shown = |file: &[u8]| pixels(&develop(file, &[60]).unwrap().thumbnails[0]);
    assert_quadrants(&shown(&gif(&[])), [RED, GREEN, BLUE, WHITE]);
    assert_ne!(shown(&file), shown(&gif(&[])));
    let stripped = without_metadata(&file).unwrap();
    assert_eq!(stripped, file);
    assert_eq!(shown(&stripped), shown(&file));
}

#[test]
fn blocks_of_a_gif_that_end_twice_are_read_and_removed() {
    let file = gif(b"\x21\xfe\x06secret\0\0\0");
    assert_eq!(develop(&file, &[40]), develop(&gif(&[]), &[40]));
    assert_eq!(without_metadata(&file), Some(gif(&[])));
}

#[test]
fn the_transparent_color_of_a_gif_is_transparent() {
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, 4, 4, &[200, 0, 0, 0, 0, 200]).unwrap();
    let buffer = [0, 0, 1, 1].repeat(4).into();
    let frame = gif::Frame { width: 4, height: 4, buffer, transparent: Some(1), ..gif::Frame::default() };
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    let thumbnail = develop(&file, &[4]).unwrap().thumbnails.remove(0);
    assert_eq!(thumbnail.content_type, "image/webp");
    let seen = pixels(&thumbnail).to_rgba8();
    assert_eq!([0, 1, 2, 3].map(|x| seen.get_pixel(x, 2).0[3]), [255, 255, 0, 0]);
    // A control block with further bytes has no effect, as in browsers.
    let control = file.windows(3).position(|bytes| bytes == [0x21, 0xf9, 4]).unwrap();
    let longer = [&file[..control + 7], &[1, 0], &file[control + 7..]].concat();
    assert!(develop(&longer, &[4]).is_ok());
}

#[test]
fn a_gif_without_a_palette_shows_its_pixels_in_black_and_white() {
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, 4, 4, &[200, 0, 0, 0, 0, 200]).unwrap();
    let buffer = [0, 0, 1, 1].repeat(4).into();
    encoder.write_frame(&gif::Frame { width: 4, height: 4, buffer, ..gif::Frame::default() }).unwrap();
    drop(encoder);
    let without_palette = [&file[..10], &[0], &file[11..13], &file[19..]].concat();
    let seen = pixels(&develop(&without_palette, &[4]).unwrap().thumbnails[0]).to_luma8();
    let shown = [0, 3].map(|x| seen.get_pixel(x, 2).0[0]);
    assert!(shown[0] < 20 && shown[1] > 235, "{shown:?}");
}
