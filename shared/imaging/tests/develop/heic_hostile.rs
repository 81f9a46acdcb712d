//! HEIC files made to exhaust memory or time. Decoders of HEVC accept them, so the engine rejects them before it decodes.

use imaging::{DevelopError, Limits, Settings};

use crate::container::{Container, boxed, grid};
use crate::hevc::{self, Hevc, extent, file, file_of_grid};
use crate::make::{code, develop, noise, quadrants};

const LIMIT: u64 = 50_000_000;

/// A picture of one color with 7072 x 7064 pixels, coded by x265.
const LARGE: &[u8] = include_bytes!("coded/50mp-420.hevc");

/// The large picture. Its file contains the units, each with its length.
pub(crate) fn large() -> Hevc {
    let (mut sets, mut slices, mut rest) = (Vec::new(), Vec::new(), LARGE);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (unit, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        if unit[0] >> 1 >= 32 { &mut sets } else { &mut slices }.push(unit.to_vec());
        rest = after;
    }
    Hevc { sets, slices, size: (7072, 7064) }
}

pub(crate) fn file_of_large_picture() -> Vec<u8> {
    file(&large(), &[]).build()
}

/// 300,000 items: parsers that compare each with all others take 40 seconds.
fn many_items() -> Vec<u8> {
    let full =
        |kind: &[u8; 4], version: u8, content: &[u8]| boxed(kind, &[&[version, 0, 0, 0], content].concat());
    let entries = full(b"infe", 2, b"\0\x02\0\0hvc1\0").repeat(300_000);
    let items = full(b"iinf", 1, &[&[0; 4][..], &entries].concat());
    let meta = full(b"meta", 0, &[full(b"pitm", 0, &[0, 1]), items].concat());
    [boxed(b"ftyp", b"heic\0\0\0\0heicmif1"), meta].concat()
}

/// A picture of 50 megapixels that claims to have 16 x 16.
fn small_claim() -> Vec<u8> {
    file(&Hevc { size: (16, 16), ..large() }, &[]).build()
}

/// 256 tiles of 50 megapixels, whose grid claims to have 1000 x 1000 pixels.
fn large_tiles() -> Vec<u8> {
    file_of_grid(grid(16, 16, 1000, 1000), &vec![large(); 256], &[extent(1000, 1000)]).build()
}

/// The only slice of a picture, many times.
pub(crate) fn repeated_slice(coded: Hevc, times: usize) -> Vec<u8> {
    let slices = coded.slices.iter().cloned().cycle().take(coded.slices.len() * times);
    // Only the first one says that it begins a picture, because the decoder stops at the next picture.
    let slices = slices.enumerate().map(|(index, mut slice)| {
        if index > 0 {
            slice[2] &= 0x7f;
        }
        slice
    });
    file(&Hevc { slices: slices.collect(), ..coded }, &[]).build()
}

/// The files that decoders accept, and how this engine rejects them.
pub(crate) fn bombs() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    vec![
        ("300,000 items", many_items(), "corrupt-image"),
        ("50 megapixels declared as 16 x 16", small_claim(), "corrupt-image"),
        ("256 tiles of 50 megapixels", large_tiles(), "too-many-pixels"),
        ("a slice repeated 200 times", repeated_slice(large(), 200), "timeout"),
        (
            "a slice repeated 2,000 times",
            repeated_slice(Hevc::of(&quadrants(64, 64)), 2_000),
            "corrupt-image",
        ),
    ]
}

#[test]
fn files_made_to_exhaust_memory_or_time_are_rejected_from_their_headers() {
    for (name, file, expected) in bombs() {
        assert_eq!(code(&file), expected, "{name}");
    }
}

#[test]
fn the_size_of_the_coded_picture_counts() {
    let coded = Hevc::of(&quadrants(600, 600));
    let declared = |side| file(&Hevc { size: (side, side), ..coded.clone() }, &[]).build();
    assert_eq!(code(&declared(600)), "developed");
    let reason = "the coded picture is of another size than the file says".to_owned();
    for side in [16, 80, 601] {
        assert_eq!(
            develop(&declared(side), &[200]),
            Err(DevelopError::CorruptImage { reason: reason.clone() })
        );
    }
}

#[test]
fn the_pixels_of_all_tiles_and_of_their_alpha_channel_are_bounded() {
    let limits = Limits { max_pixels: 100_000, ..Limits::default() };
    let outcome = |file: Vec<u8>| {
        imaging::develop(&file, &[20], &Settings { limits, ..Settings::default() })
            .map_err(|error| error.code())
    };
    let tile = Hevc::of(&quadrants(128, 128));
    let of = |columns: u8, side: u16| {
        let tiles = vec![tile.clone(); usize::from(columns)];
        file_of_grid(grid(1, columns, side, 128), &tiles, &[])
    };
    assert!(outcome(of(6, 768).build()).is_ok());
    assert_eq!(outcome(of(7, 896).build()), Err("too-many-pixels"));
    // The tiles cover more than 1 megapixel, and the grid claims less.
    let many = file_of_grid(grid(1, 80, 700, 128), &vec![tile.clone(); 80], &[]);
    assert_eq!(outcome(many.build()), Err("too-many-pixels"));
    // An alpha channel counts too.
    let mut veiled = of(6, 768);
    let number = veiled.items.len() as u16 + 1;
    let name = (*b"auxC", b"\0\0\0\0urn:mpeg:hevc:2015:auxid:1\0".to_vec());
    veiled.items.push((*b"grid", grid(1, 80, 768, 128), vec![name]));
    veiled.items.extend((0..80).map(|_| hevc::item(&tile, &[])));
    veiled.references.push((*b"dimg", number, (number + 1..=number + 80).collect()));
    veiled.references.push((*b"auxl", number, vec![1]));
    assert_eq!(outcome(veiled.build()), Err("too-many-pixels"));
}

#[test]
fn slices_that_repeat_the_picture_are_bounded() {
    let limits = Limits { max_pixels: 20_000, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    let coded = Hevc::of(&quadrants(128, 128));
    // Each slice counts as all pixels, and they may cover four times the limit.
    let outcome = |times| imaging::develop(&repeated_slice(coded.clone(), times), &[20], &settings);
    assert_eq!(outcome(5), Err(DevelopError::Timeout));
    assert_ne!(outcome(4), Err(DevelopError::Timeout));
    assert!(outcome(1).is_ok());
}

#[test]
fn a_unit_that_hides_others_is_corrupt() {
    // The decoder would find units in a unit that contains what precedes them.
    let coded = Hevc::of(&quadrants(64, 64));
    let hidden = [&[0x4e, 1, 0, 0, 1][..], &coded.slices[0]].concat();
    for slices in [vec![coded.slices[0].clone(), hidden.clone()], vec![hidden]] {
        assert_eq!(code(&file(&Hevc { slices, ..coded.clone() }, &[]).build()), "corrupt-image");
    }
}

#[test]
fn parameter_sets_of_another_size_are_corrupt() {
    let (coded, other) = (Hevc::of(&quadrants(64, 64)), Hevc::of(&quadrants(128, 128)));
    let sets = [coded.sets.clone(), other.sets.clone()].concat();
    assert_eq!(code(&file(&Hevc { sets, ..coded.clone() }, &[]).build()), "corrupt-image");
    // Some encoders repeat the sets before the picture.
    let slices = [coded.sets.clone(), coded.slices.clone()].concat();
    assert_eq!(code(&file(&Hevc { slices, ..coded.clone() }, &[]).build()), "developed");
    let slices = [other.sets, coded.slices.clone()].concat();
    assert_eq!(code(&file(&Hevc { slices, ..coded }, &[]).build()), "corrupt-image");
}

#[test]
fn the_time_limit_is_checked_before_each_tile() {
    // The limit ends while the first tiles are decoded, and the rest would take much longer.
    let tile = Hevc::of(&noise(256, 256));
    let file = file_of_grid(grid(1, 200, 51_200, 256), &vec![tile; 200], &[]).build();
    let limits = Limits { max_time: std::time::Duration::from_millis(100), ..Limits::default() };
    let start = std::time::Instant::now();
    let outcome = imaging::develop(&file, &[20], &Settings { limits, ..Settings::default() });
    assert_eq!(outcome, Err(DevelopError::Timeout));
    assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
}

#[test]
fn very_many_turns_cost_nothing() {
    // 10,000 quarter turns are none. Decoders that turn the picture each time take minutes.
    let container = file(&Hevc::of(&quadrants(64, 48)), &[]);
    let [(kind, data, properties)] = &container.items[..] else { unreachable!() };
    let turns = vec![(*b"irot", vec![1]); 240];
    let turned = Container {
        items: vec![(*kind, data.clone(), [properties.clone(), turns].concat())],
        brand: container.brand,
        ..Container::default()
    };
    let developed = develop(&turned.build(), &[64]).unwrap();
    assert_eq!((developed.width, developed.height), (64, 48));
}

#[test]
fn damaged_bytes_never_cause_a_panic() {
    let whole = file(&Hevc::of(&noise(64, 48)), &[]).build();
    for position in (0..whole.len()).step_by(whole.len() / 400 + 1) {
        for change in [0x5b, 0xff] {
            let mut damaged = whole.clone();
            damaged[position] ^= change;
            if let Err(error) = develop(&damaged, &[20, 7]) {
                assert_ne!(error.code(), "internal-error", "{error:?} at {position}");
                assert!(!format!("{error:?}").contains("panicked"), "{error:?} at {position}");
            }
        }
    }
}

#[test]
fn the_large_picture_is_within_the_limits() {
    assert!(u64::from(large().size.0) * u64::from(large().size.1) <= LIMIT);
}
