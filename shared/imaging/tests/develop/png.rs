//! The kinds of PNG: every depth, palettes, transparency and interlacing.

use image::{DynamicImage, GenericImageView, ImageFormat};

use crate::make::{BLUE, GREEN, RED, WHITE};
use crate::make::{assert_quadrants, develop, encode, is_like, noise, pixels, png_chunk};

const GREY: u8 = 0;
const RGB: u8 = 2;
const PALETTE: u8 = 3;
const GREY_ALPHA: u8 = 4;
const RGBA: u8 = 6;

/// A kind of PNG: the color type and the bits per sample.
#[derive(Clone, Copy, Debug)]
struct Kind {
    color: u8,
    depth: u32,
    is_interlaced: bool,
}

/// Writes a PNG by hand. `samples` gives those of the pixel at a position, and `extra` has the chunks before the pixels.
fn png(
    kind: Kind,
    (width, height): (u32, u32),
    extra: &[u8],
    samples: impl Fn(u32, u32) -> Vec<u32>,
) -> Vec<u8> {
    // The passes of Adam7: the start and the step in each direction.
    const ADAM7: [[u32; 4]; 7] =
        [[0, 8, 0, 8], [4, 8, 0, 8], [0, 4, 4, 8], [2, 4, 0, 4], [0, 2, 2, 4], [1, 2, 0, 2], [0, 1, 1, 2]];
    let passes = if kind.is_interlaced { &ADAM7[..] } else { &[[0, 1, 0, 1]][..] };
    let mut rows = Vec::new();
    for &[left, dx, top, dy] in passes {
        for y in (top..height).step_by(dy as usize).filter(|_| left < width) {
            rows.push(0); // no filter
            let (mut byte, mut bits) = (0_u32, 0);
            for sample in (left..width).step_by(dx as usize).flat_map(|x| samples(x, y)) {
                if kind.depth == 16 {
                    rows.extend((sample as u16).to_be_bytes());
                    continue;
                }
                (byte, bits) = (byte << kind.depth | sample, bits + kind.depth);
                if bits == 8 {
                    rows.push(byte as u8);
                    (byte, bits) = (0, 0);
                }
            }
            if bits > 0 {
                rows.push((byte << (8 - bits)) as u8);
            }
        }
    }
    let header =
        [&width.to_be_bytes()[..], &height.to_be_bytes(), &[kind.depth as u8, kind.color, 0, 0]].concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        png_chunk(b"IHDR", &[&header[..], &[u8::from(kind.is_interlaced)]].concat()),
        extra.to_vec(),
        png_chunk(b"IDAT", &stored(&rows)),
        png_chunk(b"IEND", &[]),
    ]
    .concat()
}

/// A zlib stream without compression.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 1];
    let mut blocks = bytes.chunks(65_535).peekable();
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend([&length.to_le_bytes()[..], &(!length).to_le_bytes(), block].concat());
    }
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

fn kinds(color: u8, depths: &[u32]) -> Vec<Kind> {
    let interlaced = |&depth| [false, true].map(|is_interlaced| Kind { color, depth, is_interlaced });
    depths.iter().flat_map(interlaced).collect()
}

/// The number of the quadrant that a position of a picture of 64 x 48 pixels is in.
fn quadrant(x: u32, y: u32) -> usize {
    usize::from(y >= 24) * 2 + usize::from(x >= 32)
}

#[track_caller]
fn assert_shows(file: &[u8], expected: [[u8; 3]; 4], kind: Kind) {
    for thumbnail in develop(file, &[64, 20]).unwrap().thumbnails {
        assert_eq!(thumbnail.content_type, "image/jpeg", "{kind:?}");
        assert_quadrants(&pixels(&thumbnail), expected);
    }
}

#[test]
fn colors_of_a_palette_are_those_that_it_lists() {
    let colors = [RED, GREEN, BLUE, WHITE];
    // The first colors, and those with the highest numbers of this depth.
    for kind in kinds(PALETTE, &[2, 4, 8]) {
        let first = (1 << kind.depth) - 4;
        let palette = [vec![[7; 3]; first], colors.to_vec()].concat().concat();
        let file =
            png(kind, (64, 48), &png_chunk(b"PLTE", &palette), |x, y| vec![(first + quadrant(x, y)) as u32]);
        assert_shows(&file, colors, kind);
    }
    for kind in kinds(PALETTE, &[1]) {
        let palette = png_chunk(b"PLTE", &[RED, BLUE].concat());
        let file = png(kind, (64, 48), &palette, |x, _| vec![u32::from(x >= 32)]);
        assert_shows(&file, [RED, BLUE, RED, BLUE], kind);
    }
}

#[test]
fn a_palette_with_transparency_keeps_it() {
    for kind in kinds(PALETTE, &[2, 8]) {
        let extra =
            [png_chunk(b"PLTE", &[RED, GREEN, BLUE, WHITE].concat()), png_chunk(b"tRNS", &[255, 90, 0])];
        let file = png(kind, (64, 48), &extra.concat(), |x, y| vec![quadrant(x, y) as u32]);
        let thumbnail = &develop(&file, &[64]).unwrap().thumbnails[0];
        assert_eq!(thumbnail.content_type, "image/webp");
        let small = pixels(thumbnail).to_rgba8();
        assert!(is_like(&small.get_pixel(10, 10).0, &[220, 30, 30, 255]), "{kind:?}");
        assert!(is_like(&small.get_pixel(54, 10).0, &[30, 200, 30, 90]), "{kind:?}");
        assert_eq!(small.get_pixel(10, 38).0[3], 0, "{kind:?}");
        // The list of transparent colors is shorter than the palette.
        assert!(is_like(&small.get_pixel(54, 38).0, &[240, 240, 240, 255]), "{kind:?}");
    }
}

#[test]
fn grey_has_the_right_brightness_at_every_depth() {
    for kind in kinds(GREY, &[1, 2, 4, 8, 16]) {
        let largest = (1_u32 << kind.depth) - 1;
        let levels = [0, largest, largest / 3, largest - largest / 3];
        let file = png(kind, (64, 48), &[], |x, y| vec![levels[quadrant(x, y)]]);
        assert_shows(&file, levels.map(|level| [(level * 255 / largest) as u8; 3]), kind);
    }
}

#[test]
fn color_and_alpha_are_right_at_every_depth() {
    let colors = [RED, GREEN, BLUE, WHITE];
    for (color, with_alpha) in [(RGB, false), (RGBA, true), (GREY_ALPHA, true)] {
        for kind in kinds(color, &[8, 16]) {
            let scale = if kind.depth == 16 { 257 } else { 1 };
            let channels = if color == GREY_ALPHA { 1 } else { 3 };
            let file = png(kind, (64, 48), &[], |x, y| {
                let alpha = with_alpha.then_some(255);
                let color = colors[quadrant(x, y)];
                color
                    .into_iter()
                    .take(channels)
                    .chain(alpha)
                    .map(|sample| u32::from(sample) * scale)
                    .collect()
            });
            let expected = colors.map(|color| if channels == 1 { [color[0]; 3] } else { color });
            assert_shows(&file, expected, kind);
        }
    }
}

#[test]
fn an_interlaced_picture_gives_the_thumbnails_of_a_plain_one() {
    // Noise shows every pixel that is not in its place. The sides are no multiples of eight, and some passes are empty.
    for (width, height) in [(61, 45), (64, 48), (3, 70), (1, 1), (5, 2)] {
        let picture: DynamicImage = noise(width, height);
        let kind = Kind { color: RGB, depth: 8, is_interlaced: true };
        let file = png(kind, (width, height), &[], |x, y| {
            picture.get_pixel(x, y).0.into_iter().take(3).map(u32::from).collect()
        });
        let (interlaced, plain) =
            (develop(&file, &[100, 20]), develop(&encode(&picture, ImageFormat::Png), &[100, 20]));
        assert_eq!(interlaced.unwrap(), plain.unwrap(), "{width} x {height}");
    }
}
