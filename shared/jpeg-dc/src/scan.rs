//! The one scan of a sequential JPEG. The names are those of ITU-T T.81.

use crate::bits::BitReader;
use crate::huffman::{HuffmanTable, is_end_of_block};
use crate::idct::{Term, TwoByTwo, one_pixel, terms};
use crate::markers::{SOS, Segments};
use crate::skip::SkipTable;
use crate::tables::{BLOCK, Tables};

/// The scan of a picture, ready to decode its first MCU.
pub(crate) struct Scan<'a> {
    /// The width and height of the picture at 1/8.
    pub(crate) size: (usize, usize),
    pub(crate) components: Vec<Component>,
    /// The number of MCUs between two restart markers, or 0 without restart markers.
    pub(crate) restart_interval: usize,
    pub(crate) bits: BitReader<'a>,
}

/// A component of the picture, and the state of its decoding.
pub(crate) struct Component {
    /// The number of blocks in an MCU, across and down.
    blocks: (usize, usize),
    /// The number of pixels that a block becomes, across and down.
    pixels: (usize, usize),
    /// The first quantization step.
    dc_step: i32,
    dc: HuffmanTable,
    ac: HuffmanTable,
    detail: Detail,
    prediction: i32,
}

/// What happens with the AC coefficients of a component.
enum Detail {
    /// A block becomes one pixel, if necessary repeated. Its AC coefficients are skipped.
    Skipped(SkipTable),
    /// A block becomes two by two pixels, because the component has half the resolution in both directions.
    TwoByTwo(Vec<Term>),
}

impl<'a> Scan<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut tables = Tables::default();
        let mut frame: &[u8] = &[];
        for segment in Segments::new(bytes) {
            match segment.marker {
                SOS => return Self::begin(frame, segment.payload, &tables, bytes.get(segment.end..)?),
                0xc0 | 0xc1 if frame.is_empty() => frame = segment.payload,
                0xc4 => tables.add_huffman(segment.payload)?,
                0xdb => tables.add_quantization(segment.payload)?,
                0xdd => tables.restart_interval = u16::from_be_bytes(segment.payload.try_into().ok()?),
                _ if segment.is_frame() => return None,
                _ => {}
            }
        }
        None
    }

    /// The scan has to contain every component of the frame, with all coefficients.
    fn begin(frame: &[u8], header: &[u8], tables: &Tables<'_>, data: &'a [u8]) -> Option<Self> {
        let [8, h1, h2, w1, w2, count, specifications @ ..] = frame else { return None };
        let (specifications, []) = specifications.as_chunks::<3>() else { return None };
        let [in_scan, selectors @ .., 0, 63, 0] = header else { return None };
        let (selectors, []) = selectors.as_chunks::<2>() else { return None };
        let is_whole = usize::from(*count) == specifications.len()
            && in_scan == count
            && selectors.len() == specifications.len();
        if !is_whole || !matches!(count, 1 | 3) {
            return None;
        }
        let most = |sampling: fn(u8) -> u8| specifications.iter().map(|&[_, s, _]| sampling(s)).max();
        let (across, down) = match count {
            1 => (1, 1),
            _ => (most(|s| s >> 4)?, most(|s| s & 15)?),
        };
        let mut components = Vec::with_capacity(specifications.len());
        for (&[id, sampling, quantization], &[selected, codes]) in specifications.iter().zip(selectors) {
            let blocks = if *count == 1 { (1, 1) } else { (sampling >> 4, sampling & 15) };
            let pixels = (across.checked_div(blocks.0)?, down.checked_div(blocks.1)?);
            let is_usual =
                |blocks: u8, pixels: u8, all: u8| blocks * pixels == all && pixels <= 2 && blocks <= 2;
            if id != selected || !is_usual(blocks.0, pixels.0, across) || !is_usual(blocks.1, pixels.1, down)
            {
                return None;
            }
            let quantization: [u16; BLOCK] = (*tables.quantization.get(usize::from(quantization))?)?;
            let ac = HuffmanTable::ac((*tables.ac.get(usize::from(codes & 15))?)?)?;
            let detail = match pixels {
                (2, 2) => Detail::TwoByTwo(terms(&quantization)),
                _ => Detail::Skipped(SkipTable::new(&ac)?),
            };
            components.push(Component {
                blocks: (blocks.0.into(), blocks.1.into()),
                pixels: (pixels.0.into(), pixels.1.into()),
                dc_step: quantization[0].into(),
                dc: HuffmanTable::dc((*tables.dc.get(usize::from(codes >> 4))?)?)?,
                ac,
                detail,
                prediction: 0,
            });
        }
        let side = |bytes| usize::from(u16::from_be_bytes(bytes)).div_ceil(8);
        Some(Self {
            size: (side([*w1, *w2]), side([*h1, *h2])),
            components,
            restart_interval: tables.restart_interval.into(),
            bits: BitReader::new(data),
        })
    }

    /// The number of pixels that an MCU becomes, across and down.
    pub(crate) fn mcu_pixels(&self) -> (usize, usize) {
        let pixels = |c: &Component| (c.blocks.0 * c.pixels.0, c.blocks.1 * c.pixels.1);
        self.components.first().map_or((1, 1), pixels)
    }

    /// Continues after the restart marker with this number, counted from 0.
    pub(crate) fn restart(&mut self, number: u8) -> Option<()> {
        self.bits.restart(0xd0 + number % 8)?;
        for component in &mut self.components {
            component.prediction = 0;
        }
        Some(())
    }
}

impl Component {
    /// Decodes the blocks of an MCU to the pixels at the start of `plane`.
    pub(crate) fn decode_mcu(
        &mut self,
        bits: &mut BitReader<'_>,
        plane: &mut [u8],
        stride: usize,
    ) -> Option<()> {
        for down in 0..self.blocks.1 {
            for across in 0..self.blocks.0 {
                let block = plane.get_mut(down * self.pixels.1 * stride + across * self.pixels.0..)?;
                self.decode_block(bits, block, stride)?;
            }
        }
        Some(())
    }

    fn decode_block(&mut self, bits: &mut BitReader<'_>, block: &mut [u8], stride: usize) -> Option<()> {
        bits.fill();
        let size = bits.symbol(&self.dc)?;
        self.prediction += bits.value(size)?;
        // libjpeg stores a coefficient in 16 bits.
        let dc = i32::from(i16::try_from(self.prediction).ok()?) * self.dc_step;
        let skips = match &self.detail {
            Detail::Skipped(skips) => skips,
            Detail::TwoByTwo(terms) => return self.decode_two_by_two(terms, dc, bits, block, stride),
        };
        let pixel = one_pixel(dc);
        *block.first_mut()? = pixel;
        if self.pixels.0 > 1 {
            *block.get_mut(1)? = pixel;
        }
        if self.pixels.1 > 1 {
            *block.get_mut(stride)? = pixel;
        }
        skips.skip_block(bits, &self.ac)
    }

    fn decode_two_by_two(
        &self,
        terms: &[Term],
        dc: i32,
        bits: &mut BitReader<'_>,
        block: &mut [u8],
        stride: usize,
    ) -> Option<()> {
        let mut idct = TwoByTwo::new(dc);
        let mut k = 1;
        while k < BLOCK {
            bits.fill();
            let symbol = bits.symbol(&self.ac)?;
            if is_end_of_block(symbol) {
                break;
            }
            k += usize::from(symbol >> 4);
            let term = terms.get(k)?;
            idct.add(term, bits.value(symbol & 15)?)?;
            k += 1;
        }
        for (row, pixels) in block.chunks_mut(stride).zip(idct.pixels()) {
            row.get_mut(..2)?.copy_from_slice(&pixels);
        }
        Some(())
    }
}
