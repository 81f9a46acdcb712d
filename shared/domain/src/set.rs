//! Image sets: three slots, each filled by one image at most.

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

impl Slot {
    /// The name used in records and responses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image1 => "image1",
            Self::Image2 => "image2",
            Self::Image3 => "image3",
        }
    }
}

/// Which image fills which slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// The first slot's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image1: Option<ImageId>,
    /// The second slot's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image2: Option<ImageId>,
    /// The third slot's.
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

    /// The images of all slots that are filled.
    pub fn ids(&self) -> impl Iterator<Item = ImageId> {
        [self.image1, self.image2, self.image3].into_iter().flatten()
    }
}

/// What people say of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetText {
    /// A title, where the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// A description, where the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
}

/// An image set as the table keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSet {
    /// The set's id.
    pub id: SetId,
    /// A title, where the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// A description, where the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its title or description last changed.
    pub updated_at: Timestamp,
    /// What fills its slots.
    #[serde(default)]
    pub slots: Slots,
}

impl ImageSet {
    /// A set whose slots are empty.
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
}
