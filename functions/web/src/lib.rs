//! The web page. The build embeds the files of web/.
//!
//! Browsers revalidate index.html at each visit. It names the other files by addresses with a hash of all files, so caches
//! may keep those forever. The build joins all modules into two scripts, so the page consists of few files.
//! Both scripts come from the same address with a hash. If only one of them is new, because a cache at the edge has the
//! other, the new `app.js` must still find the exports of the old `early.js`: add exports, but do not remove them.

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
