//! Pictures that browsers show although something in the file is wrong, and those whose pixels are missing.

use image::ImageFormat;
use turbojpeg::{Compressor, PixelFormat, Subsamp};

use crate::make::{BLUE, GREEN, RED, WHITE};
use crate::make::{assert_quadrants, code, develop, encode, noise, pixels, png_chunk, quadrants, with_app1};

fn jpeg_of(picture: &image::DynamicImage, is_progressive: bool) -> Vec<u8> {
    let mut encoder = Compressor::new().unwrap();
    encoder.set_quality(95).unwrap();
    encoder.set_subsamp(Subsamp::Sub2x2).unwrap();
    encoder.set_progressive(is_progressive).unwrap();
    let picture = picture.to_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels = &picture.as_raw()[..];
    let image = turbojpeg::Image { pixels, width, pitch: width * 3, height, format: PixelFormat::RGB };
    encoder.compress_to_vec(image).unwrap()
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[0xff, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
}

fn position(file: &[u8], marker: u8) -> usize {
    file.windows(2).position(|pair| pair == [0xff, marker]).unwrap()
}

/// Inserts bytes before the first marker of this kind.
fn with(file: &[u8], marker: u8, inserted: &[u8]) -> Vec<u8> {
    let at = position(file, marker);
    [&file[..at], inserted, &file[at..]].concat()
}

#[test]
fn what_is_wrong_in_the_header_of_a_jpeg_does_no_harm() {
    const QUANTIZATION: u8 = 0xdb;
    const FRAME: u8 = 0xc0;
    const HUFFMAN: u8 = 0xc4;
    const SCAN: u8 = 0xda;
    let profile =
        |number: u8, of: u8| segment(0xe2, &[&b"ICC_PROFILE\0"[..], &[number, of], &[7; 40]].concat());
    for is_progressive in [false, true] {
        let frame = if is_progressive { 0xc2 } else { FRAME };
        let file = jpeg_of(&quadrants(400, 300), is_progressive);
        let expected: Vec<_> = [400, 200, 100, 50].map(|size| develop(&file, &[size]).unwrap()).to_vec();
        let mut other_version = file.clone();
        let jfif = position(&file, 0xe0);
        other_version[jfif + 9] = 9;
        for (name, odd) in [
            ("junk before the tables", with(&file, QUANTIZATION, &[0; 7])),
            ("junk before the frame", with(&file, frame, b"garbage")),
            ("junk before the scan", with(&file, SCAN, &[1, 2, 3])),
            ("a profile with a wrong number", with(&file, QUANTIZATION, &profile(3, 1))),
            ("a profile without its second part", with(&file, QUANTIZATION, &profile(1, 2))),
            (
                "two first parts of a profile",
                with(&file, QUANTIZATION, &[profile(1, 2), profile(1, 2)].concat()),
            ),
            ("a profile behind the frame", with(&file, HUFFMAN, &profile(1, 1))),
            ("an Adobe marker that is too short", with(&file, QUANTIZATION, &segment(0xee, b"Adobe\0\x64"))),
            (
                "an Adobe marker that says too much",
                with(&file, QUANTIZATION, &with_length(0xee, 14, b"Adobe\0\x64")),
            ),
            (
                "an unknown color transform",
                with(&file, QUANTIZATION, &segment(0xee, b"Adobe\0\x64\0\0\0\0\x07")),
            ),
            ("an unknown version", other_version),
            ("an EXIF block of nothing", with_app1(&file, b"Exif\0\0")),
            ("fill bytes", with(&file, QUANTIZATION, &[0xff; 9])),
        ] {
            for (expected, size) in expected.iter().zip([400, 200, 100, 50]) {
                let seen = develop(&odd, &[size]);
                assert_eq!(seen.as_ref(), Ok(expected), "{name}, {size}, progressive: {is_progressive}");
            }
        }
    }
}

/// A segment whose length is that of some more bytes, which are padding.
fn with_length(marker: u8, length: u16, content: &[u8]) -> Vec<u8> {
    let padding = vec![0; usize::from(length) - 2 - content.len()];
    [segment(marker, &[content, &padding].concat()), b"\x01\x02".to_vec()].concat()
}

#[test]
fn padding_between_the_parts_of_a_jpeg_does_no_harm() {
    for is_progressive in [false, true] {
        let file = jpeg_of(&noise(160, 120), is_progressive);
        let end = file.len() - 2;
        let padded = [&file[..end], &[0; 40], &file[end..]].concat();
        for size in [160, 20] {
            assert_eq!(develop(&padded, &[size]), develop(&file, &[size]));
        }
    }
}

#[test]
fn a_jpeg_whose_pixels_end_early_is_corrupt_wherever_it_ends() {
    // Each file has an end marker, so only the decoder sees that blocks are missing.
    let file = jpeg_of(&noise(160, 120), false);
    let scan = position(&file, 0xda) + 14;
    for cut in (scan..file.len() - 8).step_by(61) {
        let mut short = file[..cut].to_vec();
        // A half marker would swallow the end.
        while short.last() == Some(&0xff) {
            short.pop();
        }
        short.extend([0xff, 0xd9]);
        for size in [160, 80, 20] {
            assert_eq!(
                develop(&short, &[size]).map_err(|error| error.code()),
                Err("corrupt-image"),
                "cut at {cut}, {size}"
            );
        }
        // Not even if something harmless is wrong too, of which the decoder warns last.
        let odd = with(&short, 0xdb, &[0; 7]);
        assert_eq!(code(&odd), "corrupt-image", "cut at {cut}");
    }
}

#[test]
fn a_png_without_its_end_is_whole_if_all_rows_are_there() {
    let picture = quadrants(64, 48);
    let noise = noise(64, 48);
    for picture in [
        picture.clone(),
        picture.to_rgba8().into(),
        noise.clone(),
        noise.to_rgb16().into(),
        noise.to_rgba16().into(),
        noise.to_luma8().into(),
        noise.to_luma_alpha16().into(),
    ] {
        let file = encode(&picture, ImageFormat::Png);
        let whole = develop(&file, &[50]).unwrap();
        // The end chunk has 12 bytes. The checksums of the pixels precede it.
        for missing in 1..=16 {
            assert_eq!(develop(&file[..file.len() - missing], &[50]).as_ref(), Ok(&whole), "{missing}");
        }
        for cut in 33..file.len() - 12 {
            let outcome = develop(&file[..cut], &[50]);
            let is_whole = outcome.as_ref() == Ok(&whole);
            let is_corrupt = outcome.as_ref().map_err(|error| error.code()) == Err("corrupt-image");
            assert!(is_whole || is_corrupt, "cut at {cut}: {outcome:?}");
            // Rows of pixels are missing long before the checksums.
            assert!(is_corrupt || file.len() - cut < 40, "cut at {cut} of {}", file.len());
        }
    }
}

#[test]
fn an_interlaced_png_without_its_end_is_whole_too() {
    for (width, height) in [(1, 1), (3, 2), (1, 9), (5, 1), (33, 20)] {
        let file = interlaced(width, height);
        let whole = develop(&file, &[40]).unwrap();
        let end = file.len() - 12;
        assert_eq!(develop(&file[..end], &[40]).unwrap(), whole, "{width} x {height}");
        assert_eq!(code(&file[..end - 10]), "corrupt-image", "{width} x {height}");
    }
}

/// A grey picture in seven passes, not compressed.
fn interlaced(width: u32, height: u32) -> Vec<u8> {
    const PASSES: [[u32; 4]; 7] =
        [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];
    let mut raw = Vec::new();
    for [left, top, across, down] in PASSES {
        for y in (top..height).step_by(down as usize) {
            let row: Vec<u8> =
                (left..width).step_by(across as usize).map(|x| (x * 7 + y * 5) as u8).collect();
            if !row.is_empty() {
                raw.push(0);
                raw.extend(row);
            }
        }
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in &raw {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let length = raw.len() as u16;
    let lengths = [length.to_le_bytes(), (!length).to_le_bytes()].concat();
    let zlib = [&[0x78, 1, 1][..], &lengths, &raw, &(b << 16 | a).to_be_bytes()].concat();
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 1]].concat();
    let chunks = [png_chunk(b"IHDR", &header), png_chunk(b"IDAT", &zlib), png_chunk(b"IEND", &[])];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}

fn gif() -> Vec<u8> {
    encode(&quadrants(60, 40).to_rgba8().into(), ImageFormat::Gif)
}

/// The position of the first frame.
fn frame(file: &[u8]) -> usize {
    file.windows(5).position(|bytes| bytes == [0x2c, 0, 0, 0, 0]).unwrap()
}

#[test]
fn what_is_wrong_around_the_first_picture_of_a_gif_does_no_harm() {
    let file = gif();
    let whole = develop(&file, &[60]).unwrap();
    assert_quadrants(&pixels(&whole.thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
    let at = frame(&file);
    // Extensions belong before the block that controls the frame.
    let start = file[..at].windows(3).rposition(|bytes| bytes == [0x21, 0xf9, 4]).unwrap_or(at);
    let before = |inserted: &[u8]| [&file[..start], inserted, &file[start..]].concat();
    for (name, odd) in [
        ("an unknown extension", before(b"\x21\x77\x02ab\0")),
        ("a control block of another length", before(b"\x21\xf9\x02ab\0")),
        ("an application without blocks", before(b"\x21\xff\0")),
        ("an empty block between the parts", before(&[0])),
    ] {
        assert_eq!(develop(&odd, &[60]).as_ref(), Ok(&whole), "{name}");
    }
    let end = file.len() - 1;
    assert_eq!(develop(&[&file[..end], b"junk"].concat(), &[60]).as_ref(), Ok(&whole));
    // A second frame that is cut anywhere.
    let second = &file[start..end];
    for cut in 0..second.len() {
        let odd = [&file[..end], &second[..cut]].concat();
        let developed = develop(&odd, &[60]).unwrap();
        assert_eq!(developed.thumbnails, whole.thumbnails, "cut at {cut}");
    }
}

#[test]
fn a_gif_without_a_palette_is_black_and_white() {
    // Two rows of the first color, and two of the second.
    let pixels_of_gif = b"\x2c\0\0\0\0\x02\0\x04\0\0\x02\x05\x84\x80\x48\x8a\x05\0\x3b";
    let file = [&b"GIF89a\x02\0\x04\0\0\0\0"[..], pixels_of_gif].concat();
    let outcome = develop(&file, &[4]);
    assert!(outcome.is_ok() || outcome.as_ref().map_err(|e| e.code()) == Err("corrupt-image"), "{outcome:?}");
    // The palette is only missing.
    let mut file = gif();
    let flags = file[frame(&file) + 9];
    let (at, length) = (frame(&file) + 10, 3 << ((flags & 7) + 1));
    assert!(flags & 0x80 != 0);
    file.drain(at..at + length);
    let at = frame(&file) + 9;
    file[at] = 0;
    let developed = develop(&file, &[60]).unwrap();
    assert_eq!((developed.width, developed.height), (60, 40));
}

#[test]
fn a_gif_whose_first_picture_ends_early_is_corrupt() {
    let file = encode(&noise(40, 30).to_rgba8().into(), ImageFormat::Gif);
    let whole = develop(&file, &[40]).unwrap();
    for cut in frame(&file)..file.len() {
        let outcome = develop(&file[..cut], &[40]);
        let is_whole = outcome.as_ref().is_ok_and(|developed| developed.thumbnails == whole.thumbnails);
        let is_corrupt = outcome.as_ref().map_err(|error| error.code()) == Err("corrupt-image");
        assert!(is_corrupt || is_whole && file.len() - cut < 8, "cut at {cut} of {}", file.len());
    }
}
