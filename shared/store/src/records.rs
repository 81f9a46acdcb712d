//! Images as their owner makes, reads and removes them.

use aws::CallError;
use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update},
};
use aws_types::SdkConfig;
use domain::{Image, ImageId, Profile, Status, Tier, Timestamp, UserId};
use tokio::sync::OnceCell;

use crate::item::{IMAGE, Item, image_key, item, number, profile_key, read, string, user_pk};

/// The table of records.
#[derive(Debug)]
pub struct Records {
    pub(crate) dynamodb: Client,
    pub(crate) table: String,
    pub(crate) default_tier: OnceCell<Tier>,
}

/// Some images, newest first, and where to go on.
#[derive(Debug)]
pub struct Page {
    /// The images; there may be fewer than asked for although more follow.
    pub images: Vec<Image>,
    /// The image after which the next page begins, where there is one.
    pub next: Option<ImageId>,
}

/// Why an image was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The user has as many images as the tier allows.
    #[error("the quota of {} images is used up", .0.max_images)]
    QuotaExceeded(Box<Tier>),
    /// The file is larger than the tier allows.
    #[error("files may have {} bytes at most", .0.max_image_bytes)]
    FileTooLarge(Box<Tier>),
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Records {
    /// The records in the table that `TABLE_NAME` names.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self {
            dynamodb: Client::new(config),
            table: aws::var("TABLE_NAME")?,
            default_tier: OnceCell::new(),
        })
    }

    /// Adds a pending image and counts it against the user's quota, both or neither.
    ///
    /// One call; two for a user's very first image, which makes the profile too.
    ///
    /// # Errors
    /// [`CreateError`]
    pub async fn create_image(&self, user: &UserId, image: &Image) -> Result<(), CreateError> {
        // Read beside the first attempt, so that a new user does not wait for it afterwards.
        let (attempt, tier) = tokio::join!(self.try_create(user, image, None), self.default_tier());
        match attempt? {
            Attempt::Created => return Ok(()),
            Attempt::NoProfile => {}
        }
        match self.try_create(user, image, Some(tier?)).await? {
            Attempt::Created => Ok(()),
            // Another request made the profile meanwhile.
            Attempt::NoProfile => match self.try_create(user, image, None).await? {
                Attempt::Created => Ok(()),
                Attempt::NoProfile => Err(CallError::internal("the profile comes and goes").into()),
            },
        }
    }

    /// One image of a user, unless it expired.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn image(
        &self,
        user: &UserId,
        id: ImageId,
        now: Timestamp,
    ) -> Result<Option<Image>, CallError> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .set_key(Some(image_key(user, id)))
            .consistent_read(true)
            .send()
            .await?;
        let image: Option<Image> = answer.item.map(read).transpose()?;
        Ok(image.filter(|image| !image.has_expired(now)))
    }

    /// One image of a user together with the user's profile, read at the same time.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn image_and_profile(
        &self,
        user: &UserId,
        id: ImageId,
        now: Timestamp,
    ) -> Result<Option<(Image, Profile)>, CallError> {
        let (image, profile) = tokio::try_join!(self.image(user, id, now), self.profile_or_default(user))?;
        Ok(image.map(|image| (image, profile)))
    }

    /// A user's images, newest first, from the one after `after`.
    ///
    /// A filter by status looks at two megabytes of records at most, so a page can be short or empty
    /// although more follow; `next` tells.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn images(
        &self,
        user: &UserId,
        status: Option<Status>,
        after: Option<ImageId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page, CallError> {
        const ROUNDS: usize = 2;
        let mut images: Vec<Image> = Vec::with_capacity(limit);
        let mut start = after.map(|id| image_key(user, id));
        for _ in 0..ROUNDS {
            let mut query = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :image)")
                .filter_expression("attribute_not_exists(expires_at) OR expires_at > :now")
                .expression_attribute_values(":pk", user_pk(user))
                .expression_attribute_values(":image", string(IMAGE))
                .expression_attribute_values(":now", number(now.as_second()))
                .scan_index_forward(false)
                .consistent_read(true)
                .set_exclusive_start_key(start);
            query = match status {
                Some(status) => query
                    .filter_expression(
                        "(attribute_not_exists(expires_at) OR expires_at > :now) AND #status = :status",
                    )
                    .expression_attribute_names("#status", "status")
                    .expression_attribute_values(":status", string(status.as_str())),
                // One more than asked for tells whether anything follows.
                None => query.limit(i32::try_from(limit + 1 - images.len()).unwrap_or(i32::MAX)),
            };
            let answer = query.send().await?;
            for item in answer.items.unwrap_or_default() {
                images.push(read(item)?);
            }
            start = answer.last_evaluated_key;
            if images.len() > limit || start.is_none() {
                break;
            }
        }
        let next = if images.len() > limit {
            images.truncate(limit);
            images.last().map(|image| image.id)
        } else {
            start.as_ref().and_then(id_of_key)
        };
        Ok(Page { images, next })
    }

    /// Removes an image's record; the stream takes care of its objects and its place in the quota.
    /// Returns whether there was one.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_image(&self, user: &UserId, id: ImageId, now: Timestamp) -> Result<bool, CallError> {
        let answer = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(image_key(user, id)))
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(expires_at) OR expires_at > :now)",
            )
            .expression_attribute_values(":now", number(now.as_second()))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// One transaction: the image, and its place in the quota of a profile that exists or, given a tier,
    /// of one that does not.
    async fn try_create(
        &self,
        user: &UserId,
        image: &Image,
        tier: Option<&Tier>,
    ) -> Result<Attempt, CreateError> {
        let size = image.upload.size.bytes();
        if let Some(tier) = tier {
            if size > tier.max_image_bytes {
                return Err(CreateError::FileTooLarge(Box::new(tier.clone())));
            }
            if tier.max_images == 0 {
                return Err(CreateError::QuotaExceeded(Box::new(tier.clone())));
            }
        }
        let place = match tier {
            None => TransactWriteItem::builder().update(self.take_place(user, size)?).build(),
            Some(tier) => {
                let mut profile = Profile::new(tier.clone());
                profile.usage.images = 1;
                profile.usage.bytes = size;
                let put = self.put(item(profile_key(user), profile)?)?;
                TransactWriteItem::builder().put(put).build()
            }
        };
        let put = self.put(item(image_key(user, image.id), image)?)?;
        let image = TransactWriteItem::builder().put(put).build();
        match self.transact(vec![place, image]).await? {
            None => Ok(Attempt::Created),
            Some(reasons) => refusal(reasons, tier.is_some(), size),
        }
    }

    fn take_place(&self, user: &UserId, size: u64) -> Result<Update, CallError> {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(profile_key(user)))
            .condition_expression(
                "attribute_exists(pk) AND #images < #limits.#max_images AND #limits.#max_bytes >= :size",
            )
            .update_expression("SET #images = #images + :one, #bytes = #bytes + :size")
            .expression_attribute_names("#images", "images")
            .expression_attribute_names("#bytes", "bytes")
            .expression_attribute_names("#limits", "limits")
            .expression_attribute_names("#max_images", "max_images")
            .expression_attribute_names("#max_bytes", "max_image_bytes")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":size", number(size))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(CallError::internal)
    }

    pub(crate) fn put(&self, item: Item) -> Result<Put, CallError> {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(CallError::internal)
    }

    /// Writes all or nothing. Returns the reasons where a condition failed. A conflict with another
    /// transaction on the same profile (a user's parallel uploads) is tried again after a random pause.
    pub(crate) async fn transact(
        &self,
        items: Vec<TransactWriteItem>,
    ) -> Result<Option<Vec<CancellationReason>>, CallError> {
        const ATTEMPTS: u32 = 8;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let answer =
                self.dynamodb.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let error = match answer {
                Ok(_) => return Ok(None),
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                return Err(error.into());
            };
            let reasons = cancelled.cancellation_reasons();
            let has = |code| reasons.iter().any(|reason| reason.code() == Some(code));
            if has("ConditionalCheckFailed") {
                return Ok(Some(reasons.to_vec()));
            }
            if attempt == ATTEMPTS || !(has("TransactionConflict") || has("ThrottlingError")) {
                return Err(CallError::Unavailable(error.into()));
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(..20 << attempt))).await;
        }
    }
}

enum Attempt {
    Created,
    /// The user has no profile where one was expected, or has one where none was.
    NoProfile,
}

/// What a cancelled creation means for the caller.
fn refusal(reasons: Vec<CancellationReason>, was_new: bool, size: u64) -> Result<Attempt, CreateError> {
    let place = reasons.into_iter().next();
    match place {
        Some(reason) if reason.code() == Some("ConditionalCheckFailed") => match reason.item {
            Some(item) if !was_new => {
                let profile: Profile = read(item)?;
                let limits = Box::new(profile.limits);
                if size > limits.max_image_bytes {
                    Err(CreateError::FileTooLarge(limits))
                } else {
                    Err(CreateError::QuotaExceeded(limits))
                }
            }
            _ => Ok(Attempt::NoProfile),
        },
        _ => Err(CallError::internal("a new image's id is taken").into()),
    }
}

fn id_of_key(key: &Item) -> Option<ImageId> {
    key.get("sk")?.as_s().ok()?.strip_prefix(IMAGE)?.parse().ok()
}

/// Whether a write was refused by its condition alone.
pub(crate) fn is_condition<E, R>(error: &SdkError<E, R>) -> bool
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    let code = error.as_service_error().and_then(|service| service.code());
    code == Some("ConditionalCheckFailedException")
}
