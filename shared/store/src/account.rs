//! The end of an account.
//!
//! A request marks the profile and enqueues a job. From then on the conditions of all transactions that create
//! something refuse the user. `workers-delete-account` then deletes everything of the user, in steps that can be
//! repeated. At the end the profile becomes a tombstone: it has no content, and it refuses whoever still has an access
//! token. It expires when no token works any more.

use std::time::Instant;

use aws::CallError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::{DropboxPath, Job, JobId, Profile, Task, TierId, Timestamp, UserId};
use futures_util::future::try_join_all;
use serde::Deserialize;

use crate::{
    dynamodb::{
        condition::{Condition, begins_with, eq, exists, not_exists},
        keys::{
            Item, PROFILE, number, owner, pool_key, profile_key, read, string, tier_join_key, timestamp,
            user_pk, value,
        },
        records::{Records, is_condition},
        update::Update,
    },
    jobs::finish::JobOutcome,
};

/// The attribute of a profile that shows that the account is being deleted, or was deleted.
const DELETING: &str = "deleting_since";

/// The attribute of a profile whose user the user pool did not contain. Together with [`DELETING`], it shows that the
/// deletion was requested because of this.
const MISSING: &str = "missing_since";

/// How long a tombstone exists, in seconds. It is longer than an access token works (60 minutes) and than a presigned
/// upload that was requested with the last token (15 minutes). template.yaml sets the first of these.
const TOMBSTONE_SECONDS: i64 = 2 * 60 * 60;

/// How many items are deleted at the same time.
const AT_ONCE: usize = 16;

/// What is left after [`Records::delete_account_items`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountRest {
    /// The number of items that this call deleted. If there were any, others may have been added meanwhile.
    pub deleted: usize,
    /// The number of jobs that have to end before the account can end. They delete copies in Dropbox.
    pub jobs: usize,
    /// Whether there was enough time to look at all items.
    pub is_complete: bool,
}

/// The attributes of an item that decide how it is deleted.
#[derive(Deserialize)]
struct Leftover {
    sk: String,
    dropbox_copy: Option<Copied>,
    task: Option<String>,
}

/// A copy in Dropbox.
#[derive(Deserialize)]
struct Copied {
    path: DropboxPath,
}

impl Records {
    /// Requests that everything of a user is deleted. From now on the user can create nothing. `username` is the user's
    /// name in the user pool. Returns `false` if this was requested before.
    ///
    /// One call.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn request_account_deletion(
        &self,
        user: &UserId,
        username: &str,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        // The job for a missing user ends if the user exists, so it does not replace this request.
        let is_first = not_deleted().or(exists(MISSING));
        // The update creates the item if the user has no profile.
        let mark =
            Update::new(profile_key(user)).set(DELETING, timestamp(now)).remove(MISSING).when(is_first);
        let task = Task::DeleteAccount { username: Some(username.to_owned()), is_missing: false };
        self.begin_account_deletion(user, mark, task).await
    }

    /// Requests the same for a user who was noted with [`Records::note_missing_user`]. The job ends if the user pool
    /// contains the user after all.
    ///
    /// One call.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn request_deletion_of_missing_user(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        let mark = Update::new(profile_key(user))
            .set(DELETING, timestamp(now))
            .when(exists(MISSING).and(not_deleted()));
        self.begin_account_deletion(user, mark, Task::DeleteAccount { username: None, is_missing: true })
            .await
    }

    async fn begin_account_deletion(
        &self,
        user: &UserId,
        mark: Update,
        task: Task,
    ) -> Result<bool, CallError> {
        let job = Job::new(JobId::generate(), task);
        let items = vec![mark.in_transaction(self)?, self.put_job(user, &job)?];
        Ok(self.transact(items).await?.is_none())
    }

    /// Ends the claimed job of [`Records::request_deletion_of_missing_user`] because the user exists. The user can then
    /// create things again. What the job has already deleted stays deleted.
    ///
    /// One call. Two calls if the account has no marks of this job any more.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn keep_account(&self, user: &UserId, job: JobId, owner: &str) -> Result<(), CallError> {
        let unmark = Update::new(profile_key(user)).remove(DELETING).remove(MISSING).when(exists(MISSING));
        match self.finish_job(user, job, owner, unmark).await? {
            // The deletion was requested meanwhile, which added another job. Or the job has written the tombstone.
            JobOutcome::NotNeeded => self.end_job(user, job, owner).await,
            JobOutcome::Done | JobOutcome::LeaseLost => Ok(()),
        }
    }

    /// Whether the account of the owner of an image was deleted, or is being deleted. Without a profile it was deleted,
    /// because the transaction that creates a user's first image also creates the profile.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) async fn is_account_deleted(&self, user: &UserId) -> Result<bool, CallError> {
        let profile = self.get_item(profile_key(user)).await?;
        Ok(profile.is_none_or(|profile| is_deleted(&profile)))
    }

    /// Deletes a user's items, except the profile, jobs that delete the account, and jobs for Dropbox. The stream then
    /// lets `workers-stream` clean up after images and sets. Begins nothing after `until`.
    ///
    /// Repeating the call continues the deletion.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_account_items(
        &self,
        user: &UserId,
        until: Instant,
    ) -> Result<AccountRest, CallError> {
        let mut rest = AccountRest::default();
        let mut start = None;
        loop {
            let query = self.query(eq("pk", user_pk(user)), None)?.consistent_read(true);
            let answer = query.set_exclusive_start_key(start).send().await?;
            let mut doomed = Vec::new();
            for item in answer.items.unwrap_or_default() {
                let leftover: Leftover = read(item)?;
                match leftover.task.as_deref() {
                    // A job that deletes the account ends itself. There are two if the deletion is requested while the
                    // job for a missing user exists.
                    task if leftover.sk == PROFILE || task == Some("delete_account") => {}
                    // Only the worker knows whether the file exists by now. It deletes the copy of a deleted image.
                    Some("dropbox_copy" | "delete_dropbox_copy") => rest.jobs += 1,
                    _ => doomed.push(leftover),
                }
            }
            for chunk in doomed.chunks(AT_ONCE) {
                if Instant::now() >= until {
                    return Ok(rest);
                }
                try_join_all(chunk.iter().map(|leftover| self.delete_leftover(user, leftover))).await?;
                rest.deleted += chunk.len();
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(AccountRest { is_complete: true, ..rest });
            }
        }
    }

    async fn delete_leftover(&self, user: &UserId, leftover: &Leftover) -> Result<(), CallError> {
        let key = Item::from([("pk".to_owned(), user_pk(user)), ("sk".to_owned(), string(&leftover.sk))]);
        match &leftover.dropbox_copy {
            Some(copy) => self.delete_copied_image(user, key, copy).await,
            None => self.delete_key(key).await,
        }
    }

    /// Deletes an image that may have a copy in Dropbox. `workers-stream` will also enqueue the deletion of the copy,
    /// but the account must not end before that, so the job is enqueued at once.
    async fn delete_copied_image(&self, user: &UserId, key: Item, copy: &Copied) -> Result<(), CallError> {
        let job = Job::new(JobId::generate(), Task::DeleteDropboxCopy { path: copy.path.clone() });
        let items: Vec<TransactWriteItem> =
            vec![self.delete_in_transaction(key, exists("pk"))?, self.put_job(user, &job)?];
        // If the image is gone, whoever deleted it has enqueued the job.
        self.transact(items).await.map(drop)
    }

    pub(crate) async fn delete_key(&self, key: Item) -> Result<(), CallError> {
        self.dynamodb.delete_item().table_name(&self.table).set_key(Some(key)).send().await?;
        Ok(())
    }

    /// Deletes the items that show that a user joined a tier recently.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_tier_joins(&self, user: &UserId) -> Result<(), CallError> {
        for tier in self.tiers().await? {
            self.delete_key(tier_join_key(&tier.id, user)).await?;
        }
        Ok(())
    }

    /// Replaces a user's profile by a tombstone. When it expires, `workers-stream` looks for late files of the user.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn put_tombstone(&self, user: &UserId, now: Timestamp) -> Result<(), CallError> {
        let mut tombstone = profile_key(user);
        tombstone.insert(DELETING.to_owned(), timestamp(now));
        // template.yaml filters the stream by this attribute.
        tombstone.insert("deleted".to_owned(), AttributeValue::Bool(true));
        tombstone.insert("expires_at".to_owned(), number(now.as_second() + TOMBSTONE_SECONDS));
        self.dynamodb.put_item().table_name(&self.table).set_item(Some(tombstone)).send().await?;
        Ok(())
    }

    /// The users of a tier whose ids begin with `prefix`. An index answers, which may lag behind the table.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn users_with_prefix(&self, tier: &TierId, prefix: &str) -> Result<Vec<UserId>, CallError> {
        let keys = eq("tier", value(tier)?).and(begins_with("pk", string(format!("USER#{prefix}"))));
        let mut pages = self.query(keys, None)?.index_name("by_tier").into_paginator().items().send();
        let mut users = Vec::new();
        while let Some(item) = pages.next().await {
            users.push(owner(&item?)?);
        }
        Ok(users)
    }

    /// Notes that the user pool did not contain the user. Returns when this was first noted after the pool contained the
    /// user. `None` if there is no profile, or if the account is being deleted already.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn note_missing_user(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, CallError> {
        let update = Update::new(profile_key(user))
            .set_if_absent(MISSING, timestamp(now))
            .when(exists("tier").and(not_deleted()));
        let update = update.alone(self)?.return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
        match update.send().await {
            Ok(answer) => {
                let since = answer.attributes.and_then(|mut profile| profile.remove(MISSING));
                let since = since.as_ref().and_then(|since| since.as_s().ok());
                let since = since.and_then(|since| since.parse().ok());
                Ok(Some(since.unwrap_or(now)))
            }
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets what [`Records::note_missing_user`] noted, because the user pool contains the user. Returns whether
    /// something was noted. Does nothing if the account is being deleted.
    ///
    /// Two calls. One if nothing was noted: a read costs less than a write that DynamoDB refuses.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn note_found_user(&self, user: &UserId) -> Result<bool, CallError> {
        let profile = eq("pk", user_pk(user)).and(eq("sk", string(PROFILE)));
        let noted = self.query(profile, Some(exists(MISSING)))?.consistent_read(true).send().await?;
        if noted.items().is_empty() {
            return Ok(false);
        }
        let update = Update::new(profile_key(user)).remove(MISSING).when(exists(MISSING).and(not_deleted()));
        match update.alone(self)?.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the table belongs to this user pool. The first call decides it.
    ///
    /// A table that was copied to another deployment has users whom the pool of that deployment does not know. They
    /// must not count as deleted.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn belongs_to_pool(&self, pool: &str) -> Result<bool, CallError> {
        let mut item = pool_key();
        item.insert("pool".to_owned(), string(pool));
        let is_ours = not_exists("pk").or(eq("pool", string(pool)));
        match self.put_when(item, is_ours)?.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The account is not being deleted.
pub(crate) fn not_deleted() -> Condition {
    not_exists(DELETING)
}

/// Whether a profile shows that the account is being deleted, or was deleted.
pub(crate) fn is_deleted(profile: &Item) -> bool {
    profile.contains_key(DELETING)
}

/// A profile. `None` for the item of a deleted account, which has no content.
pub(crate) fn read_profile(item: Item) -> Result<Option<Profile>, CallError> {
    if item.contains_key("tier") { read(item).map(Some) } else { Ok(None) }
}
