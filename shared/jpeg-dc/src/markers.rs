//! The marker segments of a JPEG file.

/// Start of scan: the header before entropy-coded data.
pub const SOS: u8 = 0xda;

/// End of image.
pub const EOI: u8 = 0xd9;

/// One marker segment.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The second byte of the marker; the first is always 0xff.
    pub marker: u8,
    /// The content after the length field. It is empty for [`EOI`].
    pub payload: &'a [u8],
    /// The position of the marker in the file.
    pub start: usize,
    /// The position after the segment. After [`SOS`] the entropy-coded data starts here.
    pub end: usize,
}

impl Segment<'_> {
    /// Whether this is a start of frame, of any coding process. C4, C8 and CC are other markers.
    #[must_use]
    pub fn is_frame(&self) -> bool {
        matches!(self.marker, 0xc0..=0xcf) && !matches!(self.marker, 0xc4 | 0xc8 | 0xcc)
    }
}

/// An iterator over the marker segments in the order of the file. It skips entropy-coded data and the markers that
/// have no content, and stops where a segment is cut off.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    /// The segments of `bytes`, a JPEG file.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        loop {
            let start = self.at + memchr::memchr(0xff, self.bytes.get(self.at..)?)?;
            let marker = *self.bytes.get(start + 1)?;
            self.at = start + 1;
            match marker {
                0xff => {} // a fill byte
                // A stuffed byte, TEM, a restart, or the start of the image: these have no content.
                0x00 | 0x01 | 0xd0..=0xd8 => self.at = start + 2,
                EOI => {
                    self.at = start + 2;
                    return Some(Segment { marker, payload: &[], start, end: self.at });
                }
                _ => {
                    let rest = self.bytes.get(start + 2..)?;
                    let (length, _) = rest.split_first_chunk()?;
                    let length = usize::from(u16::from_be_bytes(*length));
                    let payload = rest.get(2..length)?;
                    self.at = start + 2 + length;
                    return Some(Segment { marker, payload, start, end: self.at });
                }
            }
        }
    }
}
