//! Creates images and counts them against the limits.

use aws::CallError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{Addition, Image, ImageId, ImageSet, LimitError, SetPlace, Timestamp, UploadLink, UserId};

use crate::{
    dynamodb::{
        condition::{eq, exists, le, not_exists},
        keys::{Item, image_item, image_key, number, read, set_key, string},
        records::Records,
        transactions::TransactItemKind,
        update::Update,
    },
    idempotency::{Created, IdempotencyKey, read_answer},
    sets::slots::slot_path,
    usage::{Count, CountError},
};

/// Why nothing was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A limit of the user was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Another request used the idempotency key.
    #[error("another request used the idempotency key")]
    KeyReused,
    /// The source of an edit changed or was deleted.
    #[error("the image to be edited changed or was deleted")]
    SourceChanged,
    /// The source of an edit moved to the trash.
    #[error("the image to be edited does not exist")]
    NoSuchSource,
    /// The slot contains an image.
    #[error("the slot contains an image")]
    SlotTaken,
    /// The upload link was revoked or has expired.
    #[error("the upload link does not exist")]
    NoSuchUploadLink,
    /// The upload link has less room than the request needs.
    #[error("the upload link is full")]
    UploadLinkFull,
    /// The set does not exist.
    #[error("the set does not exist")]
    NoSuchSet,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<CountError> for CreateError {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Limit(error) => error.into(),
            CountError::Call(error) => error.into(),
        }
    }
}

/// The result of one attempt to write the transaction.
enum CreationOutcome {
    Created,
    Replayed(Vec<Image>),
    /// The profile does not exist or does not meet the condition.
    Profile(Option<Item>),
    NoSuchSet,
    SourceChanged,
    /// The slot contains another image than expected, or none.
    Slot(Option<ImageId>),
    SlotTaken,
}

impl Records {
    /// Creates pending images, adds them to their slots, and counts them against the user's quota. Writes all or nothing.
    ///
    /// One call. Two calls for a user's first image, because this creates the profile, and for several images.
    ///
    /// # Errors
    /// [`CreateError`]
    pub async fn create_images(
        &self,
        user: &UserId,
        images: &[Image],
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created<Vec<Image>>, CreateError> {
        self.create_images_with(user, images, &[], key, now).await
    }

    /// Does the same as [`Records::create_images`], with more items in the transaction.
    pub(crate) async fn create_images_with(
        &self,
        user: &UserId,
        images: &[Image],
        more: &[(TransactItemKind, TransactWriteItem)],
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created<Vec<Image>>, CreateError> {
        let count = Count::start(self, user, Addition::of_images(images), now).await?;
        self.create_counted_images(user, images, more, count, key, now).await
    }

    /// Does the same as [`Records::create_images_with`]. `count` is the part of the transaction that counts the images.
    pub(crate) async fn create_counted_images(
        &self,
        user: &UserId,
        images: &[Image],
        more: &[(TransactItemKind, TransactWriteItem)],
        mut count: Count<'_>,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created<Vec<Image>>, CreateError> {
        // A refused attempt returns the stored state for the next one. Other requests of the user may change it again.
        const ROUNDS: usize = 4;
        let mut expected_occupant = None;
        for _ in 0..ROUNDS {
            // The tier is read at the same time, so that a new user does not wait for it later.
            let (attempt, _tier) = tokio::join!(
                self.attempt(user, images, more, &count, expected_occupant, key, now),
                self.default_tier()
            );
            match attempt? {
                CreationOutcome::Created => return Ok(Created::New),
                CreationOutcome::Replayed(images) => return Ok(Created::Replayed(images)),
                CreationOutcome::Profile(profile) => count.refused(profile).await?,
                CreationOutcome::NoSuchSet => return Err(CreateError::NoSuchSet),
                CreationOutcome::SourceChanged => return Err(CreateError::SourceChanged),
                CreationOutcome::SlotTaken => return Err(CreateError::SlotTaken),
                // The image in the slot may have expired or be deleted. The next attempt checks that.
                CreationOutcome::Slot(occupant) => expected_occupant = occupant,
            }
        }
        Err(CallError::Unavailable("the profile keeps changing".into()).into())
    }

    #[expect(clippy::too_many_arguments, reason = "one attempt needs all of them")]
    async fn attempt(
        &self,
        user: &UserId,
        images: &[Image],
        more: &[(TransactItemKind, TransactWriteItem)],
        count: &Count<'_>,
        expected_occupant: Option<ImageId>,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<CreationOutcome, CreateError> {
        use TransactItemKind as Kind;
        let mut items = Vec::with_capacity(2 * images.len() + more.len() + 3);
        items.extend_from_slice(more);
        if let Some(key) = key {
            items.push((Kind::IdempotencyKey, self.remember(user, key, images, now)?));
        }
        items.push((Kind::Profile, count.item()?));
        for image in images {
            if let Some(place) = image.set {
                items.push((Kind::Set, self.fill_slot(user, image.id, place, expected_occupant)?));
                if let Some(occupant) = expected_occupant {
                    items.push((Kind::Occupant, self.check_not_shown(user, occupant, now)?));
                }
            }
            items.push((Kind::New, self.put_new(image_item(user, image)?)?));
            items.push((Kind::New, self.put_words(user, image)?));
        }
        Ok(match self.transact_kinds(items).await? {
            None => CreationOutcome::Created,
            Some((Kind::IdempotencyKey, stored)) => match read_answer(stored, key)? {
                Some(images) => CreationOutcome::Replayed(images),
                None => return Err(CreateError::KeyReused),
            },
            Some((Kind::Set, None)) => CreationOutcome::NoSuchSet,
            Some((Kind::Set, Some(set))) => {
                let set: ImageSet = read(set)?;
                CreationOutcome::Slot(images.iter().find_map(|image| set.slots.get(image.set?.image_type)))
            }
            Some((Kind::UploadLink, link)) => {
                let link = link.map(read::<UploadLink>).transpose()?;
                return Err(match link.and_then(|link| link.unless_expired(now)) {
                    Some(_) => CreateError::UploadLinkFull,
                    None => CreateError::NoSuchUploadLink,
                });
            }
            Some((Kind::Source, Some(source))) if source.contains_key("trash") => {
                return Err(CreateError::NoSuchSource);
            }
            Some((Kind::Source, _)) => CreationOutcome::SourceChanged,
            Some((Kind::Occupant, _)) => CreationOutcome::SlotTaken,
            Some((Kind::Profile, profile)) => CreationOutcome::Profile(profile),
            Some((Kind::Quota | Kind::New, _)) => {
                return Err(CallError::internal("a new image's id is in use").into());
            }
        })
    }

    /// The item of a transaction that puts an image into a slot, if the slot contains `expected_occupant`.
    pub(crate) fn fill_slot(
        &self,
        user: &UserId,
        image: ImageId,
        place: SetPlace,
        expected_occupant: Option<ImageId>,
    ) -> Result<TransactWriteItem, CallError> {
        let slot = slot_path(place.image_type);
        let condition = match expected_occupant {
            Some(occupant) => eq(&slot, string(occupant.to_string())),
            None => exists("pk").and(not_exists(&slot)),
        };
        let update = Update::new(set_key(user, place.id)).set(&slot, string(image.to_string()));
        update.when(condition).in_transaction(self)
    }

    /// The item of a transaction that checks that an image has expired, is in the trash or does not exist. Another image
    /// may get its slot.
    pub(crate) fn check_not_shown(
        &self,
        user: &UserId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<TransactWriteItem, CallError> {
        let condition = not_exists("pk").or(le("expires_at", number(now.as_second()))).or(exists("trash"));
        self.check(image_key(user, image), condition)
    }
}
