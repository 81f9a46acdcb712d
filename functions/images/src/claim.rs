//! Claims of requests that have a picture made, and how long other requests wait for it.
//!
//! A request that waits pauses once and then reads once. Requests cannot share a read, because an instance of a
//! function handles one request at a time ("Understanding Lambda function scaling", AWS Lambda Developer Guide). So the
//! pause is a little longer than `workers-render` usually needs. After a shorter pause, more requests would be answered
//! with 503, and clients would send them again.

use std::time::Duration;

use domain::{ContentType, ImageId, Lease, Picture, RenditionFormat, Timestamp};

/// How long a claim lasts if nobody ends it, in seconds. Longer than the start (10) and the timeout (60) of
/// `workers-render` together, so no other request takes over while the worker runs.
const CLAIM_SECONDS: i64 = 75;

/// The shortest and the longest pause, in milliseconds. The function has ten seconds for the pause and its calls.
const SHORTEST: u64 = 500;
const LONGEST: u64 = 5_000;

/// The milliseconds that `workers-render` needs besides the transfers and the work on the pixels: for the start of an
/// instance, and for the calls to AWS.
const START_AND_CALLS: u64 = 800;

/// The milliseconds for a megabyte that `workers-render` reads from S3 or writes to S3.
const TRANSFER: u64 = 20;

/// The milliseconds to decode a megapixel of an original. These and those of [`encoding`] are one and a half times the
/// measurements in docs/BENCHMARKS.md ("Renditions" and "Decoders"), because a processor of Lambda can be slower.
const DECODING_JPEG: u64 = 5;
const DECODING: u64 = 80;

/// A new claim.
pub(crate) fn new_claim(now: Timestamp) -> Lease {
    // The id contains the time of the claim, which `pause` reads.
    Lease { owner: ImageId::generate().to_string(), until: now.as_second() + CLAIM_SECONDS }
}

/// Whether a claim has not expired.
pub(crate) fn is_held(claim: &Lease, now: Timestamp) -> bool {
    claim.until >= now.as_second()
}

/// How long a request waits before it reads the result. `usual` is the usual time from the claim to the result, in
/// milliseconds. If the claim is not known, it counts as new.
pub(crate) fn pause(claim: Option<&Lease>, usual: u64, now: Timestamp) -> Duration {
    let began = claim.and_then(|claim| claim.owner.parse::<ImageId>().ok()).map_or(now, ImageId::time);
    // The clocks of two instances can differ, so the claim can seem to be in the future.
    let age = u64::try_from(now.as_millisecond() - began.as_millisecond()).unwrap_or_default();
    Duration::from_millis(usual.saturating_sub(age).clamp(SHORTEST, LONGEST))
}

/// How long `workers-render` usually needs from the claim to a copy of the original, in milliseconds.
pub(crate) fn time_for_copy(picture: &Picture) -> u64 {
    // It reads the file and writes it.
    START_AND_CALLS + 2 * reading(picture)
}

/// How long `workers-render` usually needs from the claim to new pictures, in milliseconds. `encoding` is the part of
/// the encoder.
pub(crate) fn time_for_pictures(picture: &Picture, encoding: u64) -> u64 {
    // The file can have another type than the client declared. Then the time is only less exact.
    let is_jpeg = picture.upload.content_type == ContentType::Jpeg;
    let rate = if is_jpeg { DECODING_JPEG } else { DECODING };
    START_AND_CALLS + reading(picture) + millionths(pixels(picture) * rate) + encoding
}

/// The milliseconds to encode a picture with this many pixels.
pub(crate) fn encoding(format: RenditionFormat, pixels: u64) -> u64 {
    let rate = match format {
        RenditionFormat::Avif => 1_400,
        RenditionFormat::Webp => 130,
        RenditionFormat::Auto | RenditionFormat::Jpeg | RenditionFormat::Png => 30,
    };
    millionths(pixels * rate)
}

/// The number of pixels of a picture.
pub(crate) fn pixels(picture: &Picture) -> u64 {
    u64::from(picture.width) * u64::from(picture.height)
}

fn reading(picture: &Picture) -> u64 {
    millionths(picture.upload.size.bytes() * TRANSFER)
}

fn millionths(number: u64) -> u64 {
    number / 1_000_000
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A picture as large as those of a camera.
    pub(crate) fn picture(content_type: &str) -> Picture {
        let picture = json!({
            "version": 1, "content_type": content_type, "size": 4_000_000, "width": 4_000, "height": 3_000,
            "thumbnails": [], "placeholder": {"thumbhash": "", "color": "#000000"},
        });
        serde_json::from_value(picture).unwrap()
    }

    #[test]
    fn the_pause_ends_when_the_result_usually_exists() {
        let now = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let at = |age: i64| {
            let began = Timestamp::from_millisecond(now.as_millisecond() - age).unwrap();
            Lease { owner: ImageId::generate_at(began).to_string(), until: 0 }
        };
        for (age, usual, milliseconds) in [
            (0, 980, 980),
            (300, 980, 680),
            (900, 980, 500),
            // It is late.
            (2_000, 980, 500),
            (70_000, 980, 500),
            // It takes long.
            (0, 7_000, 5_000),
            (3_500, 7_000, 3_500),
            // The clock of the other instance is ahead.
            (-40, 980, 980),
        ] {
            let pause = pause(Some(&at(age)), usual, now);
            assert_eq!(pause, Duration::from_millis(milliseconds), "{age} {usual}");
        }
        let unknown = Lease { owner: "another".to_owned(), until: 0 };
        for claim in [None, Some(&unknown)] {
            assert_eq!(pause(claim, 1_234, now), Duration::from_millis(1_234), "{claim:?}");
        }
    }

    #[test]
    fn a_claim_says_when_it_began_and_lasts_longer_than_the_worker_runs() {
        let before = domain::now();
        let claim = new_claim(before);
        let began = claim.owner.parse::<ImageId>().unwrap().time();
        assert!(before <= began && began <= domain::now(), "{before} {began}");
        assert_eq!(claim.until, before.as_second() + 75);
        let second = |second| Timestamp::from_second(second).unwrap();
        assert!(is_held(&claim, before) && is_held(&claim, second(claim.until)));
        assert!(!is_held(&claim, second(claim.until + 1)));
    }

    #[test]
    fn the_time_depends_on_the_file_its_type_and_what_is_made() {
        let (jpeg, heic) = (picture("image/jpeg"), picture("image/heic"));
        assert_eq!(time_for_copy(&jpeg), 800 + 160);
        assert_eq!(time_for_pictures(&jpeg, 0), 800 + 80 + 60);
        assert_eq!(time_for_pictures(&heic, 7), 800 + 80 + 960 + 7);
        let of = |format| encoding(format, 2_000_000);
        assert_eq!(of(RenditionFormat::Avif), 2_800);
        assert_eq!(of(RenditionFormat::Webp), 260);
        assert_eq!([RenditionFormat::Auto, RenditionFormat::Jpeg, RenditionFormat::Png].map(of), [60; 3]);
    }
}
