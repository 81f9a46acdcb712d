//! Code that the endpoints for admins share.

use api::{ImageBody, Problem};
use domain::{Timestamp, UserId};
use serde::Serialize;
use store::{Objects, OwnedImage};

pub use audit::{AuditTrail, mark_failure, present_fields};
pub use last_admin::unless_last_admin;
pub use pool::{Pool, PoolUser, SearchField};
pub use queues::{Depth, Queues};
pub use sets::{OwnedSetBody, OwnedSetImages};
pub use user_body::UserBody;

mod audit;
mod last_admin;
mod pool;
mod queues;
mod sets;
mod user_body;

/// An image with its owner and all its addresses. The owner's tier does not limit the addresses.
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
    /// 500 if signing fails.
    pub async fn new(owned: &'a OwnedImage, objects: &Objects, now: Timestamp) -> Result<Self, Problem> {
        let links = objects.all_links(&owned.user, &owned.image, now).await?;
        Ok(Self { image: ImageBody::new(&owned.image, links).without_upload_link(), user_id: &owned.user })
    }
}
