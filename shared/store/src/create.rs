//! Making images, counted against their owner's quota, once for each idempotency key.

use aws::CallError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, ConditionCheck, TransactWriteItem};
use domain::{Image, ImageId, Profile, SetPlace, Tier, Timestamp, UserId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Records,
    item::{
        Item, Write, image_item, image_key, item, key, number, profile_key, read, set_key, string, user_pk,
    },
    records::refused,
};

/// A request that a client may send again, to be answered as the first time.
#[derive(Clone, Debug)]
pub struct Once {
    /// A digest of the key that the client chose.
    pub key: String,
    /// A digest of what is asked for.
    pub request: String,
}

/// What came of a request to make something.
#[derive(Debug)]
pub enum Made<T> {
    /// It was made.
    Now,
    /// The same request made this before.
    Before(T),
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The user has as many images as the tier allows.
    #[error("the quota of {} images is used up", .0.max_images)]
    QuotaExceeded(Box<Tier>),
    /// A file is larger than the tier allows.
    #[error("files may have {} bytes at most", .0.max_image_bytes)]
    FileTooLarge(Box<Tier>),
    /// The key came with another request before.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// The tier has no AI.
    #[error("the tier has no AI")]
    AiNotInTier(Box<Tier>),
    /// The image that an edit is to be made of has changed, or is gone.
    #[error("the image to be edited has changed")]
    SourceChanged,
    /// The slot is filled.
    #[error("the slot is filled")]
    SlotTaken,
    /// There is no such set.
    #[error("there is no such set")]
    NoSuchSet,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// What a request with an idempotency key was answered with.
#[derive(Serialize, Deserialize)]
struct Answered<T> {
    request: String,
    answer: T,
    expires_at: i64,
}

/// How the new images are counted.
enum Count {
    /// In a profile that exists, whose own limits decide: for a single image.
    One,
    /// In a profile that exists and has these limits. DynamoDB's conditions cannot add, so that more than one
    /// place at once is compared with limits that were read before.
    Within(Box<Tier>),
    /// In a new profile.
    First(Box<Tier>),
}

/// What a part of the transaction is for; its refusal means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Once,
    Source,
    Set,
    Occupant,
    Profile,
    Image,
}

enum Attempt<T> {
    Made,
    Before(T),
    /// The profile is another than was thought, or is not there.
    Profile(Option<Box<Profile>>),
    NoSuchSet,
    SourceChanged,
    /// Another image than was thought fills the slot, or none.
    Slot(Option<ImageId>),
    SlotTaken,
}

impl Records {
    /// How long a request with an idempotency key is remembered, in seconds.
    pub const REMEMBERED_SECONDS: i64 = 24 * 60 * 60;

    /// Adds pending images, each in its set's slot where it has one, and counts them against the user's
    /// quota: all of it or nothing.
    ///
    /// One call; two for a user's very first image, which makes the profile too, and for several images.
    ///
    /// # Errors
    /// [`CreateError`]
    pub async fn create_images(
        &self,
        user: &UserId,
        images: &[Image],
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Made<Vec<Image>>, CreateError> {
        self.create_images_with(user, images, &[], once, now).await
    }

    /// As [`Records::create_images`], in one transaction with some more parts.
    pub(crate) async fn create_images_with(
        &self,
        user: &UserId,
        images: &[Image],
        more: &[(Part, TransactWriteItem)],
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Made<Vec<Image>>, CreateError> {
        // Each round learns what the one before did not know; other requests of the user may change it again.
        const ROUNDS: usize = 4;
        let mut count = match images {
            [_] => Count::One,
            _ => match tokio::join!(self.profile(user), self.default_tier()) {
                (Ok(Some(profile)), _) => Count::Within(Box::new(profile.limits)),
                (Ok(None), tier) => Count::First(Box::new(tier?)),
                (Err(error), _) => return Err(error.into()),
            },
        };
        let mut expected_occupant = None;
        for _ in 0..ROUNDS {
            if let Count::Within(tier) | Count::First(tier) = &count {
                fits(images, tier)?;
            }
            // Read beside the attempt, so that a new user does not wait for it afterwards.
            let (attempt, tier) = tokio::join!(
                self.attempt(user, images, more, &count, expected_occupant, once, now),
                self.default_tier()
            );
            count = match attempt? {
                Attempt::Made => return Ok(Made::Now),
                Attempt::Before(images) => return Ok(Made::Before(images)),
                Attempt::Profile(None) => Count::First(Box::new(tier?)),
                Attempt::Profile(Some(profile)) => {
                    fits(images, &profile.limits)?;
                    if profile.usage.images + images.len() as u64 > profile.limits.max_images {
                        return Err(CreateError::QuotaExceeded(Box::new(profile.limits)));
                    }
                    Count::Within(Box::new(profile.limits))
                }
                Attempt::NoSuchSet => return Err(CreateError::NoSuchSet),
                Attempt::SourceChanged => return Err(CreateError::SourceChanged),
                Attempt::SlotTaken => return Err(CreateError::SlotTaken),
                Attempt::Slot(occupant) => {
                    // It may have expired, or be gone.
                    expected_occupant = occupant;
                    count
                }
            };
        }
        Err(CallError::Unavailable("the profile keeps changing".into()).into())
    }

    /// Adds something of a user's that counts against no quota.
    pub(crate) async fn create_item<T: Serialize + DeserializeOwned>(
        &self,
        user: &UserId,
        item: Item,
        answer: &T,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Made<T>, CreateError> {
        let mut parts = vec![(Part::Image, self.put_new(item)?)];
        if let Some(once) = once {
            parts.push((Part::Once, self.remember(user, once, answer, now)?));
        }
        match self.write(parts).await? {
            None => Ok(Made::Now),
            Some((Part::Once, before)) => match read_answer(before, once)? {
                Some(answer) => Ok(Made::Before(answer)),
                None => Err(CreateError::KeyReused),
            },
            Some(_) => Err(CallError::internal("a new id is taken").into()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what one attempt is made of")]
    async fn attempt(
        &self,
        user: &UserId,
        images: &[Image],
        more: &[(Part, TransactWriteItem)],
        count: &Count,
        expected_occupant: Option<ImageId>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Attempt<Vec<Image>>, CreateError> {
        let mut parts = Vec::with_capacity(images.len() + more.len() + 3);
        parts.extend_from_slice(more);
        if let Some(once) = once {
            parts.push((Part::Once, self.remember(user, once, images, now)?));
        }
        parts.push((Part::Profile, self.reserve_quota(user, images, count)?));
        for image in images {
            if let Some(place) = image.set {
                parts.push((Part::Set, self.fill_slot(user, image.id, place, expected_occupant)?));
                if let Some(occupant) = expected_occupant {
                    parts.push((Part::Occupant, self.check_expired_or_absent(user, occupant, now)?));
                }
            }
            parts.push((Part::Image, self.put_new(image_item(user, image)?)?));
        }
        Ok(match self.write(parts).await? {
            None => Attempt::Made,
            Some((Part::Once, before)) => match read_answer(before, once)? {
                Some(images) => Attempt::Before(images),
                None => return Err(CreateError::KeyReused),
            },
            Some((Part::Set, None)) => Attempt::NoSuchSet,
            Some((Part::Set, Some(set))) => {
                let set: domain::ImageSet = read(set)?;
                Attempt::Slot(images.iter().find_map(|image| set.slots.get(image.set?.image_type)))
            }
            Some((Part::Source, _)) => Attempt::SourceChanged,
            Some((Part::Occupant, _)) => Attempt::SlotTaken,
            Some((Part::Profile, profile)) => Attempt::Profile(profile.map(read).transpose()?.map(Box::new)),
            Some((Part::Image, _)) => {
                return Err(CallError::internal("a new image's id is taken").into());
            }
        })
    }

    /// Writes all parts, or finds the most telling of those that were refused and what lies there.
    pub(crate) async fn write(
        &self,
        parts: Vec<(Part, TransactWriteItem)>,
    ) -> Result<Option<(Part, Option<Item>)>, CallError> {
        let (kinds, parts): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let Some(reasons) = self.transact(parts).await? else { return Ok(None) };
        let refusals =
            kinds.into_iter().zip(&reasons).filter_map(|(kind, reason): (_, &CancellationReason)| {
                refused(reason).map(|item| (kind, item.cloned()))
            });
        let first = refusals.min_by_key(|(kind, _)| *kind);
        first.map(Some).ok_or_else(|| CallError::internal("a transaction was refused for no reason"))
    }

    fn reserve_quota(
        &self,
        user: &UserId,
        images: &[Image],
        count: &Count,
    ) -> Result<TransactWriteItem, CallError> {
        let bytes: u64 = images.iter().map(Image::quota_bytes).sum();
        let largest = largest(images);
        let places = images.len() as u64;
        let update = "SET #images = #images + :images, #bytes = #bytes + :bytes";
        let ai = if needs_ai(images) { " AND #limits.#ai = :yes" } else { "" };
        let mut write = match count {
            Count::First(tier) => {
                // The copy may be outdated. Once the profile is there, `Records::refresh_limits` corrects it.
                let mut profile = Profile::new(tier.as_ref().clone());
                (profile.usage.images, profile.usage.bytes) = (places, bytes);
                return self.put_new(item(profile_key(user), profile)?);
            }
            Count::One => {
                let condition = "attribute_exists(pk) AND #images < #limits.#max_images \
                                 AND #limits.#max_image_bytes >= :largest";
                Write::new(profile_key(user), update, format!("{condition}{ai}"))
            }
            Count::Within(tier) => {
                let condition = "attribute_exists(pk) AND #images <= :room AND #limits.#max_images = :max_images \
                                 AND #limits.#max_image_bytes >= :largest";
                Write::new(profile_key(user), update, format!("{condition}{ai}"))
                    // `fits` has seen to it that there is as much.
                    .value(":room", number(tier.max_images.saturating_sub(places)))
                    .value(":max_images", number(tier.max_images))
            }
        };
        if !ai.is_empty() {
            write = write.value(":yes", AttributeValue::Bool(true));
        }
        write
            .value(":images", number(places))
            .value(":bytes", number(bytes))
            .value(":largest", number(largest))
            .in_transaction(self)
    }

    fn fill_slot(
        &self,
        user: &UserId,
        image: ImageId,
        place: SetPlace,
        expected_occupant: Option<ImageId>,
    ) -> Result<TransactWriteItem, CallError> {
        let slot = place.image_type.as_str();
        let update = format!("SET #slots.#{slot} = :image");
        let condition = match expected_occupant {
            Some(_) => format!("#slots.#{slot} = :occupant"),
            None => format!("attribute_exists(pk) AND attribute_not_exists(#slots.#{slot})"),
        };
        let mut write =
            Write::new(set_key(user, place.id), update, condition).value(":image", string(image.to_string()));
        if let Some(occupant) = expected_occupant {
            write = write.value(":occupant", string(occupant.to_string()));
        }
        write.in_transaction(self)
    }

    /// A part of a transaction that insists on an image's having expired, or being gone.
    fn check_expired_or_absent(
        &self,
        user: &UserId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<TransactWriteItem, CallError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(image_key(user, image)))
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", number(now.as_second()))
            .build()
            .map_err(CallError::internal)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    pub(crate) fn remember<T: Serialize + ?Sized>(
        &self,
        user: &UserId,
        once: &Once,
        answer: &T,
        now: Timestamp,
    ) -> Result<TransactWriteItem, CallError> {
        let answered = Answered {
            request: once.request.clone(),
            answer,
            expires_at: now.as_second() + Self::REMEMBERED_SECONDS,
        };
        let put = self
            .put(item(key(user_pk(user), format!("REQUEST#{}", once.key)), answered)?)
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", number(now.as_second()))
            .build()
            .map_err(CallError::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// What the same request was answered with; `None` where it was another.
pub(crate) fn read_answer<T: DeserializeOwned>(
    item: Option<Item>,
    once: Option<&Once>,
) -> Result<Option<T>, CallError> {
    let item = item.ok_or_else(|| CallError::internal("DynamoDB does not say what was answered before"))?;
    let request = item.get("request").and_then(|request| request.as_s().ok());
    if request != once.map(|once| &once.request) {
        // Its answer may be of another kind.
        return Ok(None);
    }
    Ok(Some(read::<Answered<T>>(item)?.answer))
}

fn largest(images: &[Image]) -> u64 {
    images.iter().map(|image| image.upload.size.bytes()).max().unwrap_or_default()
}

fn needs_ai(images: &[Image]) -> bool {
    images.iter().any(Image::needs_ai)
}

/// Whether a tier takes these images at all, whatever is there already.
fn fits(images: &[Image], tier: &Tier) -> Result<(), CreateError> {
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
