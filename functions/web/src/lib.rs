//! The page as it is served: the files of web/, packed when this package is built.
//!
//! index.html is asked for anew each time and names all others by an address with the hash of them all, so a cache
//! may keep those for ever, and modules find each other by relative addresses as they do in web/.

mod file;
#[cfg(test)]
#[path = "../build/page.rs"]
mod page;
mod policy;

pub use file::{Caching, File, find};
pub use policy::Policy;
