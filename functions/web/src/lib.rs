//! The web page. The build embeds the files of web/.
//!
//! Browsers revalidate index.html at each visit. It names the other files by addresses with a hash of all files, so caches
//! may keep those forever. The build joins all modules into three scripts, so the page consists of few files.
//! All scripts come from the same address with a hash. If only some of them are new, because a cache at the edge or an open
//! page has the others, a new script must still find the exports of the old ones: add exports, but do not remove them.

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
