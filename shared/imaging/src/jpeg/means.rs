//! A sequential JPEG at an eighth, where a pixel is the mean of a block.
//!
//! Thumbnails of photographs are mostly made from that. Of the 64 coefficients of a block it takes the first;
//! libjpeg-turbo decodes them all to come by it, while here the codes of the others are passed over, several at
//! a look-up. What is unusual or damaged in any way is left to libjpeg-turbo and its judgement.
//!
//! Names are those of ITU-T T.81. The result is libjpeg-turbo's to the last bit, but for coefficients that no picture
//! can have.

use super::{END, SCAN, Segments};

/// How many bits of the data are looked up at once.
const WINDOW: u32 = 11;

/// Coefficients of a block.
const BLOCK: usize = 64;

/// Decodes to grey, or to RGB from YCbCr: `width` times `height` pixels, which stand for eight each way. Gives
/// nothing, and leaves anything in `pixels`, unless the whole of the picture is there and usual.
pub(super) fn decode(bytes: &[u8], (width, height): (usize, usize), pixels: &mut [u8]) -> Option<()> {
    let mut scan = Scan::read(bytes)?;
    let (across, down) = scan.sampling();
    let mcus = width.div_ceil(across);
    let stride = mcus * across;
    let mut planes = vec![vec![0; stride * down]; scan.components.len()];
    let mut until_restart = scan.restart_interval;
    let mut restarts = 0_u8;
    let bytes_per_row = width * planes.len();
    if pixels.len() != bytes_per_row * height {
        return None;
    }
    for rows in pixels.chunks_mut(bytes_per_row * down) {
        for mcu in 0..mcus {
            if scan.restart_interval > 0 {
                if until_restart == 0 {
                    scan.restart(restarts)?;
                    (until_restart, restarts) = (scan.restart_interval, restarts.wrapping_add(1));
                }
                until_restart -= 1;
            }
            for (component, plane) in scan.components.iter_mut().zip(&mut planes) {
                component.mcu(&mut scan.bits, plane.get_mut(mcu * across..)?, stride)?;
            }
        }
        for (y, row) in rows.chunks_mut(bytes_per_row).enumerate() {
            let line = |plane: usize| planes.get(plane)?.get(y * stride..)?.get(..width);
            match line(1).zip(line(2)) {
                Some((cb, cr)) => to_rgb(line(0)?, cb, cr, row),
                None => row.copy_from_slice(line(0)?),
            }
        }
    }
    scan.bits.end_at(END)
}

/// The one scan of a picture, at its first bit.
struct Scan<'a> {
    components: Vec<Component>,
    restart_interval: usize,
    bits: Bits<'a>,
}

/// A component of the picture, and where its decoding is.
struct Component {
    /// Blocks of an MCU, across and down.
    blocks: (usize, usize),
    /// Pixels that a block has, across and down.
    pixels: (usize, usize),
    quantization: [u16; BLOCK],
    /// What each coefficient is to the quarters of a block, in the order that they come in.
    terms: Vec<Term>,
    dc: Codes,
    ac: Codes,
    /// Of `ac`, where there are no quarters to decode.
    passes: Option<Windows<Pass>>,
    prediction: i32,
}

impl<'a> Scan<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut tables = Tables::default();
        let mut frame: &[u8] = &[];
        for segment in Segments::new(bytes) {
            match segment.marker {
                SCAN => {
                    let data = bytes.get(segment.at + 4 + segment.payload.len()..)?;
                    return Self::begin(frame, segment.payload, &tables, data);
                }
                0xc0 | 0xc1 if frame.is_empty() => frame = segment.payload,
                0xc4 => tables.add_codes(segment.payload)?,
                0xdb => tables.add_quantization(segment.payload)?,
                0xdd => tables.restart_interval = u16::from_be_bytes(segment.payload.try_into().ok()?),
                _ if segment.is_frame() => return None,
                _ => {}
            }
        }
        None
    }

    /// Every component of the frame has to be in the scan, with all of its coefficients.
    fn begin(frame: &[u8], header: &[u8], tables: &Tables<'_>, data: &'a [u8]) -> Option<Self> {
        let [8, _, _, _, _, count, specifications @ ..] = frame else { return None };
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
            let quantization = (*tables.quantization.get(usize::from(quantization))?)?;
            let ac = Codes::new((*tables.ac.get(usize::from(codes & 15))?)?)?;
            let has_quarters = pixels == (2, 2);
            components.push(Component {
                blocks: (blocks.0.into(), blocks.1.into()),
                pixels: (pixels.0.into(), pixels.1.into()),
                quantization,
                terms: if has_quarters { terms(&quantization) } else { Vec::new() },
                dc: Codes::new((*tables.dc.get(usize::from(codes >> 4))?)?)?,
                passes: if has_quarters { None } else { Some(Pass::all(&ac)?) },
                ac,
                prediction: 0,
            });
        }
        let restart_interval = tables.restart_interval.into();
        Some(Self { components, restart_interval, bits: Bits::new(data) })
    }

    /// Pixels of an MCU, across and down.
    fn sampling(&self) -> (usize, usize) {
        let pixels = |c: &Component| (c.blocks.0 * c.pixels.0, c.blocks.1 * c.pixels.1);
        self.components.first().map_or((1, 1), pixels)
    }

    fn restart(&mut self, number: u8) -> Option<()> {
        self.bits.end_at(0xd0 + number % 8)?;
        self.bits = Bits::new(self.bits.data.get(self.bits.at + 2..)?);
        for component in &mut self.components {
            component.prediction = 0;
        }
        Some(())
    }
}

impl Component {
    /// Decodes the blocks of an MCU into the pixels from the start of `plane` on.
    fn mcu(&mut self, bits: &mut Bits<'_>, plane: &mut [u8], stride: usize) -> Option<()> {
        for down in 0..self.blocks.1 {
            for across in 0..self.blocks.0 {
                let block = plane.get_mut(down * self.pixels.1 * stride + across * self.pixels.0..)?;
                self.block(bits, block, stride)?;
            }
        }
        Some(())
    }

    fn block(&mut self, bits: &mut Bits<'_>, block: &mut [u8], stride: usize) -> Option<()> {
        bits.fill();
        let size = bits.symbol(&self.dc)?;
        self.prediction += bits.value(size)?;
        // libjpeg keeps a coefficient in 16 bits.
        let dc = i32::from(i16::try_from(self.prediction).ok()?) * i32::from(self.quantization[0]);
        let Some(passes) = &self.passes else {
            return self.quarters(bits, dc, block, stride);
        };
        let mean = (((dc + 4) >> 3) + 128).clamp(0, 255) as u8;
        *block.first_mut()? = mean;
        if self.pixels.0 > 1 {
            *block.get_mut(1)? = mean;
        }
        if self.pixels.1 > 1 {
            *block.get_mut(stride)? = mean;
        }
        bits.pass_over(&self.ac, passes)
    }

    /// Decodes the rest of a block to the means of its quarters, as libjpeg's `jpeg_idct_2x2` does.
    fn quarters(&self, bits: &mut Bits<'_>, dc: i32, block: &mut [u8], stride: usize) -> Option<()> {
        // Of each column, the mean of the upper and lower half together, and by how much they differ.
        let mut columns = [[0_i64; 2]; 8];
        columns[0][0] = dc.into();
        let mut k = 1;
        while k < BLOCK {
            bits.fill();
            let symbol = bits.symbol(&self.ac)?;
            if is_end(symbol) {
                break;
            }
            k += usize::from(symbol >> 4);
            let &Term { column, part, factor } = self.terms.get(k)?;
            *columns.get_mut(column)?.get_mut(part)? += i64::from(bits.value(symbol & 15)?) * factor;
            k += 1;
        }
        let halves = columns.map(|[both, odd]| [both << 15, odd]);
        let upper = halves.map(|[both, odd]| (both + odd + (1 << 12)) >> 13);
        let lower = halves.map(|[both, odd]| (both - odd + (1 << 12)) >> 13);
        for (row, half) in block.chunks_mut(stride).zip([upper, lower]) {
            let odd: i64 = half.iter().zip(HALVES).map(|(column, factor)| column * factor).sum();
            let quarter = |sum: i64| (((sum + (1 << 19)) >> 20) + 128).clamp(0, 255) as u8;
            let both = half[0] << 15;
            row.get_mut(..2)?.copy_from_slice(&[quarter(both + odd), quarter(both - odd)]);
        }
        Some(())
    }
}

/// The means of the left halves of the eight cosines, in 13 bits behind the point and four times the square root of
/// two; those of the right halves have the other sign, and those of even ones are nothing. They are libjpeg's.
const HALVES: [i64; 8] = [0, 29_692, 0, -10_426, 0, 6_967, 0, -5_906];

/// What a coefficient adds to: of a column, the mean or the difference of its halves.
struct Term {
    column: usize,
    part: usize,
    factor: i64,
}

fn terms(quantization: &[u16; BLOCK]) -> Vec<Term> {
    let term = |((column, row), &step): ((usize, usize), &u16)| match HALVES.get(row) {
        Some(half) if row > 0 => Term { column, part: 1, factor: half * i64::from(step) },
        _ => Term { column, part: 0, factor: step.into() },
    };
    zigzag().into_iter().zip(quantization).map(term).collect()
}

/// The coefficients' frequencies, across and down, in the order that they come in.
fn zigzag() -> Vec<(usize, usize)> {
    let mut order: Vec<_> = (0..BLOCK).map(|index| (index % 8, index / 8)).collect();
    order.sort_by_key(|&(u, v)| (u + v, if (u + v) % 2 == 0 { u } else { v }));
    order
}

/// As libjpeg has it: in 16 bits behind the point.
fn to_rgb(luma: &[u8], cb: &[u8], cr: &[u8], rgb: &mut [u8]) {
    const HALF: i32 = 1 << 15;
    let (rgb, _) = rgb.as_chunks_mut::<3>();
    for (((&luma, &cb), &cr), pixel) in luma.iter().zip(cb).zip(cr).zip(rgb) {
        let (luma, cb, cr) = (i32::from(luma), i32::from(cb) - 128, i32::from(cr) - 128);
        let red = luma + ((91_881 * cr + HALF) >> 16);
        let green = luma + ((-22_554 * cb - 46_802 * cr + HALF) >> 16);
        let blue = luma + ((116_130 * cb + HALF) >> 16);
        *pixel = [red, green, blue].map(|sample| sample.clamp(0, 255) as u8);
    }
}

/// What the segments before a scan define.
#[derive(Default)]
struct Tables<'a> {
    quantization: [Option<[u16; BLOCK]>; 4],
    dc: [Option<CodeLengths<'a>>; 4],
    ac: [Option<CodeLengths<'a>>; 4],
    restart_interval: u16,
}

/// A Huffman table as it is written: how many codes there are of each length from 1 to 16, and their symbols. A file
/// can define any number, so that they are prepared only where a scan uses them.
type CodeLengths<'a> = (&'a [u8; 16], &'a [u8]);

impl<'a> Tables<'a> {
    fn add_quantization(&mut self, mut payload: &[u8]) -> Option<()> {
        while let Some((&head, rest)) = payload.split_first() {
            let mut steps = [0; BLOCK];
            payload = if head >> 4 == 0 {
                let (read, rest) = rest.split_first_chunk::<BLOCK>()?;
                steps.iter_mut().zip(read).for_each(|(step, &byte)| *step = byte.into());
                rest
            } else {
                let (read, rest) = rest.split_first_chunk::<{ 2 * BLOCK }>()?;
                let (read, _) = read.as_chunks();
                steps.iter_mut().zip(read).for_each(|(step, &bytes)| *step = u16::from_be_bytes(bytes));
                rest
            };
            *self.quantization.get_mut(usize::from(head & 15))? = Some(steps);
        }
        Some(())
    }

    fn add_codes(&mut self, mut payload: &'a [u8]) -> Option<()> {
        while let Some((&head, rest)) = payload.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let count = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(count)?;
            let tables = if head >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *tables.get_mut(usize::from(head & 15))? = Some((counts, symbols));
            payload = rest;
        }
        Some(())
    }
}

/// What a Huffman table says of the next bits.
struct Codes {
    by_window: Windows<Code>,
    /// Of each length from 1 to 16: the first code beyond, with zeros behind it to 16 bits, and what leads from a code
    /// to its symbol.
    lengths: [(u32, i32); 16],
    symbols: Vec<u8>,
}

/// One of each for everything that a window can hold.
type Windows<T> = Box<[T; 1 << WINDOW]>;

/// The code that a window begins with. One that is longer than it, or none, has no length.
#[derive(Clone, Copy, Default)]
struct Code {
    symbol: u8,
    length: u8,
}

/// Whole coefficients that a window begins with. Only the value of the first may reach beyond it.
#[derive(Clone, Copy)]
struct Pass {
    /// Bits of codes and values.
    bits: u8,
    /// How many coefficients they are, zeros and the end of the block included; and in the uppermost bit, whether
    /// they end it.
    reach: u8,
}

impl Pass {
    const ENDS: u8 = 0x80;
    /// No whole coefficient: it fits into no block.
    const NONE: Self = Self { bits: 0, reach: BLOCK as u8 };

    fn all(codes: &Codes) -> Option<Windows<Self>> {
        windows((0..1 << WINDOW).map(|window| Self::of(codes, window)))
    }

    fn of(codes: &Codes, window: usize) -> Self {
        let mut pass = Self { bits: 0, reach: 0 };
        loop {
            let next = window << pass.bits & ((1 << WINDOW) - 1);
            let Code { symbol, length } = codes.by_window.get(next).copied().unwrap_or_default();
            let (run, size) = (symbol >> 4, symbol & 15);
            let is_first = pass.bits == 0;
            let known = pass.bits + length + if is_first { 0 } else { size };
            let reach = pass.reach + if is_end(symbol) { 1 } else { run + 1 };
            if length == 0 || u32::from(known) > WINDOW || usize::from(reach) >= BLOCK {
                return if is_first { Self::NONE } else { pass };
            }
            pass = Self { bits: pass.bits + length + size, reach };
            if is_end(symbol) {
                pass.reach |= Self::ENDS;
                return pass;
            }
            if u32::from(pass.bits) >= WINDOW {
                return pass;
            }
        }
    }
}

impl Codes {
    fn new((counts, symbols): CodeLengths<'_>) -> Option<Self> {
        let mut lengths = [(0, 0); 16];
        let (mut code, mut index) = (0_u32, 0_i32);
        for ((length, &count), entry) in (1..).zip(counts).zip(&mut lengths) {
            let beyond = code + u32::from(count);
            if beyond > 1 << length {
                return None;
            }
            *entry = (beyond << (16 - length), index - code as i32);
            (code, index) = (beyond << 1, index + i32::from(count));
        }
        let find = |window: u32| find(&lengths, symbols, window << (16 - WINDOW));
        let begins = (0..1 << WINDOW).map(|window| match find(window) {
            Some(code) if u32::from(code.length) <= WINDOW => code,
            _ => Code::default(),
        });
        Some(Self { by_window: windows(begins)?, lengths, symbols: symbols.to_vec() })
    }

    /// The code that is longer than the window.
    #[cold]
    fn long(&self, bits: u32) -> Option<Code> {
        find(&self.lengths, &self.symbols, bits)
    }
}

/// The code that 16 bits begin with.
fn find(lengths: &[(u32, i32); 16], symbols: &[u8], bits: u32) -> Option<Code> {
    let (length, &(_, offset)) = (1..).zip(lengths).find(|&(_, &(beyond, _))| bits < beyond)?;
    let index = (bits >> (16 - length)) as i32 + offset;
    Some(Code { symbol: *symbols.get(usize::try_from(index).ok()?)?, length })
}

fn windows<T>(all: impl Iterator<Item = T>) -> Option<Windows<T>> {
    all.collect::<Box<[T]>>().try_into().ok()
}

/// Whether a symbol says that the rest of the block is zero, rather than sixteen coefficients or a value.
fn is_end(symbol: u8) -> bool {
    symbol & 15 == 0 && symbol >> 4 < 15
}

/// The entropy-coded data of a scan, from the next bit on.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// What was read and not yet used, from the uppermost bit on.
    buffer: u64,
    count: u32,
    /// How many of these are zeros for what is not there.
    missing: u32,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, buffer: 0, count: 0, missing: 0 }
    }

    /// Sees to it that there are 32 bits, enough for a code and its value.
    #[inline]
    fn fill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(&word) = self.data.get(self.at..).and_then(<[u8]>::first_chunk::<4>) {
            let word = u32::from_be_bytes(word);
            let is_plain = (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0;
            if is_plain {
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
                    self.missing += 8;
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

    #[inline]
    fn pass(&mut self, bits: u32) {
        self.buffer <<= bits;
        self.count -= bits;
    }

    fn window(&self) -> usize {
        (self.buffer >> (64 - WINDOW)) as usize
    }

    /// The next symbol.
    #[inline]
    fn symbol(&mut self, codes: &Codes) -> Option<u8> {
        let code = match codes.by_window.get(self.window())? {
            Code { length: 0, .. } => codes.long((self.buffer >> 48) as u32)?,
            &code => code,
        };
        self.pass(code.length.into());
        Some(code.symbol)
    }

    /// The value of `size` bits, of which the smaller half is negative.
    #[inline]
    fn value(&mut self, size: u8) -> Option<i32> {
        if size == 0 {
            return Some(0);
        }
        if size > 15 {
            return None;
        }
        let value = (self.buffer >> (64 - u32::from(size))) as i32;
        self.pass(size.into());
        Some(if value < 1 << (size - 1) { value + 1 - (1 << size) } else { value })
    }

    /// Passes over all coefficients of a block but the first.
    #[inline]
    fn pass_over(&mut self, codes: &Codes, passes: &Windows<Pass>) -> Option<()> {
        let mut k = 1;
        while k < BLOCK {
            self.fill();
            let pass = passes.get(self.window())?;
            let after = k + usize::from(pass.reach & !Pass::ENDS);
            // What comes behind the last coefficient is of the next block.
            if after <= BLOCK {
                self.pass(pass.bits.into());
                if pass.reach & Pass::ENDS > 0 {
                    return Some(());
                }
                k = after;
            } else {
                let symbol = self.symbol(codes)?;
                if is_end(symbol) {
                    return Some(());
                }
                self.pass((symbol & 15).into());
                k += usize::from(symbol >> 4) + 1;
            }
        }
        (k == BLOCK).then_some(())
    }

    /// Whether all bits were there, and nothing but a marker is left of them.
    fn end_at(&self, marker: u8) -> Option<()> {
        let is_used_up = self.count.checked_sub(self.missing)? < 8;
        let is_there = self.data.get(self.at..)?.starts_with(&[0xff, marker]);
        (is_used_up && is_there).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp};

    use super::*;

    const SIDES: (usize, usize) = (203, 149);

    /// Waves of all lengths in all colours, so that every coefficient of a block is used.
    fn picture() -> Vec<u8> {
        let (width, height) = SIDES;
        let wave = |x: usize, y: usize, channel: usize| {
            let (x, y) = (x as f32, y as f32 + 40.0 * channel as f32);
            (127.5 + 60.0 * (x * x / 150.0).sin() + 60.0 * (y * y / 90.0 + x / 9.0).sin()) as u8
        };
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        pixels.flat_map(|(x, y)| [0, 1, 2].map(|channel| wave(x, y, channel))).collect()
    }

    fn jpeg(subsampling: Subsamp, quality: i32) -> Vec<u8> {
        let mut compressor = Compressor::new().unwrap();
        compressor.set_subsamp(subsampling).unwrap();
        compressor.set_quality(quality).unwrap();
        encode(&mut compressor)
    }

    fn encode(compressor: &mut Compressor) -> Vec<u8> {
        let (width, height) = SIDES;
        let pixels = &picture()[..];
        let format = PixelFormat::RGB;
        compressor.compress_to_vec(Image { pixels, width, pitch: width * 3, height, format }).unwrap()
    }

    /// What libjpeg-turbo makes of a picture at an eighth, and what this makes of it.
    fn both(jpeg: &[u8]) -> (turbojpeg::Result<Vec<u8>>, Option<Vec<u8>>) {
        let mut decompressor = Decompressor::new().unwrap();
        let header = decompressor.read_header(jpeg).unwrap();
        let eighth = ScalingFactor::new(1, 8);
        decompressor.set_scaling_factor(eighth).unwrap();
        let (width, height) = (eighth.scale(header.width), eighth.scale(header.height));
        let format = if header.subsamp == Subsamp::Gray { PixelFormat::GRAY } else { PixelFormat::RGB };
        let pitch = width * format.size();
        let mut theirs = vec![0; pitch * height];
        let output = Image { pixels: &mut theirs[..], width, pitch, height, format };
        let outcome = decompressor.decompress(jpeg, output);
        let mut ours = vec![0; pitch * height];
        (outcome.map(|()| theirs), decode(jpeg, (width, height), &mut ours).map(|()| ours))
    }

    #[test]
    fn every_usual_sampling_is_decoded_as_by_libjpeg_turbo() {
        use Subsamp::{Gray, None, Sub1x2, Sub2x1, Sub2x2};
        for subsampling in [Gray, None, Sub2x1, Sub1x2, Sub2x2] {
            for quality in [5, 50, 90, 100] {
                let (theirs, ours) = both(&jpeg(subsampling, quality));
                assert_eq!(ours, theirs.ok(), "{subsampling:?} at {quality}");
            }
        }
    }

    #[test]
    fn restarts_are_followed_and_one_that_is_missing_is_noticed() {
        // Drawn by Pillow, which can write them: `restart_marker_blocks=2`.
        let file = include_bytes!("testdata/restarts.jpg");
        let (theirs, ours) = both(file);
        assert!(ours.is_some());
        assert_eq!(ours, theirs.ok());

        let third = file.windows(2).position(|bytes| bytes == [0xff, 0xd2]).unwrap();
        assert_eq!(both(&[&file[..third], &file[third + 2..]].concat()).1, None);
    }

    #[test]
    fn what_is_unusual_is_left_to_libjpeg_turbo() {
        let mut compressor = Compressor::new().unwrap();
        compressor.set_progressive(true).unwrap();
        let progressive = encode(&mut compressor);
        assert_eq!(both(&progressive).1, None);
        assert_eq!(both(&jpeg(Subsamp::Sub4x1, 80)).1, None);
    }

    #[test]
    fn what_libjpeg_turbo_finds_damaged_is_left_to_it() {
        let whole = jpeg(Subsamp::Sub2x2, 80);
        let data = whole.windows(2).position(|bytes| bytes == [0xff, SCAN]).unwrap() + 14;
        let mut noticed = 0_u32;
        for at in (data..whole.len() - 2).step_by(3) {
            let (before, after) = whole.split_at(at);
            let changed = [before, &[!after[0]], &after[1..]].concat();
            let shorter = [before, &after[1..]].concat();
            let ends_early = [before, &[0xff, END]].concat();
            for damaged in [changed, shorter, ends_early] {
                if let (Err(error), ours) = both(&damaged) {
                    noticed += 1;
                    assert_eq!(ours, None, "at {at}: {error}");
                }
            }
        }
        assert!(noticed > 1000, "only {noticed}");
    }
}
