//! Images of one user.

pub(crate) mod claim;
pub(crate) mod create;
pub(crate) mod expired;
pub(crate) mod filter;
pub(crate) mod finish;
mod read;
pub(crate) mod refund;
pub(crate) mod replace;
pub(crate) mod update;
