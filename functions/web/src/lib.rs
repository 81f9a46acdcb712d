//! The web page. The build embeds the files of web/.
//!
//! Browsers revalidate index.html at each visit. It names the other files by addresses with a hash of all files, so caches
//! may keep those forever. The build joins all modules into one script, so the page consists of few files.

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
