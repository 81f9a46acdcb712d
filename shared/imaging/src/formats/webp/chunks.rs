//! The chunks of a WebP.

pub(crate) fn declared_length(bytes: &[u8]) -> Option<usize> {
    let (declared, _) = bytes.get(4..)?.split_first_chunk()?;
    (u32::from_le_bytes(*declared) as usize).checked_add(8)
}

/// The content of the first chunk of this kind at the top level.
pub(crate) fn content<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    Chunks::of_file(bytes).find(|chunk| chunk.kind == kind).map(|chunk| chunk.payload)
}

/// The EXIF block. Some programs write the prefix of JPEG.
pub(crate) fn exif(bytes: &[u8]) -> Option<&[u8]> {
    content(bytes, b"EXIF").map(|exif| exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))
}

/// An iterator over chunks in their order.
pub(crate) struct Chunks<'a> {
    pub(crate) rest: &'a [u8],
}

pub(crate) struct Chunk<'a> {
    pub(crate) kind: &'a [u8; 4],
    pub(crate) payload: &'a [u8],
    /// Whether the file contains the whole payload.
    pub(crate) is_complete: bool,
}

impl<'a> Chunks<'a> {
    /// The chunks up to the declared end of the file. Bytes after it do not belong to the picture.
    pub(crate) fn of_file(bytes: &'a [u8]) -> Self {
        let end = declared_length(bytes).unwrap_or_default().min(bytes.len());
        Self { rest: bytes.get(12..end).unwrap_or_default() }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let is_complete = length <= rest.len();
        let payload = rest.get(..length).unwrap_or(rest);
        self.rest = rest.get(length.saturating_add(length & 1)..).unwrap_or_default();
        Some(Chunk { kind, payload, is_complete })
    }
}
