//! The files that take the most memory, made by hand: each is small and declares 50 megapixels.

use crate::container::{Container, alpha, grid};
use crate::make::png_chunk;

/// A square of 49,999,041 pixels.
pub(crate) const SIDE: u16 = 7071;

/// Bits that follow each other, the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    rest: u64,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u64, count: u32) {
        self.rest |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.rest as u8);
            self.rest >>= 8;
            self.count -= 8;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.push(0, 7);
        self.bytes
    }
}

/// A progressive JPEG of four inks without subsampling, so that the decoder keeps four coefficients of two bytes for
/// each pixel. The last scan is repeated.
pub(crate) fn jpeg(scans: usize) -> Vec<u8> {
    let segment = |marker: u8, content: &[u8]| {
        [&[0xff, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
    };
    let side = SIDE.to_be_bytes();
    let frame = [&[8][..], &side, &side, &[4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0]].concat();
    let mut lengths = [0; 16];
    lengths[0] = 1;
    // The code 0 means no difference (DC), and the end of 2 to the 14th blocks (AC).
    let table = |class: u8, value: u8| segment(0xc4, &[&[class][..], &lengths, &[value]].concat());
    let blocks = usize::from(SIDE.div_ceil(8)).pow(2);
    let dc = [segment(0xda, &[4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 0, 0]), vec![0; blocks / 2 + 1]].concat();
    // One run for every 32,767 blocks: the code, and 14 bits that are 0.
    let runs = blocks.div_ceil(1 << 14);
    let ac = [segment(0xda, &[1, 1, 0, 1, 63, 0x01]), vec![0; runs * 2]].concat();
    [
        b"\xff\xd8".to_vec(),
        segment(0xee, b"Adobe\0\x64\0\0\0\0\0"),
        segment(0xdb, &[&[0][..], &[1; 64]].concat()),
        segment(0xc2, &frame),
        table(0, 0),
        table(0x10, 0xe0),
        dc,
        ac.repeat(scans),
        b"\xff\xd9".to_vec(),
    ]
    .concat()
}

/// An interlaced PNG with 16 bits for each of four channels.
pub(crate) fn png() -> Vec<u8> {
    let side = u32::from(SIDE);
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[16, 6, 0, 0, 1]].concat();
    // The passes of Adam7: the start and the step in each direction.
    let passes =
        [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)];
    let count = |start: u64, step: u64| (u64::from(side) - start).div_ceil(step);
    let rows = passes.iter().map(|&(x, dx, y, dy)| (count(x, dx) * 8 + 1) * count(y, dy));
    png_of_zeros(&header, rows.sum())
}

/// A PNG whose pixels are so many zeros.
fn png_of_zeros(header: &[u8], zeros: u64) -> Vec<u8> {
    let (data, checksum) = deflated_zeros(zeros);
    let data = [&[0x78, 1][..], &data, &checksum].concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        png_chunk(b"IHDR", header),
        png_chunk(b"IDAT", &data),
        png_chunk(b"IEND", &[]),
    ]
    .concat()
}

/// So many zeros, compressed, and their checksum.
fn deflated_zeros(zeros: u64) -> (Vec<u8>, [u8; 4]) {
    let mut bits = Bits::default();
    // One block with fixed codes: a zero, and copies of the 258 bytes before.
    bits.push(0b011, 3);
    bits.push(0b0000_1100, 8);
    for _ in 0..(zeros - 1) / 258 {
        bits.push(0b1010_0011, 8);
        bits.push(0, 5);
    }
    for _ in 0..(zeros - 1) % 258 {
        bits.push(0b0000_1100, 8);
    }
    bits.push(0, 7);
    // The checksum of zeros: the number of bytes, and 1.
    let checksum = ((zeros % 65_521) as u32) << 16 | 1;
    (bits.finish(), checksum.to_be_bytes())
}

/// A PNG of 50 megapixels with a color profile of 400 MB, which is some megabytes long in the file.
pub(crate) fn png_with_profile() -> Vec<u8> {
    let png = png();
    let (profile, checksum) = deflated_zeros(400_000_000);
    // The profile stands between the header and the pixels.
    let profile = png_chunk(b"iCCP", &[&b"profile\0\0\x78\x01"[..], &profile, &checksum].concat());
    [&png[..33], &profile, &png[33..]].concat()
}

/// A GIF whose frame is a column narrower than its canvas, so that the decoder needs memory for both.
pub(crate) fn gif() -> Vec<u8> {
    let (side, width) = (SIDE.to_le_bytes(), SIDE - 1);
    let mut bits = Bits::default();
    let (mut left, mut size) = (u64::from(width) * u64::from(SIDE), 3);
    while left > 0 {
        // An empty dictionary, one pixel, and strings that are each a pixel longer than the one before.
        bits.push(4, size);
        bits.push(0, 3);
        (left, size) = (left - 1, 3);
        let mut next = 6_u64;
        while next < 4096 && left >= next - 4 {
            bits.push(next, size);
            (left, next) = (left - (next - 4), next + 1);
            size += u32::from(next == 1 << size && size < 12);
        }
    }
    bits.push(5, size);
    let data = bits.finish();
    let blocks = data.chunks(255).flat_map(|block| [&[block.len() as u8][..], block].concat());
    [
        &b"GIF89a"[..],
        &side,
        &side,
        &[0x80, 0, 0, 90, 120, 200, 200, 120, 90],
        b"\x2c\0\0\0\0",
        &width.to_le_bytes(),
        &side,
        b"\0\x02",
        &blocks.collect::<Vec<u8>>(),
        b"\0;",
    ]
    .concat()
}

/// A lossless frame of one transparent color: every code has no bits.
fn vp8l(width: u16, height: u16) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0x2f, 8);
    bits.push(u64::from(width) - 1, 14);
    bits.push(u64::from(height) - 1, 14);
    // Alpha, no transforms, no cache, one group of codes.
    bits.push(1, 1 + 3 + 1 + 1 + 1);
    for _ in 0..5 {
        bits.push(1, 4);
    }
    riff(b"VP8L", &bits.finish())
}

fn riff(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    [&kind[..], &length, content, &[0][..content.len() % 2]].concat()
}

pub(crate) fn webp(width: u16, height: u16) -> Vec<u8> {
    riff(b"RIFF", &[&b"WEBP"[..], &vp8l(width, height)].concat())
}

/// An animation of one frame that covers the canvas.
pub(crate) fn animated_webp(width: u16, height: u16) -> Vec<u8> {
    let side = |side: u16| (u32::from(side) - 1).to_le_bytes()[..3].to_vec();
    let size = [side(width), side(height)].concat();
    let frame = [&[0; 6][..], &size, &[0; 4], &vp8l(width, height)].concat();
    let chunks = [
        b"WEBP".to_vec(),
        riff(b"VP8X", &[&[0x12, 0, 0, 0][..], &size].concat()),
        riff(b"ANIM", &[0; 6]),
        riff(b"ANMF", &frame),
    ];
    riff(b"RIFF", &chunks.concat())
}

/// Pictures of one color with 7071 x 7071 pixels, 10 bits per sample: coded by libaom without a container.
const COLOR: &[u8] = include_bytes!("coded/50mp-10bit-444.av1");
const GREY: &[u8] = include_bytes!("coded/50mp-10bit-grey.av1");
const GRAIN: &[u8] = include_bytes!("coded/50mp-10bit-420-grain.av1");

pub(crate) fn avif() -> Vec<u8> {
    Container::of(COLOR.to_vec()).build()
}

pub(crate) fn avif_with_alpha() -> Vec<u8> {
    let mut container = Container::of(COLOR.to_vec());
    container.items.push((*b"av01", GREY.to_vec(), vec![alpha()]));
    container.references.push((*b"auxl", 2, vec![1]));
    container.build()
}

pub(crate) fn avif_with_grain() -> Vec<u8> {
    Container::of(GRAIN.to_vec()).build()
}

/// Sixteen tiles of 50 megapixels, whose grid claims to have one.
pub(crate) fn avif_with_large_tiles() -> Vec<u8> {
    Container::of_grid(grid(4, 4, 1000, 1000), vec![COLOR.to_vec(); 16]).build()
}

/// A BMP of 32 bits whose pixels are all there, because the decoder needs them. It is as long as a file may be, so it has
/// fewer pixels than others.
pub(crate) fn bmp() -> Vec<u8> {
    let (width, height) = (4_900_u32, 5_000_u32);
    let mut file = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    file.extend([width.to_le_bytes(), height.to_le_bytes(), [1, 0, 32, 0]].concat());
    file.extend([0; 24]);
    file.resize(54 + (width * height * 4) as usize, 90);
    file
}

/// A TIFF of RGBA with 16 bits: one strip of zeros, which the decoder decompresses next to the picture.
pub(crate) fn tiff() -> Vec<u8> {
    let side = u32::from(SIDE);
    let (zeros, checksum) = deflated_zeros(u64::from(SIDE).pow(2) * 8);
    let data = [&b"\x78\x01"[..], &zeros, &checksum].concat();
    let at = 8 + data.len() as u32;
    let mut file = [&b"II\x2a\0"[..], &(at + 8).to_le_bytes(), &data].concat();
    // The bits of the samples.
    file.extend([16_u16; 4].map(u16::to_le_bytes).concat());
    let entries: [(u16, u16, u32, u32); 11] = [
        (256, 4, 1, side),
        (257, 4, 1, side),
        (258, 3, 4, at),
        (259, 3, 1, 8),
        (262, 3, 1, 2),
        (273, 4, 1, 8),
        (277, 3, 1, 4),
        (278, 4, 1, side),
        (279, 4, 1, data.len() as u32),
        (284, 3, 1, 1),
        (338, 3, 1, 2),
    ];
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(
            [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()]
                .concat(),
        );
    }
    file.extend([0; 4]);
    file
}

/// An animation of two large frames of one color each.
pub(crate) fn gif_of_frames(side: u16) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, side, side, &[200, 0, 0, 0, 0, 200]).unwrap();
    for color in [0, 1] {
        let buffer = vec![color; usize::from(side).pow(2)].into();
        encoder
            .write_frame(&gif::Frame { width: side, height: side, buffer, ..gif::Frame::default() })
            .unwrap();
    }
    drop(encoder);
    file
}

/// The same as PNG.
pub(crate) fn png_of_frames(side: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for color in [[200, 0, 0, 255], [0, 0, 200, 255]] {
        writer.write_image_data(&color.repeat((side * side) as usize)).unwrap();
    }
    writer.finish().unwrap();
    file
}

/// The same as WebP.
pub(crate) fn webp_of_frames(side: u32) -> Vec<u8> {
    let mut encoder = webpx::AnimationEncoder::with_options(side, side, false, 0).unwrap();
    encoder.set_lossless(true);
    for (time, color) in [(0, [200, 0, 0]), (50, [0, 0, 200])] {
        encoder.add_frame_rgb(&color.repeat((side * side) as usize), time).unwrap();
    }
    encoder.finish(100).unwrap()
}
