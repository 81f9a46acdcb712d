//! Image sets in responses.

use domain::{ImageId, ImageSet, SetId, Slot, Timestamp};
use serde::Serialize;

use crate::ImageBody;

/// An image set with the images in its slots.
#[derive(Debug, Serialize)]
pub struct SetBody<'a> {
    id: SetId,
    title: Option<&'a str>,
    description: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
    is_complete: bool,
    images: SlotsBody<'a>,
}

#[derive(Debug, Serialize)]
struct SlotsBody<'a> {
    image1: Option<ImageBody<'a>>,
    image2: Option<ImageBody<'a>>,
    image3: Option<ImageBody<'a>>,
}

impl<'a> SetBody<'a> {
    /// The body of a set. `image` returns the body of an image in a slot.
    pub fn new(set: &'a ImageSet, mut image: impl FnMut(ImageId) -> Option<ImageBody<'a>>) -> Self {
        let mut body = |slot| set.slots.get(slot).and_then(&mut image);
        let images =
            SlotsBody { image1: body(Slot::Image1), image2: body(Slot::Image2), image3: body(Slot::Image3) };
        Self {
            id: set.id,
            title: set.title.as_ref().map(domain::Title::as_str),
            description: set.description.as_ref().map(domain::Description::as_str),
            created_at: set.created_at,
            updated_at: set.updated_at,
            is_complete: images.is_complete(),
            images,
        }
    }
}

impl SlotsBody<'_> {
    /// Whether each slot contains an image with a picture. An image whose picture is being replaced counts, because
    /// clients see its previous picture.
    fn is_complete(&self) -> bool {
        [&self.image1, &self.image2, &self.image3]
            .into_iter()
            .all(|image| image.as_ref().is_some_and(ImageBody::has_picture))
    }
}
