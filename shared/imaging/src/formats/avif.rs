//! AVIF, decoded by rav1d, the Rust port of dav1d.
//!
//! Brightness and color are in planes of their own. The engine reduces the planes before it converts them to RGB. So
//! there is little to convert, and subsampled color is never enlarged before it is reduced.

mod boxes;
mod coded;
mod container;
mod layout;
mod planes;

use fast_image_resize::MulDiv;
use image::metadata::Orientation;
use moxcms::{CicpProfile, ColorProfile};

use crate::color;
use crate::decoded::Decoded;
use crate::decoder::{Decoder, Memory, Request};
use crate::error::DevelopError;
use crate::header::{Frames, Header, area};
use container::{Container, Nclx};
use layout::Layout;
use planes::{Planes, Weights};

use crate::size::Size;

pub(crate) const AVIF: Decoder =
    Decoder { content_type: "image/avif", extension: "avif", recognizes, read_header, check_content, decode };

/// Whether the brands of the container include AVIF. The brand `mif1` means an image of any codec in this container.
fn recognizes(bytes: &[u8]) -> bool {
    let [_, _, _, _, b'f', b't', b'y', b'p', brands @ ..] = bytes else { return false };
    match brands.get(..4) {
        Some(b"avif" | b"avis") => true,
        Some(b"mif1" | b"msf1") => {
            let brands = brands.get(..64.min(brands.len())).unwrap_or_default();
            brands.chunks_exact(4).any(|brand| brand == b"avif" || brand == b"avis")
        }
        _ => false,
    }
}

fn read_header(bytes: &[u8]) -> Option<Header> {
    let (container, picture, alpha) = read(bytes)?;
    let mut frames = Frames::default();
    if container.frames > 0 {
        frames.count = container.frames;
        frames.pixels = u64::from(frames.count).saturating_mul(area(picture.size));
    }
    let alpha = alpha.map(|alpha| alpha.coded_frames);
    let coded = alpha.filter(|alpha| alpha.pixels > picture.coded_frames.pixels);
    Some(Header { size: picture.size, frames, coded: coded.unwrap_or(picture.coded_frames) })
}

/// Reads the container, and the headers of all coded pictures that belong to the main picture and to its alpha channel.
fn read(bytes: &[u8]) -> Option<(Container<'_>, Layout, Option<Layout>)> {
    let container = Container::read(bytes)?;
    let picture = Layout::read(&container, container.primary)?;
    let alpha = match container.alpha() {
        Some(alpha) => Some(Layout::read(&container, alpha)?),
        None => None,
    };
    Some((container, picture, alpha))
}

fn unreadable() -> DevelopError {
    DevelopError::corrupt("the container is damaged")
}

/// Checks that the tiles fit together and fit the picture.
fn check_content(bytes: &[u8]) -> Result<(), DevelopError> {
    let (_, picture, alpha) = read(bytes).ok_or_else(unreadable)?;
    picture.check(picture.size)?;
    alpha.map_or(Ok(()), |alpha| alpha.check(picture.size))
}

/// Decodes, and reduces an opaque picture to the wanted size.
fn decode(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    let (container, picture, alpha) = read(request.bytes).ok_or_else(unreadable)?;
    let orientation = orientation(&container);
    let full = request.header.size;
    let wanted = request.wanted(orientation);
    let result = if alpha.is_some() { (full, 4) } else { (wanted, 3) };
    let decoding = memory(&picture, alpha.as_ref(), full, wanted);
    request.reserve(&Memory { decoding: decoding + request.bytes.len() as u64, result })?;

    let nclx = container.nclx();
    let mut planes = Planes::decode(&container, &picture, full, request.deadline)?;
    if let Some(Nclx { is_full_range, .. }) = nclx {
        planes.is_full_range = is_full_range;
    }
    let profile = profile(&container, &planes);
    let weights = weights(nclx.map_or(picture.coded.matrix, |nclx| nclx.matrix));

    let (Some(alpha), Some(item)) = (alpha, container.alpha()) else {
        let pixels = planes.into_rgb(wanted, weights, None)?;
        return Ok(Decoded { full, ..Decoded::whole(pixels, orientation, profile) });
    };
    // A reduction weights colors by their alpha, so it needs all pixels of both.
    let alpha = Planes::decode_luma(&container, &alpha, full, request.deadline)?.into_alpha()?;
    let mut pixels = planes.into_rgb(full, weights, Some(alpha))?;
    if container.is_premultiplied(item) {
        MulDiv::new().divide_alpha_inplace(&mut pixels).map_err(DevelopError::internal)?;
    }
    Ok(Decoded::whole(pixels, orientation, profile))
}

/// The bytes that decoding takes at most, besides the file. Each step keeps what the steps before it made.
fn memory(picture: &Layout, alpha: Option<&Layout>, full: Size, wanted: Size) -> u64 {
    let pixels = area(full);
    let planes = picture.coded.planes(pixels);
    let sample = picture.coded.sample_bytes;
    let decoding = planes + picture.coded.decoding();
    let Some(alpha) = alpha else {
        // One plane after the other is reduced, first in its width.
        return decoding.max(planes + area((wanted.0, full.1)) * sample);
    };
    let decoding_alpha = planes + pixels * alpha.coded.sample_bytes + alpha.coded.decoding();
    // The planes in the size of the picture, half a plane while the last one is enlarged, alpha with 8 bits, and the
    // result.
    let converting = pixels * (sample * 7 / 2 + 1 + 4);
    decoding.max(decoding_alpha).max(converting)
}

/// The orientation that the container declares. An EXIF block in it has no effect.
fn orientation(container: &Container<'_>) -> Orientation {
    // The container rotates counterclockwise and mirrors afterwards. An exchange of top and bottom equals an exchange
    // of left and right with a half turn.
    let turn = 360 - 90 * u16::from(container.quarter_turns());
    let (turn, is_mirrored) = match container.mirror_axis() {
        None => (turn, false),
        Some(0) => (turn + 180, true),
        Some(_) => (turn, true),
    };
    match (turn % 360, is_mirrored) {
        (90, false) => Orientation::Rotate90,
        (180, false) => Orientation::Rotate180,
        (270, false) => Orientation::Rotate270,
        (90, true) => Orientation::Rotate90FlipH,
        (180, true) => Orientation::FlipVertical,
        (270, true) => Orientation::Rotate270FlipH,
        (_, true) => Orientation::FlipHorizontal,
        (_, false) => Orientation::NoTransforms,
    }
}

fn profile(container: &Container<'_>, planes: &Planes) -> Option<Box<ColorProfile>> {
    if let Some(profile) = container.icc_profile() {
        return color::profile(profile);
    }
    let Nclx { primaries, transfer, .. } = container.nclx()?;
    // 1 and 13 are the values of sRGB, and 2 means unknown. The transfer curves 1, 6, 14 and 15 are meant for similar
    // screens.
    let is_like_srgb = matches!(primaries, 1 | 2) && matches!(transfer, 1 | 2 | 6 | 13 | 14 | 15);
    if is_like_srgb || planes.is_grey() {
        return None;
    }
    let code = |code: u16| u8::try_from(code).ok();
    Some(Box::new(ColorProfile::new_from_cicp(CicpProfile {
        color_primaries: code(primaries)?.try_into().ok()?,
        transfer_characteristics: code(transfer)?.try_into().ok()?,
        matrix_coefficients: moxcms::MatrixCoefficients::Identity,
        full_range: true,
    })))
}

/// The weights that belong to matrix coefficients of H.273. Those of BT.601 stand for all others.
fn weights(matrix: u16) -> Option<Weights> {
    match matrix {
        0 => None,
        1 => Some((0.2126, 0.0722)),
        7 => Some((0.212, 0.087)),
        9 | 10 => Some((0.2627, 0.0593)),
        _ => Some((0.299, 0.114)),
    }
}
