//! HEIF (ISO/IEC 23008-12): the container of AVIF and HEIC, and what the two formats share.
//!
//! Brightness and color are in planes of their own. The engine reduces the planes before it converts them to RGB. So
//! there is little to convert, and subsampled color is never enlarged before it is reduced.

mod boxes;
mod codec;
mod container;
mod layout;
mod movie;
mod planes;
mod strip;

use std::borrow::Cow;

use fast_image_resize::MulDiv;
use image::metadata::Orientation;
use moxcms::{CicpProfile, ColorProfile};

use crate::color;
use crate::decoded::Decoded;
use crate::decoder::{Memory, Request};
use crate::error::DevelopError;
use crate::header::{Frames, Header, area};
use crate::limits::Limits;
use crate::size::Size;
pub(crate) use boxes::{Fields, boxes};
pub(crate) use codec::{Codec, Coded, Kind, Subsampling, Tile};
pub(crate) use container::{Container, Nclx, Source};
use layout::Layout;
pub(crate) use movie::Movie;
pub(crate) use planes::Planes;
use planes::Weights;
pub(crate) use strip::strip;

/// How many times the limit of pixels a decoder may go over. Coded pictures can consist of many parts that each cover
/// all of it.
const MAX_PASSES: u64 = 4;

/// The brands of the container. The first one is the main brand. `mif1` and `msf1` mean an image of any codec.
pub(crate) fn brands(bytes: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    /// Real files have less than ten.
    const MAX: usize = 16;
    let [l1, l2, l3, l4, b'f', b't', b'y', b'p', brands @ ..] = bytes else { return None };
    let length = u32::from_be_bytes([*l1, *l2, *l3, *l4]).saturating_sub(8) as usize;
    let brands = brands.get(..length.clamp(4, 4 * MAX).min(brands.len())).unwrap_or_default();
    Some(brands.chunks_exact(4))
}

pub(crate) fn read_header<C: Codec>(bytes: &[u8]) -> Option<Header> {
    let File { container, picture, alpha } = read::<C>(bytes)?;
    let mut frames = Frames::default();
    if container.frames > 0 {
        frames.count = container.frames;
        frames.pixels = u64::from(frames.count).saturating_mul(area(picture.size));
    }
    let alpha = alpha.map(|alpha| alpha.coded_frames);
    let coded = alpha.filter(|alpha| alpha.pixels > picture.coded_frames.pixels);
    Some(Header { size: picture.size, frames, coded: coded.unwrap_or(picture.coded_frames) })
}

struct File<'a> {
    container: Container<'a>,
    picture: Layout,
    alpha: Option<Layout>,
}

/// Reads the container, and the headers of all coded pictures that belong to the main picture and to its alpha channel.
fn read<C: Codec>(bytes: &[u8]) -> Option<File<'_>> {
    let container = Container::read(bytes)?;
    let picture = Layout::read::<C>(&container, container.primary)?;
    let alpha = match container.alpha() {
        Some(alpha) => Some(Layout::read::<C>(&container, alpha)?),
        None => None,
    };
    Some(File { container, picture, alpha })
}

pub(crate) fn unreadable() -> DevelopError {
    DevelopError::corrupt("the container is damaged")
}

/// Checks that the tiles fit together and fit the picture.
pub(crate) fn check_content<C: Codec>(bytes: &[u8]) -> Result<(), DevelopError> {
    let File { picture, alpha, .. } = read::<C>(bytes).ok_or_else(unreadable)?;
    picture.check(picture.canvas)?;
    alpha.map_or(Ok(()), |alpha| alpha.check(picture.canvas))
}

/// The EXIF block of the main picture.
pub(crate) fn exif(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    /// Real blocks have some kilobytes, with a preview.
    const MAX: usize = 4 << 20;
    let container = Container::read(bytes)?;
    exif_block(container.data(container.exif()?).filter(|data| data.len() <= MAX)?)
}

/// The EXIF block in the data of an item or a box.
pub(crate) fn exif_block(data: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
    // Four bytes say how many follow before the block.
    let prefix = usize::try_from(Fields(&data).number(4)?).ok()?.checked_add(4)?;
    match data {
        Cow::Borrowed(data) => data.get(prefix..).map(Cow::Borrowed),
        Cow::Owned(data) => data.get(prefix..).map(|block| Cow::Owned(block.to_vec())),
    }
}

/// Decodes, and reduces an opaque picture to the wanted size.
pub(crate) fn decode<C: Codec>(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    let File { container, picture, alpha } = read::<C>(request.bytes).ok_or_else(unreadable)?;
    check_work(picture.work.saturating_add(alpha.as_ref().map_or(0, |alpha| alpha.work)), request.limits)?;
    let full = request.header.size;
    let wanted = request.wanted(orientation(&container));
    let result = if alpha.is_some() { (full, 4) } else { (wanted, 3) };
    let decoding = memory(&picture, alpha.as_ref(), full, wanted);
    request.reserve(&Memory { decoding: decoding + request.bytes.len() as u64, result })?;

    let planes = Planes::decode::<C>(&container, &picture, picture.window, request.deadline)?;
    let alpha = match &alpha {
        Some(alpha) => Some(Planes::decode_luma::<C>(&container, alpha, picture.window, request.deadline)?),
        None => None,
    };
    Look::new(container, request, picture.coded.codes, alpha.is_some()).picture(planes, alpha)
}

/// Checks how many pixels the decoder goes over.
pub(crate) fn check_work(pixels: u64, limits: &Limits) -> Result<(), DevelopError> {
    if pixels > limits.max_pixels.saturating_mul(MAX_PASSES) { Err(DevelopError::Timeout) } else { Ok(()) }
}

/// How planes become a picture: what the container says of the main picture.
pub(crate) struct Look<'a> {
    container: Container<'a>,
    codes: Nclx,
    orientation: Orientation,
    /// The size of the picture, and the size to which an opaque one is reduced.
    full: Size,
    wanted: Size,
    is_premultiplied: bool,
}

impl<'a> Look<'a> {
    /// Reads the container. `codes` are the color codes of the coded picture.
    pub(crate) fn of(request: &Request<'a>, codes: Nclx, has_alpha: bool) -> Result<Self, DevelopError> {
        let container = Container::read(request.bytes).ok_or_else(unreadable)?;
        Ok(Self::new(container, request, codes, has_alpha))
    }

    fn new(container: Container<'a>, request: &Request<'_>, codes: Nclx, has_alpha: bool) -> Self {
        let orientation = orientation(&container);
        let alpha = container.alpha().filter(|_| has_alpha);
        Self {
            codes: container.nclx().unwrap_or(codes),
            orientation,
            full: request.header.size,
            wanted: request.wanted(orientation),
            is_premultiplied: alpha.is_some_and(|alpha| container.is_premultiplied(alpha)),
            container,
        }
    }

    /// Reduces an opaque picture to the wanted size.
    pub(crate) fn picture(&self, mut planes: Planes, alpha: Option<Planes>) -> Result<Decoded, DevelopError> {
        planes.is_full_range = self.codes.is_full_range;
        let profile = profile(&self.container, self.codes, &planes);
        let weights = weights(self.codes.matrix);
        let Some(alpha) = alpha else {
            let pixels = planes.into_rgb(self.wanted, weights, None)?;
            return Ok(Decoded { full: self.full, ..Decoded::whole(pixels, self.orientation, profile) });
        };
        // A reduction weights colors by their alpha, so it needs all pixels of both.
        let mut pixels = planes.into_rgb(self.full, weights, Some(alpha.into_alpha()?))?;
        if self.is_premultiplied {
            MulDiv::new().divide_alpha_inplace(&mut pixels).map_err(DevelopError::internal)?;
        }
        Ok(Decoded::whole(pixels, self.orientation, profile))
    }
}

/// The bytes that decoding takes at most, besides the file. Each step keeps what the steps before it made.
fn memory(picture: &Layout, alpha: Option<&Layout>, full: Size, wanted: Size) -> u64 {
    let pixels = area(full);
    let planes = picture.coded.planes(pixels);
    let sample = picture.coded.sample_bytes;
    let decoding = planes + picture.coded.decoding;
    let Some(alpha) = alpha else {
        // One plane after the other is reduced, first in its width.
        return decoding.max(planes + area((wanted.0, full.1)) * sample);
    };
    let decoding_alpha = planes + pixels * alpha.coded.sample_bytes + alpha.coded.decoding;
    // The planes in the size of the picture, half a plane while the last one is enlarged, alpha with 8 bits, and the
    // result.
    let converting = pixels * (sample * 7 / 2 + 1 + 4);
    decoding.max(decoding_alpha).max(converting)
}

/// The orientation that the container declares: all its turns and reflections, in their order. An EXIF block in it has
/// no effect: its orientation describes the picture before the container was made.
fn orientation(container: &Container<'_>) -> Orientation {
    // A quarter turn to the right, `turns` times, and then perhaps an exchange of left and right.
    let (mut turns, mut is_mirrored) = (0_u8, false);
    for (kind, value) in container.transformations() {
        match (&kind, value & 3, is_mirrored) {
            // The container counts turns to the left. After a reflection, a turn goes the other way.
            (b"irot", quarters, false) => turns += 4 - quarters,
            (b"irot", quarters, true) => turns += quarters,
            // An exchange of top and bottom equals an exchange of left and right with a half turn.
            (_, axis, _) => {
                turns += if axis & 1 == 0 { 2 } else { 0 };
                is_mirrored = !is_mirrored;
            }
        }
        turns %= 4;
    }
    match (turns, is_mirrored) {
        (1, false) => Orientation::Rotate90,
        (2, false) => Orientation::Rotate180,
        (3, false) => Orientation::Rotate270,
        (1, true) => Orientation::Rotate90FlipH,
        (2, true) => Orientation::FlipVertical,
        (3, true) => Orientation::Rotate270FlipH,
        (_, true) => Orientation::FlipHorizontal,
        (_, false) => Orientation::NoTransforms,
    }
}

fn profile(container: &Container<'_>, codes: Nclx, planes: &Planes) -> Option<Box<ColorProfile>> {
    if let Some(profile) = container.icc_profile() {
        return color::profile(profile);
    }
    let Nclx { primaries, transfer, .. } = codes;
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
