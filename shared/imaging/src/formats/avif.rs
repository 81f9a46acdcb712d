//! AVIF: AV1 in the container HEIF, decoded by rav1d, the Rust port of dav1d.

mod animation;
mod decoder;
mod units;

use re_rav1d::dav1d::{Picture, PixelLayout, PlanarImageComponent};

use super::heif::{self, Codec, Coded, Kind, Source, Subsampling, Tile};
use crate::decoder::Decoder;
use crate::error::DevelopError;
use crate::size::Size;
use decoder::{next_picture, open};

pub(crate) const AVIF: Decoder = Decoder {
    content_type: "image/avif",
    extension: "avif",
    recognizes,
    read_header: heif::read_header::<Av1>,
    check_content: heif::check_content::<Av1>,
    exif: heif::exif,
    strip: heif::strip,
    decode: heif::decode::<Av1>,
    animation: Some(animation::animation),
};

/// Whether the brands of the container include AVIF. The brand `mif1` means an image of any codec in this container.
fn recognizes(bytes: &[u8]) -> bool {
    let is_avif = |brand: &[u8]| brand == b"avif" || brand == b"avis";
    let Some(mut brands) = heif::brands(bytes) else { return false };
    match brands.next() {
        Some(b"mif1" | b"msf1") => brands.any(is_avif),
        main => main.is_some_and(is_avif),
    }
}

struct Av1;

impl Codec for Av1 {
    type Tile = Picture;

    const HAS_DECLARED_SIZE: bool = false;

    fn read(source: &Source<'_>) -> Option<Coded> {
        units::read(&source.data)
    }

    fn decode(source: &Source<'_>, coded: &Coded) -> Result<Picture, DevelopError> {
        next_picture(&mut open(coded)?, &source.data)
    }
}

impl Tile for Picture {
    fn kind(&self) -> Kind {
        let subsampling = match self.pixel_layout() {
            PixelLayout::I400 => Subsampling::Grey,
            PixelLayout::I420 => Subsampling::Both,
            PixelLayout::I422 => Subsampling::Horizontal,
            PixelLayout::I444 => Subsampling::None,
        };
        Kind { subsampling, depth: self.bit_depth() as u32 }
    }

    fn size(&self) -> Size {
        (self.width(), self.height())
    }

    fn copy_row(&self, plane: usize, row: usize, start: usize, to: &mut [u8]) {
        let component = match plane {
            0 => PlanarImageComponent::Y,
            1 => PlanarImageComponent::U,
            _ => PlanarImageComponent::V,
        };
        let bytes = if self.bit_depth() > 8 { 2 } else { 1 };
        let start = row * self.stride(component) as usize + start * bytes;
        if let Some(from) = self.plane(component).get(start..start + to.len()) {
            to.copy_from_slice(from);
        }
    }
}
