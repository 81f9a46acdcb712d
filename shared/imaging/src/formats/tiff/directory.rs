//! The first directory of a TIFF: what the engine has to know before a decoder reads it.

use crate::size::Size;

const NEW_SUBFILE_TYPE: u16 = 254;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const PHOTOMETRIC: u16 = 262;
const DNG_VERSION: u16 = 50706;

/// The meanings of samples: brightness, and indices of a palette.
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u64 = 3;

pub(crate) struct Directory<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
    /// Whether offsets have eight bytes.
    is_large: bool,
    /// The position of the first entry.
    start: usize,
    count: usize,
}

impl<'a> Directory<'a> {
    /// Finds the directory, or `None` if it is not in the file.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let is_big_endian = bytes.first() == Some(&b'M');
        let mut directory = Self { bytes, is_big_endian, is_large: false, start: 0, count: 0 };
        directory.is_large = directory.number(2, 2)? == 43;
        let (at, offset, count) = if directory.is_large { (8, 8, 8) } else { (4, 4, 2) };
        let start = usize::try_from(directory.number(at, offset)?).ok()?;
        directory.count = usize::try_from(directory.number(start, count)?).ok()?.min(usize::from(u16::MAX));
        directory.start = start.checked_add(count)?;
        Some(directory)
    }

    /// The declared width and height.
    pub(crate) fn size(&self) -> Option<Size> {
        let side = |tag| u32::try_from(self.value(tag)?).ok();
        Some((side(WIDTH)?, side(HEIGHT)?))
    }

    /// Whether this is the preview of a camera's raw picture: the picture is said to be a smaller version of another
    /// one, or the file has the version of Adobe's raw format.
    pub(crate) fn is_raw(&self) -> bool {
        self.value(NEW_SUBFILE_TYPE).is_some_and(|kind| kind & 1 == 1) || self.entry(DNG_VERSION).is_some()
    }

    /// A copy of the file that declares its samples as brightness, if they are indices of a palette.
    pub(crate) fn with_indices_as_grey(&self) -> Option<Vec<u8>> {
        let at = self.entry(PHOTOMETRIC).filter(|_| self.value(PHOTOMETRIC) == Some(PALETTE))?;
        let value =
            if self.is_big_endian { BLACK_IS_ZERO.to_be_bytes() } else { BLACK_IS_ZERO.to_le_bytes() };
        let mut copy = self.bytes.to_vec();
        copy.get_mut(at + self.value_offset()..)?.first_chunk_mut::<2>()?.copy_from_slice(&value);
        Some(copy)
    }

    /// The position of the entry with this tag.
    fn entry(&self, tag: u16) -> Option<usize> {
        let length = if self.is_large { 20 } else { 12 };
        let entries = (0..self.count).map(|index| self.start + index * length);
        entries.take_while(|&at| at < self.bytes.len()).find(|&at| self.number(at, 2) == Some(tag.into()))
    }

    /// The position of the value in an entry, after the tag, the type and the number of values.
    fn value_offset(&self) -> usize {
        if self.is_large { 12 } else { 8 }
    }

    /// The value of an entry with one number.
    fn value(&self, tag: u16) -> Option<u64> {
        let at = self.entry(tag)?;
        let length = match self.number(at + 2, 2)? {
            1 => 1,
            3 => 2,
            4 => 4,
            16 if self.is_large => 8,
            _ => return None,
        };
        self.number(at + self.value_offset(), length)
    }

    fn number(&self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(length)?)?;
        let add = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        Some(if self.is_big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }
}
