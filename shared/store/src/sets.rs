//! Image sets.

use aws::CallError;
use aws_sdk_dynamodb::types::ReturnValue;
use domain::{ImageSet, SetId, SetText, Slots, Timestamp, UserId};
use futures_util::future::try_join_all;

use crate::{
    CreateError, Made, Once, Page, Records,
    item::{Item, SET, Write, item, read, set_key, string, user_pk, value},
    records::{is_condition, page, timestamp},
};

impl Records {
    /// Adds a set.
    ///
    /// # Errors
    /// [`CreateError`]
    pub async fn create_set(
        &self,
        user: &UserId,
        set: &ImageSet,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Made<ImageSet>, CreateError> {
        self.create_item(user, item(set_key(user, set.id), set)?, set, once, now).await
    }

    /// A set of a user.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn set(&self, user: &UserId, id: SetId) -> Result<Option<ImageSet>, CallError> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .set_key(Some(set_key(user, id)))
            .consistent_read(true)
            .send()
            .await?;
        answer.item.map(read).transpose()
    }

    /// A user's sets, newest first, from the one after `after`.
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
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :set)")
            .expression_attribute_values(":pk", user_pk(user))
            .expression_attribute_values(":set", string(SET))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(|id| set_key(user, id)))
            .send()
            .await?;
        let sets: Result<Vec<ImageSet>, _> = answer.items.unwrap_or_default().into_iter().map(read).collect();
        // A page ends early, with a key to go on from, where sets are so long that they fill a megabyte.
        let after = answer.last_evaluated_key.as_ref().and_then(id_of_key);
        Ok(page(sets?, limit, |set| set.id, after))
    }

    /// Says something else of a set. Returns the set, or `None` where there is none.
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
        let (mut set, mut remove, mut values) = (vec!["#updated_at = :now"], Vec::new(), Vec::new());
        match &text.title {
            Some(title) => {
                set.push("#title = :title");
                values.push((":title", value(title)?));
            }
            None => remove.push("#title"),
        }
        match &text.description {
            Some(description) => {
                set.push("#description = :description");
                values.push((":description", value(description)?));
            }
            None => remove.push("#description"),
        }
        let mut update = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            update.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        let write =
            Write::new(set_key(user, id), update, "attribute_exists(pk)").value(":now", timestamp(now));
        let write = values.into_iter().fold(write, |write, (name, value)| write.value(name, value));
        match write.alone(self).return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => answer.attributes.map(read).transpose(),
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a set with the images in its slots. Returns whether there was one.
    ///
    /// Should the images be left over, the stream's record of the set's end removes them.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_set(&self, user: &UserId, id: SetId, now: Timestamp) -> Result<bool, CallError> {
        let answer = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(set_key(user, id)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await?;
        let Some(set) = answer.attributes.map(read::<ImageSet>).transpose()? else { return Ok(false) };
        self.delete_images_of(user, &set.slots, now).await?;
        Ok(true)
    }

    /// Removes the images of a set that is gone.
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

fn id_of_key(key: &Item) -> Option<SetId> {
    key.get("sk")?.as_s().ok()?.strip_prefix(SET)?.parse().ok()
}
