//! Code that the endpoints for admins share.

use api::{ImageBody, ImageParts, Problem};
use domain::{Timestamp, UserId};
use serde::Serialize;
use store::{Objects, OwnedImage};

pub use admins::{present_admins, require_admin, unless_last_admin};
pub use audit::{AuditTrail, mark_failure, present_fields};
pub use dead_letters::{DeadLetter, DeadLetters, Redriven};
pub use pool::{ListedUser, Pool, PoolUser, SearchField};
pub use queues::{Depth, Queues};
pub use sets::{OwnedSetBody, OwnedSetImages};
pub use user_body::UserBody;

mod admins;
mod audit;
mod dead_letters;
mod letter_subject;
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
        Ok(Self { image: ImageBody::new(&owned.image, links).for_others(), user_id: &owned.user })
    }

    /// Signs the addresses of an image in a list, as far as the client wants them.
    ///
    /// # Errors
    /// 500 if signing fails.
    pub async fn in_list(
        owned: &'a OwnedImage,
        objects: &Objects,
        parts: ImageParts,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let links = objects.all_links_in_list(&owned.user, &owned.image, parts.addresses, now).await?;
        let image = ImageBody::new(&owned.image, links).for_others().only(parts);
        Ok(Self { image, user_id: &owned.user })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{FakeAws, USER, ready_image};

    use super::*;

    #[tokio::test]
    async fn an_admin_receives_neither_the_id_of_an_upload_link_nor_the_place_of_a_picture() {
        let mut image = ready_image();
        image["upload_link"] = json!(format!("01JZ8Q4V7N2M5K3R6T9W0XYZAB-{USER}"));
        image["picture"]["exif"] = json!({"iso": 64, "location": {"latitude": 52.5, "longitude": 13.4}});
        let owned = OwnedImage { user: USER.parse().unwrap(), image: serde_json::from_value(image).unwrap() };
        assert!(owned.image.upload_link.is_some());
        let aws = FakeAws::new([]);
        let body = OwnedBody::new(&owned, &aws.objects(), domain::now()).await.unwrap();
        let body = serde_json::to_value(&body).unwrap();
        assert_eq!(body["upload_link"], Value::Null);
        assert_eq!((&body["exif"]["iso"], &body["exif"]["location"]), (&json!(64), &Value::Null));
    }
}
