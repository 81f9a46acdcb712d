//! The filter of all reductions.

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions};

/// Lanczos3.
pub(crate) fn options() -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
}
