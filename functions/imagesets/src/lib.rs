//! Code that the endpoints of image sets share: sets with their images in responses.

use std::collections::HashMap;

use api::{ImageBody, ImageParts, PageItems, Problem, Request, SetBody};
use domain::{Image, ImageId, ImageSet, Links, SetId, Slot, Tier, Timestamp, UserId};
use serde_json::value::RawValue;
use store::{Objects, Page, Records};

/// The images of some sets, with the addresses that the owner's tier allows.
#[derive(Debug)]
pub struct SetImages {
    images: HashMap<ImageId, (Image, Links)>,
    parts: ImageParts,
}

impl SetImages {
    /// Reads the images in the slots of some sets, all at the same time.
    ///
    /// # Errors
    /// If a call to AWS fails.
    pub async fn of(
        sets: &[ImageSet],
        records: &Records,
        objects: &Objects,
        user: &UserId,
        tier: &Tier,
        parts: ImageParts,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let ids = sets.iter().flat_map(|set| set.slots.ids());
        let (images, ()) =
            tokio::try_join!(records.images_by_id(user, ids, now), objects.prepare_addresses())?;
        Self::of_images(images, objects, user, tier, parts, now).await
    }

    /// These images, which were read before.
    ///
    /// # Errors
    /// If an address cannot be signed.
    pub async fn of_images(
        images: Vec<Image>,
        objects: &Objects,
        user: &UserId,
        tier: &Tier,
        parts: ImageParts,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let mut signed = HashMap::with_capacity(images.len());
        for image in images {
            let links = objects.links_in_list(user, &image, tier, parts.addresses, now).await?;
            signed.insert(image.id, (image, links));
        }
        Ok(Self { images: signed, parts })
    }

    /// The sets of a page as JSON, as many as fit into a response, and the id after which the next page begins.
    ///
    /// # Errors
    /// 500 if a set cannot be serialized.
    pub fn show_page(
        &self,
        page: &Page<ImageSet, SetId>,
    ) -> Result<(Vec<Box<RawValue>>, Option<SetId>), Problem> {
        let mut items = PageItems::default();
        for set in &page.items {
            if !items.push(set.id, &self.show(set))? {
                break;
            }
        }
        Ok(items.finish(page.next))
    }

    /// The body of a set.
    #[must_use]
    pub fn show<'a>(&'a self, set: &'a ImageSet) -> SetBody<'a> {
        SetBody::new(set, |id| {
            let (image, links) = self.images.get(&id)?;
            Some(ImageBody::new(image, links.clone()).only(self.parts))
        })
    }
}

/// The slot in the path: `{slot}`.
///
/// # Errors
/// 404 if a set has no such slot.
pub fn slot_in_path(request: &Request) -> Result<Slot, Problem> {
    api::path(request, "slot").parse().map_err(|_| Problem::not_found())
}

#[cfg(test)]
mod tests {
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
    use aws_types::{SdkConfig, region::Region};
    use domain::{
        ContentType, Exif, Location, NewImage, Picture, Placeholder, SetText, Slots, Status, Thumbnail,
        TierId, Upload, UserId,
    };
    use serde_json::{Value, json};

    use super::*;

    const SETS: usize = 100;
    const SIZES: [u32; 8] = [100, 200, 400, 800, 1200, 1600, 2400, 4096];
    /// AWS Lambda, "Lambda quotas": invocation payload of a buffered response.
    const LAMBDA_LIMIT: usize = 6 * 1024 * 1024;

    /// Buckets whose addresses are signed with a session token of a realistic length.
    fn objects() -> Objects {
        let base64 = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']);
        let token: String = base64.cycle().take(1500).collect();
        let credentials = Credentials::new("ASIA0123456789ABCDEF", "secret", Some(token), None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let bucket = |name: &str| format!("darkroom-{name}-123456789012-eu-central-1");
        Objects::new(&config, bucket("uploads"), bucket("derived"))
    }

    fn tier() -> Tier {
        Tier {
            id: TierId::default_for_new_users(),
            name: "Large".to_owned().try_into().unwrap(),
            thumbnail_sizes: SIZES.to_vec(),
            original_link: true,
            expiring_links: true,
            renditions: true,
            max_image_bytes: 1,
            max_images: 1,
            max_sets: 1,
            max_links: 1,
            max_pending_uploads: 1,
            ai: true,
            max_ai_calls_per_day: 1,
            trash_days: 1,
            revision: 0,
        }
    }

    fn image(now: Timestamp) -> Image {
        let upload = Upload {
            content_type: ContentType::Jpeg,
            size: 1_000_000.try_into().unwrap(),
            checksum_sha256: None,
        };
        let new = NewImage {
            file_name: "a \"quoted\" name.jpg".to_owned().try_into().unwrap(),
            title: None,
            description: None,
            upload: upload.clone(),
        };
        let thumbnail =
            |size| Thumbnail { size, width: size, height: size, content_type: "image/webp".to_owned() };
        let picture = Picture {
            version: 1,
            upload,
            width: 6000,
            height: 4000,
            thumbnails: SIZES.map(thumbnail).to_vec(),
            renditions: 0,
            placeholder: Placeholder { thumbhash: "x".repeat(32), color: "#000000".to_owned() },
            exif: Exif {
                taken_at: Some("2026-05-01T14:30:00.123+02:00".to_owned().try_into().unwrap()),
                camera: Some("x".repeat(100)),
                lens: Some("x".repeat(100)),
                exposure_time: Some(0.004),
                f_number: Some(1.78),
                iso: Some(102_400),
                focal_length: Some(6.765),
                location: Some(Location {
                    latitude: -33.859_861_1,
                    longitude: 151.211_111_1,
                    altitude: Some(-3.5),
                }),
            },
        };
        Image { status: Status::Ready, picture: Some(picture), ..Image::pending(new, now) }
    }

    /// Sets whose slots are all filled, and their images.
    fn full_sets(now: Timestamp) -> (Vec<ImageSet>, Vec<Image>) {
        let (mut sets, mut images) = (Vec::new(), Vec::new());
        for _ in 0..SETS {
            let slots = [image(now), image(now), image(now)];
            let [image1, image2, image3] = slots.each_ref().map(|image| Some(image.id));
            sets.push(ImageSet {
                slots: Slots { image1, image2, image3 },
                ..ImageSet::new(SetText::default(), now)
            });
            images.extend(slots);
        }
        (sets, images)
    }

    #[tokio::test]
    async fn a_page_of_full_sets_ends_before_it_is_too_large_and_the_next_pages_have_the_rest() {
        let (now, user): (_, UserId) =
            (domain::now(), "5f0c3c9e-0000-4000-8000-000000000000".parse().unwrap());
        let (sets, images) = full_sets(now);
        let images_of_sets =
            SetImages::of_images(images, &objects(), &user, &tier(), ImageParts::ALL, now).await.unwrap();
        let all: Vec<_> = sets.iter().map(|set| images_of_sets.show(set)).collect();
        let whole = json!(serde_json::to_string(&all).unwrap()).to_string().len();
        assert!(whole > PageItems::<SetId>::MAX_BYTES, "{whole}: the sets would fit");

        let (mut shown, mut sizes, mut start) = (Vec::new(), Vec::new(), 0);
        loop {
            let page = Page { items: sets[start..].to_vec(), next: None };
            let (items, next) = images_of_sets.show_page(&page).unwrap();
            // The response of the function contains the JSON as a JSON string.
            let carried = json!(serde_json::to_string(&items).unwrap()).to_string().len();
            assert!(carried < LAMBDA_LIMIT * 3 / 4, "{carried}");
            sizes.push((items.len(), carried));
            let ids =
                items.iter().map(|item| serde_json::from_str::<Value>(item.get()).unwrap()["id"].clone());
            shown.extend(ids);
            let Some(next) = next else { break };
            start = sets.iter().position(|set| set.id == next).unwrap() + 1;
        }
        println!("all {SETS} sets: {whole} bytes; pages of (sets, bytes): {sizes:?}");
        assert!(sizes.len() > 1, "{sizes:?}");
        assert_eq!(shown, sets.iter().map(|set| json!(set.id)).collect::<Vec<_>>());
    }
}
