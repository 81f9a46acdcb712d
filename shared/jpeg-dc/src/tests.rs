//! The results, compared with those of libjpeg-turbo.

use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp};

use crate::markers::{EOI, SOS};
use crate::{Unsupported, decode};

const SIDES: (usize, usize) = (203, 149);

/// Waves of all lengths in all colors, so that every coefficient of a block is used.
fn picture() -> Vec<u8> {
    let (width, height) = SIDES;
    let wave = |x: usize, y: usize, channel: usize| {
        let (x, y) = (x as f32, y as f32 + 40.0 * channel as f32);
        (127.5 + 60.0 * (x * x / 150.0).sin() + 60.0 * (y * y / 90.0 + x / 9.0).sin()) as u8
    };
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    pixels.flat_map(|(x, y)| [0, 1, 2].map(|channel| wave(x, y, channel))).collect()
}

fn jpeg(subsampling: Subsamp, quality: i32) -> Vec<u8> {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(subsampling).unwrap();
    compressor.set_quality(quality).unwrap();
    encode(&mut compressor)
}

fn encode(compressor: &mut Compressor) -> Vec<u8> {
    let (width, height) = SIDES;
    let pixels = &picture()[..];
    let format = PixelFormat::RGB;
    compressor.compress_to_vec(Image { pixels, width, pitch: width * 3, height, format }).unwrap()
}

/// The results of libjpeg-turbo and of this crate at 1/8.
fn both(jpeg: &[u8]) -> (turbojpeg::Result<Vec<u8>>, Option<Vec<u8>>) {
    let mut decompressor = Decompressor::new().unwrap();
    let header = decompressor.read_header(jpeg).unwrap();
    let eighth = ScalingFactor::new(1, 8);
    decompressor.set_scaling_factor(eighth).unwrap();
    let (width, height) = (eighth.scale(header.width), eighth.scale(header.height));
    let format = if header.subsamp == Subsamp::Gray { PixelFormat::GRAY } else { PixelFormat::RGB };
    let pitch = width * format.size();
    let mut theirs = vec![0; pitch * height];
    let output = Image { pixels: &mut theirs[..], width, pitch, height, format };
    let outcome = decompressor.decompress(jpeg, output);
    let mut ours = vec![0; pitch * height];
    (outcome.map(|()| theirs), decode(jpeg, (width, height), &mut ours).ok().map(|()| ours))
}

#[test]
fn every_usual_sampling_is_decoded_as_by_libjpeg_turbo() {
    use Subsamp::{Gray, None, Sub1x2, Sub2x1, Sub2x2};
    for subsampling in [Gray, None, Sub2x1, Sub1x2, Sub2x2] {
        for quality in [5, 50, 90, 100] {
            let (theirs, ours) = both(&jpeg(subsampling, quality));
            assert_eq!(ours, theirs.ok(), "{subsampling:?} at {quality}");
        }
    }
}

#[test]
fn restarts_are_followed_and_one_that_is_missing_is_noticed() {
    // Pillow wrote this file, with `restart_marker_blocks=2`.
    let file = include_bytes!("testdata/restarts.jpg");
    let (theirs, ours) = both(file);
    assert!(ours.is_some());
    assert_eq!(ours, theirs.ok());

    let third = file.windows(2).position(|bytes| bytes == [0xff, 0xd2]).unwrap();
    assert_eq!(both(&[&file[..third], &file[third + 2..]].concat()).1, None);
}

#[test]
fn what_is_unusual_is_left_to_libjpeg_turbo() {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_progressive(true).unwrap();
    let progressive = encode(&mut compressor);
    assert_eq!(both(&progressive).1, None);
    assert_eq!(both(&jpeg(Subsamp::Sub4x1, 80)).1, None);
}

#[test]
fn what_libjpeg_turbo_finds_damaged_is_left_to_it() {
    let whole = jpeg(Subsamp::Sub2x2, 80);
    let data = whole.windows(2).position(|bytes| bytes == [0xff, SOS]).unwrap() + 14;
    let mut noticed = 0_u32;
    for at in (data..whole.len() - 2).step_by(3) {
        let (before, after) = whole.split_at(at);
        let changed = [before, &[!after[0]], &after[1..]].concat();
        let shorter = [before, &after[1..]].concat();
        let ends_early = [before, &[0xff, EOI]].concat();
        for damaged in [changed, shorter, ends_early] {
            if let (Err(error), ours) = both(&damaged) {
                noticed += 1;
                assert_eq!(ours, None, "at {at}: {error}");
            }
        }
    }
    assert!(noticed > 1000, "only {noticed}");
}

#[test]
fn huffman_tables_that_libjpeg_turbo_rejects_are_left_to_it() {
    let file = jpeg(Subsamp::None, 80);
    let counts = file.windows(5).position(|bytes| bytes == [0xff, 0xc4, 0, 0x1f, 0]).unwrap() + 5;
    // The picture uses neither the last symbol nor its code.
    let mut large_symbol = file.clone();
    large_symbol[counts + 16 + 11] = 0x1b;
    let mut code_of_ones = file;
    code_of_ones[counts + 7..][..2].copy_from_slice(&[2, 0]);
    for damaged in [large_symbol, code_of_ones] {
        let (theirs, ours) = both(&damaged);
        assert!(theirs.unwrap_err().to_string().contains("Bogus Huffman table"));
        assert_eq!(ours, None);
    }
}

#[test]
fn a_size_that_is_not_that_of_the_file_is_rejected() {
    let file = jpeg(Subsamp::Sub2x2, 80);
    let (width, height) = (SIDES.0.div_ceil(8), SIDES.1.div_ceil(8));
    let mut pixels = vec![0; width * height * 3];
    assert_eq!(decode(&file, (width, height), &mut pixels), Ok(()));
    // A picture on its side has the same number of bytes.
    assert_eq!(decode(&file, (height, width), &mut pixels), Err(Unsupported));
    assert_eq!(decode(&file, (width, height), &mut pixels[1..]), Err(Unsupported));
    assert_eq!(decode(&file, (0, 0), &mut []), Err(Unsupported));
}
