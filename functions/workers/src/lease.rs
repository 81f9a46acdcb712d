//! The lease of a Lambda request.

use domain::Lease;
use lambda_runtime::Context;

/// A lease that expires when Lambda stops the request.
#[must_use]
pub fn lease(owner: String, context: &Context) -> Lease {
    // The deadline is in milliseconds, the lease in seconds.
    Lease { owner, until: i64::try_from(context.deadline / 1000 + 1).unwrap_or(i64::MAX) }
}
