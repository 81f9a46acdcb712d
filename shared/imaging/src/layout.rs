//! Which part of a picture a rendition shows, and where.

use image::metadata::Orientation;

use crate::rendering::{Fit, Rendering};
use crate::size::{Size, fit_area, swaps_sides};

/// A rectangle in a picture, in pixels that may be fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// How a rendition is made from an upright picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Layout {
    /// The part of the picture that is shown.
    pub(crate) part: Part,
    /// The size of this part in the rendition. It is never larger than the part.
    pub(crate) size: Size,
    /// The size of the rendition. It is larger than `size` only if there is a border.
    pub(crate) canvas: Size,
}

impl Layout {
    /// The layout for an upright picture of this size.
    pub(crate) fn of(picture: Size, rendering: &Rendering) -> Self {
        let &Rendering { width, height, fit, .. } = rendering;
        let area = width.zip(height);
        match (fit, area) {
            (Fit::Cover { x, y }, Some(area)) => Self::cover(picture, area, (x, y)),
            (Fit::Crop { x, y }, Some(area)) => Self::crop(picture, area, (x, y)),
            (Fit::Pad, Some(canvas)) => Self { canvas, ..Self::whole(picture, width, height) },
            _ => Self::whole(picture, width, height),
        }
    }

    /// The longest side that the whole picture has at the scale of the rendition.
    pub(crate) fn longest_side(&self, (width, height): Size) -> u32 {
        /// More than the rounding errors of the division, and less than a visible part of a pixel.
        const ERROR: f64 = 1e-6;
        if (self.part.width, self.part.height) == floats((width, height)) {
            return self.size.0.max(self.size.1);
        }
        let across = f64::from(self.size.0) / self.part.width;
        let down = f64::from(self.size.1) / self.part.height;
        let longer = width.max(height);
        let longest = f64::from(longer) * across.max(down);
        ((longest - ERROR).ceil() as u32).min(longer)
    }

    fn whole(picture: Size, width: Option<u32>, height: Option<u32>) -> Self {
        let size = fit_area(picture, width.unwrap_or(u32::MAX), height.unwrap_or(u32::MAX));
        let part = Part { left: 0.0, top: 0.0, width: picture.0.into(), height: picture.1.into() };
        Self { part, size, canvas: size }
    }

    /// The largest part with the shape of the area.
    fn cover(picture: Size, area: Size, gravity: (f64, f64)) -> Self {
        let ((width, height), (across, down)) = (floats(picture), floats(area));
        let size = if width * down < height * across {
            (width, (width * down / across).max(1.0))
        } else {
            ((height * across / down).max(1.0), height)
        };
        let is_reduced = size.0 >= across && size.1 >= down;
        let canvas = if is_reduced { area } else { (rounded(size.0), rounded(size.1)) };
        Self { part: Part::around(gravity, size, picture), size: canvas, canvas }
    }

    /// What is left if the picture is reduced until it just covers the area, and the rest is cut off. A picture that does
    /// not cover the area is not reduced.
    fn crop(picture: Size, area: Size, gravity: (f64, f64)) -> Self {
        let size = (picture.0.min(area.0), picture.1.min(area.1));
        if picture.0 > area.0 && picture.1 > area.1 {
            return Self::cover(picture, area, gravity);
        }
        let part = Part::around(gravity, floats(size), picture);
        // The pixels stay as they are, so the part begins at a whole one.
        let part = Part { left: part.left.round(), top: part.top.round(), ..part };
        Self { part, size, canvas: size }
    }
}

impl Part {
    /// A part of this size, with the point `x`, `y` (0 to 1) as near to its middle as the picture allows.
    fn around((x, y): (f64, f64), (width, height): (f64, f64), picture: Size) -> Self {
        let start = |point: f64, part: f64, side: u32| {
            let side = f64::from(side);
            (point * side - part / 2.0).clamp(0.0, (side - part).max(0.0))
        };
        Self { left: start(x, width, picture.0), top: start(y, height, picture.1), width, height }
    }

    /// The same part of the picture as it is stored. `upright` is the size of the upright picture.
    pub(crate) fn stored(self, orientation: Orientation, upright: Size) -> Self {
        let Self { left, top, width, height } = self;
        let (right, bottom) = (f64::from(upright.0) - left - width, f64::from(upright.1) - top - height);
        let (left, top) = match orientation {
            Orientation::NoTransforms => (left, top),
            Orientation::FlipHorizontal => (right, top),
            Orientation::FlipVertical => (left, bottom),
            Orientation::Rotate180 => (right, bottom),
            Orientation::Rotate90 => (top, right),
            Orientation::Rotate90FlipH => (top, left),
            Orientation::Rotate270 => (bottom, left),
            Orientation::Rotate270FlipH => (bottom, right),
        };
        let (width, height) = if swaps_sides(orientation) { (height, width) } else { (width, height) };
        Self { left, top, width, height }
    }
}

fn floats((width, height): Size) -> (f64, f64) {
    (width.into(), height.into())
}

fn rounded(side: f64) -> u32 {
    side.round().max(1.0) as u32
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GenericImageView, RgbImage};

    use super::*;
    use crate::size::oriented;

    const CENTRE: Fit = Fit::Cover { x: 0.5, y: 0.5 };

    fn layout(picture: Size, width: u32, height: u32, fit: Fit) -> Layout {
        let rendering = Rendering { width: Some(width), height: Some(height), fit, ..Rendering::default() };
        Layout::of(picture, &rendering)
    }

    fn part(left: f64, top: f64, width: f64, height: f64) -> Part {
        Part { left, top, width, height }
    }

    #[test]
    fn nothing_is_enlarged() {
        for fit in [Fit::ScaleDown, CENTRE, Fit::Crop { x: 0.0, y: 1.0 }, Fit::Pad] {
            for picture in [(1, 1), (40, 30), (30, 40), (5000, 1), (1, 5000), (999, 1000)] {
                for (width, height) in [(1, 1), (39, 41), (4096, 1), (1, 4096), (4096, 4096), (100, 100)] {
                    let Layout { part, size, canvas } = layout(picture, width, height, fit);
                    // A part has fractions, and its size has none.
                    assert!(f64::from(size.0) < part.width + 1.0, "{fit:?} {picture:?} {width}x{height}");
                    assert!(f64::from(size.1) < part.height + 1.0, "{fit:?} {picture:?} {width}x{height}");
                    assert!(canvas.0 <= width && canvas.1 <= height, "{fit:?} {picture:?} {canvas:?}");
                    assert!(part.left >= 0.0 && part.left + part.width <= f64::from(picture.0) + 1e-9);
                    assert!(part.top >= 0.0 && part.top + part.height <= f64::from(picture.1) + 1e-9);
                }
            }
        }
    }

    #[test]
    fn one_side_may_be_missing() {
        let of = |width, height| {
            let rendering = Rendering { width, height, fit: CENTRE, ..Rendering::default() };
            Layout::of((4000, 3000), &rendering).canvas
        };
        assert_eq!(of(Some(400), None), (400, 300));
        assert_eq!(of(None, Some(400)), (533, 400));
        assert_eq!(of(Some(4096), None), (4000, 3000));
    }

    #[test]
    fn cover_has_the_shape_of_the_area_and_crop_the_sides_that_exist() {
        let cover = layout((400, 300), 100, 100, CENTRE);
        assert_eq!((cover.part, cover.size), (part(50.0, 0.0, 300.0, 300.0), (100, 100)));
        let cover = layout((400, 300), 800, 400, CENTRE);
        assert_eq!((cover.part, cover.size), (part(0.0, 50.0, 400.0, 200.0), (400, 200)));
        let crop = |width, height| layout((400, 300), width, height, Fit::Crop { x: 1.0, y: 0.0 });
        assert_eq!(crop(100, 100), layout((400, 300), 100, 100, Fit::Cover { x: 1.0, y: 0.0 }));
        assert_eq!(crop(800, 200).part, part(0.0, 0.0, 400.0, 200.0));
        assert_eq!(crop(101, 900).part, part(299.0, 0.0, 101.0, 300.0));
        assert_eq!(crop(800, 900).size, (400, 300));
    }

    #[test]
    fn the_point_is_in_the_middle_of_the_part_if_the_picture_allows_it() {
        let left = |x| layout((400, 100), 10, 10, Fit::Cover { x, y: 0.5 }).part.left;
        assert_eq!([0.0, 0.1, 0.5, 0.7, 1.0].map(left), [0.0, 0.0, 150.0, 230.0, 300.0]);
    }

    #[test]
    fn the_whole_picture_is_as_large_as_its_part_needs() {
        assert_eq!(layout((4000, 3000), 400, 400, Fit::ScaleDown).longest_side((4000, 3000)), 400);
        assert_eq!(layout((4000, 3000), 300, 300, CENTRE).longest_side((4000, 3000)), 400);
        assert_eq!(layout((40, 30), 300, 300, CENTRE).longest_side((40, 30)), 40);
    }

    #[test]
    fn a_part_is_the_same_in_the_stored_picture() {
        let orientations = (1..=8).filter_map(Orientation::from_exif);
        for orientation in orientations {
            let stored = RgbImage::from_fn(7, 5, |x, y| image::Rgb([x as u8, y as u8, 0]));
            let mut upright = DynamicImage::from(stored.clone());
            upright.apply_orientation(orientation);
            let size = oriented(orientation, (7, 5));
            assert_eq!(upright.dimensions(), size);
            let shown = part(1.0, 2.0, 3.0, 2.0);
            let expected = upright.crop_imm(1, 2, 3, 2);
            let Part { left, top, width, height } = shown.stored(orientation, size);
            let stored = DynamicImage::from(stored);
            let mut cut = stored.crop_imm(left as u32, top as u32, width as u32, height as u32);
            cut.apply_orientation(orientation);
            assert_eq!(cut, expected, "{orientation:?}");
        }
    }
}
