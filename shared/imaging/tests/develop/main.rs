//! What `develop` does with good pictures, odd ones and hostile ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod avif;
mod avif_hostile;
mod colors;
mod container;
mod derivatives;
mod jpeg;
mod make;
#[cfg(target_os = "linux")]
mod memory;
mod metadata;
mod orientation;
mod png;
mod refusals;
mod worst;
