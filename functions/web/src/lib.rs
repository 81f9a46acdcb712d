//! The page as it is served: the files of web/, packed when this package is built.
//!
//! index.html is asked for anew each time and names all others by an address with the hash of them all, so a cache may
//! keep those for ever. There are few: the build puts the modules of the page into one script.

#[cfg(test)]
#[path = "../build/bundle.rs"]
mod bundle;
mod file;
#[cfg(test)]
#[path = "../build/page.rs"]
mod page;
mod policy;

pub use file::{Caching, File, find};
pub use policy::Policy;
