//! Downloads of many pictures.
//!
//! A user has a fixed number of records for downloads, so nobody can have more archives at the same time. A new download
//! replaces a record that has expired, or whose download has failed.

use aws::CallError;
use domain::{Download, DownloadId, DownloadProgress, Failure, Job, Progress, Task, Timestamp, UserId};

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
    /// The user has [`Download::MAX_PER_USER`] downloads that have neither expired nor failed.
    #[error("the user has too many downloads")]
    TooMany,
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
    /// Two calls. More if the user sends other requests for downloads at the same time.
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
            let is_empty = |slot: &u8| downloads.iter().all(|download| download.slot != *slot);
            // An empty record comes first, so that the client of a failed download can read the reason until then.
            let free = (0..Download::MAX_PER_USER).find(is_empty).or_else(|| {
                let failed = downloads.iter().find(|download| download.status == Progress::Failed);
                failed.map(|download| download.slot)
            });
            // A repeated request must succeed although all records are in use, so its key decides first.
            download.slot = free.unwrap_or_default();
            let is_free = not_exists("pk")
                .or(le("expires_at", number(now.as_second())))
                .or(eq("status", value(Progress::Failed)?));
            let stored = item(download_key(user, download.slot), &download)?;
            let job = Job::new(download.job, Task::Download { download: download.id });
            let mut items = vec![
                (Kind::New, self.put_in_transaction(stored, Some(is_free))?),
                (Kind::New, self.put_job(user, &job)?),
                (Kind::Profile, self.check(profile_key(user), not_deleted())?),
            ];
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
                Some(_) if free.is_none() => return Err(DownloadError::TooMany),
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

/// The update of a download that waits for its job.
fn waiting(user: &UserId, download: &Download, progress: DownloadProgress) -> Result<Update, CallError> {
    Ok(Update::new(download_key(user, download.slot))
        .set("files_done", number(progress.files_done))
        .set("files_skipped", number(progress.files_skipped))
        .set("bytes_done", number(progress.bytes_done))
        .when(eq("id", string(download.id.to_string())))
        .when(eq("status", value(Progress::Queued)?)))
}
