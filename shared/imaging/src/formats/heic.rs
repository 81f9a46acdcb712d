//! HEIC: HEVC in the container HEIF, decoded by heifer-hevc-dec.

mod stream;

use heifer_hevc_dec::Error;
use heifer_hevc_dec::decoder::{DecodeOptions, decode_picture};
use heifer_hevc_dec::recon::Frame;

use super::heif::{self, Codec, Coded, Container, Kind, Source, Subsampling, Tile};
use crate::decoder::Decoder;
use crate::error::DevelopError;
use crate::header::Header;
use crate::size::Size;
use stream::Stream;

pub(crate) const HEIC: Decoder = Decoder {
    content_type: "image/heic",
    extension: "heic",
    recognizes,
    read_header,
    check_content,
    exif: heif::exif,
    strip: heif::strip,
    decode: heif::decode::<Hevc>,
    animation: None,
};

/// The types of a main picture that the engine decodes: one coded picture, or a grid of them.
const TYPES: [[u8; 4]; 2] = [*b"hvc1", *b"grid"];

/// Whether the brands of the container include HEIC, or say that it contains an image of any codec.
fn recognizes(bytes: &[u8]) -> bool {
    let is_heic = |brand: &[u8]| matches!(brand, b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx");
    let Some(mut brands) = heif::brands(bytes) else { return false };
    match brands.next() {
        Some(b"mif1" | b"msf1") => true,
        Some(brand) => is_heic(brand) || brands.any(|brand| brand == b"heic" || brand == b"heix"),
        None => false,
    }
}

/// The header, also of files with a main picture that the engine does not decode.
fn read_header(bytes: &[u8]) -> Option<Header> {
    let container = Container::read(bytes)?;
    if is_usual(&container) {
        return heif::read_header::<Hevc>(bytes);
    }
    container.declared_size(container.primary).map(Header::still)
}

fn check_content(bytes: &[u8]) -> Result<(), DevelopError> {
    if Container::read(bytes).is_some_and(|container| is_usual(&container)) {
        return heif::check_content::<Hevc>(bytes);
    }
    Err(unusual())
}

fn is_usual(container: &Container<'_>) -> bool {
    container.primary_type().is_some_and(|kind| TYPES.contains(&kind))
}

fn unusual() -> DevelopError {
    DevelopError::UnsupportedFormat { format: "HEIF (of this unusual kind)" }
}

struct Hevc;

impl Codec for Hevc {
    type Tile = Frame;

    const HAS_DECLARED_SIZE: bool = true;

    fn read(source: &Source<'_>) -> Option<Coded> {
        Stream::read(source).map(|stream| stream.coded())
    }

    fn decode(source: &Source<'_>, coded: &Coded) -> Result<Frame, DevelopError> {
        let stream = Stream::read(source).ok_or_else(|| DevelopError::corrupt("no picture in the data"))?;
        // The decoder rejects larger pictures.
        let options = DecodeOptions { max_pixels: coded.pixels, ..DecodeOptions::default() };
        let frame = decode_picture(&stream.joined(), options).map_err(|error| match error {
            Error::Unimplemented(_) => unusual(),
            error => DevelopError::corrupt(error),
        })?;
        let [luma, chroma] = frame.bit_depth;
        if luma != chroma && frame.chroma_format != 0 {
            return Err(unusual());
        }
        Ok(frame)
    }
}

impl Tile for Frame {
    fn kind(&self) -> Kind {
        let subsampling = match self.chroma_format {
            1 => Subsampling::Both,
            2 => Subsampling::Horizontal,
            3 => Subsampling::None,
            _ => Subsampling::Grey,
        };
        Kind { subsampling, depth: self.bit_depth[0].into() }
    }

    fn size(&self) -> Size {
        (self.widths[0], self.heights[0])
    }

    fn copy_row(&self, plane: usize, row: usize, start: usize, to: &mut [u8]) {
        let (Some(&width), Some(samples)) = (self.widths.get(plane), self.planes.get(plane)) else { return };
        let from = samples.get(row * width as usize + start..).unwrap_or_default();
        if self.bit_depth[0] > 8 {
            for (to, from) in to.as_chunks_mut().0.iter_mut().zip(from) {
                *to = from.to_ne_bytes();
            }
        } else {
            for (to, &from) in to.iter_mut().zip(from) {
                *to = from as u8;
            }
        }
    }
}
