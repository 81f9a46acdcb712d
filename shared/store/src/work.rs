//! Images as the workers take them through their states.
//!
//! A worker claims an image before it develops it. The claim is a conditional write on version, sequencer
//! and lease, so that of two deliveries of one event, or of an older and a newer event, one does the work;
//! whatever it then writes is conditional on still holding the claim.

use aws::CallError;
use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{ReturnValue, TransactWriteItem},
};
use domain::{
    DropboxCopy, DropboxPath, Failure, Image, ImageId, Job, Lease, ObjectKey, Picture, Sequencer, Status,
    Thumbnail, Timestamp, UserId,
};

use crate::{
    Records,
    item::{Item, Write, image_key, key, number, profile_key, read, string, user_pk, value},
    records::{is_condition, refused, timestamp},
};

/// The answer to a worker that wants to develop an image.
#[derive(Debug)]
pub enum Claim {
    /// Go ahead.
    Taken(Box<Image>),
    /// Another request is at it; come back when its lease may have ended.
    Busy,
    /// Nothing to do: it was done before.
    AlreadyDone(Box<Image>),
    /// Nothing to do, and the version's objects are not needed: a newer upload took its place, or it came
    /// too late.
    VersionObsolete,
    /// There is no such image.
    Gone,
}

/// What came of a worker's write at the end of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Written.
    Done,
    /// Not written: the image was removed meanwhile.
    Gone,
    /// Not written: another request took over.
    LeaseLost,
    /// Not written: another version of the image was begun.
    VersionObsolete,
}

/// What was found out about a picture.
#[derive(Debug)]
pub struct Developed {
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// The thumbnails that lie in the bucket.
    pub thumbnails: Vec<Thumbnail>,
    /// What stands in for the picture.
    pub placeholder: domain::Placeholder,
}

/// That the worker still holds what it claimed.
const HOLDS_CLAIM: &str = "attribute_exists(#sequencer) AND #lease.#owner = :owner";

impl Records {
    /// Claims an uploaded image for `lease.owner`. The same owner may claim again: Lambda's retries of an
    /// event keep its request's id.
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
        let update = "SET #status = :processing, #sequencer = :sequencer, #lease = :lease, \
                      #uploaded_at = :uploaded, #updated_at = :time \
                      REMOVE #expires_at, #replace_by, #failure";
        let condition = "(attribute_not_exists(#sequencer) OR #sequencer < :sequencer \
                         OR (#sequencer = :sequencer AND #status = :processing \
                         AND (#lease.#owner = :owner OR #lease.#until < :seconds)))";
        let write = Write::of_upload(upload, update, condition)
            .value(":sequencer", value(sequencer)?)
            .value(":lease", value(lease)?)
            .value(":owner", string(&lease.owner))
            .value(":uploaded", timestamp(uploaded_at))
            .value(":time", timestamp(now))
            .value(":seconds", number(now.as_second()))
            .value(":processing", string(Status::Processing.as_str()));
        let error = match write.alone(self).return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => {
                let item = answer.attributes.ok_or_else(|| CallError::internal("no attributes returned"))?;
                return Ok(Claim::Taken(Box::new(read(item)?)));
            }
            Err(error) => error,
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(error.into());
        };
        let Some(item) = failed.item() else { return Ok(Claim::Gone) };
        let image: Image = read(item.clone())?;
        let same_event = image.version == upload.version && image.sequencer.as_ref() == Some(sequencer);
        Ok(if same_event && image.status == Status::Processing {
            Claim::Busy
        } else if image.keeps_version(upload.version) {
            Claim::AlreadyDone(Box::new(image))
        } else {
            Claim::VersionObsolete
        })
    }

    /// Ends a claim whose work is to be tried again, so that whoever tries need not wait for the lease's end.
    ///
    /// # Errors
    /// [`CallError`]; the lease then ends by itself.
    pub async fn release_claim(&self, upload: &ObjectKey, lease: &Lease) -> Result<(), CallError> {
        let write = Write::of_upload(upload, "SET #lease.#until = :past", "#lease.#owner = :owner")
            .value(":past", number(0))
            .value(":owner", string(&lease.owner));
        match write.alone(self).send().await {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Makes a claimed image ready, and begins the jobs that waited for it. The picture that was served before
    /// counts no longer.
    ///
    /// With `copies_to_dropbox`, an image that was uploaded for a phone number gets a copy in Dropbox, instead of the one of
    /// the picture before.
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
        let number = claimed.phone_number.as_ref().filter(|_| copies_to_dropbox);
        let mut sets = "SET #status = :status, #picture = :picture, #updated_at = :time".to_owned();
        if number.is_some() {
            sets.push_str(", #dropbox_copy = :dropbox_copy");
        }
        let mut removes = "REMOVE #lease, #failure".to_owned();
        let is_another = claimed.picture.as_ref().is_some_and(|picture| picture.version != upload.version);
        // What was said of the picture before is not of this one, be it since the claim.
        if is_another && !after.analysis.as_ref().is_some_and(|analysis| analysis.deferred) {
            after.analysis = None;
            removes.push_str(", #analysis");
        }
        let mut write = Write::of_upload(upload, &format!("{sets} {removes}"), HOLDS_CLAIM)
            .value(":status", string(Status::Ready.as_str()))
            .value(":picture", value(&after.picture)?);
        if let Some(number) = number {
            let uploaded_at = claimed.uploaded_at.unwrap_or(now);
            let path = DropboxPath::new(number, uploaded_at, claimed.id, &claimed.file_name);
            write =
                write.value(":dropbox_copy", value(after.dropbox_copy.insert(DropboxCopy::queued(path)))?);
        }
        self.settle(write, upload, claimed, &after, now).await
    }

    /// Makes a claimed image failed, for good. A picture that was served before stays.
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
        let update = "SET #status = :status, #sequencer = :sequencer, #failure = :failure, #updated_at = :time \
                      REMOVE #lease";
        let sequencer = claimed.sequencer.clone().unwrap_or_else(Sequencer::closed);
        let write = Write::of_upload(upload, update, HOLDS_CLAIM)
            .value(":status", string(Status::Failed.as_str()))
            .value(":sequencer", value(failed_at(&after, upload, sequencer))?)
            .value(":failure", value(failure)?);
        self.settle(write, upload, claimed, &after, now).await
    }

    /// Ends the work on a claimed image, and gives back what it counts no longer.
    async fn settle(
        &self,
        write: Write,
        upload: &ObjectKey,
        claimed: &Image,
        after: &Image,
        now: Timestamp,
    ) -> Result<Outcome, CallError> {
        let owner = claimed.lease.as_ref().map_or("", |lease| lease.owner.as_str());
        let write = write.value(":owner", string(owner)).value(":time", timestamp(now));
        self.write_and_give_back(write, upload, claimed, after).await
    }

    /// Makes an image failed whose event was given up, unless it was developed after all or a later event
    /// is under way.
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
        let update = "SET #status = :failed, #sequencer = :failed_at, #failure = :failure, #updated_at = :time \
                      REMOVE #lease, #expires_at, #replace_by";
        let condition = "#status IN (:pending, :processing) \
                         AND (attribute_not_exists(#sequencer) OR #sequencer <= :sequencer)";
        let write = Write::of_upload(upload, update, condition)
            .value(":sequencer", value(sequencer)?)
            .value(":failed_at", value(failed_at(&after, upload, sequencer.clone()))?)
            .value(":failure", value(failure)?)
            .value(":time", timestamp(now))
            .value(":failed", string(Status::Failed.as_str()))
            .value(":pending", string(Status::Pending.as_str()))
            .value(":processing", string(Status::Processing.as_str()));
        self.write_and_give_back(write, upload, &stored, &after).await
    }

    /// Takes an image from one state to another; where it counts less afterwards or jobs begin with it, in one
    /// transaction with the quota and the jobs. A picture can only change while its version is claimed, so what is
    /// given back is what the condition of the write vouches for.
    async fn write_and_give_back(
        &self,
        write: Write,
        upload: &ObjectKey,
        before: &Image,
        after: &Image,
    ) -> Result<Outcome, CallError> {
        let mut write = write;
        // Each update here ends in what it removes.
        if before.edit_deferred {
            write = write.and(", #edit_deferred");
        }
        if before.analysis.as_ref().is_some_and(|analysis| analysis.deferred) {
            write = write.and(", #analysis.#deferred");
        }
        let mut tasks = before.deferred_tasks(upload.version);
        tasks.extend(after.dropbox_copy_tasks(before));
        if before.quota_bytes() == after.quota_bytes() && tasks.is_empty() {
            return outcome(write.alone(self), upload.version).await;
        }
        let mut parts = vec![write.in_transaction(self)?];
        if before.quota_bytes() != after.quota_bytes() {
            parts.push(self.give_back_version(&upload.user, before, after)?);
        }
        for (id, task) in tasks {
            parts.push(self.put_job(&upload.user, &Job::new(id, task))?);
        }
        let Some(reasons) = self.transact(parts).await? else { return Ok(Outcome::Done) };
        match reasons.first().and_then(refused) {
            Some(item) => not_written(item, upload.version),
            None => Err(CallError::internal("the owner of an image has no profile")),
        }
    }

    /// The part of a transaction that counts what an image held before, but holds no longer.
    pub(crate) fn give_back_version(
        &self,
        user: &UserId,
        before: &Image,
        after: &Image,
    ) -> Result<TransactWriteItem, CallError> {
        let bytes = before.quota_bytes().saturating_sub(after.quota_bytes());
        Write::new(profile_key(user), "SET #bytes = #bytes - :bytes", "attribute_exists(pk)")
            .value(":bytes", number(bytes))
            .in_transaction(self)
    }

    /// Adds a thumbnail that was made after the others, unless it is there or its version is served no longer.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn add_thumbnail(
        &self,
        picture: &ObjectKey,
        thumbnail: &Thumbnail,
    ) -> Result<Outcome, CallError> {
        let update = "SET #picture.#thumbnails = list_append(#picture.#thumbnails, :new)";
        let condition = "#picture.#version = :version AND NOT contains(#picture.#thumbnails, :thumbnail)";
        let write = Write::new(image_key(&picture.user, picture.image), update, condition)
            .value(":version", number(picture.version))
            .value(":new", value([thumbnail])?)
            .value(":thumbnail", value(thumbnail)?);
        match write.alone(self).send().await {
            Ok(_) => Ok(Outcome::Done),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let Some(item) = failed.item() else { return Ok(Outcome::Gone) };
                    let image: Image = read(item.clone())?;
                    let served = image.picture.is_some_and(|served| served.version == picture.version);
                    Ok(if served { Outcome::LeaseLost } else { Outcome::VersionObsolete })
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Gives a removed image's place in the quota back, once, however often it is called.
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
        // Longer than a stream keeps its records (24 hours), and a redriven dead letter (14 days).
        const MARKER_SECONDS: i64 = 15 * 24 * 60 * 60;
        let mut marker = key(user_pk(user), format!("RECLAIMED#{id}"));
        marker.insert("expires_at".to_owned(), number(now.as_second() + MARKER_SECONDS));
        let update = "SET #images = #images - :one, #bytes = #bytes - :bytes";
        let counted = Write::new(profile_key(user), update, "attribute_exists(pk)")
            .value(":one", number(1))
            .value(":bytes", number(bytes))
            .in_transaction(self)?;
        // A failed condition means that it was given back before, or that the user is gone: done either way.
        self.transact(vec![self.put_new(marker)?, counted]).await.map(drop)
    }
}

/// The sequencer of an upload that failed: a replacement that counts no longer is closed to later events, such as
/// that of a second upload to an address that is still good.
fn failed_at(after: &Image, upload: &ObjectKey, event: Sequencer) -> Sequencer {
    if after.keeps_version(upload.version) { event } else { Sequencer::closed() }
}

async fn outcome(update: UpdateItemFluentBuilder, version: u32) -> Result<Outcome, CallError> {
    let Err(error) = update.send().await else { return Ok(Outcome::Done) };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => not_written(failed.item(), version),
        _ => Err(error.into()),
    }
}

/// Why a write on a version was refused, by what lies there instead.
fn not_written(item: Option<&Item>, version: u32) -> Result<Outcome, CallError> {
    let Some(item) = item else { return Ok(Outcome::Gone) };
    let image: Image = read(item.clone())?;
    Ok(if image.keeps_version(version) { Outcome::LeaseLost } else { Outcome::VersionObsolete })
}
