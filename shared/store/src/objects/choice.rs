//! Which addresses of an image are needed.

use domain::Thumbnail;

/// Which addresses of an image are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressChoice {
    /// The thumbnails whose addresses are needed.
    pub thumbnails: ThumbnailChoice,
    /// Whether the original's address is needed.
    pub original: bool,
}

/// Which thumbnails of an image are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThumbnailChoice {
    /// All.
    All,
    /// The smallest one whose width and height both have at least this number of pixels, or else the largest one.
    Covering(u32),
    /// None.
    None,
}

impl AddressChoice {
    /// All addresses.
    pub const ALL: Self = Self { thumbnails: ThumbnailChoice::All, original: true };
}

impl ThumbnailChoice {
    /// The chosen thumbnails of the sizes that somebody sees, smallest first.
    pub(super) fn of(self, thumbnails: &[Thumbnail], sees: impl Fn(u32) -> bool) -> Vec<&Thumbnail> {
        if self == Self::None {
            return Vec::new();
        }
        let mut seen: Vec<_> = thumbnails.iter().filter(|thumbnail| sees(thumbnail.size)).collect();
        seen.sort_by_key(|thumbnail| thumbnail.size);
        let Self::Covering(pixels) = self else { return seen };
        let covers = |thumbnail: &&Thumbnail| thumbnail.width.min(thumbnail.height) >= pixels;
        let chosen = seen.iter().copied().find(covers).or(seen.last().copied());
        chosen.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thumbnail(size: u32, height: u32) -> Thumbnail {
        Thumbnail { size, width: size, height, content_type: "image/webp".to_owned() }
    }

    #[test]
    fn a_covering_thumbnail_is_the_smallest_one_that_fills_a_square() {
        let thumbnails = [thumbnail(1200, 600), thumbnail(200, 100), thumbnail(400, 200)];
        let chosen = |choice: ThumbnailChoice, largest| {
            let chosen = choice.of(&thumbnails, |size| size <= largest);
            chosen.iter().map(|thumbnail| thumbnail.size).collect::<Vec<_>>()
        };
        for (pixels, size) in [(1, 200), (100, 200), (101, 400), (200, 400), (201, 1200), (9999, 1200)] {
            assert_eq!(chosen(ThumbnailChoice::Covering(pixels), 4096), [size], "{pixels}");
        }
        // The tier decides first.
        assert_eq!(chosen(ThumbnailChoice::Covering(9999), 400), [400]);
        assert_eq!(chosen(ThumbnailChoice::Covering(1), 100), [0; 0]);
        assert_eq!(chosen(ThumbnailChoice::All, 400), [200, 400]);
        assert_eq!(chosen(ThumbnailChoice::None, 4096), [0; 0]);
    }
}
