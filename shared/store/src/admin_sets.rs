//! Reads, lists and changes the image sets of all users, for admins.

use aws::CallError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{AuditEntry, Image, ImageSet, SetChange, SetId, Timestamp, UserId};
use futures_util::future::try_join_all;

use crate::{
    dynamodb::{
        condition::{Condition, begins_with, between, contains, eq, exists},
        keys::{
            Item, SET, SHARDS, image_key, owner, read, search_name, set_of_key, set_shard, string, user_pk,
        },
        records::{Page, Records},
    },
    sets::set_update,
};

/// An image set and its owner.
#[derive(Clone, Debug)]
pub struct OwnedSet {
    /// The owner.
    pub user: UserId,
    /// The set.
    pub set: ImageSet,
}

/// Which sets a list of all users' sets contains.
#[derive(Clone, Debug, Default)]
pub struct SetFilter {
    /// The set belongs to this user.
    pub user: Option<UserId>,
    /// The title or the description contains this text. Upper and lower case are equal.
    pub search: Option<String>,
}

/// A page of one partition, newest first.
struct PartitionPage {
    sets: Vec<OwnedSet>,
    /// The oldest id that the query has read, if the partition contains older ones.
    scanned_to: Option<SetId>,
}

impl Records {
    /// A set of any user. An index answers, which may lag behind the table.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn admin_set(&self, id: SetId) -> Result<Option<OwnedSet>, CallError> {
        let keys = eq("shard", set_shard(id.shard(SHARDS))).and(eq("id", string(id.to_string())));
        let answer = self.query(keys, None)?.index_name("by_time").send().await?;
        answer.items.unwrap_or_default().into_iter().next().map(owned).transpose()
    }

    /// The sets of all users, newest first, beginning after `after`.
    ///
    /// One call for each partition of the index, all at the same time, or one call for the sets of one user. With a
    /// search, each call reads at most one megabyte. Therefore a page can be short or empty although more sets follow.
    /// `next` shows whether more follow.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn admin_sets(
        &self,
        filter: &SetFilter,
        after: Option<SetId>,
        limit: usize,
    ) -> Result<Page<OwnedSet, SetId>, CallError> {
        let search = filter.search.as_deref();
        let pages = match &filter.user {
            Some(user) => vec![self.sets_of(user, search, after, limit).await?],
            None => {
                let partitions = (0..SHARDS).map(set_shard);
                let pages = partitions.map(|shard| self.sets_in(shard, search, after, limit));
                try_join_all(pages).await?
            }
        };
        // A partition may contain unread sets that are older than its `scanned_to`. The page ends at the newest one.
        let scanned_to = pages.iter().filter_map(|page| page.scanned_to).max();
        let mut items: Vec<OwnedSet> = pages.into_iter().flat_map(|page| page.sets).collect();
        items.retain(|owned| scanned_to.is_none_or(|oldest| owned.set.id >= oldest));
        items.sort_by_key(|owned| std::cmp::Reverse(owned.set.id));
        Ok(Page::new(items, limit, |owned| owned.set.id, scanned_to))
    }

    async fn sets_in(
        &self,
        shard: AttributeValue,
        search: Option<&str>,
        after: Option<SetId>,
        limit: usize,
    ) -> Result<PartitionPage, CallError> {
        let before = after.map_or_else(|| "~".to_owned(), |id| id.to_string());
        // `BETWEEN` includes `before`. `sets_page` leaves it out.
        let keys = eq("shard", shard).and(between("id", string("0"), string(&before)));
        self.sets_page(keys, Some("by_time"), search, after, limit).await
    }

    async fn sets_of(
        &self,
        user: &UserId,
        search: Option<&str>,
        after: Option<SetId>,
        limit: usize,
    ) -> Result<PartitionPage, CallError> {
        let pk = eq("pk", user_pk(user));
        let keys = match after {
            Some(id) => pk.and(between("sk", string(SET), string(format!("{SET}{id}")))),
            None => pk.and(begins_with("sk", string(SET))),
        };
        self.sets_page(keys, None, search, after, limit).await
    }

    async fn sets_page(
        &self,
        keys: Condition,
        index: Option<&str>,
        search: Option<&str>,
        after: Option<SetId>,
        limit: usize,
    ) -> Result<PartitionPage, CallError> {
        let filter = search.map(|text| {
            let text = search_name(text);
            contains("search_title", text.clone()).or(contains("search_description", text))
        });
        let mut query = self.query(keys, filter)?.set_index_name(index.map(str::to_owned));
        query = query.scan_index_forward(false);
        if search.is_none() {
            // `after` itself, and one more than the page needs, to know whether more follow.
            query = query.limit(i32::try_from(limit + 2).unwrap_or(i32::MAX));
        }
        let answer = query.send().await?;
        let mut sets = Vec::new();
        for item in answer.items.unwrap_or_default() {
            let owned = owned(item)?;
            if after.is_none_or(|after| owned.set.id < after) {
                sets.push(owned);
            }
        }
        let last = answer.last_evaluated_key;
        Ok(PartitionPage { sets, scanned_to: last.as_ref().and_then(set_of_key) })
    }

    /// The images in the slots of these sets, without those that do not exist or have expired.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn images_of_sets(
        &self,
        sets: &[OwnedSet],
        now: Timestamp,
    ) -> Result<Vec<(UserId, Image)>, CallError> {
        let keys = sets.iter().flat_map(|owned| owned.set.slots.ids().map(|id| image_key(&owned.user, id)));
        let items = self.batch(keys.collect()).await?;
        let images = items.into_iter().map(|item| Ok((owner(&item)?, read::<Image>(item)?)));
        let images = images.collect::<Result<Vec<(UserId, Image)>, CallError>>()?;
        let current = |(user, image): (UserId, Image)| Some((user, image.unless_expired(now)?));
        Ok(images.into_iter().filter_map(current).collect())
    }

    /// Changes the texts of a user's set, and writes the entry of this change. Returns the changed set, or `None` if it
    /// does not exist.
    ///
    /// The transaction cannot return the set, so the set is read at the same time.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn change_set_audited(
        &self,
        user: &UserId,
        id: SetId,
        change: &SetChange,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Option<ImageSet>, CallError> {
        let update = set_update(user, id, change, now)?.when(exists("pk")).in_transaction(self)?;
        let items = vec![update, self.audit_in_transaction(entry)?];
        let (set, refused) = tokio::try_join!(self.set(user, id), self.transact(items))?;
        Ok(set.filter(|_| refused.is_none()).map(|set| set.changed(change, now)))
    }
}

fn owned(item: Item) -> Result<OwnedSet, CallError> {
    Ok(OwnedSet { user: owner(&item)?, set: read(item)? })
}
