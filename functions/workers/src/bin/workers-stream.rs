//! Handles the table's stream.
//!
//! When an item is removed, by its owner or because it expired, the worker cleans up after it. An image leaves objects, its
//! share of the quota, its slot in a set, and its copy in Dropbox. A set leaves images. The item of a replacement expires
//! if its upload does not arrive in time. When a job is added, the worker sends it to its queue.
//!
//! One function does both, because at most two functions may read a stream (AWS Lambda developer guide, "Using AWS Lambda
//! with Amazon DynamoDB"). The other one is `workers-tiers`.

use aws::CallError;
use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::DynamoDbEventResponse;
use domain::{Image, ImageId, ImageSet, Job, Slots, UserId};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use store::{Objects, Records};
use tracing::info;
use workers::{ArrivedUploads, Dispatcher, Keys, has_expired, new_item, old_item, process_in_order};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let (dispatcher, arrived) = (Dispatcher::from_env(&config)?, ArrivedUploads::from_env(&config)?);
    let worker = StreamWorker { records, objects, dispatcher, arrived };
    lambda_runtime::run(service_fn(|event| worker.handle(event))).await
}

/// What a stream record requires.
#[derive(Debug)]
enum Action {
    /// Send a new job to its queue.
    Dispatch(UserId, Box<Job>),
    /// Clean up after a deleted image.
    CleanUpImage(UserId, Box<Image>),
    /// Delete the images of a deleted set.
    DeleteImages(UserId, Slots),
    /// End a replacement whose upload did not arrive in time.
    ExpireReplacement(UserId, ImageId, u32),
}

/// The item that exists while a replacement is pending.
#[derive(Deserialize)]
struct Replacement {
    version: u32,
}

/// Decides what a record requires.
fn action(record: &EventRecord) -> Result<Option<Action>, CallError> {
    let keys = Keys::of(record)?;
    let (Some(user), Some((kind, id))) = (keys.user()?, keys.sk.split_once('#')) else { return Ok(None) };
    Ok(Some(match (record.event_name.as_str(), kind) {
        ("INSERT", "JOB") => Action::Dispatch(user, new_item(record)?),
        ("REMOVE", "IMAGE") => Action::CleanUpImage(user, old_item(record)?),
        ("REMOVE", "SET") => Action::DeleteImages(user, old_item::<ImageSet>(record)?.slots),
        ("REMOVE", "REPLACEMENT") => {
            let Replacement { version } = old_item(record)?;
            Action::ExpireReplacement(user, id.parse().map_err(CallError::internal)?, version)
        }
        _ => return Ok(None),
    }))
}

struct StreamWorker {
    records: Records,
    objects: Objects,
    dispatcher: Dispatcher,
    arrived: ArrivedUploads,
}

impl StreamWorker {
    async fn handle(&self, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Error> {
        let process = async |record: &EventRecord| match action(record)? {
            // An upload that has arrived is developed, although the deadline is over.
            Some(action) if has_expired(record) && self.rescue(&action).await? => Ok(()),
            Some(action) => self.perform(action).await,
            None => Ok(()),
        };
        Ok(process_in_order(event.payload, process).await)
    }

    /// Looks whether the upload of an expired image or replacement has arrived. Returns whether there is nothing to clean
    /// up.
    async fn rescue(&self, action: &Action) -> Result<bool, CallError> {
        match action {
            Action::CleanUpImage(user, image) => self.arrived.rescue_image(user, image).await,
            Action::ExpireReplacement(user, image, version) => {
                self.arrived.rescue_replacement(user, *image, *version).await
            }
            Action::Dispatch(..) | Action::DeleteImages(..) => Ok(false),
        }
    }

    /// Performs an action. Repeating an action has no further effect.
    async fn perform(&self, action: Action) -> Result<(), CallError> {
        let now = domain::now();
        match action {
            Action::Dispatch(user, job) => {
                self.dispatcher.send(user, &job).await?;
                info!(job = %job.id, "sent a job to its queue");
            }
            Action::CleanUpImage(user, image) => {
                self.clean_up_image(&user, &image).await?;
                info!(%user, image = %image.id, "cleaned up after an image");
            }
            Action::DeleteImages(user, slots) => {
                self.records.delete_images_of(&user, &slots, now).await?;
                info!(%user, "deleted the images of a set");
            }
            Action::ExpireReplacement(user, image, version) => {
                self.records.expire_replacement(&user, image, version, now).await?;
                info!(%user, %image, version, "ended a replacement that expired");
            }
        }
        Ok(())
    }

    async fn clean_up_image(&self, user: &UserId, image: &Image) -> Result<(), CallError> {
        let now = domain::now();
        let free_slot = async {
            match image.set {
                Some(place) => self.records.free_slot(user, image.id, place).await,
                None => Ok(()),
            }
        };
        let delete_deferred_edit = async {
            match image.edit_image_id.filter(|_| image.edit_deferred) {
                Some(edit) => self.records.delete_image(user, edit, now).await.map(drop),
                None => Ok(()),
            }
        };
        tokio::try_join!(
            delete_deferred_edit,
            self.objects.remove_all(user, image.id),
            self.records.refund_quota(user, image.id, image.quota_bytes(), now),
            free_slot,
        )?;
        // The job is added last. Otherwise each retry after another failure would add one more.
        if let Some(dropbox_copy) = &image.dropbox_copy {
            self.records.enqueue(user, dropbox_copy.delete_task()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    /// What a change of an item in a user's partition requires.
    fn action_of(event: &str, sk: &str, item: Value) -> Result<Option<Action>, CallError> {
        let item_name = if event == "REMOVE" { "OldImage" } else { "NewImage" };
        let keys = json!({"pk": {"S": "USER#user-1"}, "sk": {"S": sk}});
        let change = json!({"Keys": keys, item_name: item, "SequenceNumber": "1", "SizeBytes": 1});
        let record =
            json!({"eventID": "1", "eventName": event, "awsRegion": "us-east-1", "dynamodb": change});
        action(&serde_json::from_value(record).unwrap())
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
        let Some(Action::Dispatch(user, job_sent)) = action else { panic!("{action:?}") };
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
        let event: Event =
            serde_json::from_str(include_str!("../../../../events/workers-stream.json")).unwrap();
        let action = action(&event.records[0]).unwrap();
        let Some(Action::CleanUpImage(user, image)) = action else { panic!("{action:?}") };
        assert_eq!(
            (user.as_str(), image.id.to_string().as_str()),
            ("5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11", ID)
        );
        assert_eq!(image.quota_bytes(), 12_345);
    }

    #[test]
    fn a_removed_set_takes_its_images_along() {
        let set = json!({
            "id": {"S": ID}, "created_at": {"S": "2026-03-12T19:03:50Z"}, "updated_at": {"S": "2026-03-12T19:03:50Z"},
            "slots": {"M": {"image2": {"S": ID}}},
        });
        let action = action_of("REMOVE", &format!("SET#{ID}"), set.clone()).unwrap();
        let Some(Action::DeleteImages(_, slots)) = action else { panic!("{action:?}") };
        assert_eq!(slots, Slots { image2: Some(ID.parse().unwrap()), ..Slots::default() });
        assert!(action_of("MODIFY", &format!("SET#{ID}"), set).unwrap().is_none());
    }

    #[test]
    fn a_replacement_ends_when_its_item_expires() {
        let item = json!({"version": {"N": "2"}});
        let action = action_of("REMOVE", &format!("REPLACEMENT#{ID}"), item).unwrap();
        let Some(Action::ExpireReplacement(_, image, 2)) = action else { panic!("{action:?}") };
        assert_eq!(image.to_string(), ID);
    }

    #[test]
    fn other_items_require_nothing() {
        for sk in ["PROFILE", "REQUEST#1", "RECLAIMED#1"] {
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
