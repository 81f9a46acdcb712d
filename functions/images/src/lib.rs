//! Code that only the endpoints of images use.

mod resize;

pub use resize::{ResizeWorker, find_thumbnail};
