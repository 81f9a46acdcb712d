//! Widths and heights.

use image::metadata::Orientation;

/// A width and a height in pixels.
pub(crate) type Size = (u32, u32);

/// Fits a picture into a square of `longest` pixels. It never enlarges a picture, and no side becomes shorter than 1.
pub(crate) fn fit((width, height): Size, longest: u32) -> Size {
    let (longer, longest) = (width.max(height), longest.max(1));
    if longer <= longest {
        return (width, height);
    }
    let scale = |side: u32| {
        let scaled = (u64::from(side) * u64::from(longest) * 2 + u64::from(longer)) / (u64::from(longer) * 2);
        u32::try_from(scaled).unwrap_or(longest).clamp(1, longest)
    };
    (scale(width), scale(height))
}

/// The size after an orientation is applied, or before: the exchange of the sides is the same in both directions.
pub(crate) fn oriented(orientation: Orientation, (width, height): Size) -> Size {
    let swaps_sides = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    if swaps_sides { (height, width) } else { (width, height) }
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn a_fitted_side_is_rounded_and_never_below_one_nor_enlarged() {
        assert_eq!(fit((4000, 3000), 400), (400, 300));
        assert_eq!(fit((3, 2), 2), (2, 1));
        assert_eq!(fit((2725, 2225), 200), (200, 163));
        assert_eq!(fit((5000, 1), 200), (200, 1));
        assert_eq!(fit((1, 65_535), 200), (1, 200));
        assert_eq!(fit((120, 80), 200), (120, 80));
        assert_eq!(fit((120, 80), 0), (1, 1));
    }
}
