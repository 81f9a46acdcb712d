//! What the records of the table's stream require of `workers-stream`.

use aws::CallError;
use aws_lambda_events::dynamodb::EventRecord;
use domain::{Image, ImageId, ImageSet, Job, SetId, Slots, UserId};
use serde::Deserialize;

use crate::{Keys, has_expired, new_item, old_item};

/// What a stream record requires.
#[derive(Debug)]
pub enum StreamAction {
    /// Send a new job to its queue.
    Dispatch(UserId, Box<Job>),
    /// Send the record to `workers-tiers`: a tier was changed, or a profile was added.
    ForwardToTiers,
    /// Clean up after an item of a user.
    CleanUp(UserId, Removed),
}

/// An item that was removed.
#[derive(Debug)]
pub enum Removed {
    /// An image.
    Image {
        /// The image.
        image: Box<Image>,
        /// Whether it was not deleted, but has expired.
        has_expired: bool,
    },
    /// The tombstone of a deleted account.
    Account,
    /// A set with images in its slots.
    Set {
        /// The set.
        id: SetId,
        /// The images in its slots.
        slots: Slots,
    },
    /// The deadline of a replacement.
    Replacement {
        /// The image.
        image: ImageId,
        /// The number of the replacement's version.
        version: u32,
        /// Whether it was not deleted, but has expired.
        has_expired: bool,
    },
    /// The item that listed an image in the trash, whose time there is over.
    Trash(ImageId),
    /// The marker of a deleted image that may have got a file after its deletion.
    Marker(ImageId),
}

/// The item that exists while a replacement is pending.
#[derive(Deserialize)]
struct Replacement {
    version: u32,
}

/// The marker of a deleted image.
#[derive(Deserialize)]
struct Marker {
    #[serde(default)]
    late_file: bool,
}

/// A profile, which is a tombstone if its account was deleted.
#[derive(Deserialize)]
struct Tombstone {
    #[serde(default)]
    deleted: bool,
}

impl StreamAction {
    /// What a record requires. `None` if it requires nothing.
    ///
    /// # Errors
    /// [`CallError::Internal`] if the record cannot be read.
    pub fn of(record: &EventRecord) -> Result<Option<Self>, CallError> {
        let keys = Keys::of(record)?;
        if keys.is_tier() && record.event_name == "MODIFY" {
            return Ok(Some(Self::ForwardToTiers));
        }
        let Some(user) = keys.user()? else { return Ok(None) };
        let (kind, id) = keys.sk.split_once('#').unwrap_or((&keys.sk, ""));
        let has_expired = has_expired(record);
        let removed = match (record.event_name.as_str(), kind) {
            ("INSERT", "JOB") => return Ok(Some(Self::Dispatch(user, new_item(record)?))),
            ("INSERT", "PROFILE") => return Ok(Some(Self::ForwardToTiers)),
            ("REMOVE", "IMAGE") => Removed::Image { image: old_item(record)?, has_expired },
            ("REMOVE", "PROFILE") if old_item::<Tombstone>(record)?.deleted => Removed::Account,
            ("REMOVE", "SET") => {
                let ImageSet { id, slots, .. } = old_item(record)?;
                Removed::Set { id, slots }
            }
            ("REMOVE", "REPLACEMENT") => {
                let Replacement { version } = old_item(record)?;
                let image = id.parse().map_err(CallError::internal)?;
                Removed::Replacement { image, version, has_expired }
            }
            // If the item was deleted, the image was deleted or restored with it.
            ("REMOVE", "TRASH") if has_expired => Removed::Trash(id.parse().map_err(CallError::internal)?),
            ("REMOVE", "RECLAIMED") if old_item::<Marker>(record)?.late_file => {
                Removed::Marker(id.parse().map_err(CallError::internal)?)
            }
            _ => return Ok(None),
        };
        Ok(Some(Self::CleanUp(user, removed)))
    }
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::dynamodb::Event;
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    /// What a change of an item in a user's partition requires.
    fn action_of(event: &str, sk: &str, item: Value) -> Result<Option<StreamAction>, CallError> {
        let item_name = if event == "REMOVE" { "OldImage" } else { "NewImage" };
        let keys = json!({"pk": {"S": "USER#user-1"}, "sk": {"S": sk}});
        let change = json!({"Keys": keys, item_name: item, "SequenceNumber": "1", "SizeBytes": 1});
        let record =
            json!({"eventID": "1", "eventName": event, "awsRegion": "us-east-1", "dynamodb": change});
        StreamAction::of(&serde_json::from_value(record).unwrap())
    }

    fn job() -> Value {
        json!({
            "id": {"S": ID}, "task": {"S": "delete_dropbox_copy"}, "path": {"S": "/+4930901820/a.jpg"},
            "attempts": {"N": "0"},
        })
    }

    #[test]
    fn a_new_job_is_sent_to_its_queue() {
        let action = action_of("INSERT", &format!("JOB#{ID}"), job()).unwrap();
        let Some(StreamAction::Dispatch(user, job_sent)) = action else { panic!("{action:?}") };
        assert_eq!((user.as_str(), job_sent.id.to_string().as_str()), ("user-1", ID));
        let path = serde_json::from_value(json!("/+4930901820/a.jpg")).unwrap();
        assert_eq!(job_sent.task, domain::Task::DeleteDropboxCopy { path });
        // Changing or ending a job requires nothing.
        for event in ["MODIFY", "REMOVE"] {
            assert!(action_of(event, &format!("JOB#{ID}"), job()).unwrap().is_none());
        }
    }

    #[test]
    fn a_removed_image_is_cleaned_up() {
        let event: Event = serde_json::from_str(include_str!("../../../events/workers-stream.json")).unwrap();
        let action = StreamAction::of(&event.records[0]).unwrap();
        let Some(StreamAction::CleanUp(user, Removed::Image { image, has_expired: false })) = action else {
            panic!("{action:?}")
        };
        assert_eq!(
            (user.as_str(), image.id.to_string().as_str()),
            ("5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11", ID)
        );
        assert_eq!(image.quota_bytes(), 12_345);
    }

    #[test]
    fn an_image_that_the_ttl_removed_has_expired() {
        let event: Event =
            serde_json::from_str(include_str!("../../../events/workers-stream-expired.json")).unwrap();
        let action = StreamAction::of(&event.records[0]).unwrap();
        assert!(
            matches!(action, Some(StreamAction::CleanUp(_, Removed::Image { has_expired: true, .. }))),
            "{action:?}"
        );
    }

    #[test]
    fn a_removed_set_takes_its_images_along() {
        let set = json!({
            "id": {"S": ID}, "created_at": {"S": "2026-03-12T19:03:50Z"}, "updated_at": {"S": "2026-03-12T19:03:50Z"},
            "slots": {"M": {"image2": {"S": ID}}},
        });
        let action = action_of("REMOVE", &format!("SET#{ID}"), set.clone()).unwrap();
        let Some(StreamAction::CleanUp(_, Removed::Set { id, slots })) = action else { panic!("{action:?}") };
        assert_eq!(id.to_string(), ID);
        assert_eq!(slots, Slots { image2: Some(ID.parse().unwrap()), ..Slots::default() });
        assert!(action_of("MODIFY", &format!("SET#{ID}"), set).unwrap().is_none());
    }

    #[test]
    fn a_replacement_ends_when_its_item_expires() {
        let item = json!({"version": {"N": "2"}});
        let action = action_of("REMOVE", &format!("REPLACEMENT#{ID}"), item).unwrap();
        let Some(StreamAction::CleanUp(_, Removed::Replacement { image, version: 2, .. })) = action else {
            panic!("{action:?}")
        };
        assert_eq!(image.to_string(), ID);
    }

    #[test]
    fn an_expired_marker_may_require_a_last_look_for_a_file() {
        let marker = |item| action_of("REMOVE", &format!("RECLAIMED#{ID}"), item).unwrap();
        let action = marker(json!({"late_file": {"BOOL": true}}));
        let Some(StreamAction::CleanUp(_, Removed::Marker(image))) = action else { panic!("{action:?}") };
        assert_eq!(image.to_string(), ID);
        assert!(marker(json!({})).is_none());
    }

    #[test]
    fn an_image_is_deleted_when_its_time_in_the_trash_is_over() {
        let mut event: Value =
            serde_json::from_str(include_str!("../../../events/workers-stream-expired.json")).unwrap();
        let record = &mut event["Records"][0];
        record["dynamodb"]["Keys"]["sk"]["S"] = json!(format!("TRASH#{ID}"));
        record["dynamodb"]["OldImage"] = json!({"expires_at": {"N": "1"}});
        let action = StreamAction::of(&serde_json::from_value(record.clone()).unwrap()).unwrap();
        let Some(StreamAction::CleanUp(_, Removed::Trash(image))) = action else { panic!("{action:?}") };
        assert_eq!(image.to_string(), ID);
        // The owner restored the image or deleted it.
        assert!(action_of("REMOVE", &format!("TRASH#{ID}"), json!({})).unwrap().is_none());
    }

    #[test]
    fn only_the_end_of_a_tombstone_requires_a_look_for_late_files() {
        let removed = |item| action_of("REMOVE", "PROFILE", item).unwrap();
        let action =
            removed(json!({"deleting_since": {"S": "2026-03-12T19:03:50Z"}, "deleted": {"BOOL": true}}));
        let Some(StreamAction::CleanUp(user, Removed::Account)) = action else { panic!("{action:?}") };
        assert_eq!(user.as_str(), "user-1");
        assert!(removed(json!({"tier": {"S": "basic"}, "images": {"N": "1"}})).is_none());
    }

    #[test]
    fn a_new_profile_is_for_the_worker_of_tiers_and_a_changed_one_for_nobody() {
        let action = |event| action_of(event, "PROFILE", json!({})).unwrap();
        assert!(matches!(action("INSERT"), Some(StreamAction::ForwardToTiers)));
        assert!(action("MODIFY").is_none());
    }

    #[test]
    fn a_changed_tier_is_for_the_worker_of_tiers() {
        let event: Event = serde_json::from_str(include_str!("../../../events/workers-tiers.json")).unwrap();
        let action = StreamAction::of(&event.records[0]).unwrap();
        assert!(matches!(action, Some(StreamAction::ForwardToTiers)), "{action:?}");
    }

    #[test]
    fn other_items_require_nothing() {
        for sk in ["WEBHOOK#1", "REQUEST#1", "RECLAIMED#1"] {
            for event in ["INSERT", "MODIFY", "REMOVE"] {
                assert!(action_of(event, sk, json!({})).unwrap().is_none(), "{event} {sk}");
            }
        }
    }

    #[test]
    fn an_unreadable_item_is_an_error() {
        assert!(action_of("REMOVE", &format!("IMAGE#{ID}"), json!({})).is_err());
        assert!(action_of("INSERT", &format!("JOB#{ID}"), json!({})).is_err());
    }
}
