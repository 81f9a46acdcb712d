//! Image sets of all users in responses.

use api::{ImageBody, Problem, SetBody};
use domain::{Image, Links, Timestamp, UserId};
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
pub struct OwnedSetImages(Vec<(Image, Links)>);

impl OwnedSetImages {
    /// Reads the images in the slots of some sets, all at the same time.
    ///
    /// # Errors
    /// If a call to AWS fails.
    pub async fn of(
        sets: &[OwnedSet],
        records: &Records,
        objects: &Objects,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let mut signed = Vec::new();
        for (user, image) in records.images_of_sets(sets, now).await? {
            let links = objects.all_links(&user, &image, now).await?;
            signed.push((image, links));
        }
        Ok(Self(signed))
    }

    /// The body of a set.
    #[must_use]
    pub fn show<'a>(&'a self, owned: &'a OwnedSet) -> OwnedSetBody<'a> {
        let set = SetBody::new(&owned.set, |id| {
            let (image, links) = self.0.iter().find(|(image, _)| image.id == id)?;
            Some(ImageBody::new(image, links.clone()).without_upload_link())
        });
        OwnedSetBody { set, user_id: &owned.user }
    }
}
