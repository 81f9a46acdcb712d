//! A reduced picture in, a thumbnail's bytes out.
//!
//! Nothing but pixels is handed to the encoders, so no metadata can pass.

use image::codecs::{jpeg::JpegEncoder, webp::WebPEncoder};
use image::{DynamicImage, ImageResult};

use crate::{DevelopError, Format, Thumbnail};

const JPEG_QUALITY: u8 = 80;

/// JPEG for an opaque picture, lossless WebP for one with transparency.
pub(crate) fn encode(size: u32, picture: &DynamicImage) -> Result<Thumbnail, DevelopError> {
    let (width, height) = (picture.width(), picture.height());
    let format = if picture.color().has_alpha() { Format::Webp } else { Format::Jpeg };
    let bytes = write(format, picture).map_err(DevelopError::internal)?;
    Ok(Thumbnail { size, width, height, content_type: format.content_type(), bytes })
}

fn write(format: Format, picture: &DynamicImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    if format == Format::Webp {
        picture.write_with_encoder(WebPEncoder::new_lossless(&mut bytes))?;
    } else {
        picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))?;
    }
    Ok(bytes)
}
