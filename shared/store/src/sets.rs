//! Image sets and their slots.

use aws::CallError;
use aws_sdk_dynamodb::types::ReturnValue;
use domain::{ImageSet, SetId, SetText, Slots, Timestamp, UserId};
use futures_util::future::try_join_all;

use crate::{
    dynamodb::{
        condition::{begins_with, eq, exists},
        keys::{SET, item, read, set_key, set_of_key, string, timestamp, user_pk, value},
        records::{Page, Records, is_condition, updated},
        transactions::TransactItemKind,
        update::Update,
    },
    idempotency::{Created, IdempotencyKey, read_answer},
    images::create::CreateError,
};

impl Records {
    /// Creates a set. Sets do not count against the quota.
    ///
    /// # Errors
    /// [`CreateError::KeyReused`] or [`CreateError::Call`]
    pub async fn create_set(
        &self,
        user: &UserId,
        set: &ImageSet,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created<ImageSet>, CreateError> {
        let mut items = vec![(TransactItemKind::New, self.put_new(item(set_key(user, set.id), set)?)?)];
        if let Some(key) = key {
            items.push((TransactItemKind::IdempotencyKey, self.remember(user, key, set, now)?));
        }
        match self.transact_kinds(items).await? {
            None => Ok(Created::New),
            Some((TransactItemKind::IdempotencyKey, stored)) => match read_answer(stored, key)? {
                Some(set) => Ok(Created::Replayed(set)),
                None => Err(CreateError::KeyReused),
            },
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
    /// If deleting the images fails, `workers-stream` deletes them when it receives the stream record of the set.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_set(&self, user: &UserId, id: SetId, now: Timestamp) -> Result<bool, CallError> {
        let delete = self.dynamodb.delete_item().table_name(&self.table).set_key(Some(set_key(user, id)));
        let answer = delete.return_values(ReturnValue::AllOld).send().await?;
        let Some(set) = answer.attributes.map(read::<ImageSet>).transpose()? else { return Ok(false) };
        self.delete_images_of(user, &set.slots, now).await?;
        Ok(true)
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
