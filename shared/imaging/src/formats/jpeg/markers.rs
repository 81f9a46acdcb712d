//! What the marker segments of a JPEG declare.

use image::metadata::Orientation;
use jpeg_dc::markers::{EOI, SOS, Segment, Segments};

const EXIF: &[u8] = b"Exif\0\0";
const PROFILE: &[u8] = b"ICC_PROFILE\0";

/// What the markers of a JPEG declare, besides its size.
pub(crate) struct Markers {
    pub(crate) orientation: Orientation,
    /// The ICC profile, put together from its segments.
    pub(crate) profile: Option<Vec<u8>>,
    /// Whether there is an Adobe marker.
    pub(crate) is_adobe: bool,
    /// The bits per sample.
    pub(crate) precision: u8,
    pub(crate) scans: u32,
    is_progressive: bool,
    components: Vec<Component>,
}

/// A component of the frame: its identifier and sampling factors.
struct Component {
    id: u8,
    horizontal: u8,
    vertical: u8,
}

impl Markers {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut markers = Self {
            orientation: Orientation::NoTransforms,
            profile: None,
            is_adobe: false,
            precision: 0,
            scans: 0,
            is_progressive: false,
            components: Vec::new(),
        };
        let mut exif = None;
        let mut profile: Vec<(u8, &[u8])> = Vec::new();
        for segment in Segments::new(bytes).take_while(|segment| segment.marker != EOI) {
            let payload = segment.payload;
            match segment.marker {
                SOS => markers.scans = markers.scans.saturating_add(1),
                0xe1 => exif = exif.or_else(|| payload.strip_prefix(EXIF)),
                0xe2 => {
                    if let Some([number, _of, part @ ..]) = payload.strip_prefix(PROFILE) {
                        profile.push((*number, part));
                    }
                }
                0xee => markers.is_adobe |= is_adobe(payload),
                _ if segment.is_frame() && markers.components.is_empty() => markers.read_frame(&segment),
                _ => {}
            }
        }
        // An invalid orientation means that the picture is upright.
        markers.orientation =
            exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
        profile.sort_by_key(|&(number, _)| number);
        let parts: Vec<&[u8]> = profile.into_iter().map(|(_, part)| part).collect();
        markers.profile = Some(parts.concat()).filter(|profile| !profile.is_empty());
        markers
    }

    /// The bytes of the coefficients that the decoder keeps for a picture of so many pixels. It keeps all of them if the
    /// picture has several scans.
    pub(crate) fn coefficients(&self, pixels: u64) -> u64 {
        if !self.is_progressive && self.scans < 2 {
            return 0;
        }
        let most = |sampling: fn(&Component) -> u8| self.components.iter().map(sampling).max().unwrap_or(1);
        let (across, down) = (u64::from(most(|c| c.horizontal)), u64::from(most(|c| c.vertical)));
        let samples = self
            .components
            .iter()
            .map(|c| pixels * u64::from(c.horizontal) * u64::from(c.vertical) / (across * down));
        samples.sum::<u64>() * 2
    }

    fn read_frame(&mut self, segment: &Segment<'_>) {
        let [precision, _, _, _, _, _, components @ ..] = segment.payload else { return };
        self.precision = *precision;
        self.is_progressive = matches!(segment.marker, 0xc2 | 0xca);
        let component = |&[id, sampling, _table]: &[u8; 3]| Component {
            id,
            horizontal: (sampling >> 4).max(1),
            vertical: (sampling & 15).max(1),
        };
        self.components = components.as_chunks().0.iter().map(component).collect();
    }

    /// A progressive picture without the scans that a scaled decoder does not need. At a scale where a block becomes
    /// `block` pixels per side, some scans contain only detail of components whose DC coefficient is enough. They are
    /// most of the file. The result is the same to the last bit.
    pub(crate) fn without_needless_scans(&self, bytes: &[u8], block: usize) -> Option<Vec<u8>> {
        if !self.is_progressive || block >= 8 {
            return None;
        }
        let mut kept = Vec::with_capacity(bytes.len() / 2);
        // The position up to which everything is either copied or dropped, and whether the rest is dropped.
        let (mut from, mut is_dropping) = (0, false);
        let mut known = Vec::new();
        for segment in Segments::new(bytes) {
            let drops = segment.marker == SOS && self.is_needless(segment.payload, block, &mut known);
            if drops != is_dropping || segment.marker != SOS {
                if !is_dropping {
                    kept.extend_from_slice(bytes.get(from..segment.start)?);
                }
                (from, is_dropping) = (segment.start, drops);
            }
            if segment.marker == EOI {
                kept.extend_from_slice(bytes.get(segment.start..)?);
                return Some(kept);
            }
        }
        None
    }

    /// Whether the decoder uses nothing of a scan. It needs the first scan of AC coefficients of each component:
    /// without any, it smooths the DC coefficients. `known` lists the components that had such a scan.
    fn is_needless(&self, scan: &[u8], block: usize, known: &mut Vec<u8>) -> bool {
        let [1, id, _tables, first, ..] = *scan else { return false };
        if first == 0 {
            return false;
        }
        if !known.contains(&id) {
            known.push(id);
            return false;
        }
        let Some(component) = self.components.iter().find(|component| component.id == id) else {
            return false;
        };
        let most = |sampling: fn(&Component) -> u8| self.components.iter().map(sampling).max().unwrap_or(1);
        // The blocks of a subsampled component become more pixels.
        let across = most(|c| c.horizontal).div_ceil(component.horizontal);
        let down = most(|c| c.vertical).div_ceil(component.vertical);
        block * usize::from(across.max(down)) == 1
    }
}

/// The EXIF block.
pub(crate) fn exif(bytes: &[u8]) -> Option<&[u8]> {
    let segments = Segments::new(bytes).take_while(|segment| segment.marker != SOS);
    segments.filter(|segment| segment.marker == 0xe1).find_map(|segment| segment.payload.strip_prefix(EXIF))
}

/// Whether this is the payload of an Adobe marker. A shorter one has no effect.
fn is_adobe(payload: &[u8]) -> bool {
    payload.starts_with(b"Adobe") && payload.len() >= 12
}

/// A copy of the file whose header contains only what a decoder needs, and nothing that it warns of: no profiles, no
/// comments, no bytes between the segments, and no unknown values. The pixels are the same. The result is `None` without
/// a scan.
pub(crate) fn with_clean_header(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut clean = vec![0xff, 0xd8];
    // A frame header declares the number of components after the size.
    let frame = Segments::new(bytes).find(Segment::is_frame)?;
    let usual = if frame.payload.get(5) == Some(&4) { 2 } else { 1 };
    for segment in Segments::new(bytes) {
        let start = clean.len();
        match segment.marker {
            SOS => {
                clean.extend_from_slice(bytes.get(segment.start..)?);
                return Some(clean);
            }
            0xe0 if segment.payload.starts_with(b"JFIF\0") && segment.payload.len() >= 14 => {
                clean.extend_from_slice(bytes.get(segment.start..segment.end)?);
                // The only version.
                *clean.get_mut(start + 9)? = 1;
            }
            0xee if is_adobe(segment.payload) => {
                clean.extend_from_slice(bytes.get(segment.start..segment.end)?);
                // Decoders take unknown values for the usual one of three or four components.
                let transform = clean.get_mut(start + 15)?;
                *transform = if *transform == 0 { 0 } else { usual };
            }
            0xe0..=0xef | 0xfe => {}
            _ => clean.extend_from_slice(bytes.get(segment.start..segment.end)?),
        }
    }
    None
}
