//! What is refused, and as what.

use image::ImageFormat;
use imaging::{DevelopError, Format, Limits, Settings, sniff};

use crate::make::{BLUE, GREEN, RED, WHITE, exif, with_app1};
use crate::make::{assert_quadrants, code, develop, encode, jpeg, noise, pixels, png_chunk, quadrants};

pub(crate) fn png_header(width: u32, height: u32) -> Vec<u8> {
    let ihdr = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), png_chunk(b"IHDR", &ihdr)].concat()
}

pub(crate) fn gif_header(width: u16, height: u16) -> Vec<u8> {
    [b"GIF89a", &width.to_le_bytes()[..], &height.to_le_bytes(), &[0, 0, 0]].concat()
}

fn all_formats() -> [Vec<u8>; 6] {
    let picture = noise(64, 48);
    let gif = encode(&picture.to_rgba8().into(), ImageFormat::Gif);
    let [png, webp] = [ImageFormat::Png, ImageFormat::WebP].map(|f| encode(&picture, f));
    let bmp = encode(&picture, ImageFormat::Bmp);
    [jpeg(&picture), png, webp, gif, bmp, crate::tiff::rgb(&picture)]
}

#[test]
fn what_is_no_image_is_not_an_image() {
    let svg = br#"<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>"#;
    let mp4 = b"\0\0\0\x18ftypisom\0\0\0\0";
    for bytes in [
        &b""[..],
        b"\xff",
        b"\0",
        b"#!/bin/sh\necho",
        b"<!doctype html><script>alert(1)</script>",
        b"BMW is a car maker",
        b"MM2 is not TIFF",
        b"RIFF\0\0\0\0WAVE",
        svg,
        mp4,
    ] {
        assert_eq!(code(bytes), "not-an-image", "{}", String::from_utf8_lossy(bytes));
        assert_eq!(sniff(bytes), None);
    }
}

#[test]
fn an_image_of_another_format_is_named() {
    for (bytes, name) in
        [(&b"8BPS\0\x01\0\0"[..], "Photoshop"), (b"\0\0\0\x18ftypcrx \0\0\0\0crx isom", "Camera raw")]
    {
        assert_eq!(code(bytes), "unsupported-format");
        assert!(develop(bytes, &[]).unwrap_err().to_string().starts_with(name));
    }
}

#[test]
fn the_content_decides_the_format() {
    let formats = [Format::Jpeg, Format::Png, Format::Webp, Format::Gif, Format::Bmp, Format::Tiff];
    for (bytes, format) in all_formats().iter().zip(formats) {
        assert_eq!(sniff(bytes), Some(format));
        assert_eq!(develop(bytes, &[10]).unwrap().format, format);
    }
}

#[test]
fn a_header_alone_is_a_corrupt_image() {
    for bytes in [
        &b"\xff\xd8\xff"[..],
        b"\xff\xd8\xff\xd9",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"RIFF\x04\0\0\0WEBP",
        b"II\x2a\0\x08\0\0\0",
        b"MM\0\x2a\0\0\0\x08",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
        b"BM\x36\x10\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
        &png_header(20, 20),
        &gif_header(20, 20),
        &png_header(0, 20),
        &gif_header(20, 0),
    ] {
        assert_eq!(code(bytes), "corrupt-image", "{bytes:02x?}");
    }
}

#[test]
fn huge_dimensions_are_refused_from_the_header() {
    let mut webp = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
    webp.extend([0xff; 6]);
    let mut big_jpeg = jpeg(&quadrants(16, 16));
    let frame = big_jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    big_jpeg[frame + 5..frame + 9].copy_from_slice(&[0x36, 0xb0, 0x4e, 0x20]); // 20000x14000

    // A frame of 16384x16384 on a canvas of 1x1.
    let mut webp_frame = b"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0".to_vec();
    webp_frame.extend([0; 10]);
    webp_frame.extend(b"VP8L\x05\0\0\0\x2f\xff\xff\xff\x0f\0");

    let gif = [gif_header(58_593, 58_596), vec![0x3b, 0]].concat();
    assert_eq!(gif.len(), 15);
    // A frame of 65535x65535 on a canvas of 1x1, behind an extension.
    let frame = b"\x21\xfe\x03abc\0\x2c\0\0\0\0\xff\xff\xff\xff\0\x08";
    let large_frame = [&gif_header(1, 1), &frame[..]].concat();

    for (bytes, size) in [
        (png_header(65_536, 65_536), (65_536, 65_536)),
        (big_jpeg, (20_000, 14_000)),
        (gif, (58_593, 58_596)),
        (large_frame, (65_535, 65_535)),
        (webp, (1 << 24, 1 << 24)),
        (webp_frame, (16_384, 16_384)),
    ] {
        let (width, height) = size;
        let refused = DevelopError::TooManyPixels { width, height, limit: 50_000_000 };
        assert_eq!(develop(&bytes, &[200]).unwrap_err(), refused);
    }
}

#[test]
fn the_frames_of_an_animation_count_together() {
    let gif = |frames: usize| {
        let mut file = gif_header(100, 100);
        for _ in 0..frames {
            file.extend(b"\x2c\0\0\0\0\x64\0\x64\0\0\x08\x01\0\0");
        }
        [file, vec![0x3b]].concat()
    };
    let apng = |frames: usize| {
        let control = [b"\0\0\0\x1afcTL\0\0\0\0\0\0\0\x64\0\0\0\x64", &[0; 14 + 4][..]].concat();
        [png_header(100, 100), control.repeat(frames)].concat()
    };
    let webp = |frames: usize| {
        let frame = b"ANMF\x1e\0\0\0\0\0\0\0\0\0\x63\0\0\x63\0\0\0\0\0\0VP8L\x05\0\0\0\x2f\x63\xc0\x18\0\0";
        let canvas = b"WEBPVP8X\x0a\0\0\0\x02\0\0\0\x63\0\0\x63\0\0";
        let content = [&canvas[..], &frame.repeat(frames)].concat();
        [b"RIFF", &u32::try_from(content.len()).unwrap().to_le_bytes()[..], &content].concat()
    };
    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
    let outcome =
        |file: &[u8]| imaging::develop(file, &[10], &Settings { limits, ..Settings::default() }).unwrap_err();
    for (enough, too_many) in [(gif(100), gif(101)), (apng(100), apng(101)), (webp(100), webp(101))] {
        assert_eq!(outcome(&enough).code(), "corrupt-image");
        let refused = DevelopError::TooManyFrames { frames: 101, pixels: 1_010_000, limit: 1_000_000 };
        assert_eq!(outcome(&too_many), refused);
    }
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let file = jpeg(&quadrants(40, 30));
    let outcome = |max_bytes| {
        let limits = Limits { max_bytes, ..Limits::default() };
        imaging::develop(&file, &[10], &Settings { limits, ..Settings::default() })
    };
    assert!(outcome(file.len() as u64).is_ok());
    assert_eq!(outcome(file.len() as u64 - 1).unwrap_err().code(), "too-many-bytes");
}

#[test]
fn the_limits_are_inclusive() {
    let file = jpeg(&quadrants(40, 30));
    let outcome = |max_pixels, max_side| {
        let limits = Limits { max_pixels, max_side, ..Limits::default() };
        imaging::develop(&file, &[10], &Settings { limits, ..Settings::default() }).map_err(|e| e.code())
    };
    assert!(outcome(1200, 40).is_ok());
    assert_eq!(outcome(1199, 40).unwrap_err(), "too-many-pixels");
    assert_eq!(outcome(1200, 39).unwrap_err(), "side-too-long");
}

#[test]
fn a_file_cut_anywhere_in_its_picture_is_corrupt() {
    for file in all_formats() {
        let format = sniff(&file);
        let whole = develop(&file, &[20]);
        assert!(whole.is_ok());
        // A BMP is recognized by its first 18 bytes.
        for cut in 18..file.len() {
            match develop(&file[..cut], &[20]) {
                Err(DevelopError::CorruptImage { reason }) => {
                    assert!(!reason.contains("panicked"), "{format:?} cut at {cut}");
                }
                // What may be missing: the end chunk and the checksums of a PNG, the end code and the trailer of a
                // GIF. All of the picture is there.
                outcome => {
                    assert!(matches!(format, Some(Format::Png | Format::Gif)), "{format:?} {cut}");
                    assert!(file.len() - cut <= 24, "{format:?} cut at {cut} of {}", file.len());
                    assert_eq!(outcome, whole);
                }
            }
        }
    }
}

#[test]
fn a_cut_photo_with_a_whole_preview_in_its_exif_is_corrupt() {
    // The preview has an end marker of its own; it is not the end of the photo.
    let preview = jpeg(&quadrants(16, 16));
    let photo = with_app1(&jpeg(&noise(64, 48)), &exif(1, &preview));
    assert_eq!(code(&photo), "developed");
    assert_eq!(code(&photo[..photo.len() - 200]), "corrupt-image");
}

#[test]
fn a_palette_that_is_no_list_of_colours_is_corrupt() {
    let with_palette = |length: usize| {
        let ihdr = png_chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 3, 0, 0, 0]);
        // One pixel, the first colour, as a stored block.
        let idat = png_chunk(b"IDAT", &[0x78, 1, 1, 2, 0, 0xfd, 0xff, 0, 0, 0, 2, 0, 1]);
        let palette = png_chunk(b"PLTE", &vec![200; length]);
        [b"\x89PNG\r\n\x1a\n".to_vec(), ihdr, palette, idat, png_chunk(b"IEND", &[])].concat()
    };
    for length in [3, 768] {
        assert_eq!(code(&with_palette(length)), "developed", "{length}");
    }
    for length in [1, 5, 767, 771] {
        // Said by a check, rather than by the panic of a decoder.
        let reason = "the palette is no list of colours".into();
        assert_eq!(
            develop(&with_palette(length), &[10]),
            Err(DevelopError::CorruptImage { reason }),
            "{length}"
        );
    }
}

#[test]
fn a_chunk_that_claims_gigabytes_is_corrupt() {
    let webp = encode(&quadrants(16, 16), ImageFormat::WebP);
    let mut extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x0f\0\0\x0f\0\0".to_vec();
    extended.extend(&webp[12..]);
    let with_exif = |claimed: u32| {
        let exif = [b"EXIF", &claimed.to_le_bytes()[..], b"MM\0\x2a"].concat();
        let mut file = [&extended[..], &exif].concat();
        let length = u32::try_from(file.len() - 8).unwrap().to_le_bytes();
        file[4..8].copy_from_slice(&length);
        file
    };
    assert_eq!(code(&with_exif(4)), "developed");
    assert_eq!(code(&with_exif(0xffff_fff0)), "corrupt-image");
}

#[test]
fn a_picture_with_a_page_behind_it_is_a_picture() {
    for file in all_formats() {
        let polyglot = [&file[..], b"<html><script>alert(1)</script></html>"].concat();
        let developed = develop(&polyglot, &[20]).unwrap();
        assert_eq!(Some(developed.format), sniff(&file));
        assert_eq!(developed, develop(&file, &[20]).unwrap());
    }
    let photo = [jpeg(&quadrants(64, 48)), b"<html></html>".to_vec()].concat();
    let developed = develop(&photo, &[32]).unwrap();
    assert_quadrants(&pixels(&developed.thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
    assert!(!developed.thumbnails[0].bytes.windows(6).any(|w| w == b"<html>"));
}

#[test]
fn damaged_bytes_never_reach_the_caller_as_a_panic_or_a_mistake_of_ours() {
    for file in all_formats() {
        for position in (0..file.len()).step_by(file.len() / 150 + 1) {
            let mut damaged = file.clone();
            damaged[position] ^= 0x5b;
            if let Err(error) = develop(&damaged, &[20, 7]) {
                assert_ne!(error.code(), "internal-error", "{error:?} at {position}");
                let shown = error.to_string();
                assert!(shown.len() < 120 && !shown.contains("::"), "{shown}");
            }
        }
    }
}
