//! Files in the two S3 buckets, and their addresses.

mod addresses;
pub(crate) mod archive;
mod choice;
mod delete;
mod edge;
pub(crate) mod files;
mod presign;
mod shared;
mod target;
mod urls;

pub use choice::{AddressChoice, ThumbnailChoice};
pub use urls::content_disposition;
