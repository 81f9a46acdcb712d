//! The events that a record of the table's stream means.

use aws::CallError;
use aws_lambda_events::dynamodb::EventRecord;
use domain::{
    DataContentType, DeliveryId, Event, EventData, EventType, Image, SpecVersion, Timestamp, UserId, Webhook,
    WebhookId,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{Keys, has_expired, new_item, old_item};

/// The number of digits of the longest sequence number ("StreamRecord", Amazon DynamoDB API Reference).
const SEQUENCE_DIGITS: usize = 40;

/// A profile, which is a tombstone if its account was deleted.
#[derive(Default, Deserialize)]
struct Tombstone {
    #[serde(default)]
    deleted: bool,
}

/// The events that a record means, in their order. `source` is the CloudEvents source of the deployment.
///
/// Their ids depend only on the record, so a record that is delivered again means the same events.
///
/// # Errors
/// [`CallError::Internal`] if the record cannot be read.
pub fn events_of(record: &EventRecord, source: &str) -> Result<Vec<Event>, CallError> {
    let keys = Keys::of(record)?;
    let Some(user) = keys.user()? else { return Ok(Vec::new()) };
    let (kind, _) = keys.sk.split_once('#').unwrap_or((&keys.sk, ""));
    match kind {
        "IMAGE" => of_image(record, source, &user),
        "PROFILE" => of_profile(record, source, user),
        "WEBHOOK" => of_webhook(record, source, user),
        _ => Ok(Vec::new()),
    }
}

fn of_image(record: &EventRecord, source: &str, user: &UserId) -> Result<Vec<Event>, CallError> {
    let (mut before, mut after): (Option<Image>, Option<Image>) = (None, None);
    if record.event_name != "INSERT" {
        before = Some(old_item(record)?);
    }
    if record.event_name != "REMOVE" {
        after = Some(new_item(record)?);
    }
    let types = EventType::of_change(before.as_ref(), after.as_ref());
    let Some(image) = after.or(before) else { return Ok(Vec::new()) };
    let event = |kind| {
        let data = EventData::of_image(user.clone(), kind, &image, has_expired(record));
        event(record, source, kind, format!("images/{}", image.id), data)
    };
    Ok(types.into_iter().map(event).collect())
}

/// The deletion of an account ends when a tombstone replaces the profile.
fn of_profile(record: &EventRecord, source: &str, user: UserId) -> Result<Vec<Event>, CallError> {
    let before: Tombstone =
        if record.event_name == "INSERT" { Tombstone::default() } else { old_item(record)? };
    let after: Tombstone =
        if record.event_name == "REMOVE" { Tombstone::default() } else { new_item(record)? };
    if before.deleted || !after.deleted {
        return Ok(Vec::new());
    }
    let subject = format!("accounts/{user}");
    Ok(vec![event(record, source, EventType::AccountDeleted, subject, EventData::of_user(user))])
}

fn of_webhook(record: &EventRecord, source: &str, user: UserId) -> Result<Vec<Event>, CallError> {
    if record.event_name != "MODIFY" {
        return Ok(Vec::new());
    }
    let (before, after): (Webhook, Webhook) = (old_item(record)?, new_item(record)?);
    if before.disabled.is_some() || after.disabled.is_none() {
        return Ok(Vec::new());
    }
    let (subject, data) = about_webhook(user, after.id, after.url.as_str());
    Ok(vec![event(record, source, EventType::WebhookDisabled, subject, data)])
}

fn about_webhook(user: UserId, id: WebhookId, url: &str) -> (String, EventData) {
    (format!("webhooks/{id}"), EventData::of_webhook(user, id, url.to_owned()))
}

fn event(record: &EventRecord, source: &str, kind: EventType, subject: String, data: EventData) -> Event {
    let sequence = record.change.sequence_number.as_deref().unwrap_or_default();
    let time = record.change.approximate_creation_date_time.timestamp_millis();
    Event {
        specversion: SpecVersion::V1,
        id: event_id(&record.event_id, kind),
        source: source.to_owned(),
        kind,
        subject,
        time: Timestamp::from_millisecond(time).unwrap_or_else(|_| domain::now()),
        datacontenttype: DataContentType::Json,
        // Numbers of different lengths are ordered as texts of one length.
        sequence: Some(format!("{sequence:0>SEQUENCE_DIGITS$}")),
        data,
    }
}

/// The id of an event: `evt_` and 32 hexadecimal digits of a digest. It contains no period, because that separates the
/// parts of what a webhook's signature covers (Standard Webhooks, "Signature scheme").
fn event_id(record: &str, kind: EventType) -> String {
    const BYTES: usize = 16;
    let digest = Sha256::digest(format!("{record}/{kind}"));
    let digits: String = digest.iter().take(BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("evt_{digits}")
}

/// The id of the delivery of an event to a webhook. It is always the same, so the event is recorded once.
#[must_use]
pub fn delivery_id(event: &Event, webhook: WebhookId) -> DeliveryId {
    let digest = Sha256::digest(format!("{}/{webhook}", event.id));
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest[..16]);
    DeliveryId::derived(event.time, u128::from_be_bytes(bits))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    fn image(status: &str) -> Value {
        json!({
            "id": {"S": ID}, "file_name": {"S": "a"}, "content_type": {"S": "image/png"}, "size": {"N": "7"},
            "version": {"N": "1"}, "status": {"S": status}, "created_at": {"S": "2026-03-12T19:03:50Z"},
            "updated_at": {"S": "2026-03-12T19:03:50Z"}, "shard": {"S": "IMAGES#1"},
        })
    }

    fn record(name: &str, sk: &str, old: Value, new: Value) -> EventRecord {
        let keys = json!({"pk": {"S": "USER#user-1"}, "sk": {"S": sk}});
        let mut change = json!({
            "Keys": keys, "SequenceNumber": "111", "SizeBytes": 1, "ApproximateCreationDateTime": 1_773_342_300,
        });
        for (member, item) in [("OldImage", old), ("NewImage", new)] {
            if !item.is_null() {
                change[member] = item;
            }
        }
        let record =
            json!({"eventID": "c4ca", "eventName": name, "awsRegion": "us-east-1", "dynamodb": change});
        serde_json::from_value(record).unwrap()
    }

    fn told(record: &EventRecord) -> Vec<Event> {
        events_of(record, "/darkroom/test").unwrap()
    }

    fn types(record: &EventRecord) -> Vec<&'static str> {
        told(record).iter().map(|event| event.kind.as_str()).collect()
    }

    #[test]
    fn a_new_image_is_an_event_in_the_form_of_cloudevents() {
        let events = told(&record("INSERT", &format!("IMAGE#{ID}"), Value::Null, image("pending")));
        insta::assert_json_snapshot!(events, @r#"
        [
          {
            "specversion": "1.0",
            "id": "evt_035f6427582307f59b65277565bf60c6",
            "source": "/darkroom/test",
            "type": "image.created",
            "subject": "images/01JZ8Q4T2N6V5X3R9C7M1K0B8D",
            "time": "2026-03-12T19:05:00Z",
            "datacontenttype": "application/json",
            "sequence": "0000000000000000000000000000000000000111",
            "data": {
              "user": "user-1",
              "image": {
                "id": "01JZ8Q4T2N6V5X3R9C7M1K0B8D",
                "status": "pending",
                "version": 1,
                "file_name": "a",
                "content_type": "image/png",
                "size": 7,
                "created_at": "2026-03-12T19:03:50Z"
              }
            }
          }
        ]
        "#);
    }

    #[test]
    fn the_same_record_has_the_same_ids_and_each_event_of_it_its_own() {
        let mut edited = (image("pending"), image("failed"));
        for item in [&mut edited.0, &mut edited.1] {
            item["source_image_id"] = json!({"S": ID});
        }
        let record = record("MODIFY", &format!("IMAGE#{ID}"), edited.0, edited.1);
        let events = told(&record);
        assert_eq!(types(&record), ["image.failed", "edit.completed"]);
        assert_ne!(events[0].id, events[1].id);
        assert_eq!(events, told(&record));
        assert!(events.iter().all(|event| !event.id.contains('.')));
    }

    #[test]
    fn a_delivery_has_one_id_for_each_event_and_webhook() {
        let events = told(&record("REMOVE", &format!("IMAGE#{ID}"), image("ready"), Value::Null));
        let [one, two] = [WebhookId::generate(), WebhookId::generate()];
        assert_eq!(delivery_id(&events[0], one), delivery_id(&events[0], one));
        assert_ne!(delivery_id(&events[0], one), delivery_id(&events[0], two));
    }

    #[test]
    fn an_account_is_deleted_once() {
        let profile = json!({"tier": {"S": "basic"}});
        let tombstone = json!({"deleted": {"BOOL": true}});
        assert_eq!(
            types(&record("MODIFY", "PROFILE", profile.clone(), tombstone.clone())),
            ["account.deleted"]
        );
        assert_eq!(types(&record("INSERT", "PROFILE", Value::Null, tombstone.clone())), ["account.deleted"]);
        // The same tombstone, written again, and its end.
        assert!(types(&record("MODIFY", "PROFILE", tombstone.clone(), tombstone.clone())).is_empty());
        assert!(types(&record("REMOVE", "PROFILE", tombstone, Value::Null)).is_empty());
        assert!(types(&record("MODIFY", "PROFILE", profile.clone(), profile)).is_empty());
    }

    #[test]
    fn the_owner_of_a_webhook_is_told_once_that_it_was_disabled() {
        let webhook = |disabled: bool| {
            let mut item = json!({
                "webhook_id": {"S": ID}, "url": {"S": "https://example.com/"}, "enabled": {"BOOL": !disabled},
                "created_at": {"S": "2026-03-12T19:03:50Z"}, "updated_at": {"S": "2026-03-12T19:03:50Z"},
            });
            if disabled {
                item["disabled"] =
                    json!({"M": {"reason": {"S": "failing"}, "at": {"S": "2026-03-12T19:03:50Z"}}});
            }
            item
        };
        let change = |before, after| {
            types(&record("MODIFY", &format!("WEBHOOK#{ID}"), webhook(before), webhook(after)))
        };
        assert_eq!(change(false, true), ["webhook.disabled"]);
        for (before, after) in [(true, true), (true, false), (false, false)] {
            assert!(change(before, after).is_empty());
        }
    }

    #[test]
    fn other_items_are_no_events_and_unreadable_ones_are_errors() {
        assert!(told(&record("INSERT", "SET#1", Value::Null, json!({}))).is_empty());
        let unreadable = record("INSERT", &format!("IMAGE#{ID}"), Value::Null, json!({}));
        assert!(events_of(&unreadable, "/darkroom/test").is_err());
    }
}
