//! From the bytes of a file to the pixels of its first picture.

use crate::decoded::Decoded;
use crate::decoder::Request;
use crate::error::DevelopError;
use crate::formats::{Format, rejection};
use crate::header::Header;
use crate::limits::Limits;

/// Recognizes the format and reads the header. Checks it against `limits`, and checks that the file is complete as far
/// as the decoder does not.
pub(crate) fn read_header(bytes: &[u8], limits: &Limits) -> Result<(Format, Header), DevelopError> {
    let format = Format::of(bytes).ok_or_else(|| rejection(bytes))?;
    let decoder = format.decoder();
    let header = (decoder.read_header)(bytes)
        .filter(|header| header.size.0 > 0 && header.size.1 > 0)
        .ok_or_else(|| DevelopError::corrupt("the header gives no dimensions"))?;
    header.check(limits)?;
    (decoder.check_content)(bytes)?;
    Ok((format, header))
}

/// Decodes the first picture of a file whose header was read, as it is stored.
pub(crate) fn decode(format: Format, request: &Request<'_>) -> Result<Decoded, DevelopError> {
    (format.decoder().decode)(request)
}
