//! The sample events of `events/`, with the keys of a test's items.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{User, aws::attribute};

/// The sample events, each with the name of its function in template.yaml.
pub const SAMPLES: &[(&str, &str)] = &[
    ("AdminAuditList", include_str!("../../events/admin-audit-list.json")),
    ("AdminDeadLettersList", include_str!("../../events/admin-dead-letters-list.json")),
    ("AdminDeadLettersRedrive", include_str!("../../events/admin-dead-letters-redrive.json")),
    ("AdminImagesetsDelete", include_str!("../../events/admin-imagesets-delete.json")),
    ("AdminImagesetsGet", include_str!("../../events/admin-imagesets-get.json")),
    ("AdminImagesetsList", include_str!("../../events/admin-imagesets-list.json")),
    ("AdminImagesetsUpdate", include_str!("../../events/admin-imagesets-update.json")),
    ("AdminImagesDelete", include_str!("../../events/admin-images-delete.json")),
    ("AdminImagesGet", include_str!("../../events/admin-images-get.json")),
    ("AdminImagesList", include_str!("../../events/admin-images-list.json")),
    ("AdminImagesUpdate", include_str!("../../events/admin-images-update.json")),
    ("AdminQueuesList", include_str!("../../events/admin-queues-list.json")),
    ("AdminTiersDelete", include_str!("../../events/admin-tiers-delete.json")),
    ("AdminTiersPut", include_str!("../../events/admin-tiers-put.json")),
    ("AdminUsersCreate", include_str!("../../events/admin-users-create.json")),
    ("AdminUsersDelete", include_str!("../../events/admin-users-delete.json")),
    ("AdminUsersGet", include_str!("../../events/admin-users-get.json")),
    ("AdminUsersList", include_str!("../../events/admin-users-list.json")),
    ("AdminUsersTier", include_str!("../../events/admin-users-tier.json")),
    ("AdminUsersPassword", include_str!("../../events/admin-users-password.json")),
    ("AdminUsersUpdate", include_str!("../../events/admin-users-update.json")),
    ("AuthAccount", include_str!("../../events/auth-account.json")),
    ("AuthChallenge", include_str!("../../events/auth-challenge.json")),
    ("AuthConfirm", include_str!("../../events/auth-confirm.json")),
    ("AuthEmailConfirm", include_str!("../../events/auth-email-confirm.json")),
    ("AuthForgot", include_str!("../../events/auth-forgot.json")),
    ("AuthLogin", include_str!("../../events/auth-login.json")),
    ("AuthLogout", include_str!("../../events/auth-logout.json")),
    ("AuthPassword", include_str!("../../events/auth-password.json")),
    ("AuthProfile", include_str!("../../events/auth-profile.json")),
    ("AuthProfileUpdate", include_str!("../../events/auth-profile-update.json")),
    ("AuthRefresh", include_str!("../../events/auth-refresh.json")),
    ("AuthRegister", include_str!("../../events/auth-register.json")),
    ("AuthResend", include_str!("../../events/auth-resend.json")),
    ("AuthReset", include_str!("../../events/auth-reset.json")),
    ("AuthTotpConfirm", include_str!("../../events/auth-totp-confirm.json")),
    ("AuthTotpCreate", include_str!("../../events/auth-totp-create.json")),
    ("AuthTotpDelete", include_str!("../../events/auth-totp-delete.json")),
    ("AuthVerify", include_str!("../../events/auth-verify.json")),
    ("DocsDefaultRoute", include_str!("../../events/docs-default-route.json")),
    ("DocsOpenapi", include_str!("../../events/docs-openapi.json")),
    ("DocsPage", include_str!("../../events/docs-page.json")),
    ("ImagesAnalysis", include_str!("../../events/images-analysis.json")),
    ("ImagesBatch", include_str!("../../events/images-batch.json")),
    ("ImagesCreate", include_str!("../../events/images-create.json")),
    ("ImagesDelete", include_str!("../../events/images-delete.json")),
    ("ImagesDownloadsCreate", include_str!("../../events/images-downloads-create.json")),
    ("ImagesDownloadsGet", include_str!("../../events/images-downloads-get.json")),
    ("ImagesEdits", include_str!("../../events/images-edits.json")),
    ("ImagesGet", include_str!("../../events/images-get.json")),
    ("ImagesLinks", include_str!("../../events/images-links.json")),
    ("ImagesLinksDelete", include_str!("../../events/images-links-delete.json")),
    ("ImagesLinksList", include_str!("../../events/images-links-list.json")),
    ("ImagesLinksView", include_str!("../../events/images-links-view.json")),
    ("ImagesList", include_str!("../../events/images-list.json")),
    ("ImagesRestore", include_str!("../../events/images-restore.json")),
    ("ImagesStatus", include_str!("../../events/images-status.json")),
    ("ImagesRendition", include_str!("../../events/images-rendition.json")),
    ("ImagesThumbnail", include_str!("../../events/images-thumbnail.json")),
    ("ImagesTrashEmpty", include_str!("../../events/images-trash-empty.json")),
    ("ImagesUpdate", include_str!("../../events/images-update.json")),
    ("ImagesUpload", include_str!("../../events/images-upload.json")),
    ("ImagesetsCreate", include_str!("../../events/imagesets-create.json")),
    ("ImagesetsDelete", include_str!("../../events/imagesets-delete.json")),
    ("ImagesetsGet", include_str!("../../events/imagesets-get.json")),
    ("ImagesetsList", include_str!("../../events/imagesets-list.json")),
    ("ImagesetsPatch", include_str!("../../events/imagesets-patch.json")),
    ("ImagesetsUpdate", include_str!("../../events/imagesets-update.json")),
    ("ImagesetsImagesCreate", include_str!("../../events/imagesets-images-create.json")),
    ("KeysAuthorizer", include_str!("../../events/keys-authorizer.json")),
    ("KeysCreate", include_str!("../../events/keys-create.json")),
    ("KeysDelete", include_str!("../../events/keys-delete.json")),
    ("KeysList", include_str!("../../events/keys-list.json")),
    ("ImagesetsImagesDelete", include_str!("../../events/imagesets-images-delete.json")),
    ("ImagesetsImagesPut", include_str!("../../events/imagesets-images-put.json")),
    ("PhonesList", include_str!("../../events/phones-list.json")),
    ("PhonesImagesCreate", include_str!("../../events/phones-images-create.json")),
    ("TiersGet", include_str!("../../events/tiers-get.json")),
    ("TiersList", include_str!("../../events/tiers-list.json")),
    ("UploadLinksCreate", include_str!("../../events/upload-links-create.json")),
    ("UploadLinksDelete", include_str!("../../events/upload-links-delete.json")),
    ("UploadLinksImagesCreate", include_str!("../../events/upload-links-images-create.json")),
    ("UploadLinksImagesList", include_str!("../../events/upload-links-images-list.json")),
    ("UploadLinksList", include_str!("../../events/upload-links-list.json")),
    ("WebPage", include_str!("../../events/web-page.json")),
    ("WebhooksCreate", include_str!("../../events/webhooks-create.json")),
    ("WebhooksDelete", include_str!("../../events/webhooks-delete.json")),
    ("WebhooksDeliveries", include_str!("../../events/webhooks-deliveries.json")),
    ("WebhooksGet", include_str!("../../events/webhooks-get.json")),
    ("WebhooksList", include_str!("../../events/webhooks-list.json")),
    ("WebhooksRedeliver", include_str!("../../events/webhooks-redeliver.json")),
    ("WebhooksRotate", include_str!("../../events/webhooks-rotate.json")),
    ("WebhooksTest", include_str!("../../events/webhooks-test.json")),
    ("WebhooksUpdate", include_str!("../../events/webhooks-update.json")),
    ("WorkersDeleteAccount", include_str!("../../events/workers-delete-account.json")),
    ("WorkersDeleteAccount", include_str!("../../events/workers-find-uploads.json")),
    ("WorkersAnalyze", include_str!("../../events/workers-analyze.json")),
    ("WorkersDownload", include_str!("../../events/workers-download.json")),
    ("WorkersDropbox", include_str!("../../events/workers-dropbox.json")),
    ("WorkersEdit", include_str!("../../events/workers-edit.json")),
    ("WorkersEvents", CHANGED),
    ("WorkersStream", REMOVED),
    ("WorkersStream", EXPIRED),
    ("WorkersSetup", SETUP),
    ("WorkersRender", include_str!("../../events/workers-render-rendition.json")),
    ("WorkersRender", include_str!("../../events/workers-render.json")),
    ("WorkersFindUploads", include_str!("../../events/workers-find-uploads.json")),
    ("WorkersThumbnail", UPLOADED),
    ("WorkersThumbnail", include_str!("../../events/workers-thumbnail-retry.json")),
    ("WorkersTiers", include_str!("../../events/workers-tiers.json")),
    ("WorkersTiers", NEW_PROFILE),
    ("WorkersWebhook", include_str!("../../events/workers-webhook.json")),
];

/// What the target of a rule receives from the bus: an event of each type.
pub const EMITTED: &str = include_str!("../../events/emitted-events.json");

const UPLOADED: &str = include_str!("../../events/workers-thumbnail.json");
const REMOVED: &str = include_str!("../../events/workers-stream.json");
const CHANGED: &str = include_str!("../../events/workers-events.json");
const SETUP: &str = include_str!("../../events/workers-setup.json");
const NEW_PROFILE: &str = include_str!("../../events/workers-tiers-profile.json");
const EXPIRED: &str = include_str!("../../events/workers-stream-expired.json");

/// S3's event for created objects, each given by its key and sequencer.
///
/// # Errors
/// If the sample is invalid.
pub fn uploaded<'a>(objects: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Value> {
    let mut event: Value = serde_json::from_str(UPLOADED)?;
    let sample = event["Records"][0].take();
    let records = objects.into_iter().map(|(key, sequencer)| {
        let mut record = sample.clone();
        record["s3"]["object"]["key"] = json!(key);
        record["s3"]["object"]["sequencer"] = json!(sequencer);
        record
    });
    event["Records"] = records.collect();
    Ok(event)
}

/// The stream's event for an image that its owner deleted.
///
/// # Errors
/// If the record no longer exists.
pub async fn removed(user: &User, id: &str) -> Result<Value> {
    stream(REMOVED, user, &format!("IMAGE#{id}")).await
}

/// The stream's event for an image that expired.
///
/// # Errors
/// If the record no longer exists.
pub async fn expired(user: &User, id: &str) -> Result<Value> {
    stream(EXPIRED, user, &format!("IMAGE#{id}")).await
}

/// The stream's event for the expired record of an image's replacement.
///
/// # Errors
/// If there is no such item.
pub async fn replacement_lapsed(user: &User, id: &str) -> Result<Value> {
    stream(EXPIRED, user, &format!("REPLACEMENT#{id}")).await
}

/// The stream's event for the expired item of an image in the trash.
///
/// # Errors
/// If there is no such item.
pub async fn trash_lapsed(user: &User, id: &str) -> Result<Value> {
    stream(EXPIRED, user, &format!("TRASH#{id}")).await
}

/// The stream's event for an image set that its owner deleted.
///
/// # Errors
/// If the set no longer exists.
pub async fn set_removed(user: &User, id: &str) -> Result<Value> {
    stream(REMOVED, user, &format!("SET#{id}")).await
}

/// The stream's event for a new image of a user, whose id is `id`. `number` is the number of the record.
///
/// # Errors
/// If the sample is invalid.
pub fn image_created(user: &User, id: &str, number: u32) -> Result<Value> {
    let mut event: Value = serde_json::from_str(CHANGED)?;
    let record = &mut event["Records"][0];
    (record["eventName"], record["eventID"]) = (json!("INSERT"), json!(format!("{id}-{number}")));
    let change = &mut record["dynamodb"];
    change["Keys"] = json!({"pk": {"S": format!("USER#{}", user.id)}, "sk": {"S": format!("IMAGE#{id}")}});
    change["SequenceNumber"] = json!(number.to_string());
    change["NewImage"] = change["OldImage"].take();
    (change["NewImage"]["id"], change["NewImage"]["pk"]) =
        (json!({"S": id}), json!({"S": format!("USER#{}", user.id)}));
    if let Some(change) = change.as_object_mut() {
        change.remove("OldImage");
    }
    Ok(event)
}

/// The stream's event for an item that no worker can read.
///
/// # Errors
/// If the sample is invalid.
pub fn unreadable() -> Result<Value> {
    let mut event: Value = serde_json::from_str(REMOVED)?;
    event["Records"][0]["eventName"] = json!("INSERT");
    let keys = &mut event["Records"][0]["dynamodb"]["Keys"];
    (keys["sk"]["S"], keys["pk"]["S"]) = (json!("PROFILE"), json!("USER#not a user"));
    Ok(event)
}

/// CloudFormation's event for the custom resource of the default tiers. The worker sends its response to
/// `response_url`.
///
/// # Errors
/// If the sample is invalid.
pub fn setup(request_type: &str, response_url: &str) -> Result<Value> {
    let mut event: Value = serde_json::from_str(SETUP)?;
    (event["RequestType"], event["ResponseURL"]) = (json!(request_type), json!(response_url));
    if request_type != "Create" {
        event["PhysicalResourceId"] = json!("default-tiers");
    }
    if request_type == "Update" {
        event["OldResourceProperties"] = event["ResourceProperties"].clone();
    }
    Ok(event)
}

/// The stream's event for a new profile, which contains a copy of a tier's rules.
///
/// # Errors
/// If the sample is invalid, or the user has no profile.
pub async fn profile_comes(user: &User) -> Result<Value> {
    let profile = user.item("PROFILE").await?.context("no profile")?;
    let mut event: Value = serde_json::from_str(NEW_PROFILE)?;
    let change = &mut event["Records"][0]["dynamodb"];
    change["Keys"] = attribute(&json!({"pk": profile["pk"], "sk": profile["sk"]}))["M"].take();
    change["NewImage"] = attribute(&profile)["M"].take();
    Ok(event)
}

/// Lambda's message to the on-failure destination after the last retry of an event.
#[must_use]
pub fn given_up(event: &Value) -> Value {
    json!({
        "version": "1.0",
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorType": "Error", "errorMessage": "AWS is unavailable at present"},
    })
}

/// The stream's event for a new job, given by the attributes of its task.
///
/// # Errors
/// If the sample is invalid.
pub fn job_comes(user: &User, id: &str, task: Value) -> Result<Value> {
    let mut event: Value = serde_json::from_str(REMOVED)?;
    let record = &mut event["Records"][0];
    record["eventName"] = json!("INSERT");
    let change = &mut record["dynamodb"];
    change["Keys"] = json!({"pk": {"S": format!("USER#{}", user.id)}, "sk": {"S": format!("JOB#{id}")}});
    let mut job = task;
    (job["id"], job["attempts"]) = (json!({"S": id}), json!({"N": "0"}));
    change["NewImage"] = job;
    Ok(event)
}

/// An SQS event of messages, each given by its id and body.
#[must_use]
pub fn messages<'a>(messages: impl IntoIterator<Item = (&'a str, String)>) -> Value {
    let records = messages.into_iter().map(|(id, body)| {
        json!({
            "messageId": id,
            "receiptHandle": id,
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "awsRegion": "us-east-1",
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

async fn stream(sample: &str, user: &User, sk: &str) -> Result<Value> {
    let record = user.item(sk).await?.with_context(|| format!("no record {sk}"))?;
    let mut event: Value = serde_json::from_str(sample)?;
    let change = &mut event["Records"][0]["dynamodb"];
    change["Keys"] = attribute(&json!({"pk": record["pk"], "sk": record["sk"]}))["M"].take();
    change["OldImage"] = attribute(&record)["M"].take();
    Ok(event)
}
