//! What a dead letter is about. A letter can contain a whole item of the table, with texts, phone numbers and
//! digests. So only its kind and ids leave this module.

use domain::{ImageId, JobId, ObjectKey, TierId, UserId};
use serde::Serialize;
use serde_json::Value;

/// The kind of thing that a letter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum LetterKind {
    /// A job.
    Job,
    /// A file that was uploaded for an image.
    Upload,
    /// An image, or an item that belongs to one image.
    Image,
    /// An image set.
    Imageset,
    /// A user's profile.
    Profile,
    /// A tier.
    Tier,
    /// A webhook.
    Webhook,
    /// Stream records of which the letter has only the position.
    Position,
    /// Something else, or the letter cannot be read.
    Other,
}

/// What happened to an item of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Added,
    Changed,
    Removed,
}

/// What a letter is about.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LetterSubject {
    kind: LetterKind,
    /// The id of the job, image, image set, tier or webhook.
    id: Option<String>,
    /// The user whose work it is.
    user_id: Option<UserId>,
    /// The change, if the letter is a stream record.
    change: Option<Change>,
}

impl LetterSubject {
    /// The subject of a letter with this body.
    pub(crate) fn of(body: &str) -> Self {
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        let known =
            position(&body).or_else(|| job(&body)).or_else(|| upload(&body)).or_else(|| record(&body));
        known.unwrap_or(Self { kind: LetterKind::Other, id: None, user_id: None, change: None })
    }

    /// Whether the letter has only the position of stream records.
    pub(crate) fn is_position(&self) -> bool {
        self.kind == LetterKind::Position
    }
}

/// What Lambda sends after it has given up records of the stream (AWS Lambda Developer Guide, "Retain
/// discarded records for a DynamoDB event source in Lambda").
fn position(body: &Value) -> Option<LetterSubject> {
    body["DDBStreamBatchInfo"].as_object()?;
    Some(LetterSubject { kind: LetterKind::Position, id: None, user_id: None, change: None })
}

/// A message to a job worker (`JobMessage` in functions/workers/src/dispatch.rs).
fn job(body: &Value) -> Option<LetterSubject> {
    let id: JobId = body["job"].as_str()?.parse().ok()?;
    let user: UserId = body["user"].as_str()?.parse().ok()?;
    Some(LetterSubject { kind: LetterKind::Job, id: Some(id.to_string()), user_id: Some(user), change: None })
}

/// S3's event about an upload, in Lambda's message about the failed invocation (`FailedInvocation` in
/// functions/workers/src/upload_event.rs).
fn upload(body: &Value) -> Option<LetterSubject> {
    let key = body["requestPayload"]["Records"][0]["s3"]["object"]["key"].as_str()?;
    let ObjectKey { user, image, .. } = ObjectKey::from_event(key).ok()?;
    Some(LetterSubject {
        kind: LetterKind::Upload,
        id: Some(image.to_string()),
        user_id: Some(user),
        change: None,
    })
}

/// A record of the table's stream. Its keys tell what it is about.
fn record(body: &Value) -> Option<LetterSubject> {
    let keys = &body["dynamodb"]["Keys"];
    let (pk, sk) = (keys["pk"]["S"].as_str()?, keys["sk"]["S"].as_str()?);
    let change = match body["eventName"].as_str()? {
        "INSERT" => Change::Added,
        "MODIFY" => Change::Changed,
        "REMOVE" => Change::Removed,
        _ => return None,
    };
    let subject = |kind, id, user_id| LetterSubject { kind, id, user_id, change: Some(change) };
    if pk == "TIER" {
        let id = TierId::try_from(sk.strip_prefix("TIER#")?.to_owned()).ok()?;
        return Some(subject(LetterKind::Tier, Some(id.into()), None));
    }
    let user: UserId = pk.strip_prefix("USER#")?.parse().ok()?;
    if sk == "PROFILE" {
        return Some(subject(LetterKind::Profile, None, Some(user)));
    }
    let (prefix, id) = sk.split_once('#')?;
    let kind = match prefix {
        "IMAGE" | "REPLACEMENT" | "TRASH" | "RECLAIMED" => LetterKind::Image,
        "SET" => LetterKind::Imageset,
        "JOB" => LetterKind::Job,
        "WEBHOOK" => LetterKind::Webhook,
        // The keys of some other items contain secrets.
        _ => return None,
    };
    // The ids of all these things are ULIDs.
    let id: ImageId = id.parse().ok()?;
    Some(subject(kind, Some(id.to_string()), Some(user)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const USER: &str = "5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11";
    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    fn subject(body: &Value) -> Value {
        serde_json::to_value(LetterSubject::of(&body.to_string())).unwrap()
    }

    /// The first record of a sample of what a worker receives.
    fn first(sample: &str) -> Value {
        serde_json::from_str::<Value>(sample).unwrap()["Records"][0].take()
    }

    /// The body of the first message in a sample of what a worker receives.
    fn body(sample: &str) -> Value {
        serde_json::from_str(first(sample)["body"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn a_letter_shows_the_job_or_the_image_of_the_upload() {
        let job = subject(&body(include_str!("../../../events/workers-webhook.json")));
        let id = "01JZ8Q4V7N2M5K3R6T9W0XYZAB";
        assert_eq!(job, json!({"kind": "job", "id": id, "user_id": USER, "change": null}));
        let upload = subject(&body(include_str!("../../../events/workers-thumbnail-retry.json")));
        assert_eq!(upload, json!({"kind": "upload", "id": ID, "user_id": USER, "change": null}));
    }

    #[test]
    fn a_letter_shows_the_item_of_a_stream_record() {
        let image = |change| json!({"kind": "image", "id": ID, "user_id": USER, "change": change});
        let removed = first(include_str!("../../../events/workers-stream.json"));
        assert_eq!(subject(&removed), image("removed"));
        assert_eq!(subject(&first(include_str!("../../../events/workers-events.json"))), image("changed"));
        let tier = subject(&first(include_str!("../../../events/workers-tiers.json")));
        assert_eq!(tier, json!({"kind": "tier", "id": "sample", "user_id": null, "change": "changed"}));
        let profile = subject(&first(include_str!("../../../events/workers-tiers-profile.json")));
        assert_eq!(profile, json!({"kind": "profile", "id": null, "user_id": USER, "change": "added"}));
        for (prefix, kind) in [
            ("REPLACEMENT", "image"),
            ("TRASH", "image"),
            ("RECLAIMED", "image"),
            ("SET", "imageset"),
            ("JOB", "job"),
            ("WEBHOOK", "webhook"),
        ] {
            let mut record = removed.clone();
            record["dynamodb"]["Keys"]["sk"]["S"] = json!(format!("{prefix}#{ID}"));
            let expected = json!({"kind": kind, "id": ID, "user_id": USER, "change": "removed"});
            assert_eq!(subject(&record), expected);
        }
    }

    #[test]
    fn a_letter_of_lambda_has_only_a_position() {
        let letter =
            json!({"version": "1.0", "DDBStreamBatchInfo": {"shardId": "shardId-1", "batchSize": 1}});
        let expected = json!({"kind": "position", "id": null, "user_id": null, "change": null});
        assert_eq!(subject(&letter), expected);
    }

    #[test]
    fn what_is_not_known_is_not_shown() {
        let other = json!({"kind": "other", "id": null, "user_id": null, "change": null});
        let removed = first(include_str!("../../../events/workers-stream.json"));
        for (pk, sk) in [
            (format!("USER#{USER}"), format!("LINK#{ID}#secret")),
            (format!("USER#{USER}"), "UPLOADLINK#secret".to_owned()),
            (format!("USER#{USER}"), format!("IMAGE#{ID}#secret")),
            ("USER#not a user".to_owned(), "PROFILE".to_owned()),
            ("TIER".to_owned(), "TIER#Not a tier".to_owned()),
            ("SECRETS".to_owned(), format!("IMAGE#{ID}")),
        ] {
            let mut record = removed.clone();
            record["dynamodb"]["Keys"] = json!({"pk": {"S": pk}, "sk": {"S": sk}});
            assert_eq!(subject(&record), other, "{pk} {sk}");
        }
        for body in
            [json!("poison"), json!({"job": "x", "user": USER}), json!({"requestPayload": {}}), json!([])]
        {
            assert_eq!(subject(&body), other, "{body}");
        }
        assert_eq!(serde_json::to_value(LetterSubject::of("not JSON")).unwrap(), other);
    }
}
