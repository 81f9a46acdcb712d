//! Image sets: three slots, each with at most one image.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Description, ImageId, SetId, Timestamp, Title};

/// A slot of an image set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// The first.
    Image1,
    /// The second.
    Image2,
    /// The third.
    Image3,
}

/// The text is not the name of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a slot is image1, image2 or image3")]
pub struct InvalidSlot;

impl FromStr for Slot {
    type Err = InvalidSlot;

    fn from_str(text: &str) -> Result<Self, InvalidSlot> {
        Self::ALL.into_iter().find(|slot| slot.as_str() == text).ok_or(InvalidSlot)
    }
}

impl Slot {
    /// All slots.
    pub const ALL: [Self; 3] = [Self::Image1, Self::Image2, Self::Image3];

    /// The name in records and responses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image1 => "image1",
            Self::Image2 => "image2",
            Self::Image3 => "image3",
        }
    }
}

/// The images in the slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// The image in the first slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image1: Option<ImageId>,
    /// The image in the second slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image2: Option<ImageId>,
    /// The image in the third slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image3: Option<ImageId>,
}

impl Slots {
    /// The image in a slot.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<ImageId> {
        match slot {
            Slot::Image1 => self.image1,
            Slot::Image2 => self.image2,
            Slot::Image3 => self.image3,
        }
    }

    /// The slots after `image` was put into a slot. If the image was in another slot of the same set, it leaves that slot.
    #[must_use]
    pub fn with(mut self, slot: Slot, image: ImageId) -> Self {
        for slot in Slot::ALL {
            if self.get(slot) == Some(image) {
                *self.place(slot) = None;
            }
        }
        *self.place(slot) = Some(image);
        self
    }

    fn place(&mut self, slot: Slot) -> &mut Option<ImageId> {
        match slot {
            Slot::Image1 => &mut self.image1,
            Slot::Image2 => &mut self.image2,
            Slot::Image3 => &mut self.image3,
        }
    }

    /// The images in all slots.
    pub fn ids(&self) -> impl Iterator<Item = ImageId> {
        [self.image1, self.image2, self.image3].into_iter().flatten()
    }
}

/// The title and description of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetText {
    /// The title, if the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// The description, if the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
}

/// A change of a set's texts. `None` keeps a text. An inner `None` removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetChange {
    /// The title.
    pub title: Option<Option<Title>>,
    /// The description.
    pub description: Option<Option<Description>>,
}

impl From<SetText> for SetChange {
    /// The change that replaces both texts.
    fn from(text: SetText) -> Self {
        Self { title: Some(text.title), description: Some(text.description) }
    }
}

/// The record of an image set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSet {
    /// The set's id.
    pub id: SetId,
    /// The title, if the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// The description, if the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// When the set was created.
    pub created_at: Timestamp,
    /// When the title or description last changed.
    pub updated_at: Timestamp,
    /// The images in its slots.
    #[serde(default)]
    pub slots: Slots,
}

impl ImageSet {
    /// A set with empty slots.
    #[must_use]
    pub fn new(text: SetText, now: Timestamp) -> Self {
        Self {
            id: SetId::generate(),
            title: text.title,
            description: text.description,
            created_at: now,
            updated_at: now,
            slots: Slots::default(),
        }
    }

    /// The set after a change of its texts.
    #[must_use]
    pub fn changed(mut self, change: &SetChange, now: Timestamp) -> Self {
        self.updated_at = now;
        if let Some(title) = &change.title {
            self.title = title.clone();
        }
        if let Some(description) = &change.description {
            self.description = description.clone();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_in_one_slot_of_a_set() {
        let (image, other) = (ImageId::generate(), ImageId::generate());
        let slots = Slots::default().with(Slot::Image1, image).with(Slot::Image2, other);
        assert_eq!(slots, Slots { image1: Some(image), image2: Some(other), image3: None });
        let moved = slots.with(Slot::Image3, image);
        assert_eq!(moved, Slots { image1: None, image2: Some(other), image3: Some(image) });
        assert_eq!(moved.with(Slot::Image3, image), moved);
    }

    #[test]
    fn a_slot_has_one_name() {
        for slot in Slot::ALL {
            assert_eq!(slot.as_str().parse(), Ok(slot));
        }
        for other in ["", "image4", "Image1", "1"] {
            assert_eq!(other.parse::<Slot>(), Err(InvalidSlot), "{other}");
        }
    }
}
