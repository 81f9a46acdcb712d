//! A reduced picture in, a thumbnail's bytes out.
//!
//! Nothing but pixels is handed to the encoders, so no metadata can pass.

use image::DynamicImage;

use crate::{DevelopError, Output, Thumbnail, avif, jpeg, webp};

/// Of JPEG and of WebP, on the scale of their own libraries from 1 to 100: what sharp takes too.
const QUALITY: u8 = 80;

/// Of AVIF, on its encoder's own scale: as good as the others at 80.
const AVIF_QUALITY: f32 = 65.0;

/// Encodes as `output` says; a picture with transparency never as JPEG.
pub(crate) fn encode(size: u32, picture: &DynamicImage, output: Output) -> Result<Thumbnail, DevelopError> {
    let (width, height, pixels) = (picture.width(), picture.height(), picture.as_bytes());
    let has_alpha = picture.color().has_alpha();
    let (content_type, bytes) = match output {
        Output::Auto if !has_alpha => {
            ("image/jpeg", jpeg::encode(pixels, width, height, QUALITY).map_err(DevelopError::internal)?)
        }
        Output::Auto | Output::Webp => {
            let bytes = webp::encode(pixels, width, height, has_alpha, QUALITY);
            ("image/webp", bytes.map_err(DevelopError::internal)?)
        }
        Output::Avif => {
            let bytes = avif::encode(pixels, width, height, has_alpha, AVIF_QUALITY);
            ("image/avif", bytes.map_err(DevelopError::internal)?)
        }
    };
    Ok(Thumbnail { size, width, height, content_type, bytes })
}
