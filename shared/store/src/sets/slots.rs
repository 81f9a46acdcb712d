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

/// The move of an image to a slot, as one attempt writes it.
#[derive(Debug)]
struct Move {
    /// The set before the move.
    set: ImageSet,
    /// The image before the move.
    image: Image,
    /// The slot that the image gets.
    to: SetPlace,
    /// The slot of the same set that the image leaves.
    from: Option<SetPlace>,
    /// The other image that the slot contains.
    occupant: Option<Occupant>,
}

/// The other image that a slot contains before a move.
#[derive(Clone, Copy, Debug)]
enum Occupant {
    /// It has expired, is in the trash or was deleted, so the slot counts as empty. The move does not change it.
    Hidden(ImageId),
    /// It moves to the slot that the image leaves. If the image leaves no slot of the set, it leaves the set.
    Displaced(ImageId),
}

/// The result of one attempt to write a move.
enum MoveOutcome {
    Written,
    /// The set or the image is no longer as it was read.
    Changed,
    /// The occupant counted as hidden and is not, or the reverse.
    OtherOccupant,
}

impl Move {
    /// If the image `replaces` the occupant, it displaces the occupant also if it comes from outside of the set.
    /// `is_hidden` says that the occupant counts as hidden.
    fn new(set: ImageSet, image: Image, to: SetPlace, replaces: bool, is_hidden: bool) -> Self {
        let leaves = |place: &SetPlace| {
            place.id == to.id && *place != to && set.slots.get(place.image_type) == Some(image.id)
        };
        let from = image.set.filter(leaves);
        let occupant = set.slots.get(to.image_type).filter(|occupant| *occupant != image.id);
        let is_displaced = (from.is_some() || replaces) && !is_hidden;
        let kind = if is_displaced { Occupant::Displaced } else { Occupant::Hidden };
        Self { occupant: occupant.map(kind), set, image, to, from }
    }

    /// Whether the image is in the slot already.
    fn is_done(&self) -> bool {
        self.set.slots.get(self.to.image_type) == Some(self.image.id) && self.image.set == Some(self.to)
    }

    /// The image that loses its slot to the moved image.
    fn displaced(&self) -> Option<ImageId> {
        match self.occupant {
            Some(Occupant::Displaced(occupant)) => Some(occupant),
            Some(Occupant::Hidden(_)) | None => None,
        }
    }

    /// The set after the move.
    fn after(&self) -> ImageSet {
        let mut slots = self.set.slots.with(self.to.image_type, self.image.id);
        if let (Some(from), Some(displaced)) = (self.from, self.displaced()) {
            slots = slots.with(from.image_type, displaced);
        }
        ImageSet { slots, ..self.set.clone() }
    }
}

impl Records {
    /// Puts an existing image into a slot. An image is in at most one slot: it leaves the slot that it was in
    /// before, also that of another set. If the image is already in this slot, nothing is written.
    ///
    /// If the slot contains another image, and the image comes from another slot of the same set, the two images
    /// exchange their slots. If the image comes from outside of the set, the slot must be empty, unless the image
    /// `replaces` the other one: then that image leaves the set and stays in the library. A slot whose image has
    /// expired, is in the trash or was deleted counts as empty.
    ///
    /// Two calls, and one more if the image is in another set. Two more if the image in the slot could be
    /// displaced, but has expired, is in the trash or was deleted. More calls if another request changes the set
    /// or the images at the same time.
    ///
    /// # Errors
    /// [`PlaceError`]
    pub async fn place_image(
        &self,
        user: &UserId,
        place: SetPlace,
        id: ImageId,
        replaces: bool,
        now: Timestamp,
    ) -> Result<PlacedImage, PlaceError> {
        // Other requests of the user may change the set or the images.
        const ROUNDS: usize = 5;
        // Nothing reads the occupant before the first attempt. A refused attempt shows whether it is hidden.
        let mut is_hidden = false;
        for _ in 0..ROUNDS {
            let [set, image] = self.batch_in_order([set_key(user, place.id), image_key(user, id)]).await?;
            let set = set.map(read::<ImageSet>).transpose()?.ok_or(PlaceError::NoSuchSet)?;
            let image = image.map(read::<Image>).transpose()?.and_then(|image| image.unless_hidden(now));
            let image = image.ok_or(PlaceError::NoSuchImage)?;
            let step = Move::new(set, image, place, replaces, is_hidden);
            let after = step.after();
            let attempt = async {
                if step.is_done() {
                    Ok(MoveOutcome::Written)
                } else {
                    self.write_move(user, &step, now).await
                }
            };
            let others =
                async { Ok::<_, PlaceError>(self.images_by_id(user, after.slots.ids(), now).await?) };
            let (attempt, mut images) = tokio::try_join!(attempt, others)?;
            match attempt {
                MoveOutcome::Written => {}
                MoveOutcome::Changed => continue,
                MoveOutcome::OtherOccupant if step.from.is_some() || replaces => {
                    is_hidden = !is_hidden;
                    continue;
                }
                MoveOutcome::OtherOccupant => return Err(PlaceError::SlotTaken),
            }
            // They were read at the same time as the transaction was written.
            for image in &mut images {
                if image.id == id {
                    image.set = Some(place);
                } else if step.displaced() == Some(image.id) {
                    image.set = step.from;
                }
            }
            return Ok(PlacedImage { set: after, images });
        }
        Err(CallError::Unavailable("the set keeps changing".into()).into())
    }

    /// Writes the transaction that moves an image. Its conditions: the set and the images are as the move expects
    /// them. A transaction can contain an item of the table only once ("TransactWriteItems", Amazon DynamoDB API
    /// Reference), so one update changes all slots of the set.
    async fn write_move(
        &self,
        user: &UserId,
        step: &Move,
        now: Timestamp,
    ) -> Result<MoveOutcome, PlaceError> {
        use TransactItemKind as Kind;
        let Move { set, image, to, from, occupant } = step;
        let mut items = Vec::with_capacity(4);
        if let Some(before) = image.set.filter(|before| before.id != set.id) {
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
        let mut update = Update::new(set_key(user, set.id))
            .set(slot_path(to.image_type), string(image.id.to_string()))
            .when(exists("pk"))
            .when(slots_are(&set.slots));
        if let Some(from) = from {
            let displaced = step.displaced().map(|displaced| string(displaced.to_string()));
            update = update.set_or_remove(slot_path(from.image_type), displaced);
        }
        items.push((Kind::Set, update.in_transaction(self)?));
        match *occupant {
            Some(Occupant::Hidden(occupant)) => {
                items.push((Kind::Occupant, self.check_not_shown(user, occupant, now)?));
            }
            Some(Occupant::Displaced(occupant)) => {
                let displaced = Update::new(image_key(user, occupant))
                    .set_or_remove("set", from.map(value).transpose()?)
                    .set("updated_at", timestamp(now))
                    .when(exists("pk").and(is_shown(now)).and(is_at(*to)));
                items.push((Kind::Occupant, displaced.in_transaction(self)?));
            }
            None => {}
        }
        let is_unmoved = image.set.map_or_else(|| not_exists("set"), is_at);
        let moved = Update::new(image_key(user, image.id))
            .set("set", value(to)?)
            .set("updated_at", timestamp(now))
            .when(exists("pk").and(is_shown(now)).and(is_unmoved));
        items.push((Kind::Source, moved.in_transaction(self)?));
        Ok(match self.transact_kinds(items).await? {
            None => MoveOutcome::Written,
            Some((Kind::Occupant, _)) => MoveOutcome::OtherOccupant,
            Some(_) => MoveOutcome::Changed,
        })
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
