//! Upload links, and the images that guests create through them.
//!
//! A link is one item under its owner's partition key. The id of a link contains the owner's id, so one read finds the
//! item. The item contains the ids of the images that guests created.

use std::cmp::Reverse;

use aws::CallError;
use domain::{Addition, Image, Profile, Timestamp, UploadLink, UploadLinkId, UserId};

use crate::{
    account::{is_deleted, read_profile},
    dynamodb::{
        condition::{begins_with, eq, exists, ge, gt},
        keys::{UPLOAD_LINK, item, number, profile_key, read, string, upload_link_key, user_pk},
        records::{Records, is_condition},
        transactions::TransactItemKind,
        update::Update,
    },
    idempotency::{Created, IdempotencyKey, read_answer},
    images::create::CreateError,
    usage::Count,
};

impl Records {
    /// Creates an upload link and counts it. `profile` is the owner's profile, if there is one.
    ///
    /// One call. Up to four calls if the number of links in the profile is at its limit.
    ///
    /// # Errors
    /// [`CreateError::Limit`], [`CreateError::KeyReused`] or [`CreateError::Call`]
    pub async fn create_upload_link(
        &self,
        link: &UploadLink,
        profile: Option<Profile>,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created<UploadLink>, CreateError> {
        use TransactItemKind as Kind;
        let user = link.id.user();
        let mut items = vec![(Kind::New, self.put_new(item(upload_link_key(&link.id), link)?)?)];
        if let Some(key) = key {
            items.push((Kind::IdempotencyKey, self.remember(user, key, link, now)?));
        }
        let added = Addition { upload_links: 1, ..Addition::default() };
        match Count::of(self, user, profile, added, now).await?.transact(&items).await? {
            None => Ok(Created::New),
            Some((Kind::IdempotencyKey, stored)) => {
                Ok(Created::Replayed(read_answer(stored, key)?.ok_or(CreateError::KeyReused)?))
            }
            Some(_) => Err(CallError::internal("a new upload link's id is in use").into()),
        }
    }

    /// The upload links of a user that work, newest first. There are at most [`UploadLink::MAX_PER_USER`].
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn upload_links(&self, user: &UserId, now: Timestamp) -> Result<Vec<UploadLink>, CallError> {
        let keys = eq("pk", user_pk(user)).and(begins_with("sk", string(UPLOAD_LINK)));
        let query = self.query(keys, Some(gt("expires_at", number(now.as_second()))))?.consistent_read(true);
        let (mut links, mut start) = (Vec::<UploadLink>::new(), None);
        loop {
            // One request reads one megabyte (Query, "LastEvaluatedKey"). All links that work fit into it, unless
            // DynamoDB has not deleted many expired ones yet.
            let answer = query.clone().set_exclusive_start_key(start).send().await?;
            for item in answer.items.unwrap_or_default() {
                links.push(read(item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        links.sort_by_key(|link| Reverse(link.created_at));
        Ok(links)
    }

    /// An upload link. `None` if it was revoked or has expired.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn upload_link(
        &self,
        id: &UploadLinkId,
        now: Timestamp,
    ) -> Result<Option<UploadLink>, CallError> {
        let link: Option<UploadLink> = self.get(upload_link_key(id)).await?;
        Ok(link.and_then(|link| link.unless_expired(now)))
    }

    /// An upload link and its owner's profile. Both are read at the same time. `None` if the link was revoked or has
    /// expired, or if the owner's account is being deleted or was deleted.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn upload_link_and_profile(
        &self,
        id: &UploadLinkId,
        now: Timestamp,
    ) -> Result<Option<(UploadLink, Profile)>, CallError> {
        let profile = self.get_item(profile_key(id.user()));
        let (link, profile) = tokio::try_join!(self.upload_link(id, now), profile)?;
        let profile = profile.filter(|profile| !is_deleted(profile)).map(read_profile).transpose()?;
        Ok(link.zip(profile.flatten()))
    }

    /// Revokes an upload link. Returns whether it worked until now. The images that guests created stay.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_upload_link(&self, id: &UploadLinkId, now: Timestamp) -> Result<bool, CallError> {
        let works = exists("pk").and(gt("expires_at", number(now.as_second())));
        match self.delete_when(upload_link_key(id), works)?.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates pending images through an upload link. They count against the link and against the limits of its owner,
    /// whose `profile` was read before. Writes all or nothing.
    ///
    /// One call. Two calls if the profile changed.
    ///
    /// # Errors
    /// [`CreateError`]
    pub async fn create_images_through(
        &self,
        link: &UploadLinkId,
        profile: Profile,
        images: &[Image],
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created<Vec<Image>>, CreateError> {
        let ids = images.iter().map(|image| string(image.id.to_string())).collect();
        let has_room = ge("remaining", number(images.len()));
        let update = Update::new(upload_link_key(link))
            .add("remaining", -(images.len() as i128))
            .append("images", ids)
            .when(gt("expires_at", number(now.as_second())).and(has_room));
        let more = [(TransactItemKind::UploadLink, update.in_transaction(self)?)];
        let (user, added) = (link.user(), Addition::of_images(images));
        let count = Count::of(self, user, Some(profile), added, now).await?;
        self.create_counted_images(user, images, &more, count, key, now).await
    }
}
