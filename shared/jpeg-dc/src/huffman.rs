//! Huffman tables, prepared so that one lookup decodes a code.

use crate::tables::CodeLengths;

/// The number of bits that index a [`Lookup`].
pub(crate) const LOOKUP_BITS: u32 = 11;

/// An entry for each value of the next [`LOOKUP_BITS`] bits.
pub(crate) type Lookup<T> = Box<[T; 1 << LOOKUP_BITS]>;

/// A Huffman table.
pub(crate) struct HuffmanTable {
    pub(crate) by_bits: Lookup<Code>,
    /// For each length from 1 to 16: the first value of the next 16 bits that is above all codes of this length, and
    /// the difference between a code and the index of its symbol.
    lengths: [(u32, i32); 16],
    symbols: Vec<u8>,
}

/// A code and what it stands for. A length of 0 means that the code is longer than [`LOOKUP_BITS`], or invalid.
#[derive(Clone, Copy, Default)]
pub(crate) struct Code {
    pub(crate) symbol: u8,
    pub(crate) length: u8,
}

impl HuffmanTable {
    /// A table of DC coefficients. Their symbols are sizes, and libjpeg rejects a table with a size above 15.
    pub(crate) fn dc(table: CodeLengths<'_>) -> Option<Self> {
        if table.1.iter().all(|&size| size <= 15) { Self::new(table) } else { None }
    }

    /// A table of AC coefficients.
    pub(crate) fn ac(table: CodeLengths<'_>) -> Option<Self> {
        Self::new(table)
    }

    fn new((counts, symbols): CodeLengths<'_>) -> Option<Self> {
        let mut lengths = [(0, 0); 16];
        let (mut code, mut index) = (0_u32, 0_i32);
        for ((length, &count), entry) in (1..).zip(counts).zip(&mut lengths) {
            let beyond = code + u32::from(count);
            // No code may consist of ones only.
            if beyond >= 1 << length {
                return None;
            }
            *entry = (beyond << (16 - length), index - code as i32);
            (code, index) = (beyond << 1, index + i32::from(count));
        }
        let find = |bits: u32| find(&lengths, symbols, bits << (16 - LOOKUP_BITS));
        let entries = (0..1 << LOOKUP_BITS).map(|bits| match find(bits) {
            Some(code) if u32::from(code.length) <= LOOKUP_BITS => code,
            _ => Code::default(),
        });
        Some(Self { by_bits: lookup(entries)?, lengths, symbols: symbols.to_vec() })
    }

    /// The code at the start of 16 bits, for codes that are longer than [`LOOKUP_BITS`].
    #[cold]
    pub(crate) fn find_long(&self, bits: u32) -> Option<Code> {
        find(&self.lengths, &self.symbols, bits)
    }
}

/// The code at the start of 16 bits.
fn find(lengths: &[(u32, i32); 16], symbols: &[u8], bits: u32) -> Option<Code> {
    let (length, &(_, offset)) = (1..).zip(lengths).find(|&(_, &(beyond, _))| bits < beyond)?;
    let index = (bits >> (16 - length)) as i32 + offset;
    Some(Code { symbol: *symbols.get(usize::try_from(index).ok()?)?, length })
}

/// Collects the entries of a lookup table.
pub(crate) fn lookup<T>(entries: impl Iterator<Item = T>) -> Option<Lookup<T>> {
    entries.collect::<Box<[T]>>().try_into().ok()
}

/// Whether an AC symbol ends the block. Others with a size of zero stand for sixteen zeros.
#[inline]
pub(crate) fn is_end_of_block(symbol: u8) -> bool {
    symbol & 15 == 0 && symbol >> 4 < 15
}
