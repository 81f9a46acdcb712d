//! Any bytes through the whole engine, to thumbnails.
#![no_main]

mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (sizes, mut settings) = check::settings(bytes);
    // Instrumented code is slow, and 8 megapixels show the same faults as 50.
    settings.limits.max_pixels = 8_000_000;
    // A rejection is as good as thumbnails here.
    let _ = check::check(bytes, &sizes, &settings);
});
