//! Expiring links.
//!
//! A link is one item under its owner's partition key. Its sort key begins with the id of the image, so that the links of
//! an image can be listed, and deleted with the image.

use std::cmp::Reverse;

use aws::CallError;
use aws_sdk_dynamodb::types::ReturnValue;
use domain::{
    Addition, ExpiringLink, Image, ImageId, LimitError, LinkId, Profile, Rendition, Timestamp, UserId,
};
use futures_util::future::try_join_all;

use crate::{
    account::{is_deleted, read_profile},
    dynamodb::{
        condition::{Condition, begins_with, eq, exists, gt, not_exists},
        keys::{
            Item, image_key, item, link_key, links_of_image, number, profile_key, read, rendition_key,
            string, user_pk,
        },
        records::{Records, is_condition, updated},
        transactions::TransactItemKind,
        update::Update,
    },
    idempotency::{Created, IdempotencyKey, read_answer},
    images::rendition::RenditionItem,
    usage::{Count, CountError},
};

/// Why a link was not created.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A limit of the user was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Another request used the idempotency key.
    #[error("another request used the idempotency key")]
    KeyReused,
    /// The image was deleted, is in the trash, or has no picture.
    #[error("the image has no picture")]
    NoPicture,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<CountError> for LinkError {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Limit(error) => error.into(),
            CountError::Call(error) => error.into(),
        }
    }
}

/// A link with what a visitor's request needs to know.
#[derive(Debug)]
pub struct OpenedLink {
    /// The link.
    pub link: ExpiringLink,
    /// The image.
    pub image: Image,
    /// The owner's profile.
    pub profile: Profile,
    /// The original without metadata, whichever picture it was made from. Most links show it.
    pub stripped: Option<RenditionItem>,
}

impl Records {
    /// How many links of an image [`Records::links_of`] returns at most.
    pub const LINKS_IN_A_LIST: usize = 1_000;

    /// Creates a link and counts it. `profile` was read before.
    ///
    /// The transaction checks that the image exists. So no link is left over if the image is deleted at the same time:
    /// `workers-stream` deletes the links that were created before the image was deleted.
    ///
    /// One call. Up to three calls if the user has as many links as the tier allows.
    ///
    /// # Errors
    /// [`LinkError`]
    pub async fn create_link(
        &self,
        link: &ExpiringLink,
        profile: Profile,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created<ExpiringLink>, LinkError> {
        use TransactItemKind as Kind;
        let user = link.id.user();
        let has_picture =
            self.check(image_key(user, link.id.image()), exists("picture").and(not_exists("trash")))?;
        let mut items =
            vec![(Kind::Source, has_picture), (Kind::New, self.put_new(item(link_key(&link.id), link)?)?)];
        if let Some(key) = key {
            items.push((Kind::IdempotencyKey, self.remember(user, key, link, now)?));
        }
        let added = Addition { links: 1, ..Addition::default() };
        match Count::of(self, user, Some(profile), added, now).await?.transact(&items).await? {
            None => Ok(Created::New),
            Some((Kind::IdempotencyKey, stored)) => {
                Ok(Created::Replayed(read_answer(stored, key)?.ok_or(LinkError::KeyReused)?))
            }
            Some((Kind::Source, _)) => Err(LinkError::NoPicture),
            Some(_) => Err(CallError::internal("a new link's id is in use").into()),
        }
    }

    /// The links of an image that work, newest first, at most [`Records::LINKS_IN_A_LIST`].
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn links_of(
        &self,
        user: &UserId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<Vec<ExpiringLink>, CallError> {
        let works = gt("expires_at", number(now.as_second()));
        // One call reads one megabyte (Query, "LastEvaluatedKey"). One megabyte holds more than 2,000 links, and the
        // tiers of a new deployment allow 1,000 for each user.
        let query = self.query(links_of(user, image), Some(works))?.consistent_read(true);
        let items = query.send().await?.items.unwrap_or_default();
        let mut links = items.into_iter().map(read).collect::<Result<Vec<ExpiringLink>, _>>()?;
        links.sort_by_key(|link| Reverse(link.created_at));
        links.truncate(Self::LINKS_IN_A_LIST);
        Ok(links)
    }

    /// A link with its image, the profile of their owner, and the original without metadata. `None` if the link was revoked
    /// or has expired, if the image does not exist, or if the owner's account is being deleted or was deleted.
    ///
    /// Two calls at the same time. If the request is a view, the call that reads the link also counts it. It also counts if
    /// the image does not exist.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn open_link(
        &self,
        id: &LinkId,
        is_view: bool,
        now: Timestamp,
    ) -> Result<Option<OpenedLink>, CallError> {
        let (user, image) = (id.user(), id.image());
        let stripped = Rendition::StrippedOriginal.canonical();
        let keys = [image_key(user, image), profile_key(user), rendition_key(user, image, &stripped)];
        let link = async { if is_view { self.count_view(id, now).await } else { self.link(id, now).await } };
        let (link, [image, profile, stripped]) = tokio::try_join!(link, self.batch_in_order(keys))?;
        let image = image.map(read::<Image>).transpose()?.and_then(|image| image.unless_hidden(now));
        let profile = profile.filter(|profile| !is_deleted(profile)).map(read_profile).transpose()?.flatten();
        let (Some(link), Some(image), Some(profile)) = (link, image, profile) else { return Ok(None) };
        Ok(Some(OpenedLink { link, image, profile, stripped: stripped.map(read).transpose()? }))
    }

    async fn link(&self, id: &LinkId, now: Timestamp) -> Result<Option<ExpiringLink>, CallError> {
        let link: Option<ExpiringLink> = self.get(link_key(id)).await?;
        Ok(link.and_then(|link| link.unless_expired(now)))
    }

    /// The link after its number of views was increased.
    async fn count_view(&self, id: &LinkId, now: Timestamp) -> Result<Option<ExpiringLink>, CallError> {
        let update = Update::new(link_key(id)).add("views", 1).when(works(now));
        match update.alone(self)?.return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => updated(answer).map(Some),
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Revokes a link. Returns whether it worked until now.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_link(&self, id: &LinkId, now: Timestamp) -> Result<bool, CallError> {
        match self.delete_when(link_key(id), works(now))?.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes the links of an image that does not exist any more.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_links_of(&self, user: &UserId, image: ImageId) -> Result<(), CallError> {
        const AT_ONCE: usize = 16;
        let query = self.query(links_of(user, image), None)?.consistent_read(true);
        let mut start = None;
        loop {
            let answer = query.clone().set_exclusive_start_key(start).send().await?;
            let keys: Vec<Item> = answer.items.unwrap_or_default().into_iter().map(key_of).collect();
            for keys in keys.chunks(AT_ONCE) {
                try_join_all(keys.iter().map(|key| self.delete_key(key.clone()))).await?;
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}

/// The link exists and has not expired.
fn works(now: Timestamp) -> Condition {
    exists("pk").and(gt("expires_at", number(now.as_second())))
}

fn links_of(user: &UserId, image: ImageId) -> Condition {
    eq("pk", user_pk(user)).and(begins_with("sk", string(links_of_image(image))))
}

fn key_of(mut item: Item) -> Item {
    item.retain(|name, _| matches!(name.as_str(), "pk" | "sk"));
    item
}
