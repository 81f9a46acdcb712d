//! Builds AVIF and HEIC containers by hand, also ones that no encoder would write.

use image::{DynamicImage, GenericImageView};
use ravif::{BitDepth, Encoder, Img};

/// The coded picture of AV1, without a container.
pub(crate) fn coded(picture: &DynamicImage) -> Vec<u8> {
    let picture = picture.to_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels: Vec<_> = picture.pixels().map(|p| ravif::RGB8::new(p.0[0], p.0[1], p.0[2])).collect();
    let encoder = Encoder::new().with_quality(90.0).with_speed(10).with_num_threads(Some(1));
    let encoder = encoder.with_bit_depth(BitDepth::Eight);
    let file = encoder.encode_rgb(Img::new(&pixels, width, height)).unwrap().avif_file;
    let start = file.windows(4).position(|kind| kind == b"mdat").unwrap() + 4;
    file[start..].to_vec()
}

/// The units of a coded picture: everything up to the frame, and the frame.
pub(crate) fn head_and_frame(coded: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    loop {
        let (mut length, mut end) = (0, at + 1);
        for shift in 0.. {
            length |= usize::from(coded[end] & 0x7f) << (7 * shift);
            end += 1;
            if coded[end - 1] & 0x80 == 0 {
                break;
            }
        }
        if coded[at] >> 3 & 15 == 6 {
            return (&coded[..at], &coded[at..end + length]);
        }
        at = end + length;
    }
}

/// The coded tiles of a picture, row by row. The last ones may reach beyond it, and repeat its last pixels there.
pub(crate) fn tiles(picture: &DynamicImage, tile: u32) -> Vec<Vec<u8>> {
    let (width, height) = picture.dimensions();
    let corners = (0..height).step_by(tile as usize).flat_map(|y| {
        let row = (0..width).step_by(tile as usize);
        row.map(move |x| (x, y))
    });
    let tile = |(left, top): (u32, u32)| {
        let pixel = |x: u32, y: u32| picture.get_pixel((left + x).min(width - 1), (top + y).min(height - 1));
        coded(&image::RgbaImage::from_fn(tile, tile, pixel).into())
    };
    corners.map(tile).collect()
}

/// The content of a grid item.
pub(crate) fn grid(rows: u8, columns: u8, width: u16, height: u16) -> Vec<u8> {
    [&[0, 0, rows - 1, columns - 1][..], &width.to_be_bytes(), &height.to_be_bytes()].concat()
}

/// A container. The item with the number 1 is the main picture.
#[derive(Default)]
pub(crate) struct Container {
    /// The main brand, if it is not AVIF.
    pub(crate) brand: Option<[u8; 4]>,
    /// The type, the data and the properties of each item. The first item has the number 1.
    pub(crate) items: Vec<([u8; 4], Vec<u8>, Vec<Property>)>,
    /// The type, the item from which, and the items to which references lead.
    pub(crate) references: Vec<([u8; 4], u16, Vec<u16>)>,
    /// The number of samples in a track, if there is one.
    pub(crate) samples: Option<u32>,
}

pub(crate) type Property = ([u8; 4], Vec<u8>);

/// The property that marks an alpha channel.
pub(crate) fn alpha() -> Property {
    (*b"auxC", b"\0\0\0\0urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0".to_vec())
}

impl Container {
    /// A container with one coded picture.
    pub(crate) fn of(coded: Vec<u8>) -> Self {
        Self { items: vec![(*b"av01", coded, Vec::new())], ..Self::default() }
    }

    /// A container with a grid of tiles.
    pub(crate) fn of_grid(grid: Vec<u8>, tiles: Vec<Vec<u8>>) -> Self {
        let mut container = Self::default();
        container.add_grid(grid, tiles, Vec::new());
        container
    }

    /// Adds a grid, and returns its number.
    pub(crate) fn add_grid(&mut self, grid: Vec<u8>, tiles: Vec<Vec<u8>>, properties: Vec<Property>) -> u16 {
        let number = |container: &Self| u16::try_from(container.items.len()).unwrap();
        self.items.push((*b"grid", grid, properties));
        let item = number(self);
        self.items.extend(tiles.into_iter().map(|tile| (*b"av01", tile, Vec::new())));
        self.references.push((*b"dimg", item, (item + 1..=number(self)).collect()));
        item
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        // Offsets have a fixed length, so the length of the start does not depend on them.
        let start = self.start(0).len();
        let data: Vec<&[u8]> = self.items.iter().map(|(_, data, _)| &data[..]).collect();
        [self.start(start + 8), boxed(b"mdat", &data.concat())].concat()
    }

    fn start(&self, mut offset: usize) -> Vec<u8> {
        let numbered = || (1_u16..).zip(&self.items);
        let (mut locations, mut types) = (Vec::new(), Vec::new());
        let (mut properties, mut associations) = (Vec::new(), Vec::new());
        // Items share properties that are equal.
        let mut known: Vec<&Property> = Vec::new();
        for (number, (kind, data, own)) in numbered() {
            let [offset_bytes, length] =
                [offset, data.len()].map(|n| u32::try_from(n).unwrap().to_be_bytes());
            locations.extend([&number.to_be_bytes()[..], &[0, 0, 0, 1], &offset_bytes, &length].concat());
            offset += data.len();
            types.extend(boxed(
                b"infe",
                &[&[2, 0, 0, 0][..], &number.to_be_bytes(), &[0, 0], kind, &[0]].concat(),
            ));
            associations.extend([&number.to_be_bytes()[..], &[u8::try_from(own.len()).unwrap()]].concat());
            for property in own {
                let position = known.iter().position(|other| *other == property).unwrap_or_else(|| {
                    properties.extend(boxed(&property.0, &property.1));
                    known.push(property);
                    known.len() - 1
                });
                associations.push(u8::try_from(position + 1).unwrap());
            }
        }
        let references: Vec<u8> = self
            .references
            .iter()
            .flat_map(|(kind, from, to)| {
                let count = u16::try_from(to.len()).unwrap();
                let numbers = [*from, count].into_iter().chain(to.iter().copied());
                boxed(kind, &numbers.flat_map(u16::to_be_bytes).collect::<Vec<u8>>())
            })
            .collect();
        let items = u16::try_from(self.items.len()).unwrap();
        let full =
            |kind: &[u8; 4], content: &[&[u8]]| boxed(kind, &[&[0; 4][..], &content.concat()].concat());
        let meta = [
            full(b"pitm", &[&[0, 1]]),
            full(b"iloc", &[&[0x44, 0], &items.to_be_bytes(), &locations]),
            full(b"iinf", &[&items.to_be_bytes(), &types]),
            full(b"iref", &[&references]),
            boxed(
                b"iprp",
                &[
                    boxed(b"ipco", &properties),
                    full(b"ipma", &[&u32::from(items).to_be_bytes(), &associations]),
                ]
                .concat(),
            ),
        ];
        let brand = self.brand.unwrap_or(*b"avif");
        let mut file = boxed(b"ftyp", &[&brand[..], &[0; 4], b"mif1", &brand].concat());
        file.extend(full(b"meta", &[&meta.concat()]));
        if let Some(samples) = self.samples {
            // Every sample has the length 1.
            let sizes = full(b"stsz", &[&[0, 0, 0, 1], &samples.to_be_bytes()]);
            let nested = [b"stbl", b"minf", b"mdia", b"trak", b"moov"];
            file.extend(nested.iter().fold(sizes, |content, kind| boxed(kind, &content)));
        }
        file
    }
}

pub(crate) fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
    [&length[..], kind, content].concat()
}
