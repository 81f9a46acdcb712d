//! Downloads of many pictures.
//!
//! A user has a fixed number of records for downloads, so the workers never have more archives of one user to make. A new
//! download takes a record that is empty, or whose download has ended. It also takes over the record's count of the day,
//! so no other item counts the downloads of a day.

use aws::CallError;
use domain::{
    Download, DownloadId, DownloadProgress, Failure, Job, Progress, Task, Timestamp, UserId,
    seconds_until_next_day,
};

use crate::{
    account::not_deleted,
    dynamodb::{
        condition::{begins_with, eq, le, not_exists},
        keys::{DOWNLOAD, download_key, item, number, profile_key, read, string, user_pk, value},
        records::{Records, is_condition},
        transactions::TransactItemKind,
        update::Update,
    },
    idempotency::{Created, IdempotencyKey, read_answer},
    jobs::finish::JobOutcome,
};

/// Why a download was not created.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The user has [`Download::MAX_PER_USER`] downloads that wait for their archive.
    #[error("the user has too many downloads")]
    TooMany,
    /// The user has requested [`Download::MAX_PER_DAY`] downloads today.
    #[error("the user has requested too many downloads today")]
    DailyLimitReached {
        /// The seconds until the next day begins.
        retry_after: u32,
    },
    /// Another request used the idempotency key.
    #[error("another request used the idempotency key")]
    KeyReused,
    /// The account was deleted, or is being deleted.
    #[error("the account is being deleted")]
    AccountDeleted,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Records {
    /// Creates a download and its job.
    ///
    /// Two calls. More if the user sends other requests for downloads at the same time. A download that has ended, and whose
    /// record the new one takes, is not found any more. S3 has its archive until the archive expires.
    ///
    /// # Errors
    /// [`DownloadError`]
    pub async fn create_download(
        &self,
        user: &UserId,
        mut download: Download,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created<Download>, DownloadError> {
        use TransactItemKind as Kind;
        // Other requests may take the same record.
        const ROUNDS: usize = 6;
        for _ in 0..ROUNDS {
            let downloads = self.downloads(user, now).await?;
            let replaced = match take_record(&mut download, &downloads, now) {
                Ok(replaced) => replaced,
                // A repeated request succeeds although no record is free.
                Err(refusal) => {
                    let before = self.created_before(user, key, now).await?;
                    return before.map(Created::Replayed).ok_or(refusal);
                }
            };
            // A download that has ended does not wait again, so its id is enough.
            let is_free = match replaced {
                None => not_exists("pk").or(le("expires_at", number(now.as_second()))),
                Some(id) => eq("id", string(id.to_string())),
            };
            let stored = item(download_key(user, download.slot), &download)?;
            let job = Job::new(download.job, Task::Download { download: download.id });
            let mut items = vec![
                (Kind::New, self.put_in_transaction(stored, Some(is_free))?),
                (Kind::New, self.put_job(user, &job)?),
                (Kind::Profile, self.check(profile_key(user), not_deleted())?),
            ];
            // Two requests that take different records must not both add the last download of the day. So the records
            // that were counted must still have the same downloads.
            for other in downloads.iter().filter(|other| other.slot != download.slot) {
                let is_counted = eq("id", string(other.id.to_string()));
                items.push((Kind::Quota, self.check(download_key(user, other.slot), is_counted)?));
            }
            if let Some(key) = key {
                items.push((Kind::IdempotencyKey, self.remember(user, key, &download, now)?));
            }
            match self.transact_kinds(items).await? {
                None => return Ok(Created::New),
                Some((Kind::IdempotencyKey, stored)) => {
                    let download = read_answer(stored, key)?.ok_or(DownloadError::KeyReused)?;
                    return Ok(Created::Replayed(download));
                }
                Some((Kind::Profile, _)) => return Err(DownloadError::AccountDeleted),
                Some(_) => {}
            }
        }
        Err(CallError::Unavailable("the downloads keep changing".into()).into())
    }

    /// The downloads of a user that have not expired.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn downloads(&self, user: &UserId, now: Timestamp) -> Result<Vec<Download>, CallError> {
        let keys = eq("pk", user_pk(user)).and(begins_with("sk", string(DOWNLOAD)));
        let answer = self.query(keys, None)?.consistent_read(true).send().await?;
        let downloads = answer.items.unwrap_or_default().into_iter().map(read::<Download>);
        let downloads = downloads.collect::<Result<Vec<_>, _>>()?.into_iter();
        Ok(downloads.filter_map(|download| download.unless_expired(now)).collect())
    }

    /// A download of a user. `None` if it does not exist or has expired.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn download(
        &self,
        user: &UserId,
        id: DownloadId,
        now: Timestamp,
    ) -> Result<Option<Download>, CallError> {
        Ok(self.downloads(user, now).await?.into_iter().find(|download| download.id == id))
    }

    /// Stores how far the worker has got. Does nothing if the download no longer waits for its job.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn progress_download(
        &self,
        user: &UserId,
        download: &Download,
        progress: DownloadProgress,
    ) -> Result<(), CallError> {
        match waiting(user, download, progress)?.alone(self)?.send().await {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Ends a claimed job and stores its result.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn finish_download(
        &self,
        user: &UserId,
        download: &Download,
        owner: &str,
        result: Result<DownloadProgress, &Failure>,
    ) -> Result<JobOutcome, CallError> {
        let update = match result {
            Ok(progress) => waiting(user, download, progress)?.set("status", value(Progress::Done)?),
            Err(failure) => waiting(user, download, DownloadProgress::default())?
                .set("status", value(Progress::Failed)?)
                .set("failure", value(failure)?),
        };
        self.finish_job(user, download.job, owner, update).await
    }
}

/// Chooses the record of a new download, and counts the download there. Returns the download that it replaces, if any.
///
/// An empty record comes first, so that clients can read about the other downloads. Then comes one whose download has
/// failed, and then the one whose archive is the oldest.
fn take_record(
    download: &mut Download,
    others: &[Download],
    now: Timestamp,
) -> Result<Option<DownloadId>, DownloadError> {
    let today: u32 = others.iter().map(|other| other.number_on_day_of(now)).sum();
    if today >= Download::MAX_PER_DAY {
        return Err(DownloadError::DailyLimitReached { retry_after: seconds_until_next_day(now) });
    }
    let is_empty = |slot: &u8| others.iter().all(|other| other.slot != *slot);
    if let Some(slot) = (0..Download::MAX_PER_USER).find(is_empty) {
        (download.slot, download.number_of_day) = (slot, 1);
        return Ok(None);
    }
    let ended = others.iter().filter(|other| other.status != Progress::Queued);
    let replaced = ended.min_by_key(|other| (other.status == Progress::Done, other.created_at));
    let replaced = replaced.ok_or(DownloadError::TooMany)?;
    (download.slot, download.number_of_day) = (replaced.slot, replaced.number_on_day_of(now) + 1);
    Ok(Some(replaced.id))
}

/// The update of a download that waits for its job.
fn waiting(user: &UserId, download: &Download, progress: DownloadProgress) -> Result<Update, CallError> {
    Ok(Update::new(download_key(user, download.slot))
        .set("files_done", number(progress.files_done))
        .set("files_skipped", number(progress.files_skipped))
        .set("bytes_done", number(progress.bytes_done))
        .when(eq("id", string(download.id.to_string())))
        .when(eq("status", value(Progress::Queued)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(now: Timestamp) -> Download {
        Download::new(Vec::new(), 1, now)
    }

    #[test]
    fn a_user_requests_exactly_as_many_downloads_a_day_as_are_allowed() {
        let now = "2026-03-12T10:00:00Z".parse().unwrap();
        let mut records: Vec<Download> = Vec::new();
        for request in 0..Download::MAX_PER_DAY {
            let mut next = new(now);
            let replaced = take_record(&mut next, &records, now).unwrap();
            assert_eq!(replaced.is_some(), request >= u32::from(Download::MAX_PER_USER));
            records.retain(|record| record.slot != next.slot);
            // What failed counts too.
            next.status = if request % 3 == 0 { Progress::Failed } else { Progress::Done };
            records.push(next);
        }
        let refusal = take_record(&mut new(now), &records, now).unwrap_err();
        assert!(matches!(refusal, DownloadError::DailyLimitReached { retry_after: 50_400 }), "{refusal:?}");
        let tomorrow = "2026-03-13T00:00:00Z".parse().unwrap();
        let mut next = new(tomorrow);
        assert!(take_record(&mut next, &records, tomorrow).unwrap().is_some());
        assert_eq!(next.number_of_day, 1);
    }

    #[test]
    fn a_download_that_waits_is_never_replaced() {
        let now = "2026-03-12T10:00:00Z".parse().unwrap();
        let mut records: Vec<Download> =
            (0..Download::MAX_PER_USER).map(|slot| Download { slot, ..new(now) }).collect();
        assert!(matches!(take_record(&mut new(now), &records, now), Err(DownloadError::TooMany)));
        records[3].status = Progress::Done;
        assert_eq!(take_record(&mut new(now), &records, now).unwrap(), Some(records[3].id));
    }

    #[test]
    fn while_downloads_wait_one_record_takes_all_others_of_the_day() {
        let now = "2026-03-12T10:00:00Z".parse().unwrap();
        let mut records: Vec<Download> =
            (0..Download::MAX_PER_USER).map(|slot| Download { slot, ..new(now) }).collect();
        for _ in u32::from(Download::MAX_PER_USER)..Download::MAX_PER_DAY {
            records[0].status = Progress::Done;
            let mut next = new(now);
            assert_eq!(take_record(&mut next, &records, now).unwrap(), Some(records[0].id));
            records[0] = next;
        }
        let refusal = take_record(&mut new(now), &records, now);
        assert!(matches!(refusal, Err(DownloadError::DailyLimitReached { .. })), "{refusal:?}");
    }
}
