//! The module that calls DynamoDB. It renders every expression of the crate.

pub(crate) mod condition;
pub(crate) mod keys;
mod placeholders;
pub(crate) mod records;
pub(crate) mod retry;
pub(crate) mod transactions;
pub(crate) mod update;
