//! What the endpoints of image sets share: showing sets with their images.

use api::{ImageBody, Problem, SetBody};
use domain::{Image, ImageSet, Links, Tier, Timestamp, UserId};
use store::{Objects, Records};

/// Images with the addresses that their owner's tier allows, to be shown in their sets.
#[derive(Debug)]
pub struct Filling(Vec<(Image, Links)>);

impl Filling {
    /// The images in the slots of some sets, all read at the same time.
    ///
    /// # Errors
    /// Where AWS fails.
    pub async fn of(
        sets: &[ImageSet],
        records: &Records,
        objects: &Objects,
        user: &UserId,
        tier: &Tier,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let ids = sets.iter().flat_map(|set| set.slots.ids());
        let mut filling = Vec::new();
        for image in records.images_by_id(user, ids, now).await? {
            let links = objects.links(user, &image, tier, now).await?;
            filling.push((image, links));
        }
        Ok(Self(filling))
    }

    /// A set as clients see it.
    #[must_use]
    pub fn show<'a>(&'a self, set: &'a ImageSet) -> SetBody<'a> {
        SetBody::new(set, |id| {
            let (image, links) = self.0.iter().find(|(image, _)| image.id == id)?;
            Some(ImageBody::new(image, links.clone()))
        })
    }
}
