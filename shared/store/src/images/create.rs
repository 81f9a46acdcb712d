//! Creates images and counts them against the quota.

use aws::CallError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::{Image, ImageId, ImageSet, Profile, SetPlace, Tier, Timestamp, UserId};

use crate::{
    dynamodb::{
        condition::{eq, exists, ge, le, lt, not_exists, path},
        keys::{image_item, image_key, item, number, profile_key, read, set_key, string},
        records::Records,
        transactions::TransactItemKind,
        update::Update,
    },
    idempotency::{Created, IdempotencyKey, read_answer},
};

/// Why nothing was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The user has as many images as the tier allows.
    #[error("the quota of {} images is used up", .0.max_images)]
    QuotaExceeded(Box<Tier>),
    /// A file is larger than the tier allows.
    #[error("files may have {} bytes at most", .0.max_image_bytes)]
    FileTooLarge(Box<Tier>),
    /// Another request used the idempotency key.
    #[error("another request used the idempotency key")]
    KeyReused,
    /// The tier does not include AI.
    #[error("the tier does not include AI")]
    AiNotInTier(Box<Tier>),
    /// The source of an edit changed or was deleted.
    #[error("the image to be edited changed or was deleted")]
    SourceChanged,
    /// The slot contains an image.
    #[error("the slot contains an image")]
    SlotTaken,
    /// The set does not exist.
    #[error("the set does not exist")]
    NoSuchSet,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// How the new images are counted in the profile.
enum QuotaUpdate {
    /// One image, in an existing profile. The condition uses the profile's own limits.
    One,
    /// Several images, in an existing profile with these limits. DynamoDB's conditions cannot add. Therefore the
    /// condition compares with a number that was computed from limits that were read before.
    Several(Box<Tier>),
    /// In a new profile with these limits.
    NewProfile(Box<Tier>),
}

/// The result of one attempt to write the transaction.
enum Attempt {
    Created,
    Replayed(Vec<Image>),
    /// The profile does not exist or does not meet the condition.
    Profile(Option<Box<Profile>>),
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
        // A refused attempt returns the stored state for the next one. Other requests of the user may change it again.
        const ROUNDS: usize = 4;
        let mut quota = match images {
            [_] => QuotaUpdate::One,
            _ => match tokio::join!(self.profile(user), self.default_tier()) {
                (Ok(Some(profile)), _) => QuotaUpdate::Several(Box::new(profile.limits)),
                (Ok(None), tier) => QuotaUpdate::NewProfile(Box::new(tier?)),
                (Err(error), _) => return Err(error.into()),
            },
        };
        let mut expected_occupant = None;
        for _ in 0..ROUNDS {
            if let QuotaUpdate::Several(tier) | QuotaUpdate::NewProfile(tier) = &quota {
                check_tier(images, tier)?;
            }
            // The tier is read at the same time, so that a new user does not wait for it later.
            let (attempt, tier) = tokio::join!(
                self.attempt(user, images, more, &quota, expected_occupant, key, now),
                self.default_tier()
            );
            quota = match attempt? {
                Attempt::Created => return Ok(Created::New),
                Attempt::Replayed(images) => return Ok(Created::Replayed(images)),
                Attempt::Profile(None) => QuotaUpdate::NewProfile(Box::new(tier?)),
                Attempt::Profile(Some(profile)) => {
                    check_tier(images, &profile.limits)?;
                    if profile.usage.images + images.len() as u64 > profile.limits.max_images {
                        return Err(CreateError::QuotaExceeded(Box::new(profile.limits)));
                    }
                    QuotaUpdate::Several(Box::new(profile.limits))
                }
                Attempt::NoSuchSet => return Err(CreateError::NoSuchSet),
                Attempt::SourceChanged => return Err(CreateError::SourceChanged),
                Attempt::SlotTaken => return Err(CreateError::SlotTaken),
                Attempt::Slot(occupant) => {
                    // The image in the slot may have expired or be deleted. The next attempt checks that.
                    expected_occupant = occupant;
                    quota
                }
            };
        }
        Err(CallError::Unavailable("the profile keeps changing".into()).into())
    }

    #[expect(clippy::too_many_arguments, reason = "one attempt needs all of them")]
    async fn attempt(
        &self,
        user: &UserId,
        images: &[Image],
        more: &[(TransactItemKind, TransactWriteItem)],
        quota: &QuotaUpdate,
        expected_occupant: Option<ImageId>,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Attempt, CreateError> {
        use TransactItemKind as Kind;
        let mut items = Vec::with_capacity(images.len() + more.len() + 3);
        items.extend_from_slice(more);
        if let Some(key) = key {
            items.push((Kind::IdempotencyKey, self.remember(user, key, images, now)?));
        }
        items.push((Kind::Profile, self.reserve_quota(user, images, quota)?));
        for image in images {
            if let Some(place) = image.set {
                items.push((Kind::Set, self.fill_slot(user, image.id, place, expected_occupant)?));
                if let Some(occupant) = expected_occupant {
                    items.push((Kind::Occupant, self.check_expired_or_absent(user, occupant, now)?));
                }
            }
            items.push((Kind::New, self.put_new(image_item(user, image)?)?));
        }
        Ok(match self.transact_kinds(items).await? {
            None => Attempt::Created,
            Some((Kind::IdempotencyKey, stored)) => match read_answer(stored, key)? {
                Some(images) => Attempt::Replayed(images),
                None => return Err(CreateError::KeyReused),
            },
            Some((Kind::Set, None)) => Attempt::NoSuchSet,
            Some((Kind::Set, Some(set))) => {
                let set: ImageSet = read(set)?;
                Attempt::Slot(images.iter().find_map(|image| set.slots.get(image.set?.image_type)))
            }
            Some((Kind::Source, _)) => Attempt::SourceChanged,
            Some((Kind::Occupant, _)) => Attempt::SlotTaken,
            Some((Kind::Profile, profile)) => Attempt::Profile(profile.map(read).transpose()?.map(Box::new)),
            Some((Kind::New, _)) => {
                return Err(CallError::internal("a new image's id is in use").into());
            }
        })
    }

    /// The item of a transaction that counts the images in the user's profile, if the tier allows them.
    fn reserve_quota(
        &self,
        user: &UserId,
        images: &[Image],
        quota: &QuotaUpdate,
    ) -> Result<TransactWriteItem, CallError> {
        let bytes: u64 = images.iter().map(Image::quota_bytes).sum();
        let count = images.len() as u64;
        let has_room = match quota {
            QuotaUpdate::NewProfile(tier) => {
                // The cached tier may be outdated. `Records::refresh_limits` corrects the new profile.
                let mut profile = Profile::new(tier.as_ref().clone());
                (profile.usage.images, profile.usage.bytes) = (count, bytes);
                return self.put_new(item(profile_key(user), profile)?);
            }
            QuotaUpdate::One => exists("pk").and(lt("images", path("limits.max_images"))),
            // `check_tier` has checked that `max_images` is not less than `count`.
            QuotaUpdate::Several(tier) => exists("pk")
                .and(le("images", number(tier.max_images.saturating_sub(count))))
                .and(eq("limits.max_images", number(tier.max_images))),
        };
        let mut update = Update::new(profile_key(user))
            .add("images", count.into())
            .add("bytes", bytes.into())
            .when(has_room)
            .when(ge("limits.max_image_bytes", number(largest(images))));
        if needs_ai(images) {
            update = update.when(eq("limits.ai", AttributeValue::Bool(true)));
        }
        update.in_transaction(self)
    }

    /// The item of a transaction that puts an image into a slot, if the slot contains `expected_occupant`.
    pub(crate) fn fill_slot(
        &self,
        user: &UserId,
        image: ImageId,
        place: SetPlace,
        expected_occupant: Option<ImageId>,
    ) -> Result<TransactWriteItem, CallError> {
        let slot = format!("slots.{}", place.image_type.as_str());
        let condition = match expected_occupant {
            Some(occupant) => eq(&slot, string(occupant.to_string())),
            None => exists("pk").and(not_exists(&slot)),
        };
        let update = Update::new(set_key(user, place.id)).set(&slot, string(image.to_string()));
        update.when(condition).in_transaction(self)
    }

    /// The item of a transaction that checks that an image has expired or does not exist.
    pub(crate) fn check_expired_or_absent(
        &self,
        user: &UserId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<TransactWriteItem, CallError> {
        let condition = not_exists("pk").or(le("expires_at", number(now.as_second())));
        self.check(image_key(user, image), condition)
    }
}

fn largest(images: &[Image]) -> u64 {
    images.iter().map(|image| image.upload.size.bytes()).max().unwrap_or_default()
}

fn needs_ai(images: &[Image]) -> bool {
    images.iter().any(Image::needs_ai)
}

/// Checks whether a tier allows these images for a user who has no other images.
fn check_tier(images: &[Image], tier: &Tier) -> Result<(), CreateError> {
    if needs_ai(images) && !tier.ai {
        return Err(CreateError::AiNotInTier(Box::new(tier.clone())));
    }
    if largest(images) > tier.max_image_bytes {
        return Err(CreateError::FileTooLarge(Box::new(tier.clone())));
    }
    if images.len() as u64 > tier.max_images {
        return Err(CreateError::QuotaExceeded(Box::new(tier.clone())));
    }
    Ok(())
}
