//! The decoder of AV1.

use re_rav1d::dav1d::{Decoder as Av1Decoder, Error, Picture, Settings};

use crate::error::DevelopError;
use crate::formats::heif::Coded;
use crate::header::area;

/// A decoder of pictures of this kind.
pub(crate) fn open(coded: &Coded) -> Result<Av1Decoder, DevelopError> {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    // The decoder rejects larger frames.
    settings.set_frame_size_limit(u32::try_from(area(coded.size)).unwrap_or(u32::MAX));
    Av1Decoder::with_settings(&settings).map_err(DevelopError::internal)
}

/// Decodes the data of one picture.
pub(crate) fn next_picture(decoder: &mut Av1Decoder, data: &[u8]) -> Result<Picture, DevelopError> {
    decoder.send_data(data.to_vec(), None, None, None).map_err(DevelopError::corrupt)?;
    // With one thread, the decoder works during this call. It has all data, so a second call would not find a picture
    // that the first did not. It leaks 48 bytes each time.
    match decoder.get_picture() {
        Err(Error::Again) => Err(DevelopError::corrupt("no picture in the data")),
        outcome => outcome.map_err(DevelopError::corrupt),
    }
}
