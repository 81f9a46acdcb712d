//! The files that links show by default: originals without their metadata

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{Stack, Tier, id_of, pictures};

use super::shared::{opened, unchanged};

/// What each of the pictures contains: a text in EXIF, XMP, IPTC, maker notes and comments and behind the end, and a
/// position in EXIF, XMP and maker notes.
const PRIVATE: [&[u8]; 6] = [b"Hideout", b"52.5163", b"13.3777", b"GPS", b"2026:05:01", b"ns.adobe.com"];

fn contains(file: &[u8], text: &[u8]) -> bool {
    file.windows(text.len()).any(|window| window == text)
}

/// The segments of a JPEG that are needed to decode it: everything but application data and comments. The last one is
/// the scan with its entropy-coded data, up to the end of the picture (ITU-T T.81, B.1.1).
fn coded(jpeg: &[u8]) -> Result<Vec<&[u8]>> {
    let (mut at, mut segments) = (2, Vec::new());
    loop {
        let [0xff, marker, high, low] = jpeg[at..at + 4] else { anyhow::bail!("no marker at {at}") };
        if marker == 0xda {
            let end = jpeg.windows(2).position(|bytes| bytes == [0xff, 0xd9]).context("no end")?;
            segments.push(&jpeg[at..end + 2]);
            return Ok(segments);
        }
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        if !matches!(marker, 0xe0..=0xef | 0xfe) {
            segments.push(&jpeg[at..end]);
        }
        at = end;
    }
}

#[tokio::test]
async fn what_leaves_has_no_position_in_exif_xmp_or_maker_notes_and_the_same_pixels() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    for (content_type, shown_type, photo) in [
        ("image/jpeg", "image/jpeg", pictures::GPS_JPEG),
        ("image/png", "image/png", pictures::GPS_PNG),
        ("image/webp", "image/webp", pictures::GPS_WEBP),
        // It is encoded again.
        ("image/tiff", "image/jpeg", pictures::GPS_TIFF),
    ] {
        ensure!(contains(photo, b"Hideout") && contains(photo, b"GPS"), "{content_type}: nothing private");
        let image = user.upload_and_develop(content_type, photo.to_vec()).await?;
        let path = format!("/api/images/{}/links", id_of(&image)?);
        let link = user.post(&path, &json!({"expires_in": 300})).await?.json(201)?;
        assert_eq!(link["strip_metadata"], true);
        let file = opened(&stack, &link).await?;
        assert_eq!(file.header("content-type"), shown_type);
        for text in PRIVATE {
            let text_shown = String::from_utf8_lossy(text);
            ensure!(!contains(&file.bytes, text), "{content_type} contains {text_shown}");
        }
        let pixels = |file: &[u8]| anyhow::Ok(image::load_from_memory(file)?.to_rgba8());
        match content_type {
            "image/tiff" => pictures::check_quadrants(&file.bytes, 64, 48)?,
            _ => ensure!(pixels(&file.bytes)? == pixels(photo)?, "{content_type} has other pixels"),
        }
        if content_type == "image/jpeg" {
            assert_eq!(coded(&file.bytes)?, coded(photo)?);
        }
        // Only who asks for it gets the original as it is.
        let link = user.post(&path, &unchanged()).await?.json(201)?;
        assert_eq!(opened(&stack, &link).await?.bytes, photo);
    }
    Ok(())
}

#[tokio::test]
async fn a_photo_that_was_held_sideways_stays_upright() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let photo = pictures::jpeg_held(6, 64, 48)?;
    let image = user.upload_and_develop("image/jpeg", photo.clone()).await?;
    let path = format!("/api/images/{}/links", id_of(&image)?);
    let link = user.post(&path, &json!({"expires_in": 300})).await?.json(201)?;
    let file = opened(&stack, &link).await?.bytes;
    // The tag 0x0112 with the value 6 is the only entry that is left.
    ensure!(contains(&file, &[0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6]), "no orientation");
    assert_eq!(coded(&file)?, coded(&photo)?);
    // Uploaded again, it looks the same.
    let again = user.upload_and_develop("image/jpeg", file).await?;
    let thumbnail = user.thumbnail(&again, 200).await?;
    pictures::check_quadrants(&thumbnail.bytes, 64, 48)
}
