#![doc = include_str!("../README.md")]

mod animation;
mod color;
mod decode;
mod decoded;
mod decoder;
mod encode;
mod error;
mod exif;
mod formats;
mod guard;
mod header;
mod layout;
mod limits;
mod orientation;
mod placeholder;
mod reduce;
mod render;
mod rendering;
mod resize;
mod size;
mod strip;

use animation::Made;
pub use animation::{Animation, UnknownAnimation};
use decoder::Request;
pub use encode::{Output, Thumbnail, UnknownOutput};
pub use error::DevelopError;
pub use exif::{Exif, Location, read_exif};
pub use formats::{Format, is_animated, sniff};
use guard::guarded;
use limits::Deadline;
pub use limits::Limits;
pub use placeholder::Placeholder;
pub use rendering::{Fit, RenderFormat, Rendered, Rendering};
use size::{Size, fit};
pub use strip::without_metadata;

/// How to develop pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What a picture may demand of the machine.
    pub limits: Limits,
    /// The format of the thumbnails.
    pub output: Output,
    /// Which frames of an animation the thumbnails show. Animated thumbnails are WebP, whatever `output` says.
    pub animation: Animation,
    /// Whether the engine decodes HEIC. Patents cover HEVC, and not every deployment has licensed them.
    pub heic: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            output: Output::default(),
            animation: Animation::default(),
            heic: true,
        }
    }
}

/// A developed picture: facts about the original, and everything made from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Developed {
    /// The format of the original, recognized by its content.
    pub format: Format,
    /// The width of the upright original, in pixels.
    pub width: u32,
    /// The height of the upright original, in pixels.
    pub height: u32,
    /// The number of frames of the original: 1, unless it is an animation.
    pub frames: u32,
    /// One for each requested size, in the same order, without duplicates.
    pub thumbnails: Vec<Thumbnail>,
    /// What a client can show until it has loaded a thumbnail.
    pub placeholder: Placeholder,
}

/// Decodes `bytes` once, and makes a placeholder and a thumbnail of each of `sizes`.
///
/// # Errors
/// [`DevelopError`] says what is wrong with the picture. A retry gives the same error.
pub fn develop(bytes: &[u8], sizes: &[u32], settings: &Settings) -> Result<Developed, DevelopError> {
    guarded(|| develop_unguarded(bytes, sizes, settings))
}

fn develop_unguarded(bytes: &[u8], sizes: &[u32], settings: &Settings) -> Result<Developed, DevelopError> {
    let Settings { limits, output, animation, heic } = settings;
    let deadline = Deadline::after(limits.max_time);
    limits.check_length(bytes.len() as u64)?;
    if !heic && sniff(bytes) == Some(Format::Heic) {
        return Err(DevelopError::HeicNotSupported);
    }
    let (format, header) = decode::read_header(bytes, limits)?;
    let mut requested: Vec<u32> = Vec::with_capacity(sizes.len());
    for &size in sizes {
        if !requested.contains(&size) {
            requested.push(size);
        }
    }
    let largest = requested.iter().copied().chain([placeholder::SIDE]).max().unwrap_or_default();
    // The estimate assumes four bytes for each pixel.
    let made = requested.iter().map(|&size| header::area(fit(header.size, size)) * 4).sum();
    let request = Request { bytes, header, limits, largest, made, deadline, rendering: None };
    let animated = match animation {
        Animation::First => None,
        Animation::All => animation::make(format, &request, &requested),
    };
    let Made { upright: (width, height), thumbnails, placeholder } =
        animated.map_or_else(|| still(format, &request, &requested, *output), Ok)?;
    let frames = header.frames.count.max(1);
    Ok(Developed { format, width, height, frames, thumbnails, placeholder })
}

/// Decodes the first picture, and makes still thumbnails of all `sizes`.
fn still(format: Format, request: &Request<'_>, sizes: &[u32], output: Output) -> Result<Made, DevelopError> {
    let deadline = request.deadline;
    let decoded = decode::decode(format, request)?;
    let upright = decoded.upright();
    let targets: Vec<Size> = sizes.iter().map(|&size| fit(upright, size)).collect();
    let small = fit(upright, placeholder::SIDE);
    let pictures = reduce::reduce(decoded, targets.iter().copied().chain([small]), deadline)?;

    // All sizes above that of the original give the same picture. It is encoded once.
    let mut thumbnails: Vec<Thumbnail> = Vec::with_capacity(sizes.len());
    for (&size, &target) in sizes.iter().zip(&targets) {
        deadline.check()?;
        let twin = thumbnails.iter().find(|t| (t.width, t.height) == target);
        thumbnails.push(match twin {
            Some(twin) => Thumbnail { size, ..twin.clone() },
            None => encode::encode(size, pictures.get(target)?, output)?,
        });
    }
    let placeholder = placeholder::of(pictures.get(small)?);
    Ok(Made { upright, thumbnails, placeholder })
}

/// Decodes the first picture in `bytes`, and makes one picture from it. Of `settings`, it uses the limits and `heic`.
///
/// # Errors
/// [`DevelopError`] says what is wrong with the picture. A retry gives the same error.
pub fn render(bytes: &[u8], rendering: &Rendering, settings: &Settings) -> Result<Rendered, DevelopError> {
    guarded(|| render::render(bytes, rendering, &settings.limits, settings.heic))
}
