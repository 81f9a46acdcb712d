// What must be true for any bytes. The fuzz target and the corpus runner share it.

use imaging::{
    Animation, DevelopError, Developed, Settings, develop, is_animated, read_exif, without_metadata,
};

/// The sizes, and whether thumbnails stay animated, depend only on the bytes, so that a file always gives the same result.
pub(crate) fn settings(bytes: &[u8]) -> (Vec<u32>, Settings) {
    let sum = bytes.iter().fold(0_u32, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let sizes = [vec![200, 400, 1200], vec![16], vec![1200, 33, 4096], vec![]];
    let index = sum as usize % sizes.len();
    let sizes = sizes.into_iter().nth(index).unwrap_or_default();
    let animation = if sum & 0x100 == 0 { Animation::First } else { Animation::All };
    (sizes, Settings { animation, ..Settings::default() })
}

/// Develops the file, and checks what a caller relies on.
pub(crate) fn check(bytes: &[u8], sizes: &[u32], settings: &Settings) -> Result<Developed, DevelopError> {
    let outcome = develop(bytes, sizes, settings);
    // Neither may panic. A damaged file may be shown differently without its metadata.
    let (_exif, _stripped) = (read_exif(bytes), without_metadata(bytes));
    match &outcome {
        Ok(developed) => {
            let Developed { width, height, thumbnails, .. } = developed;
            assert!(u64::from(*width) * u64::from(*height) <= settings.limits.max_pixels);
            assert_eq!(thumbnails.len(), sizes.len());
            for (thumbnail, &size) in thumbnails.iter().zip(sizes) {
                assert_eq!(thumbnail.size, size);
                assert!(
                    !is_animated(&thumbnail.bytes)
                        || settings.animation == Animation::All && is_animated(bytes)
                );
                assert!((1..=size.min(*width.max(height))).contains(&thumbnail.width.max(thumbnail.height)));
                assert!(thumbnail.width.min(thumbnail.height) >= 1 && !thumbnail.bytes.is_empty());
            }
        }
        Err(error) => {
            assert_ne!(error.code(), "internal-error", "{error:?}");
            assert!(!format!("{error:?}").contains("panicked"), "{error:?}");
        }
    }
    outcome
}
