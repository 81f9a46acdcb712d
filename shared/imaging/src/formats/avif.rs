//! AVIF, decoded by rav1d, the Rust port of dav1d.
//!
//! Brightness and color are in planes of their own. The engine reduces the planes before it converts them to RGB. So
//! there is little to convert, and subsampled color is never enlarged before it is reduced.

mod planes;

use fast_image_resize::MulDiv;
use image::metadata::Orientation;
use moxcms::{CicpProfile, ColorProfile};
use scuffle_av1::seq::SequenceHeaderObu;
use scuffle_av1::{ObuHeader, ObuType};
use zenavif_parse::{AvifParser, ColorInformation, DecodeConfig};

use crate::color;
use crate::decoded::Decoded;
use crate::decoder::{Decoder, Request, no_check};
use crate::error::DevelopError;
use crate::header::{Frames, Header};
use planes::{Planes, Weights};

pub(crate) const AVIF: Decoder = Decoder {
    content_type: "image/avif",
    extension: "avif",
    recognizes,
    read_header,
    check_content: no_check,
    decode,
};

/// The matrix coefficients of H.273 for a picture that does not declare any.
const UNSPECIFIED: u16 = 2;

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
    let container = parse(bytes).ok()?;
    let size = match container.grid_config() {
        Some(grid) if grid.output_width > 0 => (grid.output_width, grid.output_height),
        _ => {
            let picture = container.primary_metadata().ok()?;
            (picture.max_frame_width.get(), picture.max_frame_height.get())
        }
    };
    let mut frames = Frames::default();
    if let Some(animation) = container.animation_info() {
        frames.count = u32::try_from(animation.frame_count).unwrap_or(u32::MAX);
        frames.pixels = u64::from(frames.count) * u64::from(size.0) * u64::from(size.1);
    }
    Some(Header { size, frames })
}

/// Decodes, and reduces an opaque picture to the wanted size.
fn decode(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    let container = parse(request.bytes).map_err(DevelopError::corrupt)?;
    let orientation = orientation(&container);
    let full = request.header.size;
    let planes = Planes::decode(&container, full, request.limits)?;
    let profile = profile(&container, &planes);
    let weights = weights(matrix(&container));

    let Some(alpha) = container.alpha_data() else {
        let pixels = planes.to_rgb(request.wanted(orientation), weights, None)?;
        return Ok(Decoded { full, ..Decoded::whole(pixels, orientation, profile) });
    };
    // A reduction weights colors by their alpha, so it needs all pixels of both.
    let alpha = Planes::decode_alpha(&alpha.map_err(DevelopError::corrupt)?, full, request.limits)?;
    let mut pixels = planes.to_rgb(full, weights, Some(&alpha))?;
    if container.premultiplied_alpha() {
        MulDiv::new().divide_alpha_inplace(&mut pixels).map_err(DevelopError::internal)?;
    }
    Ok(Decoded::whole(pixels, orientation, profile))
}

fn parse(bytes: &[u8]) -> Result<AvifParser<'_>, String> {
    let stop = zenavif_parse::Unstoppable;
    AvifParser::from_bytes_with_config(bytes, &DecodeConfig::default(), &stop)
        .map_err(|error| error.to_string())
}

/// The orientation that the container declares. An EXIF block in it has no effect.
fn orientation(container: &AvifParser<'_>) -> Orientation {
    // The container rotates counterclockwise and mirrors afterwards. An exchange of top and bottom equals an exchange
    // of left and right with a half turn.
    let turn = container.rotation().map_or(0, |rotation| 360 - rotation.angle % 360);
    let (turn, is_mirrored) = match container.mirror().map(|mirror| mirror.axis) {
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

fn profile(container: &AvifParser<'_>, planes: &Planes) -> Option<Box<ColorProfile>> {
    match container.color_info()? {
        ColorInformation::IccProfile(profile) => color::profile(profile),
        &ColorInformation::Nclx { color_primaries, transfer_characteristics, .. } => {
            // 1 and 13 are the values of sRGB, and 2 means unknown. The transfer curves 1, 6, 14 and 15 are meant for
            // similar screens.
            let is_like_srgb = matches!(color_primaries, 1 | 2)
                && matches!(transfer_characteristics, 1 | 2 | 6 | 13 | 14 | 15);
            if is_like_srgb || planes.is_grey() {
                return None;
            }
            let code = |code: u16| u8::try_from(code).ok();
            Some(Box::new(ColorProfile::new_from_cicp(CicpProfile {
                color_primaries: code(color_primaries)?.try_into().ok()?,
                transfer_characteristics: code(transfer_characteristics)?.try_into().ok()?,
                matrix_coefficients: moxcms::MatrixCoefficients::Identity,
                full_range: true,
            })))
        }
    }
}

/// The matrix coefficients of H.273 in the container, or else in the coded picture.
fn matrix(container: &AvifParser<'_>) -> u16 {
    if let Some(&ColorInformation::Nclx { matrix_coefficients, .. }) = container.color_info() {
        return matrix_coefficients;
    }
    let data = match container.grid_config() {
        Some(_) => container.tile_data(0),
        None => container.primary_data(),
    };
    data.ok().and_then(|data| coded_matrix(&data)).unwrap_or(UNSPECIFIED)
}

/// The matrix coefficients in the first sequence header. The accessor of re_rav1d panics at values that AV1 reserves.
fn coded_matrix(mut data: &[u8]) -> Option<u16> {
    while !data.is_empty() {
        let header = ObuHeader::parse(&mut data).ok()?;
        if header.obu_type == ObuType::SequenceHeader {
            let sequence = SequenceHeaderObu::parse(header, &mut data).ok()?;
            return Some(sequence.color_config.matrix_coefficients.into());
        }
        data = data.get(usize::try_from(header.size?).ok()?..)?;
    }
    None
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
