//! Image sets and their slots.

pub(crate) mod slots;

use aws::CallError;
use aws_sdk_dynamodb::types::{ReturnValue, TransactWriteItem};
use domain::{Addition, AuditEntry, Image, ImageSet, SetChange, SetId, Slots, Timestamp, Trash, UserId};
use futures_util::future::try_join_all;

use crate::{
    account::read_profile,
    dynamodb::{
        condition::{begins_with, eq, exists, not_exists},
        keys::{
            SET, image_key, number, profile_key, read, search_name, set_item, set_key, set_of_key, string,
            timestamp, user_pk, value,
        },
        records::{Page, Records, is_condition, updated},
        transactions::TransactItemKind,
        update::Update,
    },
    idempotency::{Created, IdempotencyKey, read_answer},
    images::create::CreateError,
    sets::slots::slots_are,
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
        more: &[(TransactItemKind, TransactWriteItem)],
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created<ImageSet>, CreateError> {
        use TransactItemKind as Kind;
        let mut items = vec![(Kind::New, self.put_new(set_item(user, set)?)?)];
        if let Some(key) = key {
            items.push((Kind::IdempotencyKey, self.remember(user, key, set, now)?));
        }
        items.extend_from_slice(more);
        let added = Addition { sets: 1, ..Addition::default() };
        match Count::start(self, user, added, now).await?.transact(&items).await? {
            None => Ok(Created::New),
            Some((Kind::IdempotencyKey, stored)) => {
                Ok(Created::Replayed(read_answer(stored, key)?.ok_or(CreateError::KeyReused)?))
            }
            Some(_) => Err(CallError::internal("a new set's id is in use").into()),
        }
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

    /// Changes the texts of a set. Returns the set, or `None` if it does not exist.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn change_set(
        &self,
        user: &UserId,
        id: SetId,
        change: &SetChange,
        now: Timestamp,
    ) -> Result<Option<ImageSet>, CallError> {
        let update = set_update(user, id, change, now)?.when(exists("pk"));
        match update.alone(self)?.return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => updated(answer).map(Some),
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a set and the images in its slots. If the tier has a trash, the images move there, unless the deletion
    /// `is_permanent`. Images that are in the trash already stay there. Returns whether the set existed.
    ///
    /// One transaction deletes the set and its images, and decreases the number of sets. So this number is exact without
    /// a marker of its own. It has the condition that the slots still contain the same images, and that those in the
    /// trash are still there. So an image that gets into a slot at the same time is deleted too, an image that leaves its
    /// slot stays, and an image that is restored at the same time is treated like the others.
    ///
    /// If an admin deletes the set, the transaction also writes `entry`.
    ///
    /// Two calls for an empty set. Three for another one, and one more if the sets are older than their number.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_set(
        &self,
        user: &UserId,
        id: SetId,
        is_permanent: bool,
        entry: Option<&AuditEntry>,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        // Other requests may fill the slots, or begin to count the sets, at the same time.
        const ROUNDS: usize = 5;
        for _ in 0..ROUNDS {
            let (set, profile) = tokio::try_join!(self.set(user, id), self.get_item(profile_key(user)))?;
            let Some(set) = set else { return Ok(false) };
            let profile = profile.map(read_profile).transpose()?.flatten();
            let days = profile.as_ref().filter(|_| !is_permanent).map_or(0, |found| found.limits.trash_days);
            let is_unchanged = exists("pk").and(slots_are(&set.slots));
            let mut items = vec![self.delete_in_transaction(set_key(user, id), is_unchanged)?];
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
            items.extend(self.discard_slots(user, &set.slots, days, now).await?);
            if let Some(entry) = entry {
                items.push(self.audit_in_transaction(entry)?);
            }
            if self.transact(items).await?.is_none() {
                return Ok(true);
            }
        }
        Err(CallError::Unavailable("the set or the profile keeps changing".into()))
    }

    /// The items of a transaction that deletes the images in the slots of a set. With `days`, those that have a picture
    /// move to the trash. Images that are in the trash already stay there.
    async fn discard_slots(
        &self,
        user: &UserId,
        slots: &Slots,
        days: u64,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, CallError> {
        let trash = Trash::for_days(days, now);
        let mut items = Vec::new();
        for image in self.batch(slots.ids().map(|image| image_key(user, image)).collect()).await? {
            let image: Image = read(image)?;
            let key = image_key(user, image.id);
            if image.trash.is_some() {
                // `delete_images_of` would delete an image that was restored at the same time and names the set.
                items.push(self.check(key, not_exists("pk").or(exists("trash")))?);
            } else if days == 0 {
                items.push(self.delete_in_transaction(key, not_exists("trash"))?);
            } else if image.picture.is_none() {
                items.push(self.delete_in_transaction(key, not_exists("picture"))?);
            } else {
                items.extend(self.move_to_trash(user, image.id, true, &trash, now)?);
            }
        }
        Ok(items)
    }

    /// Deletes the images of a deleted set, unless they are in another set or in the trash by now.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_images_of(&self, user: &UserId, set: SetId, slots: &Slots) -> Result<(), CallError> {
        let is_of_set = eq("set.id", string(set.to_string())).and(not_exists("trash"));
        try_join_all(slots.ids().map(async |image| {
            match self.delete_when(image_key(user, image), is_of_set.clone())?.send().await {
                Err(error) if !is_condition(&error) => Err(error.into()),
                _ => Ok(()),
            }
        }))
        .await
        .map(drop)
    }
}

/// The update of a set's texts, with the attributes for the search.
pub(crate) fn set_update(
    user: &UserId,
    id: SetId,
    change: &SetChange,
    now: Timestamp,
) -> Result<Update, CallError> {
    let mut update = Update::new(set_key(user, id)).set("updated_at", timestamp(now));
    if let Some(title) = &change.title {
        let search = title.as_ref().map(|title| search_name(title.as_str()));
        update = update.set_or_remove("title", title.as_ref().map(value).transpose()?);
        update = update.set_or_remove("search_title", search);
    }
    if let Some(text) = &change.description {
        let search = text.as_ref().map(|text| search_name(text.as_str()));
        update = update.set_or_remove("description", text.as_ref().map(value).transpose()?);
        update = update.set_or_remove("search_description", search);
    }
    Ok(update)
}
