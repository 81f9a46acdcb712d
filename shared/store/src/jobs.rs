//! Creates, claims, postpones and ends jobs.
//!
//! A job is an item under its owner's key. It exists until the job has ended. A worker claims it with a lease. Therefore
//! a message that is delivered twice does no work twice, and another worker takes over the job of a crashed worker when
//! the lease has expired. The result of a job is written in the transaction that deletes the job.

pub(crate) mod claim;
pub(crate) mod finish;
pub(crate) mod request;
