//! AVIF grids, hidden frames and animations, and containers made to exhaust memory or time.

use image::{DynamicImage, Rgba, RgbaImage};
use imaging::{DevelopError, Limits, Settings};

use crate::container::{Container, alpha, boxed, coded, grid, head_and_frame, tiles};
use crate::make::{BLUE, GREEN, RED, WHITE};
use crate::make::{assert_quadrants, code, develop, is_within, pixels, quadrants};

const LIMIT: u64 = 50_000_000;

fn corrupt(reason: &str) -> Result<imaging::Developed, DevelopError> {
    Err(DevelopError::CorruptImage { reason: reason.to_owned() })
}

#[test]
fn a_grid_shows_its_tiles_in_their_places() {
    // The last tiles reach beyond the picture.
    let picture = quadrants(300, 170);
    let file = Container::of_grid(grid(2, 3, 300, 170), tiles(&picture, 128)).build();
    let developed = develop(&file, &[300, 60]).unwrap();
    assert_eq!((developed.width, developed.height, developed.frames), (300, 170, 1));
    for thumbnail in &developed.thumbnails {
        assert_quadrants(&pixels(thumbnail), [RED, GREEN, BLUE, WHITE]);
    }
}

#[test]
fn a_grid_can_have_an_alpha_channel_that_is_a_grid() {
    let picture: DynamicImage = RgbaImage::from_pixel(200, 100, Rgba([220, 30, 30, 255])).into();
    let veil =
        RgbaImage::from_fn(200, 100, |x, _| if x < 100 { Rgba([255; 4]) } else { Rgba([90, 90, 90, 255]) });
    let mut container = Container::of_grid(grid(1, 2, 200, 100), tiles(&picture, 100));
    let item = container.add_grid(grid(1, 2, 200, 100), tiles(&veil.into(), 100), vec![alpha()]);
    container.references.push((*b"auxl", item, vec![1]));
    let small = pixels(&develop(&container.build(), &[100]).unwrap().thumbnails[0]).to_rgba8();
    for (x, expected) in [(25, [220, 30, 30, 255]), (75, [220, 30, 30, 90])] {
        let color = small.get_pixel(x, 25).0;
        assert!(is_within(8, &color, &expected), "{color:?} instead of {expected:?}");
    }
}

#[test]
fn a_tile_that_is_larger_than_its_grid_is_refused_from_the_header() {
    let tile = coded(&quadrants(700, 700));
    let file = |side| Container::of_grid(grid(1, 1, side, side), vec![tile.clone()]).build();
    assert_eq!(code(&file(600)), "developed");
    // Nothing is decoded: even a tile with an empty frame is refused for its size.
    let header = [head_and_frame(&tile).0, &[6 << 3, 0]].concat();
    for file in [file(16), Container::of_grid(grid(1, 1, 16, 16), vec![header]).build()] {
        let reason = "the coded picture is of another size than the file says";
        assert_eq!(develop(&file, &[200]), corrupt(reason));
    }
}

#[test]
fn tiles_outside_of_the_picture_or_of_different_sizes_are_refused() {
    let tile = |side| coded(&quadrants(side, side));
    for (grid, tiles) in [
        (grid(1, 2, 64, 64), vec![tile(64); 2]),
        (grid(2, 1, 64, 64), vec![tile(64); 2]),
        (grid(1, 2, 129, 64), vec![tile(64); 2]),
        (grid(1, 2, 128, 64), vec![tile(64), tile(96)]),
        (grid(1, 2, 0, 0), vec![tile(64); 2]),
        (grid(2, 2, 128, 128), vec![tile(64); 3]),
        (Vec::new(), vec![tile(64)]),
    ] {
        assert_eq!(code(&Container::of_grid(grid, tiles).build()), "corrupt-image");
    }
}

#[test]
fn a_thousand_tiles_of_the_same_bytes_are_refused_from_their_headers() {
    let tile = coded(&quadrants(512, 512));
    // All items point at the first tile, so the file is small.
    let mut file = Container::of_grid(grid(40, 25, 12_800, 3_900), vec![tile; 1_000]);
    for item in &mut file.items[2..] {
        item.1.clear();
    }
    let mut file = file.build();
    share_first_tile(&mut file, 1_000);
    assert!(file.len() < 100_000, "{}", file.len());
    let refused = DevelopError::TooManyFrames { frames: 1_000, pixels: 1_000 * 512 * 512, limit: LIMIT };
    assert_eq!(develop(&file, &[200]), Err(refused));
}

/// Changes the locations of all tiles to that of the first one.
fn share_first_tile(file: &mut [u8], tiles: usize) {
    let start = file.windows(4).position(|kind| kind == b"iloc").unwrap() + 12;
    // Each entry has 14 bytes. The first one is the grid.
    let place: Vec<u8> = file[start + 14 + 6..start + 28].to_vec();
    for tile in 1..tiles {
        let at = start + 14 * (tile + 1) + 6;
        file[at..at + 8].copy_from_slice(&place);
    }
}

#[test]
fn every_frame_in_a_coded_picture_counts() {
    let coded = coded(&quadrants(1024, 1024));
    let (head, frame) = head_and_frame(&coded);
    let file = |frames| Container::of([head, &frame.repeat(frames)].concat()).build();
    assert_eq!(code(&file(1)), "developed");
    assert_eq!(code(&file(40)), "developed");
    let refused = DevelopError::TooManyFrames { frames: 70, pixels: 70 << 20, limit: LIMIT };
    assert_eq!(develop(&file(70), &[200]), Err(refused));
}

#[test]
fn many_tiny_frames_are_refused_for_their_time() {
    let coded = coded(&quadrants(1, 1));
    let (head, frame) = head_and_frame(&coded);
    let tile = |frames| [head, &frame.repeat(frames)].concat();
    assert_eq!(code(&Container::of(tile(1_000)).build()), "developed");
    assert_eq!(code(&Container::of(tile(50_000)).build()), "corrupt-image");
    // Each frame counts as a block of 64 pixels per side.
    let file = Container::of_grid(grid(4, 4, 4, 4), vec![tile(1_000); 16]).build();
    let refused = DevelopError::TooManyFrames { frames: 16_000, pixels: 16_000 << 12, limit: LIMIT };
    assert_eq!(develop(&file, &[200]), Err(refused));
}

#[test]
fn many_tiles_of_a_large_part_of_the_file_are_corrupt() {
    // Each of 400 tiles has a megabyte, most of which is padding, and all of them are the same.
    let padding = [&[15 << 3 | 2, 0xf0, 0xff, 0x3f][..], &[0; 0xf_fff0]].concat();
    let tile = [coded(&quadrants(64, 64)), padding].concat();
    assert_eq!(code(&Container::of(tile.clone()).build()), "developed");
    let mut container = Container::of_grid(grid(20, 20, 1_280, 1_280), vec![tile; 400]);
    for item in &mut container.items[2..] {
        item.1.clear();
    }
    let mut file = container.build();
    share_first_tile(&mut file, 400);
    assert_eq!(code(&file), "corrupt-image");
}

#[test]
fn the_frames_of_an_animated_avif_count_together_and_the_first_one_is_shown() {
    let file = |samples| {
        let samples = Some(samples);
        Container { samples, ..Container::of(coded(&quadrants(100, 100))) }.build()
    };
    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
    let outcome =
        |samples| imaging::develop(&file(samples), &[100], &Settings { limits, ..Settings::default() });
    let developed = outcome(100).unwrap();
    assert_eq!((developed.width, developed.height, developed.frames), (100, 100, 100));
    assert_quadrants(&pixels(&developed.thumbnails[0]), [RED, GREEN, BLUE, WHITE]);
    let refused = DevelopError::TooManyFrames { frames: 101, pixels: 1_010_000, limit: 1_000_000 };
    assert_eq!(outcome(101), Err(refused));
    let refused =
        DevelopError::TooManyFrames { frames: u32::MAX, pixels: 10_000 * u64::from(u32::MAX), limit: LIMIT };
    assert_eq!(develop(&file(u32::MAX), &[100]), Err(refused));
}

#[test]
fn an_alpha_channel_of_another_size_is_refused() {
    let mut container = Container::of(coded(&quadrants(64, 64)));
    container.items.push((*b"av01", coded(&quadrants(96, 96)), vec![alpha()]));
    container.references.push((*b"auxl", 2, vec![1]));
    let file = container.build();
    assert_eq!(develop(&file, &[20]), corrupt("the coded picture is of another size than the file says"));
}

/// Containers that are small, and make a careless reader allocate gigabytes or search for minutes.
pub(crate) fn bombs() -> Vec<Vec<u8>> {
    let full =
        |kind: &[u8; 4], version: u8, content: &[u8]| boxed(kind, &[&[version, 0, 0, 0], content].concat());
    let file = |boxes: &[Vec<u8>]| {
        let start = boxed(b"ftyp", b"avif\0\0\0\0avifmif1");
        [start, full(b"meta", 0, &[full(b"pitm", 0, &[0, 1]), boxes.concat()].concat())].concat()
    };
    // 20,000 items, each with 65,535 parts that take no bytes.
    let parts = [&[0, 0, 0x4e, 0x20][..], &[0, 1, 0, 0, 0xff, 0xff].repeat(20_000)].concat();
    // One item with 16,000 parts, each of which is the whole file.
    let whole = [&[0x44, 0, 0, 1, 0, 1, 0, 0, 0x3e, 0x80][..], &[0; 8].repeat(16_000)].concat();
    let av01 = full(b"iinf", 0, &[&[0, 1][..], &full(b"infe", 2, b"\0\x01\0\0av01\0")].concat());
    // 300,000 items.
    let many = full(b"infe", 2, b"\0\x02\0\0av01\0").repeat(300_000);
    // A profile of a megabyte, 65,535 times.
    let colors = boxed(b"colr", &[&b"prof"[..], &vec![7; 1 << 20]].concat());
    let associations = [&[0, 0, 1, 1][..], &[&[0, 1, 255][..], &[1; 255]].concat().repeat(257)].concat();
    let properties = boxed(b"iprp", &[boxed(b"ipco", &colors), full(b"ipma", 0, &associations)].concat());
    // 16,000 candidates for an alpha channel, each with a property.
    let alphas: Vec<u8> = (2_u16..16_002)
        .flat_map(|item| boxed(b"auxl", &[item.to_be_bytes(), [0, 1], [0, 1]].concat()))
        .collect();
    let one = full(b"iloc", 0, &[0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40]);
    vec![
        file(&[full(b"iloc", 0, &parts)]),
        [file(&[full(b"iloc", 0, &whole), av01.clone()]), vec![0; 100_000]].concat(),
        file(&[one.clone(), full(b"iinf", 1, &[&[0; 4][..], &many].concat())]),
        file(&[one.clone(), av01.clone(), properties]),
        file(&[one, av01, full(b"iref", 0, &alphas)]),
    ]
}

#[test]
fn containers_made_to_exhaust_memory_are_corrupt() {
    for (index, bomb) in bombs().iter().enumerate() {
        assert_eq!(code(bomb), "corrupt-image", "{index}");
    }
}
