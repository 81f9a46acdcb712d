//! No derivative contains metadata, whatever the original had.

use image::codecs::{png::PngEncoder, webp::WebPEncoder};
use image::{ImageEncoder, ImageFormat};
use imaging::{Output, Settings};

use crate::container::{Container, coded};
use crate::make::{encode, exif, jpeg, png_chunk, quadrants, with_app1};

const SECRET: &[u8] = b"GPS 52.5200N 13.4050E";

/// Originals of each format with the secret in every kind of metadata of this format, and how often it is there.
fn originals() -> Vec<(&'static str, Vec<u8>, usize)> {
    let picture = quadrants(64, 48);
    let exif = exif(1, SECRET);
    let tiff = exif[6..].to_vec();
    let profile = profile();
    let xmp = [b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>", SECRET, b"</x:xmpmeta>"].concat();

    let photo = with_app1(&jpeg(&picture), &exif);
    let photo = with_app1(&photo, &[b"http://ns.adobe.com/xap/1.0/\0", &xmp[..]].concat());
    let iptc = [&b"\xff\xed\0\x25Photoshop 3.0\0"[..], SECRET].concat();
    let icc = [b"ICC_PROFILE\0\x01\x01", &profile[..]].concat();
    let icc = [&[0xff, 0xe2][..], &(icc.len() as u16 + 2).to_be_bytes(), &icc].concat();
    let comment = [&b"\xff\xfe\0\x17"[..], SECRET].concat();
    let photo = [&photo[..2], &comment, &iptc, &icc, &photo[2..]].concat();

    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_exif_metadata(tiff.clone()).unwrap();
    picture.write_with_encoder(encoder).unwrap();
    let text = png_chunk(b"tEXt", &[b"Comment\0", SECRET].concat());
    let international = png_chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", &xmp[..]].concat());
    let png = [&png[..33], &text, &international, &png[33..]].concat();

    let mut webp = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut webp);
    encoder.set_exif_metadata(tiff.clone()).unwrap();
    encoder.set_icc_profile(profile.clone()).unwrap();
    encoder.write_image(&picture.to_rgb8(), 64, 48, image::ExtendedColorType::Rgb8).unwrap();
    let mut xmp_chunk = [&b"XMP "[..], &(xmp.len() as u32).to_le_bytes(), &xmp].concat();
    xmp_chunk.resize(xmp_chunk.len().next_multiple_of(2), 0);
    webp.extend(xmp_chunk);
    let length = (webp.len() as u32 - 8).to_le_bytes();
    webp[4..8].copy_from_slice(&length);

    let gif = encode(&picture.to_rgba8().into(), ImageFormat::Gif);
    let block = |bytes: &[u8]| [&[bytes.len() as u8][..], bytes].concat();
    let comment = [&b"\x21\xfe"[..], &block(SECRET), &[0]].concat();
    let application = [&b"\x21\xff"[..], &block(b"XMP DataXMP"), &block(SECRET), &[0]].concat();
    let palette = 13 + if gif[10] & 0x80 == 0 { 0 } else { 3 << ((gif[10] & 7) + 1) };
    let gif = [&gif[..palette], &comment, &application, &gif[palette..]].concat();

    let mut avif = Container::of(coded(&picture));
    avif.items[0].2.push((*b"colr", [&b"prof"[..], &profile].concat()));
    avif.items.push((*b"Exif", [&[0; 4], &tiff[..]].concat(), Vec::new()));
    avif.items.push((*b"mime", xmp, Vec::new()));
    avif.references.extend([(*b"cdsc", 2, vec![1]), (*b"cdsc", 3, vec![1])]);

    vec![("jpeg", photo, 5), ("png", png, 3), ("webp", webp, 3), ("gif", gif, 2), ("avif", avif.build(), 3)]
}

/// A profile of a color space of its own, which contains the secret.
fn profile() -> Vec<u8> {
    let mut profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    profile.extend(SECRET);
    let length = (profile.len() as u32).to_be_bytes();
    profile[..4].copy_from_slice(&length);
    profile
}

fn count(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).filter(|window| *window == needle).count()
}

/// The parts of a file: the markers of a JPEG up to its scan, or the chunks of a WebP.
fn parts(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    if bytes.starts_with(b"RIFF") {
        let mut rest = &bytes[12..];
        while let [a, b, c, d, l1, l2, l3, l4, ..] = *rest {
            let length = u32::from_le_bytes([l1, l2, l3, l4]) as usize;
            parts.push(vec![a, b, c, d]);
            rest = rest.get(8 + length.next_multiple_of(2)..).unwrap_or_default();
        }
    } else {
        let mut rest = &bytes[2..];
        while let [0xff, marker, high, low, ..] = *rest {
            parts.push(vec![marker]);
            if marker == 0xda {
                break;
            }
            rest = &rest[2 + usize::from(u16::from_be_bytes([high, low]))..];
        }
    }
    parts
}

#[test]
fn no_metadata_of_any_format_is_in_any_derivative() {
    for (format, file, times) in originals() {
        assert_eq!(count(&file, SECRET), times, "{format}");
        for output in [Output::Auto, Output::Webp, Output::Avif] {
            let settings = Settings { output, ..Settings::default() };
            let developed = imaging::develop(&file, &[64, 20], &settings).unwrap();
            assert_eq!(developed.format.extension().replace("jpg", "jpeg"), format);
            for thumbnail in &developed.thumbnails {
                for needle in
                    [SECRET, b"Exif", b"EXIF", b"XMP", b"xmp", b"ICC", b"acsp", b"mime", b"Photoshop"]
                {
                    let needle_name = String::from_utf8_lossy(needle);
                    assert_eq!(count(&thumbnail.bytes, needle), 0, "{format}, {output:?}: {needle_name}");
                }
                let is_allowed = |part: &Vec<u8>| match part[..] {
                    // JFIF, tables, the frame and the scan.
                    [marker] => matches!(marker, 0xe0 | 0xdb | 0xc0 | 0xc4 | 0xda),
                    ref kind => [&b"VP8 "[..], b"VP8L", b"VP8X", b"ALPH"].contains(&kind),
                };
                if output != Output::Avif {
                    let parts = parts(&thumbnail.bytes);
                    assert!(!parts.is_empty() && parts.iter().all(is_allowed), "{format}: {parts:?}");
                }
            }
            let placeholder = &developed.placeholder;
            assert!(placeholder.thumbhash.len() < 40 && placeholder.color.len() == 7);
        }
    }
}

#[test]
fn metadata_does_not_change_the_pixels() {
    let plain = jpeg(&quadrants(64, 48));
    let photo = with_app1(&plain, &exif(1, SECRET));
    let thumbnails = |file| crate::make::develop(file, &[64, 20]).unwrap().thumbnails;
    assert_eq!(thumbnails(&photo), thumbnails(&plain));
}
