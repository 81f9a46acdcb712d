//! Two inverse DCTs, with libjpeg's results to the last bit: a block becomes one pixel, or two by two.

use crate::tables::BLOCK;

/// The pixel of a block at 1/8: the mean, which follows from the dequantized DC coefficient.
#[inline]
pub(crate) fn one_pixel(dc: i32) -> u8 {
    (((dc + 4) >> 3) + 128).clamp(0, 255) as u8
}

/// The mean of each DCT basis function over its left half, in 13-bit fixed point, times four times the square root of
/// two. Over the right half the sign is opposite. The means of the even functions are zero, except that of the first.
/// The values are those of libjpeg.
const HALVES: [i64; 8] = [0, 29_692, 0, -10_426, 0, 6_967, 0, -5_906];

/// Where a coefficient goes in [`TwoByTwo`], and its factor there, the quantization step included.
pub(crate) struct Term {
    column: usize,
    part: usize,
    factor: i64,
}

/// The terms of all coefficients, in zigzag order.
pub(crate) fn terms(quantization: &[u16; BLOCK]) -> Vec<Term> {
    let term = |((column, row), &step): ((usize, usize), &u16)| match HALVES.get(row) {
        Some(half) if row > 0 => Term { column, part: 1, factor: half * i64::from(step) },
        _ => Term { column, part: 0, factor: step.into() },
    };
    zigzag().into_iter().zip(quantization).map(term).collect()
}

/// The frequencies of the coefficients, across and down, in zigzag order.
fn zigzag() -> Vec<(usize, usize)> {
    let mut order: Vec<_> = (0..BLOCK).map(|index| (index % 8, index / 8)).collect();
    order.sort_by_key(|&(u, v)| (u + v, if (u + v) % 2 == 0 { u } else { v }));
    order
}

/// A block on its way to two by two pixels, as `jpeg_idct_2x2` of libjpeg computes them.
pub(crate) struct TwoByTwo {
    /// For each column of coefficients: the sum of its upper and lower half, and their difference.
    columns: [[i64; 2]; 8],
}

impl TwoByTwo {
    #[inline]
    pub(crate) fn new(dc: i32) -> Self {
        let mut columns = [[0; 2]; 8];
        columns[0][0] = dc.into();
        Self { columns }
    }

    #[inline]
    pub(crate) fn add(&mut self, &Term { column, part, factor }: &Term, coefficient: i32) -> Option<()> {
        *self.columns.get_mut(column)?.get_mut(part)? += i64::from(coefficient) * factor;
        Some(())
    }

    /// The upper and the lower two pixels.
    #[inline]
    pub(crate) fn pixels(&self) -> [[u8; 2]; 2] {
        let halves = self.columns.map(|[both, odd]| [both << 15, odd]);
        let upper = halves.map(|[both, odd]| (both + odd + (1 << 12)) >> 13);
        let lower = halves.map(|[both, odd]| (both - odd + (1 << 12)) >> 13);
        [upper, lower].map(|half| {
            let odd: i64 = half.iter().zip(HALVES).map(|(column, factor)| column * factor).sum();
            let pixel = |sum: i64| (((sum + (1 << 19)) >> 20) + 128).clamp(0, 255) as u8;
            let both = half[0] << 15;
            [pixel(both + odd), pixel(both - odd)]
        })
    }
}
