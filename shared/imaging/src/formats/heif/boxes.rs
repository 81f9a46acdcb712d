//! Boxes (ISO/IEC 14496-12) and the numbers in them.

/// The type of a box, and its content.
pub(crate) type Box<'a> = ([u8; 4], &'a [u8]);

/// The boxes in `rest`, up to the first incomplete one.
pub(crate) fn boxes(mut rest: &[u8]) -> impl Iterator<Item = Box<'_>> {
    std::iter::from_fn(move || {
        let mut fields = Fields(rest);
        let short = fields.number(4)?;
        let kind = fields.array()?;
        let (length, header) = match short {
            0 => (rest.len(), 8),
            1 => (usize::try_from(fields.number(8)?).ok()?, 16),
            length => (usize::try_from(length).ok()?, 8),
        };
        let content = rest.get(header..length)?;
        rest = rest.get(length..)?;
        Some((kind, content))
    })
}

/// Numbers that follow each other, the highest byte first.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next `length` bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    /// A number of `length` bytes, at most eight.
    pub(crate) fn number(&mut self, length: usize) -> Option<u64> {
        let bytes = self.bytes(length)?;
        (length <= 8).then(|| bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// A number of at most four bytes.
    pub(crate) fn id(&mut self, length: usize) -> Option<u32> {
        u32::try_from(self.number(length)?).ok()
    }

    /// The version at the start of a box. Flags follow it.
    pub(crate) fn full_box(&mut self) -> Option<u8> {
        self.array::<4>().map(|[version, ..]| version)
    }

    /// The version, flags and an identifier. The identifier has four bytes from the version `long` on.
    pub(crate) fn versioned_id(&mut self, long: u8) -> Option<u32> {
        let version = self.full_box()?;
        self.id(if version < long { 2 } else { 4 })
    }
}
