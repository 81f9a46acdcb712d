//! Image sets and their slots.

use aws::CallError;
use aws_sdk_dynamodb::types::ReturnValue;
use domain::{Addition, ImageSet, Profile, SetId, SetText, Slots, Timestamp, UserId};
use futures_util::future::try_join_all;

use crate::{
    dynamodb::{
        condition::{begins_with, eq, exists, not_exists},
        keys::{
            SET, image_key, item, number, profile_key, read, set_key, set_of_key, string, timestamp, user_pk,
            value,
        },
        records::{Page, Records, is_condition, updated},
        transactions::{TransactItemKind, refused},
        update::Update,
    },
    idempotency::{Created, IdempotencyKey, read_answer},
    images::create::CreateError,
    usage::Count,
};

impl Records {
    /// Creates a set and counts it.
    ///
    /// One call. Up to four calls for a user's first set, because sets may be older than the profile or their number.
    ///
    /// # Errors
    /// [`CreateError::Limit`], [`CreateError::KeyReused`] or [`CreateError::Call`]
    pub async fn create_set(
        &self,
        user: &UserId,
        set: &ImageSet,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created<ImageSet>, CreateError> {
        self.create_set_with(user, set, &[], key, now).await
    }

    /// Does the same as [`Records::create_set`], with more items in the transaction.
    pub(crate) async fn create_set_with(
        &self,
        user: &UserId,
        set: &ImageSet,
        more: &[(TransactItemKind, aws_sdk_dynamodb::types::TransactWriteItem)],
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created<ImageSet>, CreateError> {
        use TransactItemKind as Kind;
        // Other requests of the user may change the profile.
        const ROUNDS: usize = 4;
        let added = Addition { sets: 1, ..Addition::default() };
        let mut count = Count::start(self, user, added, now).await?;
        for _ in 0..ROUNDS {
            let mut items = vec![
                (Kind::Profile, count.item()?),
                (Kind::New, self.put_new(item(set_key(user, set.id), set)?)?),
            ];
            if let Some(key) = key {
                items.push((Kind::IdempotencyKey, self.remember(user, key, set, now)?));
            }
            items.extend_from_slice(more);
            match self.transact_kinds(items).await? {
                None => return Ok(Created::New),
                Some((Kind::IdempotencyKey, stored)) => {
                    let set = read_answer(stored, key)?.ok_or(CreateError::KeyReused)?;
                    return Ok(Created::Replayed(set));
                }
                Some((Kind::Profile, profile)) => count.refused(profile).await?,
                Some(_) => return Err(CallError::internal("a new set's id is in use").into()),
            }
        }
        Err(CallError::Unavailable("the profile keeps changing".into()).into())
    }

    /// A set of a user.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn set(&self, user: &UserId, id: SetId) -> Result<Option<ImageSet>, CallError> {
        self.get(set_key(user, id)).await
    }

    /// A user's sets, newest first, beginning after `after`.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn sets(
        &self,
        user: &UserId,
        after: Option<SetId>,
        limit: usize,
    ) -> Result<Page<ImageSet, SetId>, CallError> {
        let answer = self
            .query(eq("pk", user_pk(user)).and(begins_with("sk", string(SET))), None)?
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(|id| set_key(user, id)))
            .send()
            .await?;
        let sets: Result<Vec<ImageSet>, _> = answer.items.unwrap_or_default().into_iter().map(read).collect();
        // DynamoDB returns at most one megabyte and the key of the last item. Long sets may fill it.
        let after = answer.last_evaluated_key.as_ref().and_then(set_of_key);
        Ok(Page::new(sets?, limit, |set| set.id, after))
    }

    /// Replaces the texts of a set. Returns the set, or `None` if it does not exist.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn change_set(
        &self,
        user: &UserId,
        id: SetId,
        text: &SetText,
        now: Timestamp,
    ) -> Result<Option<ImageSet>, CallError> {
        let update = Update::new(set_key(user, id))
            .set("updated_at", timestamp(now))
            .set_or_remove("title", text.title.as_ref().map(value).transpose()?)
            .set_or_remove("description", text.description.as_ref().map(value).transpose()?)
            .when(exists("pk"));
        match update.alone(self)?.return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => updated(answer).map(Some),
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a set and the images in its slots. Returns whether the set existed.
    ///
    /// One transaction deletes the set and its images, and decreases the number of sets. So this number is exact without
    /// a marker of its own. If an image gets into a slot at the same time, `workers-stream` deletes it when it receives
    /// the stream record of the set.
    ///
    /// Two calls. Three if the sets are older than their number.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_set(&self, user: &UserId, id: SetId) -> Result<bool, CallError> {
        // Another request may begin to count the sets at the same time.
        const ROUNDS: usize = 3;
        for _ in 0..ROUNDS {
            let (set, profile) =
                tokio::try_join!(self.set(user, id), self.get::<Profile>(profile_key(user)))?;
            let Some(set) = set else { return Ok(false) };
            let mut items = vec![self.delete_in_transaction(set_key(user, id), exists("pk"))?];
            match profile.map(|profile| profile.usage.sets) {
                Some(Some(_)) => {
                    let update = Update::new(profile_key(user)).add("sets", -1).when(exists("sets"));
                    items.push(update.in_transaction(self)?);
                }
                // The sets are older than their number.
                Some(None) => {
                    let rest = self.count_sets(user).await?.saturating_sub(1);
                    let update = Update::new(profile_key(user)).set("sets", number(rest));
                    let is_uncounted = exists("pk").and(not_exists("sets"));
                    items.push(update.when(is_uncounted).in_transaction(self)?);
                }
                None => {}
            }
            for image in set.slots.ids() {
                items.push(self.delete_if_it_exists(image_key(user, image))?);
            }
            let Some(reasons) = self.transact(items).await? else { return Ok(true) };
            if reasons.first().and_then(refused).is_some() {
                return Ok(false);
            }
        }
        Err(CallError::Unavailable("the profile keeps changing".into()))
    }

    /// Deletes the images of a deleted set.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_images_of(
        &self,
        user: &UserId,
        slots: &Slots,
        now: Timestamp,
    ) -> Result<(), CallError> {
        try_join_all(slots.ids().map(|image| self.delete_record(user, image, now))).await.map(drop)
    }
}
