//! The whole path, from bytes to thumbnails.
#![no_main]

mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (sizes, mut settings) = check::settings(bytes);
    // Instrumented code is slow; what matters at 50 megapixels is seen at 8.
    settings.limits.max_pixels = 8_000_000;
    // Refusals are as good as thumbnails here.
    let _ = check::check(bytes, &sizes, &settings);
});
