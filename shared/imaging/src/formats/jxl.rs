//! JPEG XL, decoded by jxl, which the authors of the format make. Browsers use it too.
//!
//! A small file can have many hidden frames, which later frames use. So the decoder gets its input and its processor
//! through `control.rs`, which can stop it at any time. The memory of hidden frames counts only if a file has them.

mod control;
mod metadata;

use ::jxl::api::{
    Endianness, Event, ExtraChannel, JxlBasicInfo, JxlColorEncoding, JxlColorProfile, JxlColorType,
    JxlDataFormat, JxlDecoder, JxlOutputBuffer, JxlPixelFormat,
};
use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use image::metadata::Orientation;
use moxcms::ColorProfile;

use crate::color;
use crate::decoded::Decoded;
use crate::decoder::{Decoder, Memory, Request, incomplete, no_check};
use crate::error::DevelopError;
use crate::header::{Header, area};
use crate::limits::Deadline;
use crate::size::Size;
use control::{Input, NoWork, Worker, options};
use metadata::{CODESTREAM, CONTAINER};

pub(crate) const JXL: Decoder = Decoder {
    content_type: "image/jxl",
    extension: "jxl",
    recognizes: |bytes| bytes.starts_with(CODESTREAM) || bytes.starts_with(CONTAINER),
    read_header,
    check_content: no_check,
    exif: metadata::exif,
    strip: metadata::strip,
    decode,
    animation: None,
};

/// The bytes that the decoder takes for each sample of the picture, besides the result: mostly one, and three for a picture
/// in several passes, whose coefficients it keeps.
const SAMPLE: u64 = 3;

/// The bytes that the decoder takes for each sample of hidden frames: of four frames that it keeps, and of the one that it
/// decodes.
const HIDDEN_SAMPLE: u64 = 5 * 4;

/// The samples of the largest frame of a small picture. Hidden frames can be larger than the picture.
const MIN_SAMPLES: u64 = 1 << 24;

fn read_header(bytes: &[u8]) -> Option<Header> {
    let mut decoder = JxlDecoder::new(options(None));
    let mut input = Input { rest: bytes, deadline: None };
    let event = decoder.process(&mut input, None, None).ok()?;
    let info = decoder.basic_info().filter(|_| event == Event::BasicInfo)?;
    size(info).map(Header::still)
}

fn size(info: &JxlBasicInfo) -> Option<Size> {
    let (width, height) = info.size;
    Some((width.try_into().ok()?, height.try_into().ok()?))
}

fn decode(request: &Request<'_>) -> Result<Decoded, DevelopError> {
    let rejected = |error: ::jxl::error::Error| match request.deadline.check() {
        Ok(()) => DevelopError::corrupt(error),
        Err(timeout) => timeout,
    };
    let (width, height) = request.header.size;
    // Every picture counts as one with color.
    let channels = |info: &JxlBasicInfo| 3 + info.extra_channels.len() as u64;
    let max_samples = |info: &JxlBasicInfo| (area((width, height)) * channels(info)).max(MIN_SAMPLES);

    let mut decoder = JxlDecoder::new(options(None));
    let mut input = Input { rest: request.bytes, deadline: None };
    decoder.process(&mut input, None, None).map_err(rejected)?;
    let info = decoder.basic_info().ok_or_else(incomplete)?.clone();
    let samples = max_samples(&info);
    let kind = Kind::of(&info, &decoder)?;
    let result = ((width, height), kind.pixel_type().size() as u64);
    let reserve = |sample: u64| {
        let pixels = area(result.0) * result.1;
        // The decoder copies the file.
        let decoding = pixels + samples * sample + request.bytes.len() as u64;
        request.reserve(&Memory { decoding, result })
    };
    reserve(SAMPLE)?;
    if has_hidden_frames(request.bytes, samples, request.deadline)? {
        reserve(SAMPLE + HIDDEN_SAMPLE)?;
    }

    // Only a new decoder takes the limit of samples.
    let mut decoder = JxlDecoder::new(options(Some(samples)));
    let mut input = Input { rest: request.bytes, deadline: Some(request.deadline) };
    let mut worker = Worker { deadline: request.deadline };
    decoder.process(&mut input, None, Some(&mut worker)).map_err(rejected)?;
    decoder.set_pixel_format(kind.format(info.extra_channels.len())).map_err(rejected)?;
    let mut pixels = Image::new(width, height, kind.pixel_type());
    let row = width as usize * kind.pixel_type().size();
    loop {
        let mut buffers = [JxlOutputBuffer::new(pixels.buffer_mut(), height as usize, row)];
        match decoder.process(&mut input, Some(&mut buffers), Some(&mut worker)).map_err(rejected)? {
            Event::FrameComplete { .. } => break,
            Event::BasicInfo | Event::FrameHeader => {}
            Event::NeedMoreInput { .. } | Event::Complete => return Err(incomplete()),
        }
    }
    let orientation = Orientation::from_exif(info.orientation as u8).unwrap_or(Orientation::NoTransforms);
    Ok(Decoded::whole(pixels, orientation, profile(&decoder)))
}

/// Whether frames that are not shown precede the first one that is. If this cannot be found out, they may.
fn has_hidden_frames(bytes: &[u8], samples: u64, deadline: Deadline) -> Result<bool, DevelopError> {
    let mut options = options(Some(samples));
    // The decoder then skips frames that are shown, and decodes others.
    options.scan_frames_only = true;
    let mut decoder = JxlDecoder::new(options);
    let mut input = Input { rest: bytes, deadline: Some(deadline) };
    loop {
        match decoder.process(&mut input, None, Some(&mut NoWork)) {
            Ok(Event::BasicInfo) => {}
            Ok(Event::FrameHeader) => return Ok(false),
            Ok(Event::NeedMoreInput { .. }) => return Err(incomplete()),
            _ => return Ok(true),
        }
    }
}

/// What the pixels of a picture are.
#[derive(Clone, Copy)]
struct Kind {
    is_grey: bool,
    has_alpha: bool,
    is_deep: bool,
}

impl Kind {
    fn of(info: &JxlBasicInfo, decoder: &JxlDecoder) -> Result<Self, DevelopError> {
        let has = |kind| info.extra_channels.iter().any(|channel| channel.ec_type == kind);
        if has(ExtraChannel::Black) {
            return Err(DevelopError::UnsupportedFormat { format: "JPEG XL (of this unusual kind)" });
        }
        let format = decoder.current_pixel_format();
        Ok(Self {
            is_grey: format.is_some_and(|format| format.color_type.is_grayscale()),
            has_alpha: has(ExtraChannel::Alpha),
            is_deep: info.bit_depth.bits_per_sample() > 8,
        })
    }

    /// The format for the decoder. It leaves out all extra channels but alpha.
    fn format(self, extra_channels: usize) -> JxlPixelFormat {
        let color_type = match (self.is_grey, self.has_alpha) {
            (true, true) => JxlColorType::GrayscaleAlpha,
            (true, false) => JxlColorType::Grayscale,
            (false, true) => JxlColorType::Rgba,
            (false, false) => JxlColorType::Rgb,
        };
        let samples = if self.is_deep {
            JxlDataFormat::U16 { endianness: Endianness::native(), bit_depth: 16 }
        } else {
            JxlDataFormat::U8 { bit_depth: 8 }
        };
        let extra_channel_format = vec![None; extra_channels];
        JxlPixelFormat { color_type, color_data_format: Some(samples), extra_channel_format }
    }

    fn pixel_type(self) -> PixelType {
        match (self.is_grey, self.has_alpha, self.is_deep) {
            (true, false, false) => PixelType::U8,
            (true, true, false) => PixelType::U8x2,
            (false, false, false) => PixelType::U8x3,
            (false, true, false) => PixelType::U8x4,
            (true, false, true) => PixelType::U16,
            (true, true, true) => PixelType::U16x2,
            (false, false, true) => PixelType::U16x3,
            (false, true, true) => PixelType::U16x4,
        }
    }
}

/// The profile of the decoded pixels, if it is not sRGB.
fn profile(decoder: &JxlDecoder) -> Option<Box<ColorProfile>> {
    let profile = decoder.output_color_profile()?;
    let is_srgb = [false, true].iter().any(|&is_grey| {
        profile.same_color_encoding(&JxlColorProfile::Simple(JxlColorEncoding::srgb(is_grey)))
    });
    if is_srgb { None } else { color::profile(&profile.try_as_icc()?) }
}
