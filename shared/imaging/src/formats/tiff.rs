//! TIFF, decoded by the `tiff` crate. The first page counts.

mod directory;
mod samples;

use std::borrow::Cow;
use std::io::Cursor;

use ::tiff::decoder::{Decoder as TiffDecoder, Limits};
use ::tiff::tags::{SampleFormat, Tag};
use ::tiff::{TiffError, TiffResult};
use fast_image_resize::MulDiv;
use fast_image_resize::images::Image;
use image::metadata::Orientation;

use crate::color;
use crate::decoded::{Decoded, Samples};
use crate::decoder::{Decoder, Memory, Request, incomplete};
use crate::error::DevelopError;
use crate::header::{Header, area};
use directory::Directory;
use samples::{Source, Target};

pub(crate) const TIFF: Decoder = Decoder {
    content_type: "image/tiff",
    extension: "tif",
    recognizes: |bytes| matches!(bytes, [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..]),
    read_header,
    check_content,
    strip: |_bytes| None,
    // The file itself has the structure of an EXIF block.
    exif: |bytes| Some(Cow::Borrowed(bytes)),
    decode,
    animation: None,
};

/// The name, in errors, of files that the decoder does not support.
const UNUSUAL: DevelopError = DevelopError::UnsupportedFormat { format: "TIFF (of this unusual kind)" };

/// Alpha as an additional sample, by which the colors are already weighted.
const ASSOCIATED_ALPHA: u16 = 1;

/// The compressions that the decoder reads piece by piece: none, LZW, Deflate (by two numbers) and PackBits.
const STREAMED: [u16; 5] = [1, 5, 8, 32_946, 32_773];

type File<'a> = TiffDecoder<Cursor<&'a [u8]>>;

fn open(bytes: &[u8]) -> TiffResult<File<'_>> {
    let mut limits = Limits::default();
    // The largest value is the profile. The list of tiles is smaller.
    limits.ifd_value_size = color::MAX_PROFILE;
    Ok(TiffDecoder::new(Cursor::new(bytes))?.with_limits(limits))
}

fn read_header(bytes: &[u8]) -> Option<Header> {
    Directory::read(bytes)?.size().map(Header::still)
}

/// Rejects the raw files of cameras, whose first picture is a small preview. Checks that all parts of the picture are in
/// the file: the decoder fills a part that ends early.
fn check_content(bytes: &[u8]) -> Result<(), DevelopError> {
    let is_raw =
        bytes.get(8..10) == Some(b"CR") || Directory::read(bytes).is_some_and(|directory| directory.is_raw());
    if is_raw {
        return Err(DevelopError::UnsupportedFormat { format: "Camera raw" });
    }
    let mut file = open(bytes).map_err(rejected)?;
    let mut list = |tag| file.find_tag_unsigned_vec::<u64>(tag).map_err(rejected);
    for (offsets, lengths) in
        [(Tag::StripOffsets, Tag::StripByteCounts), (Tag::TileOffsets, Tag::TileByteCounts)]
    {
        let (offsets, lengths) = (list(offsets)?.unwrap_or_default(), list(lengths)?.unwrap_or_default());
        let ends = offsets.iter().zip(&lengths).map(|(offset, length)| offset.saturating_add(*length));
        if ends.max().is_some_and(|end| end > bytes.len() as u64) {
            return Err(incomplete());
        }
    }
    Ok(())
}

fn decode(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    let directory = Directory::read(request.bytes).ok_or_else(incomplete)?;
    // The decoder does not read palettes, but it reads their indices as if they were grey.
    let indices = directory.with_indices_as_grey();
    let mut file = open(indices.as_deref().unwrap_or(request.bytes)).map_err(rejected)?;
    let size = file.dimensions().map_err(rejected)?;
    Header { size, ..request.header }.check(request.limits)?;

    let layout = file.image_buffer_layout().map_err(rejected)?;
    let extra = file.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(rejected)?.unwrap_or_default();
    let color = file.colortype().map_err(rejected)?;
    let palette = if indices.is_some() {
        file.find_tag_unsigned_vec::<u16>(Tag::ColorMap).map_err(rejected)?.unwrap_or_default()
    } else {
        Vec::new()
    };
    let source = Source::of(color, &extra, palette).filter(|_| layout.sample_format == SampleFormat::Uint);
    let source = source.ok_or(UNUSUAL)?;
    let is_tiled = file.find_tag(Tag::TileOffsets).map_err(rejected)?.is_some();
    if layout.planes > 1 && is_tiled {
        // The decoder panics at some of these.
        return Err(UNUSUAL);
    }

    let Target { pixel_type, samples } = source.target();
    let bytes_per_pixel = pixel_type.size() as u64;
    let is_direct = layout.planes <= 1 && source.is_direct();
    let raw = if is_direct { 0 } else { layout.complete_len };
    // One part after the other is decompressed into the picture, or before that: a part can be as large as the picture.
    let compression =
        file.find_tag_unsigned::<u16>(Tag::Compression).map_err(rejected)?.unwrap_or(STREAMED[0]);
    let is_streamed = STREAMED.contains(&compression);
    let part = layout.complete_len.min(area(file.chunk_dimensions()) as usize * source.bytes_per_pixel());
    let part = if is_streamed { 0 } else { part };
    let copies = request.bytes.len() * usize::from(indices.is_some());
    let decoding = area(size) * bytes_per_pixel + (raw + part + copies) as u64;
    request.reserve(&Memory { decoding, result: (size, bytes_per_pixel) })?;

    let orientation = file.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
    let orientation = orientation.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms);
    let profile = file.find_tag(Tag::IccProfile).ok().flatten().and_then(|value| value.into_u8_vec().ok());
    let profile = profile.and_then(|profile| color::profile(&profile));

    let mut pixels = Image::new(size.0, size.1, pixel_type);
    if is_direct {
        file.read_image_bytes(pixels.buffer_mut()).map_err(rejected)?;
    } else {
        let mut raw = vec![0; raw];
        file.read_image_bytes(&mut raw).map_err(rejected)?;
        let plane = layout.plane_stride.filter(|_| layout.planes > 1).map(usize::from);
        let row = layout.row_stride.map_or(raw.len(), usize::from);
        source.convert(&raw, plane, row, size.0 as usize, pixels.buffer_mut());
    }
    if samples == Samples::Light && source.has_alpha() && extra.first() == Some(&ASSOCIATED_ALPHA) {
        MulDiv::new().divide_alpha_inplace(&mut pixels).map_err(DevelopError::internal)?;
    }
    Ok(Decoded { samples, ..Decoded::whole(pixels, orientation, profile) })
}

fn rejected(error: TiffError) -> DevelopError {
    match error {
        TiffError::UnsupportedError(_) => UNUSUAL,
        error => DevelopError::corrupt(error),
    }
}
