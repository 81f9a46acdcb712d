//! Image sets of all users in responses.

use std::collections::HashMap;

use api::{ImageBody, ImageParts, Problem, SetBody};
use domain::{Image, ImageId, Links, Timestamp, UserId};
use serde::Serialize;
use store::{Objects, OwnedSet, Records};

/// An image set with its owner, and with all addresses of its images. The owner's tier does not limit the addresses.
#[derive(Debug, Serialize)]
pub struct OwnedSetBody<'a> {
    #[serde(flatten)]
    set: SetBody<'a>,
    user_id: &'a UserId,
}

/// The images of some sets, with all their addresses.
#[derive(Debug)]
pub struct OwnedSetImages {
    images: HashMap<ImageId, (Image, Links)>,
    parts: ImageParts,
}

impl OwnedSetImages {
    /// Reads the images in the slots of some sets, all at the same time.
    ///
    /// # Errors
    /// If a call to AWS fails.
    pub async fn of(
        sets: &[OwnedSet],
        records: &Records,
        objects: &Objects,
        parts: ImageParts,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let (read, ()) = tokio::try_join!(records.images_of_sets(sets, now), objects.prepare_addresses())?;
        let mut images = HashMap::with_capacity(read.len());
        for (user, image) in read {
            let links = objects.all_links_in_list(&user, &image, parts.addresses, now).await?;
            images.insert(image.id, (image, links));
        }
        Ok(Self { images, parts })
    }

    /// The body of a set.
    #[must_use]
    pub fn show<'a>(&'a self, owned: &'a OwnedSet) -> OwnedSetBody<'a> {
        let set = SetBody::new(&owned.set, |id| {
            let (image, links) = self.images.get(&id)?;
            Some(ImageBody::new(image, links.clone()).for_others().only(self.parts))
        });
        OwnedSetBody { set, user_id: &owned.user }
    }
}
