//! The claims of `workers-thumbnail`.
//!
//! A worker claims a version of an image before it creates the thumbnails. The claim is a write with a condition on the
//! version, the sequencer and the lease. Therefore only one worker succeeds if an event is delivered twice, or if an
//! older and a newer event arrive together. The worker's later writes require that it still holds the claim.

use aws::CallError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{Image, Lease, ObjectKey, Sequencer, Status, Timestamp};

use super::filter::awaits_upload;
use crate::dynamodb::{
    condition::{eq, exists, lt, not_exists},
    keys::{image_key, number, read, string, timestamp, value},
    records::{Records, is_condition, refused_update, updated},
    update::Update,
};

/// The result of a claim.
#[derive(Debug)]
pub enum Claim {
    /// The worker holds the claim.
    Taken(Box<Image>),
    /// Another worker holds the claim until this time, in seconds since 1970.
    Busy(i64),
    /// The version was processed before.
    AlreadyDone(Box<Image>),
    /// The image or its replacement has expired, so clients no longer see it. [`Records::renew`] makes it visible again.
    Expired(Box<Image>),
    /// A newer version exists, or the event is late. The version's files are not needed.
    VersionObsolete,
    /// The image does not exist.
    Gone,
}

impl Records {
    /// Claims an uploaded image for `lease.owner`.
    ///
    /// If the worker that held the claim before died without releasing it, this claim takes over and adds one to
    /// [`Image::crashes`]. A worker has died if its lease has expired, or if Lambda retries its event: each attempt at an
    /// event has the same request id as the one before, and a later deadline.
    ///
    /// One call. Two calls if the claim is taken over.
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
        // The response to this same claim may have been lost. Then the client has repeated the request.
        let own = eq("lease.owner", string(&lease.owner)).and(eq("lease.until", number(lease.until)));
        let same_event = eq("sequencer", sequencer_value.clone())
            .and(eq("status", status(Status::Processing)))
            .and(own.or(eq("lease.until", number(RELEASED))));
        let update = take(upload, sequencer, lease, uploaded_at, now)?
            .when(awaits_upload(now))
            .when(not_exists("sequencer").or(lt("sequencer", sequencer_value.clone())).or(same_event));
        let image = match self.try_claim(update).await? {
            Ok(image) => return Ok(Claim::Taken(Box::new(image))),
            Err(None) => return Ok(Claim::Gone),
            Err(Some(image)) => image,
        };
        let is_latest = image.version == upload.version;
        let same_event = is_latest && image.sequencer.as_ref() == Some(sequencer);
        if let (true, Status::Processing, Some(held)) = (same_event, image.status, &image.lease) {
            if held.owner != lease.owner && held.until >= now.as_second() {
                return Ok(Claim::Busy(held.until));
            }
            let update = take(upload, sequencer, lease, uploaded_at, now)?
                .add_from_zero("crashes", 1)
                .when(eq("sequencer", sequencer_value).and(eq("status", status(Status::Processing))))
                .when(eq("lease.owner", string(&held.owner)).and(eq("lease.until", number(held.until))));
            return Ok(match self.try_claim(update).await? {
                Ok(image) => Claim::Taken(Box::new(image)),
                Err(Some(image)) if image.lease.as_ref() == Some(lease) => Claim::Taken(Box::new(image)),
                // Another worker was faster, or the image changed. A retry finds out.
                Err(_) => Claim::Busy(now.as_second()),
            });
        }
        Ok(if is_latest && image.status == Status::Pending && image.sequencer.is_none() {
            Claim::Expired(Box::new(image))
        } else if image.keeps_version(upload.version) {
            Claim::AlreadyDone(Box::new(image))
        } else {
            Claim::VersionObsolete
        })
    }

    /// The claimed image, or the stored image if a condition of the claim was false.
    async fn try_claim(&self, update: Update) -> Result<Result<Image, Option<Image>>, CallError> {
        match update.alone(self)?.return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => Ok(Ok(updated(answer)?)),
            Err(error) => Ok(Err(refused_update(error)?.map(read).transpose()?)),
        }
    }

    /// Ends a claim, so that a retry need not wait until the lease expires. A worker that releases its claim has not died,
    /// so the count of crashes begins again.
    ///
    /// # Errors
    /// [`CallError`]. The lease then expires later.
    pub async fn release_claim(&self, upload: &ObjectKey, lease: &Lease) -> Result<(), CallError> {
        let update = update_version(upload)
            .set("lease.until", number(RELEASED))
            .remove("crashes")
            .when(eq("lease.owner", string(&lease.owner)));
        match update.alone(self)?.send().await {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// The end of a lease that its holder has released. A real lease never ends at this time.
const RELEASED: i64 = 0;

/// The update that claims an upload.
fn take(
    upload: &ObjectKey,
    sequencer: &Sequencer,
    lease: &Lease,
    uploaded_at: Timestamp,
    now: Timestamp,
) -> Result<Update, CallError> {
    Ok(update_version(upload)
        .set("status", status(Status::Processing))
        .set("sequencer", value(sequencer)?)
        .set("lease", value(lease)?)
        .set("uploaded_at", timestamp(uploaded_at))
        .set("updated_at", timestamp(now))
        .remove("expires_at")
        .remove("replace_by")
        .remove("failure"))
}

/// An update of the image that an upload belongs to, if the upload is of the image's latest version.
pub(crate) fn update_version(upload: &ObjectKey) -> Update {
    Update::new(image_key(&upload.user, upload.image))
        .when(exists("pk").and(eq("version", number(upload.version))))
}

pub(crate) fn status(status: Status) -> AttributeValue {
    string(status.as_str())
}
