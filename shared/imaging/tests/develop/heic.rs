//! HEIC: colors, sizes, grids, alpha and orientations.

use image::{DynamicImage, GrayImage};
use imaging::{DevelopError, Format, Settings};

use crate::container::{Container, alpha, grid};
use crate::hevc::{Coding, Hevc, USUAL, extent, file, file_of_grid, item, nclx, tiles};
use crate::make::{BLUE, GREEN, RED, WHITE};
use crate::make::{assert_quadrants, code, develop, is_within, pixels, quadrants};

/// The color of a picture of one color, in a thumbnail.
fn color(file: &[u8]) -> [u8; 3] {
    pixels(&develop(file, &[16]).unwrap().thumbnails[0]).to_rgb8().get_pixel(5, 5).0
}

fn flat(color: [u8; 3]) -> DynamicImage {
    image::RgbImage::from_pixel(64, 64, image::Rgb(color)).into()
}

#[test]
fn a_heic_of_8_and_of_10_bits_has_the_colors_and_the_size_of_its_picture() {
    for depth in [8, 10] {
        let coded = Hevc::coded(&quadrants(300, 170), Coding { depth, ..USUAL });
        let developed = develop(&file(&coded, &[]).build(), &[300, 60]).unwrap();
        assert_eq!((developed.format, developed.width, developed.height), (Format::Heic, 300, 170));
        assert_eq!(developed.frames, 1);
        for thumbnail in &developed.thumbnails {
            assert_eq!(thumbnail.content_type, "image/jpeg");
            assert_quadrants(&pixels(thumbnail), [RED, GREEN, BLUE, WHITE]);
        }
    }
}

#[test]
fn the_brands_tell_a_heic_and_a_mif1_file_may_contain_one() {
    let coded = Hevc::of(&quadrants(32, 32));
    for brand in [*b"heic", *b"heix", *b"mif1", *b"msf1", *b"hevc", *b"heim"] {
        let container = Container { brand: Some(brand), ..file(&coded, &[]) };
        assert_eq!(develop(&container.build(), &[20]).unwrap().format, Format::Heic, "{brand:?}");
    }
}

#[test]
fn an_odd_size_is_that_of_the_container_and_not_that_of_the_coded_blocks() {
    // HEVC with subsampled color has even sizes, and this picture is coded with 302 x 172 pixels.
    let coded = Hevc { size: (301, 171), ..Hevc::of(&quadrants(302, 172)) };
    let developed = develop(&file(&coded, &[]).build(), &[400]).unwrap();
    assert_eq!((developed.width, developed.height), (301, 171));
    assert_quadrants(&pixels(&developed.thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
}

#[test]
fn a_part_that_the_container_declares_is_cut_out() {
    // The right half of the picture: green above white.
    let fraction = |value: u32, of: u32| [value.to_be_bytes(), of.to_be_bytes()].concat();
    let part = |across: u32| {
        let fractions = [fraction(100, 1), fraction(200, 1), fraction(across, 2), fraction(0, 1)];
        (*b"clap", fractions.concat())
    };
    let coded = Hevc::of(&quadrants(200, 200));
    let developed = develop(&file(&coded, &[part(100)]).build(), &[200]).unwrap();
    assert_eq!((developed.width, developed.height), (100, 200));
    assert_quadrants(&pixels(&developed.thumbnails[0]), [GREEN, GREEN, WHITE, WHITE]);
    // A part that is not inside the picture has no effect.
    let developed = develop(&file(&coded, &[part(102)]).build(), &[200]).unwrap();
    assert_eq!((developed.width, developed.height), (200, 200));
}

#[test]
fn a_grid_shows_its_tiles_in_their_places() {
    // The last tiles reach beyond the picture.
    let file =
        file_of_grid(grid(2, 3, 300, 170), &tiles(&quadrants(300, 170), 128), &[extent(300, 170)]).build();
    let developed = develop(&file, &[300, 60]).unwrap();
    assert_eq!((developed.width, developed.height), (300, 170));
    for thumbnail in &developed.thumbnails {
        assert_quadrants(&pixels(thumbnail), [RED, GREEN, BLUE, WHITE]);
    }
}

#[test]
fn an_alpha_channel_makes_a_thumbnail_transparent() {
    let veil = GrayImage::from_fn(128, 64, |x, _| image::Luma([if x < 64 { 255 } else { 90 }]));
    let picture: DynamicImage = image::RgbImage::from_pixel(128, 64, image::Rgb(RED)).into();
    let mut container = file(&Hevc::of(&picture), &[]);
    let name = b"\0\0\0\0urn:mpeg:hevc:2015:auxid:1\0".to_vec();
    for kind in [(*b"auxC", name), alpha()] {
        container.items.truncate(1);
        container.items.push(item(&Hevc::grey(&veil), &[kind]));
        container.references = vec![(*b"auxl", 2, vec![1])];
        let thumbnail = &develop(&container.build(), &[64]).unwrap().thumbnails[0];
        assert_eq!(thumbnail.content_type, "image/webp");
        let small = pixels(thumbnail).to_rgba8();
        for (x, alpha) in [(16, 255), (48, 90)] {
            let seen = small.get_pixel(x, 16).0;
            assert!(is_within(10, &seen, &[RED[0], RED[1], RED[2], alpha]), "{seen:?}");
        }
    }
}

#[test]
fn all_turns_and_reflections_are_applied_in_their_order_and_exif_is_not() {
    let stored = quadrants(96, 64);
    let coded = Hevc::of(&stored);
    let turn = |quarters: u8| (*b"irot", vec![quarters]);
    let mirror = |axis: u8| (*b"imir", vec![axis]);
    for (steps, expected) in [
        (vec![], stored.clone()),
        (vec![turn(1)], stored.rotate270()),
        (vec![turn(2)], stored.rotate180()),
        (vec![turn(3)], stored.rotate90()),
        (vec![mirror(0)], stored.flipv()),
        (vec![mirror(1)], stored.fliph()),
        (vec![turn(1), mirror(1)], stored.rotate270().fliph()),
        (vec![turn(3), mirror(1)], stored.rotate90().fliph()),
        (vec![turn(1), mirror(0)], stored.rotate270().flipv()),
        // Other programs write them the other way round, or several times.
        (vec![mirror(1), turn(1)], stored.fliph().rotate270()),
        (vec![mirror(0), turn(3)], stored.flipv().rotate90()),
        (
            vec![turn(1), turn(1), mirror(1), mirror(0), turn(3)],
            stored.rotate180().fliph().flipv().rotate90(),
        ),
    ] {
        // The EXIF block says that the picture has to be turned, as iPhones write it.
        let mut container = file(&coded, &steps);
        let exif = crate::make::exif(6, &[]);
        container.items.push((*b"Exif", [&[0, 0, 0, 6][..], &exif].concat(), Vec::new()));
        container.references.push((*b"cdsc", 2, vec![1]));
        let developed = develop(&container.build(), &[96]).unwrap();
        let (seen, expected) = (pixels(&developed.thumbnails[0]).to_rgb8(), expected.to_rgb8());
        assert_eq!((developed.width, developed.height), expected.dimensions(), "{steps:?}");
        let (width, height) = expected.dimensions();
        for (x, y) in [(1, 1), (3, 1), (1, 3), (3, 3)] {
            let at = (width * x / 4, height * y / 4);
            let (seen, expected) = (seen.get_pixel(at.0, at.1).0, expected.get_pixel(at.0, at.1).0);
            assert!(is_within(25, &seen, &expected), "{steps:?} {at:?}: {seen:?} instead of {expected:?}");
        }
    }
}

#[test]
fn the_range_is_that_of_the_container_or_else_that_of_the_coded_picture() {
    let expected = [180, 60, 40];
    let code = |is_full_range, declared_range| {
        Hevc::coded(&flat(expected), Coding { is_full_range, declared_range, ..USUAL })
    };
    for file in [
        file(&code(true, None), &[]),
        file(&code(false, None), &[]),
        // The coded picture says something else than the container.
        file(&code(false, Some(true)), &[nclx(1, 13, 6, false)]),
        file(&code(true, Some(false)), &[nclx(1, 13, 6, true)]),
    ] {
        let seen = color(&file.build());
        assert!(is_within(4, &seen, &expected), "{seen:?} instead of {expected:?}");
    }
}

#[test]
fn the_matrix_of_the_container_counts_more_than_that_of_the_coded_picture() {
    let coded = Hevc::of(&flat([180, 60, 40]));
    let [as_coded, same, other] = [&[][..], &[nclx(1, 13, 6, true)], &[nclx(1, 13, 1, true)]]
        .map(|more| color(&file(&coded, more).build()));
    assert!(is_within(1, &as_coded, &same), "{as_coded:?} {same:?}");
    // BT.709 gives more weight to green.
    assert!(other[1] > same[1] + 10 || other[0] > same[0] + 10, "{other:?} {same:?}");
}

#[test]
fn wide_colors_become_srgb_from_the_codes_of_the_container_and_of_the_coded_picture() {
    const DISPLAY_P3: u8 = 12;
    let wide = Hevc::coded(&flat([200, 90, 80]), Coding { primaries: DISPLAY_P3, ..USUAL });
    let narrow = Hevc::of(&flat([200, 90, 80]));
    let srgb = color(&file(&narrow, &[]).build());
    for file in [file(&wide, &[]), file(&narrow, &[nclx(DISPLAY_P3.into(), 13, 6, true)])] {
        // The same numbers mean a stronger red.
        let seen = color(&file.build());
        assert!(seen[0] > srgb[0] + 6 && seen[1] + 3 < srgb[1], "{seen:?} {srgb:?}");
    }
}

#[test]
fn a_profile_of_the_container_is_applied() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let colr = (*b"colr", [&b"prof"[..], &profile].concat());
    let coded = Hevc::of(&flat([200, 90, 80]));
    let (seen, srgb) = (color(&file(&coded, &[colr]).build()), color(&file(&coded, &[]).build()));
    assert!(seen[0] > srgb[0] + 6 && seen[1] + 3 < srgb[1], "{seen:?} {srgb:?}");
}

#[test]
fn thumbnails_and_auxiliary_pictures_in_the_file_are_ignored() {
    let mut container = file(&Hevc::of(&quadrants(128, 96)), &[]);
    let other = Hevc::of(&flat(BLUE));
    let depth = (*b"auxC", b"\0\0\0\0urn:mpeg:hevc:2015:auxid:2\0".to_vec());
    container.items.push(item(&other, &[]));
    container.items.push(item(&other, &[depth]));
    container.references = vec![(*b"thmb", 2, vec![1]), (*b"auxl", 3, vec![1])];
    let developed = develop(&container.build(), &[100]).unwrap();
    assert_eq!((developed.width, developed.height), (128, 96));
    assert_eq!(developed.thumbnails[0].content_type, "image/jpeg");
    assert_quadrants(&pixels(&developed.thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
}

#[test]
fn another_kind_of_main_picture_is_not_supported() {
    let coded = Hevc::of(&quadrants(32, 32));
    for kind in [*b"iden", *b"iovl", *b"av01", *b"jpeg", *b"unci"] {
        let mut container = file(&coded, &[]);
        container.items[0].0 = kind;
        assert_eq!(code(&container.build()), "unsupported-format", "{kind:?}");
    }
}

#[test]
fn a_deployment_can_reject_heic() {
    let file = file(&Hevc::of(&quadrants(32, 32)), &[]).build();
    let settings = Settings { heic: false, ..Settings::default() };
    let rejected = imaging::develop(&file, &[20], &settings).unwrap_err();
    assert_eq!(rejected, DevelopError::HeicNotSupported);
    assert_eq!(rejected.code(), "heic-not-supported");
    // Other formats in this container are not concerned.
    let avif = Container::of(crate::container::coded(&quadrants(32, 32))).build();
    assert!(imaging::develop(&avif, &[20], &settings).is_ok());
}

#[test]
fn a_heic_cut_anywhere_is_corrupt() {
    let whole = file(&Hevc::of(&quadrants(64, 48)), &[]).build();
    for cut in 12..whole.len() {
        let outcome = develop(&whole[..cut], &[20]);
        assert!(matches!(outcome, Err(DevelopError::CorruptImage { .. })), "cut at {cut}: {outcome:?}");
    }
}
