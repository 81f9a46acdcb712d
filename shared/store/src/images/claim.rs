//! The claims and results of `workers-thumbnail`.
//!
//! A worker claims a version of an image before it creates the thumbnails. The claim is a write with a condition on the
//! version, the sequencer and the lease. Therefore only one worker succeeds if an event is delivered twice, or if an
//! older and a newer event arrive together. The worker's later writes require that it still holds the claim.

use aws::CallError;
use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, ReturnValue},
};
use domain::{
    DropboxCopy, DropboxPath, Failure, Image, ImageId, Job, Lease, ObjectKey, Picture, Sequencer, Status,
    Thumbnail, Timestamp, UserId,
};

use crate::dynamodb::{
    condition::{Condition, eq, exists, is_in, le, lt, not_exists},
    keys::{Item, image_key, number, profile_key, read, refund_key, string, timestamp, value},
    records::{Records, is_condition, refused_update, updated},
    transactions::refused,
    update::Update,
};

/// The result of a claim.
#[derive(Debug)]
pub enum Claim {
    /// The worker holds the claim.
    Taken(Box<Image>),
    /// Another worker holds the claim. Retry after its lease has expired.
    Busy,
    /// The version was processed before.
    AlreadyDone(Box<Image>),
    /// A newer version exists, or the event is late. The version's files are not needed.
    VersionObsolete,
    /// The image does not exist.
    Gone,
}

/// The result of a write that ends a worker's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The image was written.
    Done,
    /// Not written: the image was deleted.
    Gone,
    /// Not written: another worker has taken over.
    LeaseLost,
    /// Not written: the image has another version.
    VersionObsolete,
}

/// The properties of a processed picture.
#[derive(Debug)]
pub struct Developed {
    /// Width in pixels, after rotation to the upright position.
    pub width: u32,
    /// Height in pixels, after rotation to the upright position.
    pub height: u32,
    /// The thumbnails that are stored in the bucket.
    pub thumbnails: Vec<Thumbnail>,
    /// The placeholder that clients show while the picture loads.
    pub placeholder: domain::Placeholder,
}

impl Records {
    /// Claims an uploaded image for `lease.owner`. The same owner may claim again, because Lambda retries an event with
    /// the same request id.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn claim(
        &self,
        upload: &ObjectKey,
        sequencer: &Sequencer,
        lease: &Lease,
        uploaded_at: Timestamp,
        now: Timestamp,
    ) -> Result<Claim, CallError> {
        let sequencer_value = value(sequencer)?;
        let may_take_over =
            eq("lease.owner", string(&lease.owner)).or(lt("lease.until", number(now.as_second())));
        let same_event = eq("sequencer", sequencer_value.clone())
            .and(eq("status", status(Status::Processing)))
            .and(may_take_over);
        let update = update_version(upload)
            .set("status", status(Status::Processing))
            .set("sequencer", sequencer_value.clone())
            .set("lease", value(lease)?)
            .set("uploaded_at", timestamp(uploaded_at))
            .set("updated_at", timestamp(now))
            .remove("expires_at")
            .remove("replace_by")
            .remove("failure")
            .when(not_exists("sequencer").or(lt("sequencer", sequencer_value)).or(same_event));
        let error = match update.alone(self)?.return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => return Ok(Claim::Taken(Box::new(updated(answer)?))),
            Err(error) => error,
        };
        let Some(item) = refused_update(error)? else { return Ok(Claim::Gone) };
        let image: Image = read(item)?;
        let same_event = image.version == upload.version && image.sequencer.as_ref() == Some(sequencer);
        Ok(if same_event && image.status == Status::Processing {
            Claim::Busy
        } else if image.keeps_version(upload.version) {
            Claim::AlreadyDone(Box::new(image))
        } else {
            Claim::VersionObsolete
        })
    }

    /// Ends a claim, so that a retry need not wait until the lease expires.
    ///
    /// # Errors
    /// [`CallError`]. The lease then expires later.
    pub async fn release_claim(&self, upload: &ObjectKey, lease: &Lease) -> Result<(), CallError> {
        let update = update_version(upload)
            .set("lease.until", number(0))
            .when(eq("lease.owner", string(&lease.owner)));
        match update.alone(self)?.send().await {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Sets the status `ready` and the current picture, and enqueues the deferred jobs. The previous picture no longer
    /// counts against the quota.
    ///
    /// With `copies_to_dropbox`, an image that was uploaded for a phone number gets a copy in Dropbox. It replaces the
    /// copy of the previous picture.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn finish(
        &self,
        upload: &ObjectKey,
        claimed: &Image,
        developed: Developed,
        copies_to_dropbox: bool,
        now: Timestamp,
    ) -> Result<Outcome, CallError> {
        let mut after = claimed.clone();
        after.status = Status::Ready;
        after.picture = Some(Picture {
            version: upload.version,
            upload: claimed.upload.clone(),
            width: developed.width,
            height: developed.height,
            thumbnails: developed.thumbnails,
            placeholder: developed.placeholder,
        });
        let mut update = update_version(upload)
            .set("status", status(Status::Ready))
            .set("picture", value(&after.picture)?)
            .set("updated_at", timestamp(now))
            .remove("lease")
            .remove("failure")
            .when(holds_claim(claimed));
        let is_another = claimed.picture.as_ref().is_some_and(|picture| picture.version != upload.version);
        // An analysis describes the previous picture, even if it was stored after the claim.
        if is_another && !after.analysis.as_ref().is_some_and(|analysis| analysis.deferred) {
            after.analysis = None;
            update = update.remove("analysis");
        }
        if let Some(number) = claimed.phone_number.as_ref().filter(|_| copies_to_dropbox) {
            let uploaded_at = claimed.uploaded_at.unwrap_or(now);
            let path = DropboxPath::new(number, uploaded_at, claimed.id, &claimed.file_name);
            let copy = after.dropbox_copy.insert(DropboxCopy::queued(path));
            update = update.set("dropbox_copy", value(copy)?);
        }
        self.write_and_refund(update, upload, claimed, &after).await
    }

    /// Sets the status `failed` of a claimed image permanently. The image keeps its previous picture.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn fail(
        &self,
        upload: &ObjectKey,
        claimed: &Image,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<Outcome, CallError> {
        let mut after = claimed.clone();
        after.status = Status::Failed;
        let sequencer = claimed.sequencer.clone().unwrap_or_else(Sequencer::closed);
        let update = update_version(upload)
            .set("status", status(Status::Failed))
            .set("sequencer", value(sequencer_after_failure(&after, upload, sequencer))?)
            .set("failure", value(failure)?)
            .set("updated_at", timestamp(now))
            .remove("lease")
            .when(holds_claim(claimed));
        self.write_and_refund(update, upload, claimed, &after).await
    }

    /// Sets the status `failed` of an image whose event Lambda no longer retries. Does nothing if the image was processed
    /// or a later event has claimed it.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn mark_failed(
        &self,
        upload: &ObjectKey,
        sequencer: &Sequencer,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<Outcome, CallError> {
        let Some(stored) = self.stored_image(&upload.user, upload.image).await? else {
            return Ok(Outcome::Gone);
        };
        let mut after = stored.clone();
        after.status = Status::Failed;
        let update = update_version(upload)
            .set("status", status(Status::Failed))
            .set("sequencer", value(sequencer_after_failure(&after, upload, sequencer.clone()))?)
            .set("failure", value(failure)?)
            .set("updated_at", timestamp(now))
            .remove("lease")
            .remove("expires_at")
            .remove("replace_by")
            .when(is_in("status", [status(Status::Pending), status(Status::Processing)]))
            .when(not_exists("sequencer").or(le("sequencer", value(sequencer)?)));
        self.write_and_refund(update, upload, &stored, &after).await
    }

    /// Writes the new status of an image. If the image then holds fewer bytes or jobs begin, the quota and the jobs are
    /// written in the same transaction. The refund is correct because a picture changes only while its version is
    /// claimed, and the update's condition checks the claim.
    async fn write_and_refund(
        &self,
        mut update: Update,
        upload: &ObjectKey,
        before: &Image,
        after: &Image,
    ) -> Result<Outcome, CallError> {
        if before.edit_deferred {
            update = update.remove("edit_deferred");
        }
        if before.analysis.as_ref().is_some_and(|analysis| analysis.deferred) {
            update = update.remove("analysis.deferred");
        }
        let mut tasks = before.deferred_tasks(upload.version);
        tasks.extend(after.dropbox_copy_tasks(before));
        if before.quota_bytes() == after.quota_bytes() && tasks.is_empty() {
            return outcome(update.alone(self)?, upload.version).await;
        }
        let mut items = vec![update.in_transaction(self)?];
        if before.quota_bytes() != after.quota_bytes() {
            items.push(self.refund_version(&upload.user, before, after)?);
        }
        for (id, task) in tasks {
            items.push(self.put_job(&upload.user, &Job::new(id, task))?);
        }
        let Some(reasons) = self.transact(items).await? else { return Ok(Outcome::Done) };
        match reasons.first().and_then(refused) {
            Some(item) => not_written(item, upload.version),
            None => Err(CallError::internal("the owner of an image has no profile")),
        }
    }

    /// Subtracts a deleted image from the usage. A second call for the same image changes nothing.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn refund_quota(
        &self,
        user: &UserId,
        id: ImageId,
        bytes: u64,
        now: Timestamp,
    ) -> Result<(), CallError> {
        // Longer than a stream keeps its records (24 hours) and a queue keeps its messages (14 days).
        const MARKER_SECONDS: i64 = 15 * 24 * 60 * 60;
        let mut marker = refund_key(user, id);
        marker.insert("expires_at".to_owned(), number(now.as_second() + MARKER_SECONDS));
        let usage = Update::new(profile_key(user))
            .add("images", -1)
            .add("bytes", -i128::from(bytes))
            .when(exists("pk"))
            .in_transaction(self)?;
        // If a condition is false, the quota was refunded before or the user does not exist.
        self.transact(vec![self.put_new(marker)?, usage]).await.map(drop)
    }
}

/// An update of the image that an upload belongs to, if the upload is of the image's latest version.
fn update_version(upload: &ObjectKey) -> Update {
    Update::new(image_key(&upload.user, upload.image))
        .when(exists("pk").and(eq("version", number(upload.version))))
}

/// The worker still holds the claim that it took on this image.
fn holds_claim(claimed: &Image) -> Condition {
    let owner = claimed.lease.as_ref().map_or("", |lease| lease.owner.as_str());
    exists("sequencer").and(eq("lease.owner", string(owner)))
}

fn status(status: Status) -> AttributeValue {
    string(status.as_str())
}

/// The sequencer to store for a failed upload. If the image does not keep the version, no later event can claim it, for
/// example the event of a second upload to the same URL.
fn sequencer_after_failure(after: &Image, upload: &ObjectKey, event: Sequencer) -> Sequencer {
    if after.keeps_version(upload.version) { event } else { Sequencer::closed() }
}

async fn outcome(update: UpdateItemFluentBuilder, version: u32) -> Result<Outcome, CallError> {
    let Err(error) = update.send().await else { return Ok(Outcome::Done) };
    not_written(refused_update(error)?.as_ref(), version)
}

/// Why an update of a version was refused. `item` is the stored item.
fn not_written(item: Option<&Item>, version: u32) -> Result<Outcome, CallError> {
    let Some(item) = item else { return Ok(Outcome::Gone) };
    let image: Image = read(item.clone())?;
    Ok(if image.keeps_version(version) { Outcome::LeaseLost } else { Outcome::VersionObsolete })
}
