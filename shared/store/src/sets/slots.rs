//! Puts existing images into slots, and takes images out of slots.
//!
//! An image stores its slot, and a slot stores its image. One transaction writes both, so they always agree.

use aws::CallError;
use domain::{Image, ImageId, ImageSet, SetId, SetPlace, Slot, Slots, Timestamp, UserId};

use crate::{
    dynamodb::{
        condition::{Condition, eq, exists, not_exists},
        keys::{image_key, read, set_key, string, timestamp, value},
        records::Records,
        transactions::{TransactItemKind, refused},
        update::Update,
    },
    images::filter::is_shown,
};

/// Why an image was not put into a slot.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The set does not exist.
    #[error("the set does not exist")]
    NoSuchSet,
    /// The image does not exist.
    #[error("the image does not exist")]
    NoSuchImage,
    /// The slot contains another image.
    #[error("the slot contains another image")]
    SlotTaken,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// A set after an image was put into one of its slots.
#[derive(Debug)]
pub struct PlacedImage {
    /// The set.
    pub set: ImageSet,
    /// The images in its slots.
    pub images: Vec<Image>,
}

impl Records {
    /// Puts an existing image into a slot. An image is in at most one slot: it leaves the slot that it was in before, also
    /// that of another set. If the image is already in this slot, nothing is written.
    ///
    /// The slot must be empty. A slot whose image has expired, is in the trash or was deleted counts as empty.
    ///
    /// Two calls, and one more if the image is in another set. More calls if another request changes the set or the image
    /// at the same time.
    ///
    /// # Errors
    /// [`PlaceError`]
    pub async fn place_image(
        &self,
        user: &UserId,
        place: SetPlace,
        id: ImageId,
        now: Timestamp,
    ) -> Result<PlacedImage, PlaceError> {
        // Other requests of the user may change the set or the image.
        const ROUNDS: usize = 4;
        for _ in 0..ROUNDS {
            let [set, image] = self.batch_in_order([set_key(user, place.id), image_key(user, id)]).await?;
            let set = set.map(read::<ImageSet>).transpose()?.ok_or(PlaceError::NoSuchSet)?;
            let image = image.map(read::<Image>).transpose()?.and_then(|image| image.unless_hidden(now));
            let image = image.ok_or(PlaceError::NoSuchImage)?;
            let after = ImageSet { slots: set.slots.with(place.image_type, id), ..set.clone() };
            let is_written = async {
                let is_there = set.slots.get(place.image_type) == Some(id) && image.set == Some(place);
                if is_there { Ok(true) } else { self.write_place(user, place, &set, &image, now).await }
            };
            let others =
                async { Ok::<_, PlaceError>(self.images_by_id(user, after.slots.ids(), now).await?) };
            let (is_written, mut images) = tokio::try_join!(is_written, others)?;
            if is_written {
                // They were read at the same time as the transaction was written.
                for image in images.iter_mut().filter(|image| image.id == id) {
                    image.set = Some(place);
                }
                return Ok(PlacedImage { set: after, images });
            }
        }
        Err(CallError::Unavailable("the set keeps changing".into()).into())
    }

    /// Writes the transaction that moves an image to a slot of `set`. Returns whether set and image were still as they
    /// were read.
    async fn write_place(
        &self,
        user: &UserId,
        place: SetPlace,
        set: &ImageSet,
        image: &Image,
        now: Timestamp,
    ) -> Result<bool, PlaceError> {
        use TransactItemKind as Kind;
        let mut update = Update::new(set_key(user, place.id))
            .set(slot_path(place.image_type), string(image.id.to_string()))
            .when(exists("pk"))
            .when(slots_are(&set.slots));
        let mut items = Vec::with_capacity(4);
        match image.set.filter(|before| *before != place) {
            Some(before) if before.id == place.id => {
                // The same item of the table cannot be in a transaction twice.
                let is_there = set.slots.get(before.image_type) == Some(image.id);
                update = if is_there { update.remove(slot_path(before.image_type)) } else { update };
            }
            Some(before) => {
                let key = set_key(user, before.id);
                // An expired image may have lost its slot to another one, and its set may be gone.
                let left: Option<ImageSet> = self.get(key.clone()).await?;
                if left.is_some_and(|left| left.slots.get(before.image_type) == Some(image.id)) {
                    let path = slot_path(before.image_type);
                    let holds_image = eq(&path, string(image.id.to_string()));
                    let leave = Update::new(key).remove(path).when(holds_image);
                    items.push((Kind::Source, leave.in_transaction(self)?));
                }
            }
            None => {}
        }
        items.push((Kind::Set, update.in_transaction(self)?));
        if let Some(occupant) = set.slots.get(place.image_type).filter(|occupant| *occupant != image.id) {
            items.push((Kind::Occupant, self.check_not_shown(user, occupant, now)?));
        }
        let is_unmoved = image.set.map_or_else(|| not_exists("set"), is_at);
        let moved = Update::new(image_key(user, image.id))
            .set("set", value(place)?)
            .set("updated_at", timestamp(now))
            .when(exists("pk").and(is_shown(now)).and(is_unmoved));
        items.push((Kind::Source, moved.in_transaction(self)?));
        match self.transact_kinds(items).await? {
            None => Ok(true),
            Some((Kind::Occupant, _)) => Err(PlaceError::SlotTaken),
            Some(_) => Ok(false),
        }
    }

    /// Takes the image out of a slot. The image stays. Returns whether the slot contained an image.
    ///
    /// Two calls. Three if the image has expired or was deleted.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn empty_slot(
        &self,
        user: &UserId,
        id: SetId,
        slot: Slot,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        let Some(image) = self.set(user, id).await?.and_then(|set| set.slots.get(slot)) else {
            return Ok(false);
        };
        let (path, place) = (slot_path(slot), SetPlace { id, image_type: slot });
        let empty = Update::new(set_key(user, id)).remove(&path).when(eq(&path, string(image.to_string())));
        let leave = Update::new(image_key(user, image))
            .remove("set")
            .set("updated_at", timestamp(now))
            .when(is_at(place));
        let items = vec![empty.in_transaction(self)?, leave.in_transaction(self)?];
        let Some(reasons) = self.transact(items).await? else { return Ok(true) };
        if reasons.first().and_then(refused).is_some() {
            return Ok(false);
        }
        // The image has expired or was deleted.
        self.free_slot(user, image, place).await?;
        Ok(true)
    }
}

/// The image is in this slot.
fn is_at(place: SetPlace) -> Condition {
    eq("set.id", string(place.id.to_string())).and(eq("set.image_type", string(place.image_type.as_str())))
}

/// The path of a slot in the item of a set.
pub(crate) fn slot_path(slot: Slot) -> String {
    format!("slots.{}", slot.as_str())
}

/// The slots of a set contain exactly these images.
pub(crate) fn slots_are(slots: &Slots) -> Condition {
    let [first, second, third] = Slot::ALL.map(|slot| match slots.get(slot) {
        Some(image) => eq(slot_path(slot), string(image.to_string())),
        None => not_exists(slot_path(slot)),
    });
    first.and(second).and(third)
}
