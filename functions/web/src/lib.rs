//! The web page. The build embeds the files of web/.
//!
//! Browsers revalidate index.html at each visit. It names the other files by addresses with a hash of all files, so caches
//! may keep those forever. The build joins all modules into three scripts, so the page consists of few files.
//! All scripts come from the same address with a hash. After a deployment, a cache at the edge can still have one of them,
//! and the others are new. So do not remove exports that another script imports. A page that was open before can load a new
//! `later.js` that needs exports which its `app.js` does not have: then it reloads itself when the user tries again.

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
