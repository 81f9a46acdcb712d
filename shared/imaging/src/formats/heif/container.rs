//! The container of AVIF and HEIC: boxes (ISO/IEC 14496-12) and items (ISO/IEC 23008-12).
//!
//! The engine reads it itself, because the files are hostile. A parser that copies a profile for every item, or that
//! reserves memory for 65,535 extents at a time, turns kilobytes into gigabytes. Here every list has a maximum length,
//! and only an item in several parts is copied.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::boxes::{Box, Fields, boxes};
use crate::size::Size;

/// The maximum number of entries in each list of the container. A grid of 1,000 tiles with alpha has about 2,000 items
/// and 8,000 properties.
const MAX_ENTRIES: usize = 16_384;

/// The names of the alpha channel as an auxiliary picture.
const ALPHA: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];

/// An item of the container.
pub(crate) type Item = u32;

/// The parts of a file that matter for its first picture.
#[derive(Default)]
pub(crate) struct Container<'a> {
    file: &'a [u8],
    /// The data inside the `meta` box.
    idat: &'a [u8],
    /// The places of the first `mdat` boxes in the file.
    media: Vec<Range<usize>>,
    /// The main picture.
    pub(crate) primary: Item,
    /// The items with their types.
    types: Vec<(Item, [u8; 4])>,
    locations: Vec<(Item, Location)>,
    references: Vec<Reference>,
    properties: Vec<Box<'a>>,
    /// The items, each with the position of a property.
    associations: Vec<(Item, usize)>,
    /// The number of frames in the longest track of an animation.
    pub(crate) frames: u32,
}

/// Where the data of an item is.
struct Location {
    is_in_idat: bool,
    /// The start of each part, and its length. The length 0 means everything up to the end.
    extents: Vec<(u64, u64)>,
}

struct Reference {
    kind: [u8; 4],
    from: Item,
    to: Item,
}

/// A picture that consists of tiles.
#[derive(Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// The data of a coded picture, and the property that a decoder needs to read it.
pub(crate) struct Source<'a> {
    pub(crate) data: Cow<'a, [u8]>,
    /// The content of the property `hvcC`, which HEVC needs. It is empty without this property.
    pub(crate) configuration: &'a [u8],
}

/// A part of a picture, from its upper left corner.
#[derive(Clone, Copy, Default)]
pub(crate) struct Window {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) size: Size,
}

/// The color codes of H.273.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nclx {
    pub(crate) primaries: u16,
    pub(crate) transfer: u16,
    pub(crate) matrix: u16,
    pub(crate) is_full_range: bool,
}

impl<'a> Container<'a> {
    /// Reads the lists of the container, or `None` if one of them is damaged or too long.
    pub(crate) fn read(file: &'a [u8]) -> Option<Self> {
        let mut container = Self { file, ..Self::default() };
        let (_, meta) = boxes(file).find(|(kind, _)| kind == b"meta")?;
        let mut primary = None;
        // The content follows a version and flags.
        for (kind, content) in boxes(meta.get(4..)?) {
            let mut fields = Fields(content);
            match &kind {
                b"pitm" => primary = Some(fields.versioned_id(1)?),
                b"iinf" => container.read_types(fields)?,
                b"iloc" => container.read_locations(fields)?,
                b"iref" => container.read_references(fields)?,
                b"iprp" => container.read_properties(content)?,
                b"idat" => container.idat = content,
                _ => {}
            }
        }
        container.primary = primary?;
        container.media = media(file);
        container.frames = frames(file);
        Some(container)
    }

    fn read_types(&mut self, mut fields: Fields<'a>) -> Option<()> {
        let version = fields.full_box()?;
        fields.number(if version == 0 { 2 } else { 4 })?;
        for (_, content) in boxes(fields.0).filter(|(kind, _)| kind == b"infe") {
            let mut fields = Fields(content);
            let item = fields.versioned_id(3)?;
            fields.number(2)?;
            push(&mut self.types, (item, fields.array()?))?;
        }
        Some(())
    }

    fn read_locations(&mut self, mut fields: Fields<'a>) -> Option<()> {
        let version = fields.full_box()?;
        let [a, b] = fields.array()?;
        let [offset, length, base] = [a >> 4, a & 15, b >> 4].map(usize::from);
        let index = if version == 0 { 0 } else { usize::from(b & 15) };
        let id = if version < 2 { 2 } else { 4 };
        let mut extents_left = MAX_ENTRIES;
        for _ in 0..fields.number(id)? {
            let item = fields.id(id)?;
            let method = if version == 0 { 0 } else { fields.number(2)? & 15 };
            fields.number(2)?;
            let base = fields.number(base)?;
            let count = usize::try_from(fields.number(2)?).ok()?;
            extents_left = extents_left.checked_sub(count)?;
            let mut extents = Vec::with_capacity(count);
            for _ in 0..count {
                fields.number(index)?;
                extents.push((base.checked_add(fields.number(offset)?)?, fields.number(length)?));
            }
            // Other methods, such as data inside another item, are not used for pictures.
            if method < 2 {
                push(&mut self.locations, (item, Location { is_in_idat: method == 1, extents }))?;
            }
        }
        Some(())
    }

    fn read_references(&mut self, mut fields: Fields<'a>) -> Option<()> {
        let id = if fields.full_box()? == 0 { 2 } else { 4 };
        for (kind, content) in boxes(fields.0) {
            let mut fields = Fields(content);
            let from = fields.id(id)?;
            for _ in 0..fields.number(2)? {
                push(&mut self.references, Reference { kind, from, to: fields.id(id)? })?;
            }
        }
        Some(())
    }

    fn read_properties(&mut self, content: &'a [u8]) -> Option<()> {
        for (kind, content) in boxes(content) {
            match &kind {
                b"ipco" => {
                    for property in boxes(content) {
                        push(&mut self.properties, property)?;
                    }
                }
                b"ipma" => self.read_associations(Fields(content))?,
                _ => {}
            }
        }
        Some(())
    }

    fn read_associations(&mut self, mut fields: Fields<'a>) -> Option<()> {
        let [version, _, _, flags] = fields.array()?;
        let (id, length) = (if version == 0 { 2 } else { 4 }, if flags & 1 == 0 { 1 } else { 2 });
        for _ in 0..fields.number(4)? {
            let item = fields.id(id)?;
            for _ in 0..fields.number(1)? {
                // The highest bit says whether the property is essential. The first property has the number 1.
                let number = fields.number(length)? & if length == 1 { 0x7f } else { 0x7fff };
                if let Some(position) = usize::try_from(number).ok()?.checked_sub(1) {
                    push(&mut self.associations, (item, position))?;
                }
            }
        }
        Some(())
    }

    /// The first property of this kind that an item has.
    fn property(&self, item: Item, kind: &[u8; 4]) -> Option<&'a [u8]> {
        self.properties_of(item).find(|property| property.0 == *kind).map(|property| property.1)
    }

    fn properties_of(&self, item: Item) -> impl Iterator<Item = Box<'a>> {
        let positions = self.associations.iter().filter(move |association| association.0 == item);
        positions.filter_map(|&(_, position)| self.properties.get(position).copied())
    }

    /// The item with the alpha channel of the main picture.
    pub(crate) fn alpha(&self) -> Option<Item> {
        // A picture has few auxiliary pictures: alpha, depth, a gain map.
        const MAX_AUXILIARIES: usize = 16;
        let candidates = self.references.iter().filter(|r| r.kind == *b"auxl" && r.to == self.primary);
        candidates.take(MAX_AUXILIARIES).map(|reference| reference.from).find(|&item| {
            let name = self.property(item, b"auxC").and_then(|property| property.get(4..));
            name.is_some_and(is_alpha)
        })
    }

    /// Whether the colors of the main picture are already weighted by its alpha channel.
    pub(crate) fn is_premultiplied(&self, alpha: Item) -> bool {
        self.references.iter().any(|r| r.kind == *b"prem" && r.from == self.primary && r.to == alpha)
    }

    /// The grid of an item and its tiles, row by row, or `None` if the item is a coded picture itself. The inner `None`
    /// is a damaged grid.
    pub(crate) fn grid(&self, item: Item) -> Option<Option<(Grid, Vec<Item>)>> {
        self.types.iter().find(|&&(other, kind)| other == item && kind == *b"grid")?;
        Some(self.read_grid(item))
    }

    fn read_grid(&self, item: Item) -> Option<(Grid, Vec<Item>)> {
        let data = self.data(item)?;
        let mut fields = Fields(&data);
        let [_version, flags, rows, columns] = fields.array()?;
        let side = if flags & 1 == 0 { 2 } else { 4 };
        let (width, height) = (fields.id(side)?, fields.id(side)?);
        let (rows, columns) = (usize::from(rows) + 1, usize::from(columns) + 1);
        let tiles = self.references.iter().filter(|r| r.kind == *b"dimg" && r.from == item);
        let tiles: Vec<Item> = tiles.map(|reference| reference.to).collect();
        (tiles.len() == rows * columns).then_some((Grid { rows, columns, width, height }, tiles))
    }

    /// The length of the file.
    pub(crate) fn length(&self) -> usize {
        self.file.len()
    }

    /// The data of a coded picture, with what a decoder needs to read it.
    pub(crate) fn source(&self, item: Item) -> Option<Source<'a>> {
        let configuration = self.property(item, b"hvcC").unwrap_or_default();
        Some(Source { data: self.data(item)?, configuration })
    }

    /// The data of an item. It is copied only if it has several parts.
    pub(crate) fn data(&self, item: Item) -> Option<Cow<'a, [u8]>> {
        let (_, location) = self.locations.iter().find(|&&(other, _)| other == item)?;
        let source = if location.is_in_idat { self.idat } else { self.file };
        let part = |extent: &(u64, u64)| self.part(source, location.is_in_idat, extent);
        if let [extent] = &location.extents[..] {
            return part(extent).map(Cow::Borrowed);
        }
        let mut data = Vec::new();
        for extent in &location.extents {
            let part = part(extent)?;
            // Parts that overlap could add up to any length.
            if part.len() > source.len() - data.len() {
                return None;
            }
            data.extend_from_slice(part);
        }
        Some(Cow::Owned(data))
    }

    /// One part of an item: its start, and its length, or 0 for everything up to the end.
    fn part(&self, source: &'a [u8], is_in_idat: bool, &(start, length): &(u64, u64)) -> Option<&'a [u8]> {
        let start = usize::try_from(start).ok()?;
        let end = match usize::try_from(length).ok()? {
            0 if is_in_idat => source.len(),
            0 => self.end_of_data(start),
            length => start.checked_add(length)?,
        };
        source.get(start..end)
    }

    /// The end of the `mdat` box around a position, or of the file.
    fn end_of_data(&self, position: usize) -> usize {
        let around = self.media.iter().find(|range| range.contains(&position));
        around.map_or(self.file.len(), |range| range.end)
    }

    /// The ICC profile of the main picture.
    pub(crate) fn icc_profile(&self) -> Option<&'a [u8]> {
        self.colors().find_map(|color| color.strip_prefix(b"prof").or(color.strip_prefix(b"rICC")))
    }

    /// The color codes of the main picture.
    pub(crate) fn nclx(&self) -> Option<Nclx> {
        let mut fields = Fields(self.colors().find_map(|color| color.strip_prefix(b"nclx"))?);
        let mut code = || fields.number(2).and_then(|code| u16::try_from(code).ok());
        let (primaries, transfer, matrix) = (code()?, code()?, code()?);
        let is_full_range = fields.number(1)? & 0x80 != 0;
        Some(Nclx { primaries, transfer, matrix, is_full_range })
    }

    fn colors(&self) -> impl Iterator<Item = &'a [u8]> {
        self.properties_of(self.primary).filter(|property| property.0 == *b"colr").map(|property| property.1)
    }

    /// The turns and reflections that make the main picture upright, in their order: `irot` with the number of quarter
    /// turns to the left, and `imir` with the axis, where 0 exchanges top and bottom.
    pub(crate) fn transformations(&self) -> impl Iterator<Item = ([u8; 4], u8)> {
        let properties = self.properties_of(self.primary);
        let transformations = properties.filter(|(kind, _)| kind == b"irot" || kind == b"imir");
        transformations.map(|(kind, content)| (kind, content.first().copied().unwrap_or_default()))
    }

    /// The item with the EXIF block.
    pub(crate) fn exif(&self) -> Option<Item> {
        self.types.iter().find(|(_, kind)| kind == b"Exif").map(|&(item, _)| item)
    }

    /// The places of the data of all items of some types in the file.
    pub(crate) fn places(&self, is_wanted: impl Fn(&[u8; 4]) -> bool) -> Vec<Range<usize>> {
        let items: HashSet<Item> =
            self.types.iter().filter(|(_, kind)| is_wanted(kind)).map(|&(item, _)| item).collect();
        let locations = self.locations.iter().filter(|(item, _)| items.contains(item));
        let parts = locations.flat_map(|(_, location)| {
            let source = if location.is_in_idat { self.idat } else { self.file };
            location.extents.iter().filter_map(move |extent| self.part(source, location.is_in_idat, extent))
        });
        parts.map(|part| place(self.file, part)).collect()
    }

    /// The type of the main picture.
    pub(crate) fn primary_type(&self) -> Option<[u8; 4]> {
        self.types.iter().find(|&&(item, _)| item == self.primary).map(|&(_, kind)| kind)
    }

    /// The size that the container declares for an item.
    pub(crate) fn declared_size(&self, item: Item) -> Option<Size> {
        let mut fields = Fields(self.property(item, b"ispe")?);
        fields.full_box()?;
        Some((fields.id(4)?, fields.id(4)?))
    }

    /// The part of an item of this size that is shown: all of it, unless a property says otherwise. A part that is not
    /// inside has no effect.
    pub(crate) fn window(&self, item: Item, size: Size) -> Window {
        let whole = Window { left: 0, top: 0, size };
        let Some(property) = self.property(item, b"clap") else { return whole };
        // The sides, and how far the middle of the part is from the middle of the picture, as fractions.
        let mut fields = Fields(property);
        let mut fraction = || Some((fields.id(4)?, fields.id(4)?));
        let mut part = || Some([fraction()?, fraction()?, fraction()?, fraction()?]);
        let Some([width, height, across, down]) = part() else { return whole };
        let side =
            |(side, of): (u32, u32), full: u32| side.checked_div(of).filter(|side| (1..=full).contains(side));
        let start = |side: u32, (shift, of): (u32, u32), full: u32| {
            let shift = f64::from(shift.cast_signed()) / f64::from(of);
            let start = f64::from(full - side) / 2.0 + shift;
            // Also false if the shift is not a number.
            (start >= 0.0 && start <= f64::from(full - side)).then_some(start as u32)
        };
        let window = || {
            let part = (side(width, size.0)?, side(height, size.1)?);
            let (left, top) = (start(part.0, across, size.0)?, start(part.1, down, size.1)?);
            Some(Window { left, top, size: part })
        };
        window().unwrap_or(whole)
    }
}

/// Whether this is the name of an alpha channel. It ends with the first 0.
pub(crate) fn is_alpha(name: &[u8]) -> bool {
    name.split(|&byte| byte == 0).next().is_some_and(|name| ALPHA.contains(&name))
}

/// The places of the contents of the first `mdat` boxes.
fn media(file: &[u8]) -> Vec<Range<usize>> {
    /// Real files have one.
    const MAX: usize = 64;
    let media = boxes(file).filter(|(kind, _)| kind == b"mdat").take(MAX);
    media.map(|(_, content)| place(file, content)).collect()
}

/// Where a part of the file is in it.
pub(crate) fn place(file: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr() as usize - file.as_ptr() as usize;
    start..start + part.len()
}

/// The number of frames in the longest track.
fn frames(file: &[u8]) -> u32 {
    let Some((_, movie)) = boxes(file).find(|(kind, _)| kind == b"moov") else { return 0 };
    let inside = |content, name: &'static [u8; 4]| boxes(content).filter(move |(kind, _)| kind == name);
    let tables = inside(movie, b"trak")
        .flat_map(|(_, track)| inside(track, b"mdia"))
        .flat_map(|(_, media)| inside(media, b"minf"))
        .flat_map(|(_, information)| inside(information, b"stbl"))
        .flat_map(|(_, table)| inside(table, b"stsz"));
    // The number follows a version, flags and the size that all samples share.
    let counts = tables.filter_map(|(_, sizes)| Fields(sizes.get(8..)?).id(4));
    counts.max().unwrap_or(0)
}

/// Adds an entry to a list, unless it already has the maximum number.
fn push<T>(list: &mut Vec<T>, entry: T) -> Option<()> {
    (list.len() < MAX_ENTRIES).then(|| list.push(entry))
}
