//! Reading EXIF, and removing it with all other metadata.

use std::io::Cursor;

use ::exif::experimental::Writer;
use ::exif::{Field, In, Rational, Tag, Value};
use image::ImageFormat;
use imaging::{Exif, Location, read_exif, without_metadata};

use crate::container::Container;
use crate::hevc::{self, Hevc};
use crate::make::{BLUE, GREEN, RED, WHITE};
use crate::make::{assert_quadrants, develop, encode, jpeg, pixels, png_chunk, quadrants, with_app1};

fn ascii(text: &str) -> Value {
    Value::Ascii(vec![text.as_bytes().to_vec()])
}

fn rational(parts: &[(u32, u32)]) -> Value {
    Value::Rational(parts.iter().map(|&(num, denom)| Rational { num, denom }).collect())
}

/// An EXIF block of fields.
fn block(fields: &[(Tag, Value)]) -> Vec<u8> {
    let fields: Vec<Field> = fields
        .iter()
        .map(|(tag, value)| Field { tag: *tag, ifd_num: In::PRIMARY, value: value.clone() })
        .collect();
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut block = Cursor::new(Vec::new());
    writer.write(&mut block, false).unwrap();
    block.into_inner()
}

fn usual() -> Vec<(Tag, Value)> {
    vec![
        (Tag::Make, ascii("Apple")),
        (Tag::Model, ascii("iPhone 15 Pro\0")),
        (Tag::LensModel, ascii(" back camera 6.8mm f/1.8 ")),
        (Tag::DateTime, ascii("2026:06:01 08:00:00")),
        (Tag::DateTimeOriginal, ascii("2026:05:01 14:30:05")),
        (Tag::SubSecTimeOriginal, ascii("123")),
        (Tag::OffsetTimeOriginal, ascii("+02:00")),
        (Tag::ExposureTime, rational(&[(1, 250)])),
        (Tag::FNumber, rational(&[(1_244_236, 699_009)])),
        (Tag::PhotographicSensitivity, Value::Short(vec![64])),
        (Tag::FocalLength, rational(&[(6765, 1000)])),
        (Tag::GPSLatitudeRef, ascii("S")),
        (Tag::GPSLatitude, rational(&[(33, 1), (51, 1), (3550, 100)])),
        (Tag::GPSLongitudeRef, ascii("E")),
        (Tag::GPSLongitude, rational(&[(151, 1), (12, 1), (4000, 100)])),
        (Tag::GPSAltitudeRef, Value::Byte(vec![1])),
        (Tag::GPSAltitude, rational(&[(35, 10)])),
    ]
}

fn expected() -> Exif {
    Exif {
        taken_at: Some("2026-05-01T14:30:05.123+02:00".to_owned()),
        camera: Some("Apple iPhone 15 Pro".to_owned()),
        lens: Some("back camera 6.8mm f/1.8".to_owned()),
        exposure_time: Some(0.004),
        f_number: Some(1.78),
        iso: Some(64),
        focal_length: Some(6.765),
        location: Some(Location { latitude: -33.859_861_1, longitude: 151.211_111_1, altitude: Some(-3.5) }),
    }
}

/// The same picture with the block, in every format that can contain one.
fn files(block: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let picture = quadrants(64, 48);
    let prefixed = [b"Exif\0\0", block].concat();
    let png = encode(&picture, ImageFormat::Png);
    let png = [&png[..33], &png_chunk(b"eXIf", block), &png[33..]].concat();
    let in_container = |mut container: Container| {
        container.items.push((*b"Exif", [&[0, 0, 0, 6][..], &prefixed].concat(), Vec::new()));
        container.references.push((*b"cdsc", 2, vec![1]));
        container.build()
    };
    vec![
        ("jpeg", with_app1(&jpeg(&picture), &prefixed)),
        ("png", png),
        ("webp", webp(block)),
        ("webp with a prefix", webp(&prefixed)),
        ("avif", in_container(Container::of(crate::container::coded(&picture)))),
        ("heic", in_container(hevc::file(&Hevc::of(&picture), &[]))),
    ]
}

fn webp(block: &[u8]) -> Vec<u8> {
    let webp = encode(&quadrants(64, 48), ImageFormat::WebP);
    let canvas = b"VP8X\x0a\0\0\0\x0c\0\0\0\x3f\0\0\x2f\0\0";
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        let length = (content.len() as u32).to_le_bytes();
        [&kind[..], &length, content, &[0][..content.len() % 2]].concat()
    };
    let content =
        [b"WEBP", &canvas[..], &webp[12..], &chunk(b"EXIF", block), &chunk(b"XMP ", b"<x>secret</x>")]
            .concat();
    chunk(b"RIFF", &content)
}

#[test]
fn the_fields_are_read_in_every_format() {
    for (name, file) in files(&block(&usual())) {
        assert!(develop(&file, &[20]).is_ok(), "{name}");
        assert_eq!(read_exif(&file), expected(), "{name}");
    }
    // The block has the structure of a TIFF.
    assert_eq!(read_exif(&block(&usual())), expected());
}

#[test]
fn a_picture_without_exif_has_none() {
    for file in [jpeg(&quadrants(20, 20)), encode(&quadrants(20, 20), ImageFormat::Gif), b"<svg/>".to_vec()] {
        assert_eq!(read_exif(&file), Exif::default());
    }
}

#[test]
fn values_that_make_no_sense_are_left_out() {
    let fields = [
        (Tag::Make, ascii("   ")),
        (Tag::DateTimeOriginal, ascii("0000:00:00 00:00:00")),
        (Tag::DateTimeDigitized, ascii("2025:02:29 10:00:00")),
        (Tag::ExposureTime, rational(&[(1, 0)])),
        (Tag::FNumber, rational(&[(0, 1)])),
        (Tag::PhotographicSensitivity, Value::Short(vec![65_535])),
        (Tag::FocalLength, ascii("35 mm")),
        (Tag::GPSLatitudeRef, ascii("N")),
        (Tag::GPSLatitude, rational(&[(91, 1)])),
        (Tag::GPSLongitudeRef, ascii("E")),
        (Tag::GPSLongitude, rational(&[(0, 0), (0, 0), (0, 0)])),
    ];
    assert_eq!(read_exif(&files(&block(&fields))[0].1), Exif::default());
}

#[test]
fn a_time_without_an_offset_has_none_and_a_maker_is_not_repeated() {
    for (make, model, camera) in [
        ("NIKON CORPORATION", "NIKON Z 6_2", "NIKON Z 6_2"),
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("SONY", "ILCE-7M4", "SONY ILCE-7M4"),
    ] {
        let fields = [
            (Tag::Make, ascii(make)),
            (Tag::Model, ascii(model)),
            (Tag::DateTimeOriginal, ascii("2024:02:29 23:59:59")),
            (Tag::OffsetTimeOriginal, ascii("   :  ")),
            // Sensitivities above 65,534 are in another field.
            (Tag::PhotographicSensitivity, Value::Short(vec![65_535])),
            (Tag::RecommendedExposureIndex, Value::Long(vec![102_400])),
        ];
        let read = read_exif(&files(&block(&fields))[0].1);
        assert_eq!(read.camera.as_deref(), Some(camera));
        assert_eq!(read.taken_at.as_deref(), Some("2024-02-29T23:59:59"));
        assert_eq!(read.iso, Some(102_400));
    }
}

#[test]
fn a_damaged_block_gives_what_can_be_read_and_never_panics() {
    let whole = block(&usual());
    let file = jpeg(&quadrants(20, 20));
    let in_file = |block: &[u8]| with_app1(&file, &[b"Exif\0\0", block].concat());
    for at in 0..whole.len() {
        for change in [0x5b, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= change;
            let _read = read_exif(&in_file(&damaged));
        }
        let _read = read_exif(&in_file(&whole[..at]));
    }
}

#[test]
fn nothing_of_the_metadata_is_left_and_the_pixels_are_the_same() {
    let secret = block(&usual());
    let with_comment = |file: &[u8]| {
        [&file[..2], &[0xff, 0xfe, 0, 8], b"secret", &[0xff, 0xed, 0, 8], b"secret", &file[2..], b"secret"]
            .concat()
    };
    for (name, file) in files(&secret) {
        let file = match name {
            "jpeg" => with_comment(&file),
            "png" => [&file[..33], &png_chunk(b"tEXt", b"a\0secret"), &file[33..], b"secret"].concat(),
            _ => file,
        };
        let stripped = without_metadata(&file).unwrap();
        for text in [&b"secret"[..], b"iPhone", b"2026:05:01", b"back camera"] {
            let found = stripped.windows(text.len()).any(|window| window == text);
            assert!(!found, "{name} contains {}", String::from_utf8_lossy(text));
        }
        assert_eq!(read_exif(&stripped), Exif::default(), "{name}");
        let sizes = [64, 30];
        assert_eq!(develop(&stripped, &sizes), develop(&file, &sizes), "{name}");
        // A second time there is nothing to remove.
        assert_eq!(without_metadata(&stripped), Some(stripped), "{name}");
    }
}

#[test]
fn an_orientation_stays() {
    let fields = [(Tag::Orientation, Value::Short(vec![6])), (Tag::Make, ascii("secret"))];
    for (name, file) in files(&block(&fields)) {
        let stripped = without_metadata(&file).unwrap();
        assert!(!stripped.windows(6).any(|window| window == b"secret"), "{name}");
        let (before, after) = (develop(&file, &[64]).unwrap(), develop(&stripped, &[64]).unwrap());
        assert_eq!(after, before, "{name}");
        // The container says how to turn the picture, and EXIF has no effect.
        let is_container = ["avif", "heic"].contains(&name);
        assert_eq!((after.width, after.height), if is_container { (64, 48) } else { (48, 64) }, "{name}");
    }
}

#[test]
fn a_profile_stays_and_an_animation_stays_animated() {
    let gif = encode(&quadrants(60, 40).to_rgba8().into(), ImageFormat::Gif);
    let start = gif.windows(3).position(|bytes| bytes == [0x21, 0xf9, 4]).unwrap();
    let frame = &gif[start..gif.len() - 1];
    let repeat = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0";
    let comment = b"\x21\xfe\x06secret\0";
    let animated = [&gif[..start], repeat, comment, frame, comment, frame, b";secret"].concat();
    let stripped = without_metadata(&animated).unwrap();
    assert_eq!(stripped, [&gif[..start], repeat, frame, frame, b";"].concat());
    assert_eq!(develop(&stripped, &[60]).unwrap().frames, 2);

    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let payload = [b"ICC_PROFILE\0\x01\x01", &profile[..]].concat();
    let file = jpeg(&quadrants(64, 48));
    let length = (payload.len() as u16 + 2).to_be_bytes();
    let file = [&file[..2], &[0xff, 0xe2], &length, &payload, &file[2..]].concat();
    let stripped = without_metadata(&file).unwrap();
    let [seen, plain] = [&stripped, &jpeg(&quadrants(64, 48))].map(|file| {
        let developed = develop(file, &[64]).unwrap();
        pixels(&developed.thumbnails[0])
    });
    assert_quadrants(&plain, [RED, GREEN, BLUE, WHITE]);
    assert_ne!(seen, plain);
}

#[test]
fn what_cannot_be_stripped_is_said() {
    let file = crate::tiff::rgb(&quadrants(20, 20));
    assert_eq!(without_metadata(&file), None);
    assert_eq!(without_metadata(b"<svg/>"), None);
    let file = jpeg(&quadrants(64, 48));
    assert_eq!(without_metadata(&file[..file.len() - 2]), None);
}
