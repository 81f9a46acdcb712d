//! Widths and heights.

use image::metadata::Orientation;

/// A width and a height in pixels.
pub(crate) type Size = (u32, u32);

/// Fits a picture into a square of `longest` pixels. It never enlarges a picture, and no side becomes shorter than 1.
pub(crate) fn fit(picture: Size, longest: u32) -> Size {
    fit_area(picture, longest.max(1), longest.max(1))
}

/// Fits a picture into an area. It never enlarges a picture, and no side becomes shorter than 1.
pub(crate) fn fit_area((width, height): Size, across: u32, down: u32) -> Size {
    if width <= across && height <= down {
        return (width, height);
    }
    let scaled = |side: u32, to: u32, from: u32| {
        let scaled = (u64::from(side) * u64::from(to) * 2 + u64::from(from)) / (u64::from(from) * 2);
        u32::try_from(scaled).unwrap_or(side).clamp(1, side)
    };
    if u64::from(width) * u64::from(down) >= u64::from(height) * u64::from(across) {
        (across, scaled(height, across, width))
    } else {
        (scaled(width, down, height), down)
    }
}

/// The size after an orientation is applied, or before: the exchange of the sides is the same in both directions.
pub(crate) fn oriented(orientation: Orientation, (width, height): Size) -> Size {
    if swaps_sides(orientation) { (height, width) } else { (width, height) }
}

/// Whether an orientation exchanges width and height.
pub(crate) fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
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
