//! What `develop` does with good pictures, odd ones and hostile ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod avif;
mod colors;
mod derivatives;
mod jpeg;
mod make;
mod orientation;
mod refusals;
