//! Events: what other programs are told about a change, as CloudEvents 1.0.
//!
//! docs/EVENTS.md explains each event, and docs/event.schema.json is the JSON Schema of the envelope and its data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    ContentType, Failure, FileName, Image, ImageId, PhoneNumber, Progress, SetPlace, Status, Timestamp,
    UploadSize, UserId, WebhookId,
};

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The type of an event. Receivers depend on the types, so a type never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventType {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl EventType {
            /// All types.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The type in an event.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

event_types! {
    /// An image was created. It waits for its file.
    ImageCreated = "image.created",
    /// The first picture of an image is ready.
    ImageReady = "image.ready",
    /// The latest file of an image could not be developed, or an edit produced no file.
    ImageFailed = "image.failed",
    /// Another picture took the place of an image's picture.
    ImageReplaced = "image.replaced",
    /// An image was deleted, or it expired because its file did not arrive.
    ImageDeleted = "image.deleted",
    /// An analysis has ended, with or without success.
    AnalysisCompleted = "analysis.completed",
    /// An edit has ended, with or without success.
    EditCompleted = "edit.completed",
    /// A copy to Dropbox has ended, with or without success.
    DropboxCompleted = "dropbox.completed",
    /// An account was deleted, with everything that belonged to it.
    AccountDeleted = "account.deleted",
    /// Darkroom stopped the deliveries to a webhook.
    WebhookDisabled = "webhook.disabled",
    /// The owner of a webhook asked for a test.
    WebhookTest = "webhook.test",
}

impl EventType {
    /// Whether a webhook can ask for this type. A webhook is deleted with the account of its owner, so it never learns
    /// of that. A test is delivered to its webhook whatever types it asks for.
    #[must_use]
    pub const fn is_for_webhooks(self) -> bool {
        !matches!(self, Self::AccountDeleted | Self::WebhookTest)
    }

    /// What happened to an image that was `before` and is `after`, in the order in which it is told.
    #[must_use]
    pub fn of_change(before: Option<&Image>, after: Option<&Image>) -> Vec<Self> {
        match (before, after) {
            (None, Some(_)) => vec![Self::ImageCreated],
            (Some(_), None) => vec![Self::ImageDeleted],
            (Some(before), Some(after)) => Self::of_update(before, after),
            (None, None) => Vec::new(),
        }
    }

    fn of_update(before: &Image, after: &Image) -> Vec<Self> {
        let mut types = Vec::new();
        let picture = |image: &Image| image.picture.as_ref().map(|picture| picture.version);
        match (picture(before), picture(after)) {
            (None, Some(_)) => types.push(Self::ImageReady),
            (Some(old), Some(new)) if old != new => types.push(Self::ImageReplaced),
            _ if after.status == Status::Failed && before.status != Status::Failed => {
                types.push(Self::ImageFailed);
            }
            _ => {}
        }
        // The first version of an edited image is the result of its edit.
        let is_edit = after.source_image_id.is_some() && after.version == 1;
        if is_edit && types.iter().any(|kind| matches!(kind, Self::ImageReady | Self::ImageFailed)) {
            types.push(Self::EditCompleted);
        }
        let analysis =
            |image: &Image| image.analysis.as_ref().map(|analysis| (analysis.job, analysis.status));
        if has_ended(analysis(before), analysis(after)) {
            types.push(Self::AnalysisCompleted);
        }
        let copy = |image: &Image| image.dropbox_copy.as_ref().map(|copy| (copy.job, copy.status));
        if has_ended(copy(before), copy(after)) {
            types.push(Self::DropboxCompleted);
        }
        types
    }
}

/// Whether a job has ended by a change of its id and progress.
fn has_ended<J: PartialEq>(before: Option<(J, Progress)>, after: Option<(J, Progress)>) -> bool {
    before != after && after.is_some_and(|(_, progress)| progress != Progress::Queued)
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The version of CloudEvents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpecVersion {
    /// CloudEvents 1.0.
    #[default]
    #[serde(rename = "1.0")]
    V1,
}

/// The media type of an event's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataContentType {
    /// JSON.
    #[default]
    #[serde(rename = "application/json")]
    Json,
}

/// An event: a CloudEvents 1.0 envelope in the JSON format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The version of CloudEvents.
    pub specversion: SpecVersion,
    /// The id. The same change always has the same id, so receivers recognise a repeated event.
    pub id: String,
    /// The deployment: `/darkroom/` and the name of the stack.
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// What the event is about, such as `images/01JZ8Q4T2N6V5X3R9C7M1K0B8D`.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// The media type of `data`.
    pub datacontenttype: DataContentType,
    /// The position among the events of the same subject: the later event has the greater text (CloudEvents, extension
    /// "Sequence"). A test has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// The details.
    pub data: EventData,
}

/// The details of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventData {
    /// The owner of what the event is about.
    pub user: UserId,
    /// The image. After a deletion, it is the image as it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<EventImage>,
    /// Why the image was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeletionReason>,
    /// The result of an analysis, an edit or a copy to Dropbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<EventResult>,
    /// The webhook that was disabled or is tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<EventWebhook>,
}

/// Why an image was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeletionReason {
    /// A user, an admin or the deletion of the account deleted the image.
    Deleted,
    /// The file of the image did not arrive in time.
    Expired,
}

/// What an event says of an image. It has neither texts nor addresses nor the place at which a picture was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventImage {
    /// The image's id.
    pub id: ImageId,
    /// The state of the image.
    pub status: Status,
    /// The version that the status describes.
    pub version: u32,
    /// The file name.
    pub file_name: FileName,
    /// The media type of that version.
    pub content_type: ContentType,
    /// The length of that version's file in bytes.
    pub size: UploadSize,
    /// The width of the current picture in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// The height of the current picture in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Why the latest version failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The slot of the image, if it belongs to an image set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetPlace>,
    /// The phone number that the image was uploaded for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumber>,
    /// The image that this image is an edit of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_image_id: Option<ImageId>,
    /// When the image was created.
    pub created_at: Timestamp,
}

impl From<&Image> for EventImage {
    fn from(image: &Image) -> Self {
        let upload = image.shown_upload();
        Self {
            id: image.id,
            status: image.status,
            version: image.shown_version(),
            file_name: image.file_name.clone(),
            content_type: upload.content_type,
            size: upload.size,
            width: image.picture.as_ref().map(|picture| picture.width),
            height: image.picture.as_ref().map(|picture| picture.height),
            failure: image.failure.clone(),
            set: image.set,
            phone_number: image.phone_number.clone(),
            source_image_id: image.source_image_id,
            created_at: image.created_at,
        }
    }
}

/// The result of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventResult {
    /// `done` or `failed`.
    pub status: Progress,
    /// Why the job failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What an event says of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventWebhook {
    /// The webhook's id.
    pub id: WebhookId,
    /// Its address.
    pub url: String,
}

impl EventData {
    /// Data about a user alone.
    #[must_use]
    pub const fn of_user(user: UserId) -> Self {
        Self { user, image: None, reason: None, result: None, webhook: None }
    }

    /// Data about a webhook.
    #[must_use]
    pub fn of_webhook(user: UserId, id: WebhookId, url: String) -> Self {
        Self { webhook: Some(EventWebhook { id, url }), ..Self::of_user(user) }
    }

    /// Data about an image, for an event of this type. `has_expired` matters for deletions only.
    #[must_use]
    pub fn of_image(user: UserId, kind: EventType, image: &Image, has_expired: bool) -> Self {
        let reason = if has_expired { DeletionReason::Expired } else { DeletionReason::Deleted };
        let result = match kind {
            EventType::AnalysisCompleted => image
                .analysis
                .as_ref()
                .map(|analysis| EventResult { status: analysis.status, failure: analysis.failure.clone() }),
            EventType::DropboxCompleted => image
                .dropbox_copy
                .as_ref()
                .map(|copy| EventResult { status: copy.status, failure: copy.failure.clone() }),
            EventType::EditCompleted => {
                let status = if image.status == Status::Failed { Progress::Failed } else { Progress::Done };
                Some(EventResult { status, failure: image.failure.clone() })
            }
            _ => None,
        };
        Self {
            image: Some(image.into()),
            reason: (kind == EventType::ImageDeleted).then_some(reason),
            result,
            ..Self::of_user(user)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Analysis, FailureCode, NewImage, Upload};

    fn image() -> Image {
        let new = NewImage {
            file_name: "a".to_owned().try_into().unwrap(),
            title: None,
            description: None,
            upload: Upload {
                content_type: ContentType::Png,
                size: 7.try_into().unwrap(),
                checksum_sha256: None,
            },
        };
        Image::pending(new, crate::now())
    }

    /// The image with a picture of this version.
    fn with_picture(version: u32) -> Image {
        let mut image = image();
        let picture = serde_json::json!({
            "version": version, "content_type": "image/png", "size": 7, "width": 2, "height": 1, "thumbnails": [],
            "placeholder": {"thumbhash": "", "color": ""},
        });
        image.picture = Some(serde_json::from_value(picture).unwrap());
        (image.version, image.status) = (version, Status::Ready);
        image
    }

    fn told(before: &Image, after: &Image) -> Vec<&'static str> {
        EventType::of_change(Some(before), Some(after)).into_iter().map(EventType::as_str).collect()
    }

    #[test]
    fn each_step_of_an_upload_is_told_once() {
        let (pending, ready) = (image(), with_picture(1));
        assert_eq!(EventType::of_change(None, Some(&pending)), [EventType::ImageCreated]);
        let processing = Image { status: Status::Processing, ..pending.clone() };
        assert!(told(&pending, &processing).is_empty());
        assert_eq!(told(&processing, &ready), ["image.ready"]);
        assert!(told(&ready, &Image { title: None, ..ready.clone() }).is_empty());
        assert_eq!(EventType::of_change(Some(&ready), None), [EventType::ImageDeleted]);
    }

    #[test]
    fn a_replacement_is_told_when_its_picture_is_ready_and_not_when_it_expires() {
        let (first, second) = (with_picture(1), with_picture(2));
        let waiting = Image { version: 2, status: Status::Pending, ..first.clone() };
        assert!(told(&first, &waiting).is_empty());
        assert_eq!(told(&waiting, &second), ["image.replaced"]);
        assert!(told(&waiting, &Image { status: Status::Ready, ..waiting.clone() }).is_empty());
        let failed = Image { status: Status::Failed, ..waiting.clone() };
        assert_eq!(told(&waiting, &failed), ["image.failed"]);
        assert!(told(&failed, &failed.clone()).is_empty());
    }

    #[test]
    fn an_edit_ends_with_the_first_version_of_its_image() {
        let source = Some(ImageId::generate());
        let pending = Image { source_image_id: source, ..image() };
        let ready = Image { source_image_id: source, ..with_picture(1) };
        assert_eq!(told(&pending, &ready), ["image.ready", "edit.completed"]);
        let failed = Image { status: Status::Failed, ..pending.clone() };
        assert_eq!(told(&pending, &failed), ["image.failed", "edit.completed"]);
        let replaced = Image { source_image_id: source, ..with_picture(2) };
        assert_eq!(told(&ready, &replaced), ["image.replaced"]);
        let failure = Failure::new(FailureCode::ProviderRefused, "no");
        let failed = Image { failure: Some(failure.clone()), ..failed };
        let data = EventData::of_image("ann".parse().unwrap(), EventType::EditCompleted, &failed, false);
        assert_eq!(data.result, Some(EventResult { status: Progress::Failed, failure: Some(failure) }));
    }

    #[test]
    fn an_analysis_is_told_when_it_ends_and_not_when_it_is_requested() {
        let ready = with_picture(1);
        let queued = Analysis::queued(None, false, crate::now());
        let asked = Image { analysis: Some(queued.clone()), ..ready.clone() };
        assert!(told(&ready, &asked).is_empty());
        let ended = queued.ended(Err(Failure::new(FailureCode::ProviderBusy, "no")), crate::now());
        let ended = Image { analysis: Some(ended), ..ready.clone() };
        assert_eq!(told(&asked, &ended), ["analysis.completed"]);
        assert!(told(&ended, &Image { title: None, ..ended.clone() }).is_empty());
        // A replacement removes the analysis of the old picture.
        assert!(told(&ended, &ready).is_empty());
    }

    #[test]
    fn only_an_expired_image_says_so() {
        let user: UserId = "ann".parse().unwrap();
        let reason =
            |kind, has_expired| EventData::of_image(user.clone(), kind, &image(), has_expired).reason;
        assert_eq!(reason(EventType::ImageDeleted, true), Some(DeletionReason::Expired));
        assert_eq!(reason(EventType::ImageDeleted, false), Some(DeletionReason::Deleted));
        assert_eq!(reason(EventType::ImageReady, false), None);
    }
}
