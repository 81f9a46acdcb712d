//! The tables and parameters that the segments before a scan define.

/// The number of coefficients of a block.
pub(crate) const BLOCK: usize = 64;

/// A Huffman table as the file has it: the number of codes of each length from 1 to 16, and their symbols.
pub(crate) type CodeLengths<'a> = (&'a [u8; 16], &'a [u8]);

/// The latest definition of each table. A file can define any number of tables, so they are only prepared for decoding
/// when a scan uses them.
#[derive(Default)]
pub(crate) struct Tables<'a> {
    pub(crate) quantization: [Option<[u16; BLOCK]>; 4],
    pub(crate) dc: [Option<CodeLengths<'a>>; 4],
    pub(crate) ac: [Option<CodeLengths<'a>>; 4],
    pub(crate) restart_interval: u16,
}

impl<'a> Tables<'a> {
    /// Reads a DQT segment.
    pub(crate) fn add_quantization(&mut self, mut payload: &[u8]) -> Option<()> {
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

    /// Reads a DHT segment.
    pub(crate) fn add_huffman(&mut self, mut payload: &'a [u8]) -> Option<()> {
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
