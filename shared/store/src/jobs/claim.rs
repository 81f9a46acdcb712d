//! Claims and postpones jobs.

use aws::CallError;
use aws_sdk_dynamodb::types::ReturnValue;
use domain::{Job, JobId, Lease, Timestamp, UserId};

use crate::dynamodb::{
    condition::{Condition, eq, exists, le, lt, not_exists},
    keys::{job_key, number, read, string, value},
    records::{Records, is_condition, refused_update, updated},
    update::Update,
};

/// The result of a claim of a job.
#[derive(Debug)]
pub enum JobClaim {
    /// The worker holds the claim.
    Taken(Box<Job>),
    /// Another worker holds the claim, or the job was postponed. Retry at this time, in seconds since 1970.
    NotBefore(i64),
    /// The job has ended.
    Ended,
}

impl Records {
    /// Claims a job for `lease.owner`, which no other claim may use. Each claim counts as an attempt.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn claim_job(
        &self,
        user: &UserId,
        id: JobId,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<JobClaim, CallError> {
        let seconds = number(now.as_second());
        let update = Update::new(job_key(user, id))
            .set("lease", value(lease)?)
            .add("attempts", 1)
            .remove("not_before")
            .when(exists("pk"))
            .when(not_exists("lease").or(lt("lease.until", seconds.clone())))
            .when(not_exists("not_before").or(le("not_before", seconds)));
        let error = match update.alone(self)?.return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => return Ok(JobClaim::Taken(Box::new(updated(answer)?))),
            Err(error) => error,
        };
        let Some(item) = refused_update(error)? else { return Ok(JobClaim::Ended) };
        let job: Job = read(item)?;
        // DynamoDB wrote this claim before, but its answer was lost. So the SDK sent the claim again.
        if job.lease.as_ref() == Some(lease) {
            return Ok(JobClaim::Taken(Box::new(job)));
        }
        let leased = job.lease.map_or(0, |lease| lease.until + 1);
        Ok(JobClaim::NotBefore(leased.max(job.not_before.unwrap_or_default())))
    }

    /// Postpones a claimed job until `not_before`, in seconds since 1970. Does nothing if another worker has taken over
    /// the job.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn postpone_job(
        &self,
        user: &UserId,
        id: JobId,
        owner: &str,
        not_before: i64,
    ) -> Result<(), CallError> {
        let update = Update::new(job_key(user, id)).set("not_before", number(not_before)).remove("lease");
        match update.when(holds_job(owner)).alone(self)?.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The worker still holds the claim of a job.
pub(crate) fn holds_job(owner: &str) -> Condition {
    eq("lease.owner", string(owner))
}
