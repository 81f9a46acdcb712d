//! What `develop` does with good pictures, odd ones and hostile ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod animation;
mod avif;
mod avif_hostile;
mod bmp;
mod colors;
mod container;
mod derivatives;
mod exif;
mod heic;
mod heic_hostile;
mod hevc;
mod jpeg;
mod jxl;
mod jxl_made;
mod make;
#[cfg(target_os = "linux")]
mod memory;
mod metadata;
mod orientation;
mod png;
mod refusals;
mod removal;
mod render;
mod shown_elsewhere;
mod tiff;
mod worst;
