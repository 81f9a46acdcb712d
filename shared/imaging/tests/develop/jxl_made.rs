//! Builds JPEG XL by hand, also files that no encoder would write.

/// Writes bits, the lowest of each byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn put(&mut self, value: u32, count: usize) -> &mut Self {
        for shift in 0..count {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> shift & 1) as u8) << (self.count % 8);
            self.count += 1;
        }
        self
    }

    fn align(&mut self) -> &mut Self {
        self.count = self.bytes.len() * 8;
        self
    }

    fn side(&mut self, side: u32) -> &mut Self {
        let (selector, count) =
            [9, 13, 18, 30].into_iter().enumerate().find(|&(_, count)| side - 1 < 1 << count).unwrap();
        self.put(selector as u32, 2).put(side - 1, count)
    }
}

/// What the header of a picture says.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) size: (u32, u32),
    /// Whether the colors are those of the lossy mode.
    pub(crate) is_xyb: bool,
    pub(crate) is_p3: bool,
    pub(crate) orientation: u32,
}

pub(crate) const HEAD: Head = Head { size: (120, 80), is_xyb: false, is_p3: false, orientation: 1 };

/// The start of a codestream, with pixels of 8 bits and without alpha.
pub(crate) fn head(head: Head) -> Vec<u8> {
    let Head { size: (width, height), is_xyb, is_p3, orientation } = head;
    let has_more = orientation != 1;
    let mut bits = Bits::default();
    bits.put(0x0aff, 16).put(0, 1).side(height).put(0, 3).side(width);
    // Not all values are the default ones.
    bits.put(0, 1).put(has_more.into(), 1);
    if has_more {
        bits.put(orientation - 1, 3).put(0, 3);
    }
    // Integers of 8 bits, and no further channels.
    bits.put(0, 3).put(1, 1).put(0, 2).put(is_xyb.into(), 1);
    if is_p3 {
        // RGB with the white D65, the primaries P3, and the curve of sRGB.
        bits.put(0, 2)
            .put(0, 2)
            .put(1, 2)
            .put(2, 2)
            .put(11 - 2, 4)
            .put(0, 1)
            .put(2, 2)
            .put(13 - 2, 4)
            .put(1, 2);
    } else {
        bits.put(1, 1);
    }
    bits.put(1, has_more.into()).put(0, 2).put(1, 1);
    bits.bytes
}

/// A black frame of the size of the picture. A hidden one can be used by later frames.
pub(crate) fn black(size: (u32, u32), is_hidden: bool) -> Vec<u8> {
    frame(size, is_hidden, false)
}

/// A hidden black frame of a size of its own, of at least 2,304 pixels in each direction.
pub(crate) fn hidden(size: (u32, u32)) -> Vec<u8> {
    frame(size, true, true)
}

fn frame((width, height): (u32, u32), is_hidden: bool, has_size: bool) -> Vec<u8> {
    let mut bits = Bits::default();
    // Lossless, and groups of 1,024 pixels.
    bits.put(0, 1).put(if is_hidden { 2 } else { 0 }, 2).put(1, 1).put(0, 2).put(0, 1).put(0, 2).put(3, 2);
    if is_hidden {
        bits.put(has_size.into(), 1);
        if has_size {
            bits.put(2, 2).put(width - 2304, 14).put(2, 2).put(height - 2304, 14);
        }
        bits.put(1, 2).put(1, 1);
    } else {
        bits.put(0, 2).put(0, 1).put(0, 2).put(1, 1);
    }
    // No name, no filter, no extensions, no permutation.
    bits.put(0, 2).put(0, 6).put(0, 2).put(0, 1).align();
    // A tree of one leaf, and codes of which each has one symbol.
    let mut global = Bits::default();
    global.put(3, 2).put(0, 1).put(1, 1).put(0, 2).put(1, 1).put(15, 4).put(0, 1);
    global.put(0, 1).put(1, 1).put(15, 4).put(0, 1).put(3, 2).put(0, 2);
    let groups = |side: u32| (width.div_ceil(side) * height.div_ceil(side)) as usize;
    let mut sections = vec![global.bytes];
    if groups(1024) > 1 {
        sections.extend(vec![Vec::new(); groups(8192) + 1]);
        sections.extend(vec![vec![3]; groups(1024)]);
    }
    for section in &sections {
        bits.put(0, 2).put(section.len() as u32, 10);
    }
    [bits.bytes, sections.concat()].concat()
}

/// A black picture after so many hidden frames.
pub(crate) fn with_hidden_frames(size: (u32, u32), count: usize) -> Vec<u8> {
    [head(Head { size, ..HEAD }), black(size, true).repeat(count), black(size, false)].concat()
}
