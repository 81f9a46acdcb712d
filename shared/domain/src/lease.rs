//! Leases: which worker may process an image or a job.

use serde::{Deserialize, Serialize};

/// Gives one worker the right to process an image or a job until the lease expires. Another worker can then take over
/// the work of a worker that crashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The id of the Lambda request that holds the lease. Lambda's retries of one event keep this id.
    pub owner: String,
    /// When the lease expires, in seconds since 1970.
    pub until: i64,
}
