//! An image and the states it goes through.
//!
//! `pending` → `processing` → `ready` or `failed`. A pending image whose upload never comes expires.
//!
//! A replacement is a new version that goes the same way, while the picture of the old version stays
//! served. One that fails or never comes leaves the old picture as it was.

use serde::{Deserialize, Serialize};

use crate::{
    Analysis, ContentType, Description, DropboxCopy, FileName, ImageId, JobId, ObjectKey, PhoneNumber,
    Prompt, SetId, Sha256, Slot, Task, Timestamp, Title, UploadSize, UserId,
};

/// How far an image has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Waits for its upload.
    Pending,
    /// Uploaded; its thumbnails are being made.
    Processing,
    /// Its thumbnails are there.
    Ready,
    /// It could not be developed, and never will be; [`Image::failure`] says why.
    Failed,
}

impl Status {
    /// The name used in records and responses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

/// Why an image failed, for its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable kebab-case code such as `not-an-image`.
    pub code: String,
    /// One sentence for people.
    pub detail: String,
}

/// What the caller declares of the file that it is going to upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The declared media type.
    pub content_type: ContentType,
    /// The exact length in bytes.
    pub size: UploadSize,
    /// The content's digest, where the caller gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_sha256: Option<Sha256>,
}

/// A thumbnail that lies in the bucket of derivatives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// The size it was made for: the most that its longer side may have, in pixels.
    pub size: u32,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// Its media type.
    pub content_type: String,
}

/// What stands in for a picture until it is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placeholder {
    /// A ThumbHash in base 64.
    pub thumbhash: String,
    /// The dominant color, as `#rrggbb`.
    pub color: String,
}

/// Orders the events on one S3 key: the later event has the greater sequencer.
///
/// S3 gives hexadecimal text of varying length, to be compared after padding the shorter with zeros on
/// the right (Amazon S3 user guide, "Event message structure"). Kept padded, so that DynamoDB can
/// compare it as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequencer(String);

impl Sequencer {
    /// Longer than any that S3 has been seen to send (16 to 18 digits).
    const WIDTH: usize = 64;

    /// Pads the sequencer of an event.
    #[must_use]
    pub fn from_event(text: &str) -> Self {
        Self(format!("{:0<width$}", text.to_ascii_uppercase(), width = Self::WIDTH))
    }

    /// Later than every event: what carries it takes no event up any more.
    #[must_use]
    pub fn closed() -> Self {
        Self("~".repeat(Self::WIDTH))
    }

    /// The padded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who may develop an image at present. It ends by itself, so that a crashed worker's work is taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The Lambda request that holds it; Lambda's retries of one event keep the request's id.
    pub owner: String,
    /// When it ends, in seconds since 1970.
    pub until: i64,
}

/// A version that was developed, and is served until a later one is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Which of the image's uploads it is.
    pub version: u32,
    /// What was declared for that upload.
    #[serde(flatten)]
    pub upload: Upload,
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// The thumbnails that exist.
    pub thumbnails: Vec<Thumbnail>,
    /// What stands in for it until it is loaded.
    pub placeholder: Placeholder,
}

/// The slot of an image set that an image fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPlace {
    /// The set.
    pub id: SetId,
    /// The slot.
    pub image_type: Slot,
}

/// An image as the table keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The image's id.
    pub id: ImageId,
    /// The client's name for the file.
    pub file_name: FileName,
    /// A title, where the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// A description, where the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// What was declared for the latest upload.
    #[serde(flatten)]
    pub upload: Upload,
    /// Which upload is the latest, from 1. It only ever grows, so that no object key is used twice.
    pub version: u32,
    /// How far the latest upload has come.
    pub status: Status,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
    /// When the upload arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded_at: Option<Timestamp>,
    /// While the first upload is pending: when the image expires, in seconds since 1970; the table's TTL
    /// attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// While a replacement is pending: when it lapses, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_by: Option<i64>,
    /// The latest event that was taken up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<Sequencer>,
    /// Who is developing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// What is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
    /// The slot it fills, where it belongs to an image set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetPlace>,
    /// The phone number it was uploaded for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumber>,
    /// The image that this one is an edit of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_image_id: Option<ImageId>,
    /// What the edit was asked for: of an edit its own, of a source the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit_prompt: Option<Prompt>,
    /// The latest edit of this image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit_image_id: Option<ImageId>,
    /// Whether that edit begins only once this image's upload is decided.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edit_deferred: bool,
    /// What a model was asked about the picture, and what it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
    /// The copy in Dropbox of the picture that is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropbox_copy: Option<DropboxCopy>,
}

/// What a caller sends to make an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    /// The client's name for the file.
    pub file_name: FileName,
    /// A title.
    pub title: Option<Title>,
    /// A description.
    pub description: Option<Description>,
    /// The file to come.
    pub upload: Upload,
}

impl Image {
    /// How long an upload is waited for, in seconds.
    pub const PENDING_SECONDS: i64 = 24 * 60 * 60;

    /// A pending image of version 1.
    #[must_use]
    pub fn pending(new: NewImage, now: Timestamp) -> Self {
        Self {
            id: ImageId::generate(),
            file_name: new.file_name,
            title: new.title,
            description: new.description,
            upload: new.upload,
            version: 1,
            status: Status::Pending,
            failure: None,
            created_at: now,
            updated_at: now,
            uploaded_at: None,
            expires_at: Some(now.as_second() + Self::PENDING_SECONDS),
            replace_by: None,
            sequencer: None,
            lease: None,
            picture: None,
            set: None,
            phone_number: None,
            source_image_id: None,
            edit_prompt: None,
            edit_image_id: None,
            edit_deferred: false,
            analysis: None,
            dropbox_copy: None,
        }
    }

    /// An image that is made of another by an edit, and waits for it. Until its own file is known, it counts as
    /// much as its source.
    #[must_use]
    pub fn edit_of(source: &Self, prompt: Prompt, now: Timestamp) -> Self {
        let upload = Upload { checksum_sha256: None, ..source.shown_upload().clone() };
        let new = NewImage { file_name: source.file_name.clone(), title: None, description: None, upload };
        Self {
            source_image_id: Some(source.id),
            edit_prompt: Some(prompt),
            // It may have to wait for its source's upload first.
            expires_at: Some(now.as_second() + 2 * Self::PENDING_SECONDS),
            ..Self::pending(new, now)
        }
    }

    /// The image with what is to begin once its first upload is decided, and the image of its edit, if one is
    /// wished for.
    #[must_use]
    pub fn with_deferred_jobs(
        mut self,
        analyze: bool,
        edit_prompt: Option<Prompt>,
        now: Timestamp,
    ) -> Vec<Self> {
        if analyze {
            self.analysis = Some(Analysis::queued(None, true, now));
        }
        let Some(prompt) = edit_prompt else { return vec![self] };
        let edit = Self::edit_of(&self, prompt.clone(), now);
        (self.edit_prompt, self.edit_image_id, self.edit_deferred) = (Some(prompt), Some(edit.id), true);
        vec![self, edit]
    }

    /// Whether its file is made by an edit, so that nobody is to upload one.
    #[must_use]
    pub fn awaits_edit(&self) -> bool {
        self.source_image_id.is_some() && self.version == 1 && self.status == Status::Pending
    }

    /// Whether it needs a tier with AI.
    #[must_use]
    pub fn needs_ai(&self) -> bool {
        self.source_image_id.is_some() || self.analysis.is_some()
    }

    /// The jobs that were asked for before the upload of `version` was decided. They begin however it was
    /// decided: a job without a picture ends at once, and tells so.
    #[must_use]
    pub fn waiting_tasks(&self, version: u32) -> Vec<(JobId, Task)> {
        let mut tasks = Vec::new();
        if let Some(analysis) = self.analysis.as_ref().filter(|analysis| analysis.waits) {
            let prompt = analysis.prompt.clone();
            tasks.push((analysis.job, Task::Analyze { image: self.id, version, prompt }));
        }
        if let (true, Some(image), Some(prompt)) = (self.edit_deferred, self.edit_image_id, &self.edit_prompt)
        {
            let prompt = prompt.clone();
            tasks.push((JobId::generate(), Task::Edit { source: self.id, version, image, prompt }));
        }
        tasks
    }

    /// The jobs that bring the copies in Dropbox from what they were before to what they are to be: another picture's
    /// is made, the earlier one removed.
    #[must_use]
    pub fn dropbox_copy_tasks(&self, before: &Self) -> Vec<(JobId, Task)> {
        let job = |image: &Self| image.dropbox_copy.as_ref().map(|dropbox_copy| dropbox_copy.job);
        if job(self) == job(before) {
            return Vec::new();
        }
        let made = self.dropbox_copy.as_ref().zip(self.picture.as_ref()).map(|(dropbox_copy, picture)| {
            let (version, path) = (picture.version, dropbox_copy.path.clone());
            (dropbox_copy.job, Task::DropboxCopy { image: self.id, version, path })
        });
        let removed =
            before.dropbox_copy.as_ref().map(|dropbox_copy| (JobId::generate(), dropbox_copy.removal()));
        made.into_iter().chain(removed).collect()
    }

    /// The image as it is to be seen at `now`: `None` where it has expired, and without a replacement that
    /// has lapsed. The table learns of either only some time later.
    #[must_use]
    pub fn unless_expired(mut self, now: Timestamp) -> Option<Self> {
        let past = |at: i64| at <= now.as_second();
        if self.expires_at.is_some_and(past) {
            return None;
        }
        if self.status == Status::Pending && self.replace_by.is_some_and(past) {
            self.status = Status::Ready;
            self.replace_by = None;
        }
        Some(self)
    }

    /// Until when the upload is waited for, in seconds since 1970, while it is.
    #[must_use]
    pub fn upload_deadline(&self) -> Option<i64> {
        self.expires_at.or(self.replace_by)
    }

    /// The version that its state is about: that of the picture where it is ready.
    #[must_use]
    pub fn shown_version(&self) -> u32 {
        self.ready_picture().map_or(self.version, |picture| picture.version)
    }

    /// The upload that its state is about: that of the picture where it is ready.
    #[must_use]
    pub fn shown_upload(&self) -> &Upload {
        self.ready_picture().map_or(&self.upload, |picture| &picture.upload)
    }

    fn ready_picture(&self) -> Option<&Picture> {
        self.picture.as_ref().filter(|_| self.status == Status::Ready)
    }

    /// Whether the objects of a version are needed, and count against the quota: the picture's, and those of
    /// the latest upload unless it was a replacement that has failed or lapsed.
    #[must_use]
    pub fn keeps_version(&self, version: u32) -> bool {
        match &self.picture {
            Some(picture) if picture.version == version => true,
            Some(_) => version == self.version && matches!(self.status, Status::Pending | Status::Processing),
            None => version == self.version,
        }
    }

    /// What it counts against the quota, in bytes: the declared sizes of the versions that it holds.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        let picture = self.picture.as_ref();
        let served = picture.map_or(0, |picture| picture.upload.size.bytes());
        let is_served = picture.is_some_and(|picture| picture.version == self.version);
        let latest =
            if !is_served && self.keeps_version(self.version) { self.upload.size.bytes() } else { 0 };
        served + latest
    }

    /// Where the original of the latest version lies.
    #[must_use]
    pub fn key(&self, user: &UserId) -> ObjectKey {
        self.key_of(user, self.version)
    }

    /// Where the original of a version lies.
    #[must_use]
    pub fn key_of(&self, user: &UserId, version: u32) -> ObjectKey {
        ObjectKey { user: user.clone(), image: self.id, version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(size: u64) -> Image {
        let new = NewImage {
            file_name: "a".to_owned().try_into().unwrap(),
            title: None,
            description: None,
            upload: upload(size),
        };
        Image::pending(new, crate::now())
    }

    fn upload(size: u64) -> Upload {
        Upload { content_type: ContentType::Png, size: size.try_into().unwrap(), checksum_sha256: None }
    }

    /// An image of 10 bytes that is ready, and a replacement of 7 bytes.
    fn replaced(status: Status) -> Image {
        let mut image = image(7);
        image.picture = Some(Picture {
            version: 1,
            upload: upload(10),
            width: 1,
            height: 1,
            thumbnails: Vec::new(),
            placeholder: Placeholder { thumbhash: String::new(), color: String::new() },
        });
        (image.version, image.status, image.expires_at) = (2, status, None);
        image
    }

    #[test]
    fn a_replacement_counts_beside_the_picture_until_it_is_decided() {
        for (status, bytes, shown) in [
            (Status::Pending, 17, 2),
            (Status::Processing, 17, 2),
            (Status::Failed, 10, 2),
            // Lapsed: the old picture is what there is.
            (Status::Ready, 10, 1),
        ] {
            let image = replaced(status);
            assert_eq!((image.held_bytes(), image.shown_version()), (bytes, shown), "{status:?}");
            assert!(image.keeps_version(1));
            assert_eq!(image.keeps_version(2), bytes == 17);
        }
    }

    #[test]
    fn a_first_upload_counts_whatever_becomes_of_it() {
        for status in [Status::Pending, Status::Processing, Status::Failed] {
            let mut image = image(7);
            image.status = status;
            assert_eq!(
                (image.held_bytes(), image.keeps_version(1), image.keeps_version(2)),
                (7, true, false)
            );
        }
        let mut image = replaced(Status::Ready);
        image.picture.as_mut().unwrap().version = 2;
        assert_eq!((image.held_bytes(), image.keeps_version(1), image.keeps_version(2)), (10, false, true));
    }

    #[test]
    fn what_never_comes_is_not_seen_any_more() {
        let later = |seconds| Timestamp::from_second(crate::now().as_second() + seconds).unwrap();
        assert!(image(1).unless_expired(later(0)).is_some());
        assert!(image(1).unless_expired(later(Image::PENDING_SECONDS + 1)).is_none());

        let mut image = replaced(Status::Pending);
        image.replace_by = Some(later(10).as_second());
        assert_eq!(image.clone().unless_expired(later(0)).unwrap().status, Status::Pending);
        let image = image.unless_expired(later(11)).unwrap();
        assert_eq!((image.status, image.shown_version()), (Status::Ready, 1));
        assert_eq!(image.shown_upload().size.bytes(), 10);
    }

    #[test]
    fn a_longer_sequencer_is_not_later_just_for_its_length() {
        let older = Sequencer::from_event("0055AED6DCD90281E5");
        let newer = Sequencer::from_event("0055AED6DCD90281E6");
        assert!(older < newer);
        assert!(Sequencer::from_event("0055aed6dcd90281") < older);
        assert_eq!(Sequencer::from_event("0055AE"), Sequencer::from_event("0055AE00"));
        assert!(Sequencer::from_event("FFFFFFFFFFFFFFFFFF") < Sequencer::closed());
    }
}
