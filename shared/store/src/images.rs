//! Images of one user.

pub(crate) mod claim;
pub(crate) mod create;
pub(crate) mod expired;
pub(crate) mod filter;
pub(crate) mod finish;
mod read;
pub(crate) mod refund;
pub(crate) mod rendition;
pub(crate) mod replace;
pub(crate) mod resize;
pub(crate) mod search;
pub(crate) mod taken;
pub(crate) mod trash;
pub(crate) mod update;
pub(crate) mod words;
