//! Makes one picture of a given shape and format.

use image::{DynamicImage, Rgb, RgbImage, Rgba, RgbaImage, imageops};

use crate::decode;
use crate::decoder::Request;
use crate::encode;
use crate::error::DevelopError;
use crate::formats::{Format, sniff};
use crate::header::area;
use crate::layout::Layout;
use crate::limits::{Deadline, Limits};
use crate::reduce;
use crate::rendering::{RenderFormat, Rendered, Rendering};
use crate::size::Size;

/// The most pixels of an AVIF. Encoding takes longer than a request can wait for larger pictures, which become WebP.
/// Cloudflare Images does the same ("format", Cloudflare Images documentation).
const MAX_AVIF_PIXELS: u32 = 2_500_000;

/// The speed of the AVIF encoder while a client waits, from 1 (thorough) to 10.
const AVIF_SPEED: u8 = 9;

/// White, which lies under pixels that cannot be transparent.
const WHITE: [u8; 3] = [255; 3];

/// Decodes the first picture in `bytes`, and makes one picture from it.
pub(crate) fn render(
    bytes: &[u8],
    rendering: &Rendering,
    limits: &Limits,
    heic: bool,
) -> Result<Rendered, DevelopError> {
    let deadline = Deadline::after(limits.max_time);
    limits.check_length(bytes.len() as u64)?;
    if !heic && sniff(bytes) == Some(Format::Heic) {
        return Err(DevelopError::HeicNotSupported);
    }
    let (format, header) = decode::read_header(bytes, limits)?;
    let (width, height) = header.size;
    // The orientation is not known yet.
    let layouts = [(width, height), (height, width)].map(|size| (size, Layout::of(size, rendering)));
    let largest = layouts.iter().map(|(size, layout)| layout.longest_side(*size)).max().unwrap_or_default();
    // The part and the canvas, with four bytes for each pixel, and what the encoder takes.
    let made = layouts.iter().map(|(_, layout)| area(layout.canvas)).max().unwrap_or_default();
    let made = made.saturating_mul(8 + encoder_memory(rendering.format));
    let request = Request { bytes, header, limits, largest, made, deadline, rendering: Some(rendering) };
    let decoded = decode::decode(format, &request)?;
    let layout = Layout::of(decoded.upright(), rendering);
    let picture = reduce::reduce_part(decoded, &layout, deadline)?;
    deadline.check()?;
    let picture = on_background(picture, rendering);
    let picture = on_canvas(picture, layout.canvas, rendering.background);
    let (content_type, bytes) = encoded(&picture, rendering.format, rendering.quality)?;
    Ok(Rendered { width: picture.width(), height: picture.height(), content_type, bytes })
}

/// Makes transparent pixels opaque, if there is a background or if the format has no transparency.
fn on_background(picture: DynamicImage, rendering: &Rendering) -> DynamicImage {
    let needed = (rendering.format == RenderFormat::Jpeg).then_some(WHITE);
    let Some(background) = rendering.background.or(needed).filter(|_| picture.color().has_alpha()) else {
        return picture;
    };
    let rgba = picture.into_rgba8();
    let (width, height) = rgba.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let Rgba([red, green, blue, alpha]) = *rgba.get_pixel(x, y);
        let mixed = |over: u8, under: u8| {
            let (over, under, alpha) = (u16::from(over), u16::from(under), u16::from(alpha));
            ((over * alpha + under * (255 - alpha) + 127) / 255) as u8
        };
        let [under_red, under_green, under_blue] = background;
        Rgb([mixed(red, under_red), mixed(green, under_green), mixed(blue, under_blue)])
    })
    .into()
}

/// Puts a picture into the middle of a canvas, unless it has the size of the canvas.
fn on_canvas(picture: DynamicImage, canvas: Size, background: Option<[u8; 3]>) -> DynamicImage {
    let size = (picture.width(), picture.height());
    if size == canvas {
        return picture;
    }
    let (left, top) =
        ((canvas.0.saturating_sub(size.0) / 2).into(), (canvas.1.saturating_sub(size.1) / 2).into());
    if let DynamicImage::ImageRgba8(picture) = &picture {
        let mut padded = RgbaImage::new(canvas.0, canvas.1);
        imageops::replace(&mut padded, picture, left, top);
        return padded.into();
    }
    let mut padded = RgbImage::from_pixel(canvas.0, canvas.1, Rgb(background.unwrap_or(WHITE)));
    imageops::replace(&mut padded, &picture.into_rgb8(), left, top);
    padded.into()
}

/// The bytes that an encoder takes for each pixel, at most.
fn encoder_memory(format: RenderFormat) -> u64 {
    match format {
        RenderFormat::Auto | RenderFormat::Jpeg | RenderFormat::Png => 8,
        RenderFormat::Webp => 16,
        RenderFormat::Avif => 40,
    }
}

/// Encodes a picture. The quality is 1 to 100 and has no effect on PNG. Returns the media type and the file. A JPEG needs
/// an opaque picture.
fn encoded(
    picture: &DynamicImage,
    format: RenderFormat,
    quality: u8,
) -> Result<(&'static str, Vec<u8>), DevelopError> {
    let has_alpha = picture.color().has_alpha();
    let is_large = picture.width().saturating_mul(picture.height()) > MAX_AVIF_PIXELS;
    match format {
        RenderFormat::Jpeg => {
            Ok(("image/jpeg", encode::jpeg(picture, quality).map_err(DevelopError::internal)?))
        }
        RenderFormat::Auto if !has_alpha => encoded(picture, RenderFormat::Jpeg, quality),
        RenderFormat::Auto | RenderFormat::Png => {
            Ok(("image/png", encode::png(picture).map_err(DevelopError::internal)?))
        }
        RenderFormat::Avif if !is_large => {
            let file = encode::avif(picture, avif_quality(quality), AVIF_SPEED);
            Ok(("image/avif", file.map_err(DevelopError::internal)?))
        }
        RenderFormat::Webp | RenderFormat::Avif => {
            Ok(("image/webp", encode::webp(picture, quality).map_err(DevelopError::internal)?))
        }
    }
}

/// The quality on the scale of the AVIF encoder, which is steeper than that of the others: 80 becomes 65, and the ends stay.
fn avif_quality(quality: u8) -> f32 {
    let quality = f32::from(quality.clamp(1, 100));
    if quality <= 80.0 { (quality * 65.0 / 80.0).max(1.0) } else { 65.0 + (quality - 80.0) * 35.0 / 20.0 }
}
