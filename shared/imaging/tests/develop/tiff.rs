//! TIFF: kinds of samples, compressions, orientation, profiles, pages, and files that end too early.

use std::io::Cursor;

use ::tiff::encoder::colortype::{self, ColorType};
use ::tiff::encoder::{Compression, DeflateLevel, TiffEncoder, TiffValue};
use ::tiff::tags::Tag;
use image::DynamicImage;
use imaging::{DevelopError, Format};

use crate::make::{BLUE, GREEN, RED, WHITE};
use crate::make::{assert_quadrants, code, develop, is_within, noise, pixels, quadrants};

/// A file of one page.
fn file<C: ColorType>(width: u32, height: u32, samples: &[C::Inner], compression: Compression) -> Vec<u8>
where
    [C::Inner]: TiffValue,
{
    file_with::<C>(width, height, samples, compression, &[])
}

fn file_with<C: ColorType>(
    width: u32,
    height: u32,
    samples: &[C::Inner],
    compression: Compression,
    tags: &[(Tag, &[u16])],
) -> Vec<u8>
where
    [C::Inner]: TiffValue,
{
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap().with_compression(compression);
    let mut page = encoder.new_image::<C>(width, height).unwrap();
    for (tag, value) in tags {
        page.encoder().write_tag(*tag, *value).unwrap();
    }
    page.write_data(samples).unwrap();
    file.into_inner()
}

/// A file of RGB with 8 bits.
pub(crate) fn rgb(picture: &DynamicImage) -> Vec<u8> {
    file::<colortype::RGB8>(picture.width(), picture.height(), &picture.to_rgb8(), Compression::Lzw)
}

const COMPRESSIONS: [Compression; 4] = [
    Compression::Uncompressed,
    Compression::Lzw,
    Compression::Packbits,
    Compression::Deflate(DeflateLevel::Balanced),
];

#[test]
fn every_compression_and_kind_of_light_is_right() {
    let picture = quadrants(101, 64);
    for compression in COMPRESSIONS {
        for file in [
            file::<colortype::RGB8>(101, 64, &picture.to_rgb8(), compression),
            file::<colortype::RGB16>(101, 64, &picture.to_rgb16(), compression),
            file::<colortype::RGBA8>(101, 64, &picture.to_rgba8(), compression),
            file::<colortype::RGBA16>(101, 64, &picture.to_rgba16(), compression),
        ] {
            let developed = develop(&file, &[100, 40]).unwrap();
            assert_eq!((developed.format, developed.width, developed.height), (Format::Tiff, 101, 64));
            for thumbnail in &developed.thumbnails {
                assert_eq!(thumbnail.content_type, "image/jpeg");
                assert_quadrants(&pixels(thumbnail), [RED, GREEN, BLUE, WHITE]);
            }
        }
        let grey = [RED, GREEN, BLUE, WHITE].map(|color| {
            let image = image::RgbImage::from_pixel(1, 1, image::Rgb(color));
            [DynamicImage::from(image).to_luma8().get_pixel(0, 0).0[0]; 3]
        });
        for file in [
            file::<colortype::Gray8>(101, 64, &picture.to_luma8(), compression),
            file::<colortype::Gray16>(101, 64, &picture.to_luma16(), compression),
        ] {
            assert_quadrants(&pixels(&develop(&file, &[100]).unwrap().thumbnails[0]), grey);
        }
    }
}

/// The entries of a directory: tag, type, number of values, and value.
type Entries = Vec<(u16, u16, u32, u32)>;

/// A file made by hand: the numbers in this order of bytes, the data of one strip, and values for entries that need more
/// place, whose positions start after the data.
fn by_hand(
    is_big_endian: bool,
    width: u32,
    height: u32,
    data: &[u8],
    more: &[u8],
    entries: &Entries,
) -> Vec<u8> {
    let short = |value: u16| if is_big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let long = |value: u32| if is_big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut all: Entries = vec![
        (256, 4, 1, width),
        (257, 4, 1, height),
        (259, 3, 1, 1),
        (273, 4, 1, 8),
        (278, 4, 1, height),
        (279, 4, 1, data.len() as u32),
    ];
    all.retain(|(tag, ..)| entries.iter().all(|(other, ..)| other != tag));
    all.extend(entries);
    all.sort_by_key(|&(tag, ..)| tag);
    let mut file = if is_big_endian { b"MM\0\x2a".to_vec() } else { b"II\x2a\0".to_vec() };
    file.extend(long((8 + data.len() + more.len()) as u32));
    file.extend_from_slice(data);
    file.extend_from_slice(more);
    file.extend(short(all.len() as u16));
    for (tag, kind, count, value) in all {
        file.extend([&short(tag)[..], &short(kind), &long(count)].concat());
        let is_short = kind == 3 && count == 1;
        file.extend(if is_short { [short(value as u16), [0; 2]].concat() } else { long(value).to_vec() });
    }
    file.extend([0; 4]);
    file
}

/// The rows of indices of the quadrants, with so many bits each.
fn indices(bits: usize) -> Vec<u8> {
    let row = |y: usize| {
        let samples = (0..104).map(move |x| (usize::from(x >= 52) + 2 * usize::from(y >= 32)) as u8);
        let samples: Vec<u8> = samples.collect();
        samples
            .chunks(8 / bits)
            .map(|byte| byte.iter().fold(0_u8, |all, one| all.unbounded_shl(bits as u32) | one))
            .collect::<Vec<u8>>()
    };
    (0..64).flat_map(row).collect()
}

#[test]
fn palettes_and_few_bits_are_right() {
    for is_big_endian in [false, true] {
        for bits in [2, 4, 8] {
            let data = indices(bits);
            let colors = 1 << bits;
            let palette = (0..3).flat_map(|plane| {
                (0..colors).map(move |index| {
                    let color = [RED, GREEN, BLUE, WHITE].get(index).copied().unwrap_or_default();
                    u16::from(color[plane]) << 8
                })
            });
            let palette = palette.flat_map(|v| if is_big_endian { v.to_be_bytes() } else { v.to_le_bytes() });
            let palette: Vec<u8> = palette.collect();
            let at = 8 + data.len() as u32;
            let entries = vec![(258, 3, 1, bits as u32), (262, 3, 1, 3), (320, 3, 3 * colors as u32, at)];
            let file = by_hand(is_big_endian, 104, 64, &data, &palette, &entries);
            let thumbnail = &develop(&file, &[104]).unwrap().thumbnails[0];
            assert_quadrants(&pixels(thumbnail), [RED, GREEN, BLUE, WHITE]);
        }
        // Two bits of brightness: 0, 85, 170 and 255. The other way round, 0 is white.
        for (photometric, expected) in [(1, [0, 85, 170, 255]), (0, [255, 170, 85, 0])] {
            let entries = vec![(258, 3, 1, 2), (262, 3, 1, photometric)];
            let file = by_hand(is_big_endian, 104, 64, &indices(2), &[], &entries);
            let thumbnail = &develop(&file, &[104]).unwrap().thumbnails[0];
            assert_quadrants(&pixels(thumbnail), expected.map(|value| [value; 3]));
        }
    }
}

#[test]
fn a_page_of_a_fax_is_right() {
    // One bit for each pixel, and 0 is white: the upper half is black.
    let data = [[0xff; 13].repeat(32), [0; 13].repeat(32)].concat();
    let file = by_hand(false, 100, 64, &data, &[], &vec![(258, 3, 1, 1), (262, 3, 1, 0)]);
    let thumbnail = &develop(&file, &[100]).unwrap().thumbnails[0];
    assert_quadrants(&pixels(thumbnail), [[0; 3], [0; 3], [255; 3], [255; 3]]);
}

#[test]
fn samples_in_planes_of_their_own_are_right() {
    let picture = quadrants(100, 64).to_rgb8();
    let planes: Vec<u8> =
        (0..3).flat_map(|plane| picture.pixels().map(move |pixel| pixel.0[plane])).collect();
    let at = 8 + planes.len() as u32;
    let more = [[8_u16, 8, 8].map(u16::to_le_bytes).concat(), [0; 2].to_vec()].concat();
    let list = |values: [u32; 3]| values.map(u32::to_le_bytes).concat();
    let more = [more, list([8, 8 + 6400, 8 + 12_800]), list([6400; 3])].concat();
    let entries = vec![
        (258, 3, 3, at),
        (262, 3, 1, 2),
        (273, 4, 3, at + 8),
        (277, 3, 1, 3),
        (279, 4, 3, at + 20),
        (284, 3, 1, 2),
    ];
    let file = by_hand(false, 100, 64, &planes, &more, &entries);
    assert_quadrants(&pixels(&develop(&file, &[100]).unwrap().thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
}

#[test]
fn transparency_is_kept_also_if_colors_are_weighted_by_it() {
    let straight = [200, 100, 40, 128];
    let weighted = [100, 50, 20, 128];
    for (pixel, kind) in [(straight, 2), (weighted, 1)] {
        let data = pixel.repeat(100 * 64);
        let more = [8_u16; 4].map(u16::to_le_bytes).concat();
        let entries =
            vec![(258, 3, 4, 8 + data.len() as u32), (262, 3, 1, 2), (277, 3, 1, 4), (338, 3, 1, kind)];
        let file = by_hand(false, 100, 64, &data, &more, &entries);
        let thumbnail = &develop(&file, &[50]).unwrap().thumbnails[0];
        assert_eq!(thumbnail.content_type, "image/webp");
        let seen = pixels(thumbnail).to_rgba8().get_pixel(20, 20).0;
        assert!(is_within(8, &seen, &straight), "{seen:?}");
    }
}

#[test]
fn inks_give_the_colors_of_ideal_inks() {
    for (file, expected) in [
        (file::<colortype::CMYK8>(60, 40, &[0, 255, 255, 0].repeat(2400), Compression::Lzw), [255, 0, 0]),
        (
            file::<colortype::CMYK8>(60, 40, &[0, 0, 0, 128].repeat(2400), Compression::Uncompressed),
            [127, 127, 127],
        ),
    ] {
        let seen = pixels(&develop(&file, &[30]).unwrap().thumbnails[0]).to_rgb8().get_pixel(9, 9).0;
        assert!(is_within(3, &seen, &expected), "{seen:?} instead of {expected:?}");
    }
}

#[test]
fn the_orientation_is_applied() {
    let upright = quadrants(96, 64);
    for (orientation, stored) in [
        (1, upright.clone()),
        (2, upright.fliph()),
        (3, upright.rotate180()),
        (4, upright.flipv()),
        (5, upright.rotate90().fliph()),
        (6, upright.rotate270()),
        (7, upright.rotate270().fliph()),
        (8, upright.rotate90()),
        (0, upright.clone()),
        (9, upright.clone()),
    ] {
        let tags = [(Tag::Orientation, &[orientation][..])];
        let rgb = stored.to_rgb8();
        let file =
            file_with::<colortype::RGB8>(stored.width(), stored.height(), &rgb, Compression::Lzw, &tags);
        let developed = develop(&file, &[96]).unwrap();
        assert_eq!((developed.width, developed.height), (96, 64), "{orientation}");
        assert_quadrants(&pixels(&developed.thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
    }
}

#[test]
fn a_profile_is_applied() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let data = [200, 90, 80].repeat(60 * 40);
    let more = [[8_u16; 3].map(u16::to_le_bytes).concat(), profile.clone()].concat();
    let at = 8 + data.len() as u32;
    let color = |entries: &Entries| {
        let file = by_hand(false, 60, 40, &data, &more, entries);
        pixels(&develop(&file, &[30]).unwrap().thumbnails[0]).to_rgb8().get_pixel(9, 9).0
    };
    let mut entries = vec![(258, 3, 3, at), (262, 3, 1, 2), (277, 3, 1, 3)];
    let srgb = color(&entries);
    entries.push((34675, 7, profile.len() as u32, at + 6));
    let seen = color(&entries);
    assert!(seen[0] > srgb[0] + 6 && seen[1] + 3 < srgb[1], "{seen:?} {srgb:?}");
}

#[test]
fn the_first_page_counts() {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    encoder.write_image::<colortype::RGB8>(100, 64, &quadrants(100, 64).to_rgb8()).unwrap();
    encoder.write_image::<colortype::RGB8>(200, 200, &noise(200, 200).to_rgb8()).unwrap();
    let developed = develop(&file.into_inner(), &[100]).unwrap();
    assert_eq!((developed.width, developed.height, developed.frames), (100, 64, 1));
    assert_quadrants(&pixels(&developed.thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
}

#[test]
fn a_tiff_cut_anywhere_is_corrupt() {
    let picture = noise(40, 30);
    for compression in COMPRESSIONS {
        let file = file::<colortype::RGB8>(40, 30, &picture.to_rgb8(), compression);
        for cut in 8..file.len() - 4 {
            assert_eq!(code(&file[..cut]), "corrupt-image", "cut at {cut} of {}", file.len());
        }
        // Here the directory is at the start, as some programs write it.
        let data = picture.to_rgb8().into_raw();
        let file = by_hand(
            false,
            40,
            30,
            &[8, 0, 8, 0, 8, 0],
            &data,
            &vec![
                (258, 3, 3, 8),
                (262, 3, 1, 2),
                (273, 4, 1, 14),
                (277, 3, 1, 3),
                (279, 4, 1, data.len() as u32),
            ],
        );
        let directory = &file[14 + data.len()..];
        let start = 8 + directory.len() as u32;
        let mut moved = [&file[..8], directory, &file[8..14], &data].concat();
        moved[4..8].copy_from_slice(&8_u32.to_le_bytes());
        for (tag, value) in [(258, start), (273, start + 6)] {
            let entry =
                (0..).map(|n| 10 + 12 * n).find(|&at| moved[at..at + 2] == u16::to_le_bytes(tag)).unwrap();
            moved[entry + 8..entry + 12].copy_from_slice(&value.to_le_bytes());
        }
        assert_eq!(code(&moved), "developed");
        for cut in 8..moved.len() {
            assert_eq!(code(&moved[..cut]), "corrupt-image", "cut at {cut}");
        }
    }
}

#[test]
fn the_limits_hold_before_anything_is_decoded() {
    let entries = vec![(258, 3, 1, 8), (262, 3, 1, 1)];
    let file = by_hand(false, 65_536, 65_536, &[0; 64], &[], &entries);
    let refused = DevelopError::TooManyPixels { width: 65_536, height: 65_536, limit: 50_000_000 };
    assert_eq!(develop(&file, &[20]), Err(refused));
    assert_eq!(code(&by_hand(false, 0, 10, &[0; 64], &[], &entries)), "corrupt-image");
}

#[test]
fn the_raw_files_of_cameras_are_not_shown_as_their_previews() {
    let data = [9; 30];
    for entry in [(254, 4, 1, 1), (50_706, 1, 4, 0x0401)] {
        let file = by_hand(false, 6, 5, &data, &[], &vec![(258, 3, 1, 8), (262, 3, 1, 1), entry]);
        let rejected = develop(&file, &[20]).unwrap_err();
        assert_eq!(rejected, DevelopError::UnsupportedFormat { format: "Camera raw" });
    }
    assert_eq!(code(&by_hand(false, 6, 5, &data, &[], &vec![(258, 3, 1, 8), (262, 3, 1, 1)])), "developed");
    // The mark of Canon, which here are two bytes of the first pixel.
    let mut file = rgb(&quadrants(20, 20));
    file[8..10].copy_from_slice(b"CR");
    assert_eq!(develop(&file, &[20]), Err(DevelopError::UnsupportedFormat { format: "Camera raw" }));
}

#[test]
fn unusual_kinds_are_not_supported() {
    // L*a*b*, 32 bits, an unknown compression, and signed numbers.
    for entries in [
        vec![(258, 3, 1, 8), (262, 3, 1, 8)],
        vec![(258, 3, 1, 32), (262, 3, 1, 1)],
        vec![(258, 3, 1, 8), (262, 3, 1, 1), (259, 3, 1, 34_925)],
        vec![(258, 3, 1, 8), (262, 3, 1, 32_803)],
        vec![(258, 3, 1, 8), (262, 3, 1, 1), (339, 3, 1, 2)],
    ] {
        assert_eq!(code(&by_hand(false, 4, 4, &[0; 64], &[], &entries)), "unsupported-format", "{entries:?}");
    }
}
