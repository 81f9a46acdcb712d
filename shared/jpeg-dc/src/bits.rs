//! The entropy-coded data, bit by bit.

use crate::huffman::{Code, HuffmanTable, LOOKUP_BITS};

/// Reads the data of a scan from the next bit on.
pub(crate) struct BitReader<'a> {
    data: &'a [u8],
    at: usize,
    /// The bits that were read and not yet used. The next one is the highest.
    buffer: u64,
    /// The number of bits in `buffer`.
    count: u32,
    /// How many zero bits were added because the data had ended.
    missing: u32,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, buffer: 0, count: 0, missing: 0 }
    }

    /// Makes at least 32 bits available: enough for a code and its value.
    #[inline]
    pub(crate) fn fill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(&word) = self.data.get(self.at..).and_then(<[u8]>::first_chunk::<4>) {
            let word = u32::from_be_bytes(word);
            let has_no_ff = (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0;
            if has_no_ff {
                self.buffer |= u64::from(word) << (32 - self.count);
                (self.count, self.at) = (self.count + 32, self.at + 4);
                return;
            }
        }
        self.fill_by_bytes();
    }

    fn fill_by_bytes(&mut self) {
        while self.count <= 56 {
            let byte = match self.data.get(self.at..) {
                Some([0xff, 0, ..]) => {
                    self.at += 2;
                    0xff
                }
                Some([0xff, ..] | []) | None => {
                    self.missing = self.missing.saturating_add(8);
                    0
                }
                Some(&[byte, ..]) => {
                    self.at += 1;
                    byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// Drops bits that [`fill`](Self::fill) made available.
    #[inline]
    pub(crate) fn consume(&mut self, bits: u32) {
        self.buffer <<= bits;
        self.count -= bits;
    }

    /// The next [`LOOKUP_BITS`] bits, without consuming them.
    #[inline]
    pub(crate) fn peek(&self) -> usize {
        (self.buffer >> (64 - LOOKUP_BITS)) as usize
    }

    /// The next symbol.
    #[inline]
    pub(crate) fn symbol(&mut self, table: &HuffmanTable) -> Option<u8> {
        let code = match table.by_bits.get(self.peek())? {
            Code { length: 0, .. } => table.find_long((self.buffer >> 48) as u32)?,
            &code => code,
        };
        self.consume(code.length.into());
        Some(code.symbol)
    }

    /// The value of the next `size` bits, whose smaller half stands for negative numbers: RECEIVE and EXTEND.
    #[inline]
    pub(crate) fn value(&mut self, size: u8) -> Option<i32> {
        if size == 0 {
            return Some(0);
        }
        if size > 15 {
            return None;
        }
        let value = (self.buffer >> (64 - u32::from(size))) as i32;
        self.consume(size.into());
        Some(if value < 1 << (size - 1) { value + 1 - (1 << size) } else { value })
    }

    /// Checks that the data was complete and that nothing is left of it before `marker`.
    pub(crate) fn expect_marker(&self, marker: u8) -> Option<()> {
        let is_used_up = self.count.checked_sub(self.missing)? < 8;
        let is_there = self.data.get(self.at..)?.starts_with(&[0xff, marker]);
        (is_used_up && is_there).then_some(())
    }

    /// Continues after the restart marker `marker`.
    pub(crate) fn restart(&mut self, marker: u8) -> Option<()> {
        self.expect_marker(marker)?;
        *self = Self::new(self.data.get(self.at + 2..)?);
        Some(())
    }
}
