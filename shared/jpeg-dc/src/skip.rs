//! Skipping the AC coefficients of a block, several with one lookup.

use crate::bits::BitReader;
use crate::huffman::{Code, HuffmanTable, LOOKUP_BITS, Lookup, is_end_of_block, lookup};
use crate::tables::BLOCK;

/// The complete coefficients at the start of the next [`LOOKUP_BITS`] bits. Only the value of the first may extend
/// beyond these bits.
#[derive(Clone, Copy)]
struct Skip {
    /// The number of bits of all codes and values.
    bits: u8,
    /// The number of coefficients, zeros and the end of the block included. [`Skip::ENDS`] is set if they end it.
    reach: u8,
}

impl Skip {
    const ENDS: u8 = 0x80;
    /// No complete coefficient. This reach fits into no block.
    const NONE: Self = Self { bits: 0, reach: BLOCK as u8 };

    fn of(table: &HuffmanTable, bits: usize) -> Self {
        let mut skip = Self { bits: 0, reach: 0 };
        loop {
            let next = bits << skip.bits & ((1 << LOOKUP_BITS) - 1);
            let Code { symbol, length } = table.by_bits.get(next).copied().unwrap_or_default();
            let (run, size) = (symbol >> 4, symbol & 15);
            let is_first = skip.bits == 0;
            let known = skip.bits + length + if is_first { 0 } else { size };
            let reach = skip.reach + if is_end_of_block(symbol) { 1 } else { run + 1 };
            if length == 0 || u32::from(known) > LOOKUP_BITS || usize::from(reach) >= BLOCK {
                return if is_first { Self::NONE } else { skip };
            }
            skip = Self { bits: skip.bits + length + size, reach };
            if is_end_of_block(symbol) {
                skip.reach |= Self::ENDS;
                return skip;
            }
            if u32::from(skip.bits) >= LOOKUP_BITS {
                return skip;
            }
        }
    }
}

/// The AC table of a component whose AC coefficients are not needed.
pub(crate) struct SkipTable(Lookup<Skip>);

impl SkipTable {
    pub(crate) fn new(table: &HuffmanTable) -> Option<Self> {
        lookup((0..1 << LOOKUP_BITS).map(|bits| Skip::of(table, bits))).map(Self)
    }

    /// Skips all coefficients of a block but the first. `table` is the table that this one was made from.
    #[inline]
    pub(crate) fn skip_block(&self, bits: &mut BitReader<'_>, table: &HuffmanTable) -> Option<()> {
        let mut k = 1;
        while k < BLOCK {
            bits.fill();
            let skip = self.0.get(bits.peek())?;
            let after = k + usize::from(skip.reach & !Skip::ENDS);
            // The bits after the last coefficient belong to the next block.
            if after <= BLOCK {
                bits.consume(skip.bits.into());
                if skip.reach & Skip::ENDS > 0 {
                    return Some(());
                }
                k = after;
            } else {
                let symbol = bits.symbol(table)?;
                if is_end_of_block(symbol) {
                    return Some(());
                }
                bits.consume((symbol & 15).into());
                k += usize::from(symbol >> 4) + 1;
            }
        }
        (k == BLOCK).then_some(())
    }
}
