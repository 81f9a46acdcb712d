//! Any bytes: no panic, and no damaged file is accepted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat, ScalingFactor};

/// Larger pictures only take more time.
const MAX_PIXELS: usize = 4_000_000;

/// Warnings of libjpeg-turbo about files whose pixels are all there and correct. The imaging engine accepts them too.
const HARMLESS: [&str; 4] = [
    "extraneous bytes before marker",
    "Unknown Adobe color transform",
    "unknown JFIF revision",
    "Invalid SOS parameters for sequential",
];

fuzz_target!(|bytes: &[u8]| {
    let mut decompressor = Decompressor::new().expect("libjpeg-turbo is there");
    let Ok(header) = decompressor.read_header(bytes) else {
        // The decoder reads the tables before it compares the size.
        let _ = jpeg_dc::decode(bytes, (1, 1), &mut [0; 3]);
        return;
    };
    if header.width * header.height > MAX_PIXELS {
        return;
    }
    let eighth = ScalingFactor::new(1, 8);
    let (width, height) = (eighth.scale(header.width), eighth.scale(header.height));
    let format = match header.colorspace {
        Colorspace::Gray => PixelFormat::GRAY,
        Colorspace::YCbCr => PixelFormat::RGB,
        // The engine does not use this crate for other color spaces.
        _ => return,
    };
    let pitch = width * format.size();
    let mut pixels = vec![0; pitch * height];
    if jpeg_dc::decode(bytes, (width, height), &mut pixels).is_err() {
        return;
    }
    decompressor.set_scaling_factor(eighth).expect("libjpeg-turbo has this scale");
    let output = Image { pixels: &mut pixels[..], width, pitch, height, format };
    if let Err(error) = decompressor.decompress(bytes, output) {
        let warning = error.to_string();
        assert!(HARMLESS.iter().any(|harmless| warning.contains(harmless)), "accepted, but: {warning}");
    }
});
