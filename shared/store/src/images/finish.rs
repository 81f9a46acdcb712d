//! The results of `workers-thumbnail`: a write that ends a claim.

use aws::CallError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::{
    DropboxCopy, DropboxPath, Exif, Failure, Image, Job, ObjectKey, Picture, Sequencer, Status, Thumbnail,
    Timestamp,
};

use super::claim::{status, update_version};
use crate::dynamodb::{
    condition::{Condition, eq, exists},
    keys::{Item, TAKEN_IMAGE, read, string, taken_image, timestamp, value},
    records::{Records, refused_update},
    transactions::refused,
    update::Update,
};

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
    /// What a camera wrote into the original.
    pub exif: Exif,
}

impl Records {
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
        (after.status, after.failure) = (Status::Ready, None);
        after.picture = Some(Picture {
            version: upload.version,
            upload: claimed.upload.clone(),
            width: developed.width,
            height: developed.height,
            thumbnails: developed.thumbnails,
            renditions: 0,
            placeholder: developed.placeholder,
            exif: developed.exif,
        });
        let mut update = update_version(upload)
            .set("status", status(Status::Ready))
            .set("picture", value(&after.picture)?)
            .set(TAKEN_IMAGE, taken_image(&after))
            .set("updated_at", timestamp(now))
            .remove("lease")
            .remove("crashes")
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
        (after.status, after.failure) = (Status::Failed, Some(failure.clone()));
        let sequencer = claimed.sequencer.clone().unwrap_or_else(Sequencer::closed);
        let update = update_version(upload)
            .set("status", status(Status::Failed))
            .set("sequencer", value(sequencer_after_failure(&after, upload, sequencer))?)
            .set("failure", value(failure)?)
            .set("updated_at", timestamp(now))
            .remove("lease")
            .remove("crashes")
            .when(holds_claim(claimed));
        self.write_and_refund(update, upload, claimed, &after).await
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
            return outcome(update.alone(self)?, after).await;
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
            Some(item) => not_written(item, after),
            None => Err(CallError::internal("the owner of an image has no profile")),
        }
    }
}

/// The worker still holds the claim that it took on this image.
fn holds_claim(claimed: &Image) -> Condition {
    let owner = claimed.lease.as_ref().map_or("", |lease| lease.owner.as_str());
    exists("sequencer").and(eq("lease.owner", string(owner)))
}

/// The sequencer to store for a failed upload. If the image does not keep the version, no later event can claim it, for
/// example the event of a second upload to the same URL.
fn sequencer_after_failure(after: &Image, upload: &ObjectKey, event: Sequencer) -> Sequencer {
    if after.keeps_version(upload.version) { event } else { Sequencer::closed() }
}

async fn outcome(update: UpdateItemFluentBuilder, after: &Image) -> Result<Outcome, CallError> {
    let Err(error) = update.send().await else { return Ok(Outcome::Done) };
    not_written(refused_update(error)?.as_ref(), after)
}

/// Why DynamoDB refused to write the image `after`. `item` is the stored item.
fn not_written(item: Option<&Item>, after: &Image) -> Result<Outcome, CallError> {
    let Some(item) = item else { return Ok(Outcome::Gone) };
    let image: Image = read(item.clone())?;
    let result = |image: &Image| (image.version, image.status, image.picture.clone(), image.failure.clone());
    Ok(if result(&image) == result(after) {
        // The response to an earlier attempt of this write was lost, and the client repeated the request.
        Outcome::Done
    } else if image.keeps_version(after.version) {
        Outcome::LeaseLost
    } else {
        Outcome::VersionObsolete
    })
}

#[cfg(test)]
mod tests {
    use domain::{ContentType, FailureCode, NewImage, Upload};

    use super::*;
    use crate::dynamodb::keys::image_item;

    #[test]
    fn a_result_whose_response_was_lost_is_recognised() {
        let upload =
            Upload { content_type: ContentType::Png, size: 1.try_into().unwrap(), checksum_sha256: None };
        let file_name = "a".to_owned().try_into().unwrap();
        let new = NewImage { file_name, title: None, description: None, upload };
        let mut after = Image::pending(new, domain::now());
        after.status = Status::Failed;
        after.failure = Some(Failure::new(FailureCode::NotAnImage, "It is none."));
        let outcome = |stored: &Image| {
            let item = image_item(&"user".parse().unwrap(), stored).unwrap();
            not_written(Some(&item), &after).unwrap()
        };
        assert_eq!(outcome(&after), Outcome::Done);
        // The owner has changed something else since.
        assert_eq!(outcome(&Image { title: "A".to_owned().try_into().ok(), ..after.clone() }), Outcome::Done);
        let processing = Image { status: Status::Processing, failure: None, ..after.clone() };
        assert_eq!(outcome(&processing), Outcome::LeaseLost);
        assert_eq!(outcome(&Image { version: 2, ..processing }), Outcome::VersionObsolete);
        assert_eq!(not_written(None, &after).unwrap(), Outcome::Gone);
    }
}
