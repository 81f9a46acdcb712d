//! Images as the workers take them through their states.
//!
//! A worker claims an image before it develops it. The claim is a conditional write on version, sequencer
//! and lease, so that of two deliveries of one event, or of an older and a newer event, one does the work;
//! whatever it then writes is conditional on still holding the claim.

use aws::CallError;
use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update},
};
use domain::{
    Failure, Image, ImageId, Lease, ObjectKey, Placeholder, Sequencer, Status, Thumbnail, Timestamp, UserId,
};

use crate::{
    Records,
    item::{image_key, key, number, profile_key, read, string, user_pk, value},
};

/// The answer to a worker that wants to develop an image.
#[derive(Debug)]
pub enum Claim {
    /// Go ahead.
    Taken(Box<Image>),
    /// Another request is at it; come back when its lease may have ended.
    Busy,
    /// Nothing to do: it was done before, or a newer upload took its place.
    Settled,
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
    Superseded,
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
    pub placeholder: Placeholder,
}

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
        let answer = self
            .update(upload, now)
            .update_expression(
                "SET #status = :processing, #sequencer = :sequencer, #lease = :lease, uploaded_at = :uploaded, \
                 updated_at = :now REMOVE expires_at",
            )
            .condition_expression(
                "attribute_exists(pk) AND #version = :version AND (attribute_not_exists(#sequencer) \
                 OR #sequencer < :sequencer OR (#sequencer = :sequencer AND #status = :processing \
                 AND (#lease.#owner = :owner OR #lease.#until < :seconds)))",
            )
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#lease", "lease")
            .expression_attribute_values(":sequencer", value(sequencer)?)
            .expression_attribute_values(":lease", value(lease)?)
            .expression_attribute_values(":owner", string(&lease.owner))
            .expression_attribute_values(":uploaded", value(uploaded_at)?)
            .expression_attribute_values(":seconds", number(now.as_second()))
            .expression_attribute_values(":processing", string(Status::Processing.as_str()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let error = match answer {
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
        let busy = same_event && image.status == Status::Processing;
        Ok(if busy { Claim::Busy } else { Claim::Settled })
    }

    /// Makes a claimed image ready.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn finish(
        &self,
        upload: &ObjectKey,
        owner: &str,
        developed: &Developed,
        now: Timestamp,
    ) -> Result<Outcome, CallError> {
        let update = self
            .update(upload, now)
            .update_expression(
                "SET #status = :status, width = :width, height = :height, thumbnails = :thumbnails, \
                 placeholder = :placeholder, updated_at = :now REMOVE #lease, failure",
            )
            .expression_attribute_values(":status", string(Status::Ready.as_str()))
            .expression_attribute_values(":width", number(developed.width))
            .expression_attribute_values(":height", number(developed.height))
            .expression_attribute_values(":thumbnails", value(&developed.thumbnails)?)
            .expression_attribute_values(":placeholder", value(&developed.placeholder)?);
        self.settle(update, owner).await
    }

    /// Makes a claimed image failed, for good.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn fail(
        &self,
        upload: &ObjectKey,
        owner: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<Outcome, CallError> {
        let update = self
            .update(upload, now)
            .update_expression("SET #status = :status, failure = :failure, updated_at = :now REMOVE #lease")
            .expression_attribute_values(":status", string(Status::Failed.as_str()))
            .expression_attribute_values(":failure", value(failure)?);
        self.settle(update, owner).await
    }

    /// Makes an image failed whose event was given up, unless it was developed after all or a later event
    /// is under way.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn give_up(
        &self,
        upload: &ObjectKey,
        sequencer: &Sequencer,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<Outcome, CallError> {
        let update = self
            .update(upload, now)
            .update_expression(
                "SET #status = :failed, #sequencer = :sequencer, failure = :failure, updated_at = :now \
                 REMOVE #lease, expires_at",
            )
            .condition_expression(
                "attribute_exists(pk) AND #version = :version AND #status IN (:pending, :processing) \
                 AND (attribute_not_exists(#sequencer) OR #sequencer <= :sequencer)",
            )
            .expression_attribute_names("#lease", "lease")
            .expression_attribute_values(":sequencer", value(sequencer)?)
            .expression_attribute_values(":failure", value(failure)?)
            .expression_attribute_values(":failed", string(Status::Failed.as_str()))
            .expression_attribute_values(":pending", string(Status::Pending.as_str()))
            .expression_attribute_values(":processing", string(Status::Processing.as_str()));
        outcome(update).await
    }

    /// Gives a removed image's place in the quota back, once, however often it is called.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn give_back(
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
        let counted = Update::builder()
            .table_name(&self.table)
            .set_key(Some(profile_key(user)))
            .condition_expression("attribute_exists(pk)")
            .update_expression("SET #images = #images - :one, #bytes = #bytes - :bytes")
            .expression_attribute_names("#images", "images")
            .expression_attribute_names("#bytes", "bytes")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":bytes", number(bytes))
            .build()
            .map_err(CallError::internal)?;
        let marked = TransactWriteItem::builder().put(self.put(marker)?).build();
        let counted = TransactWriteItem::builder().update(counted).build();
        // A failed condition means that it was given back before, or that the user is gone: done either way.
        self.transact(vec![marked, counted]).await.map(drop)
    }

    fn update(&self, upload: &ObjectKey, now: Timestamp) -> UpdateItemFluentBuilder {
        self.dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(image_key(&upload.user, upload.image)))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#sequencer", "sequencer")
            .expression_attribute_values(":version", number(upload.version))
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn settle(&self, update: UpdateItemFluentBuilder, owner: &str) -> Result<Outcome, CallError> {
        let update = update
            .condition_expression(
                "attribute_exists(pk) AND #version = :version AND attribute_exists(#sequencer) \
                 AND #lease.#owner = :owner",
            )
            .expression_attribute_names("#lease", "lease")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", string(owner));
        outcome(update).await
    }
}

async fn outcome(update: UpdateItemFluentBuilder) -> Result<Outcome, CallError> {
    let Err(error) = update.send().await else { return Ok(Outcome::Done) };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
            Ok(if failed.item().is_some() { Outcome::Superseded } else { Outcome::Gone })
        }
        _ => Err(error.into()),
    }
}
