//! What the admins' endpoints share.

use api::{ImageBody, Problem};
use domain::{Timestamp, UserId};
use serde::Serialize;
use store::{Objects, OwnedImage};

pub use pool::{Pool, PoolUser};
pub use queues::{Depth, Queues};

mod pool;
mod queues;

/// An image and whose it is, with every address that it has, whatever the owner's tier.
#[derive(Debug, Serialize)]
pub struct OwnedBody<'a> {
    #[serde(flatten)]
    image: ImageBody<'a>,
    user_id: &'a UserId,
}

impl<'a> OwnedBody<'a> {
    /// Signs the addresses of an image.
    ///
    /// # Errors
    /// 500 where signing fails.
    pub async fn new(owned: &'a OwnedImage, objects: &Objects, now: Timestamp) -> Result<Self, Problem> {
        let links = objects.all_links(&owned.user, &owned.image, now).await?;
        Ok(Self { image: ImageBody::new(&owned.image, links), user_id: &owned.user })
    }
}
