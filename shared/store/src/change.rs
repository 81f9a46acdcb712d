//! Changing images: what people say of them, and the picture itself.

use aws::CallError;
use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{ReturnValue, TransactWriteItem},
};
use domain::{
    Description, FileName, Image, ImageId, Profile, Status, Tier, Timestamp, Title, Upload, UserId,
};

use crate::{
    Records,
    item::{
        Item, Write, difference, image_key, number, profile_key, read, replacement_key, search_name, string,
        value,
    },
    records::{NOT_EXPIRED, refused, timestamp},
};

/// What is to be said of an image from now on. What is `None` stays; of a title or a description, an inner
/// `None` removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The file's name.
    pub file_name: Option<FileName>,
    /// The title.
    pub title: Option<Option<Title>>,
    /// The description.
    pub description: Option<Option<Description>>,
}

impl Change {
    /// An image as it is after the change.
    pub(crate) fn applied_to(&self, mut image: Image, now: Timestamp) -> Image {
        image.updated_at = now;
        if let Some(name) = &self.file_name {
            image.file_name = name.clone();
        }
        if let Some(title) = &self.title {
            image.title = title.clone();
        }
        if let Some(description) = &self.description {
            image.description = description.clone();
        }
        image
    }
}

/// Why a picture was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// There is no such image.
    #[error("there is no such image")]
    NotFound,
    /// The image changed at the same time.
    #[error("the image keeps changing")]
    Changed,
    /// The file is larger than the tier allows.
    #[error("files may have {} bytes at most", .0.max_image_bytes)]
    FileTooLarge(Box<Tier>),
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Records {
    /// Changes what is said of an image. Returns the image, or `None` where there is none.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn change_image(
        &self,
        user: &UserId,
        id: ImageId,
        change: &Change,
        now: Timestamp,
    ) -> Result<Option<Image>, CallError> {
        let condition = format!("attribute_exists(pk) AND {NOT_EXPIRED}");
        let write = expression(image_key(user, id), Parts::default(), change, &condition, now)?
            .value(":now", number(now.as_second()));
        match write.alone(self).return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => {
                let item = answer.attributes.ok_or_else(|| CallError::internal("no attributes returned"))?;
                Ok(read::<Image>(item)?.unless_expired(now))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(error.into()),
            },
        }
    }

    /// Begins a new version of an image, which counts against the quota from now on, beside the picture
    /// that stays served until the new one is ready. A version that was still on its way is dropped.
    ///
    /// Two calls.
    ///
    /// # Errors
    /// [`ReplaceError`]
    pub async fn replace_image(
        &self,
        user: &UserId,
        id: ImageId,
        upload: &Upload,
        change: &Change,
        now: Timestamp,
    ) -> Result<Image, ReplaceError> {
        // A worker may settle the version before at this very moment, once.
        const ROUNDS: usize = 3;
        for _ in 0..ROUNDS {
            let Some(old) = self.stored_image(user, id).await? else { return Err(ReplaceError::NotFound) };
            if old.clone().unless_expired(now).is_none() {
                return Err(ReplaceError::NotFound);
            }
            let new = replaced(old.clone(), upload, change, now);
            let mut parts = vec![
                self.begin_version(user, &old, &new, change, now)?.in_transaction(self)?,
                self.count_version(user, &old, &new)?.in_transaction(self)?,
            ];
            if new.replace_by.is_some() {
                parts.push(self.note_replacement(user, &new)?);
            }
            let Some(reasons) = self.transact(parts).await? else { return Ok(new) };
            if let Some(profile) = reasons.get(1).and_then(refused) {
                let profile: Profile = read(profile.cloned().unwrap_or_default())?;
                return Err(ReplaceError::FileTooLarge(Box::new(profile.limits)));
            }
        }
        Err(ReplaceError::Changed)
    }

    fn begin_version(
        &self,
        user: &UserId,
        old: &Image,
        new: &Image,
        change: &Change,
        now: Timestamp,
    ) -> Result<Write, CallError> {
        let mut parts = Parts {
            set: vec![
                "#version = :version".to_owned(),
                "#status = :status".to_owned(),
                "#content_type = :content_type".to_owned(),
                "#size = :size".to_owned(),
            ],
            remove: vec!["#failure", "#lease", "#sequencer"],
        };
        let mut values = vec![
            (":version", number(new.version)),
            (":status", string(new.status.as_str())),
            (":content_type", string(new.upload.content_type.as_str())),
            (":size", number(new.upload.size.bytes())),
            (":old_version", number(old.version)),
            (":old_status", string(old.status.as_str())),
            (":old_size", number(old.upload.size.bytes())),
        ];
        let optional = [
            ("checksum_sha256", ":checksum", new.upload.checksum_sha256.as_ref().map(value).transpose()?),
            ("expires_at", ":expires_at", new.expires_at.map(number)),
            ("replace_by", ":replace_by", new.replace_by.map(number)),
        ];
        for (name, placeholder, value) in optional {
            if let Some(value) = value {
                parts.set.push(format!("#{name} = {placeholder}"));
                values.push((placeholder, value));
            }
        }
        parts.remove.extend(
            [
                ("#checksum_sha256", new.upload.checksum_sha256.is_none()),
                ("#expires_at", new.expires_at.is_none()),
                ("#replace_by", new.replace_by.is_none()),
            ]
            .into_iter()
            .filter_map(|(name, gone)| gone.then_some(name)),
        );
        // An edit that is awaited learns its size meanwhile.
        let condition = "#version = :old_version AND #status = :old_status AND #size = :old_size";
        let write = expression(image_key(user, new.id), parts, change, condition, now)?;
        Ok(values.into_iter().fold(write, |write, (name, value)| write.value(name, value)))
    }

    fn count_version(&self, user: &UserId, old: &Image, new: &Image) -> Result<Write, CallError> {
        let update = "SET #bytes = #bytes + :delta";
        let condition = "attribute_exists(pk) AND #limits.#max_image_bytes >= :size";
        Ok(Write::new(profile_key(user), update, condition)
            .value(":delta", difference(old.quota_bytes(), new.quota_bytes()))
            .value(":size", number(new.upload.size.bytes())))
    }

    /// Leaves a note that expires when the replacement lapses; the stream tells `workers-stream`.
    fn note_replacement(&self, user: &UserId, new: &Image) -> Result<TransactWriteItem, CallError> {
        let mut note = replacement_key(user, new.id);
        note.insert("version".to_owned(), number(new.version));
        note.insert("expires_at".to_owned(), number(new.upload_deadline().unwrap_or_default()));
        let put = self.put(note).build().map_err(CallError::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Ends a replacement that never came: the picture that is served goes on alone. Does nothing where the
    /// upload has arrived after all, or another version has begun.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn lapse_replacement(
        &self,
        user: &UserId,
        id: ImageId,
        version: u32,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        let Some(old) = self.stored_image(user, id).await? else { return Ok(false) };
        if old.version != version || old.status != Status::Pending || old.picture.is_none() {
            return Ok(false);
        }
        let mut new = old.clone();
        new.status = Status::Ready;
        // An event that is late all the same finds the version closed.
        let update = "SET #status = :ready, #sequencer = :closed, #updated_at = :time REMOVE #replace_by";
        let image = Write::of_upload(&old.key(user), update, "#status = :pending")
            .value(":ready", string(Status::Ready.as_str()))
            .value(":pending", string(Status::Pending.as_str()))
            .value(":closed", value(domain::Sequencer::closed())?)
            .value(":time", timestamp(now));
        let parts = vec![image.in_transaction(self)?, self.give_back_version(user, &old, &new)?];
        Ok(self.transact(parts).await?.is_none())
    }
}

/// The image with a new version under way.
fn replaced(mut image: Image, upload: &Upload, change: &Change, now: Timestamp) -> Image {
    let deadline = now.as_second() + Image::PENDING_SECONDS;
    image.version += 1;
    image.status = Status::Pending;
    image.upload = upload.clone();
    (image.failure, image.lease, image.sequencer) = (None, None, None);
    // Without a picture there is nothing to keep: the image expires as a new one does.
    (image.expires_at, image.replace_by) =
        if image.picture.is_some() { (None, Some(deadline)) } else { (Some(deadline), None) };
    change.applied_to(image, now)
}

/// What an update sets and removes.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) set: Vec<String>,
    pub(crate) remove: Vec<&'static str>,
}

/// An update of what `change` says and of `parts`.
pub(crate) fn expression(
    key: Item,
    mut parts: Parts,
    change: &Change,
    condition: &str,
    now: Timestamp,
) -> Result<Write, CallError> {
    let mut values = Vec::new();
    parts.set.push("#updated_at = :updated_at".to_owned());
    if let Some(name) = &change.file_name {
        parts.set.push("#file_name = :file_name, #search_name = :search_name".to_owned());
        values.push((":file_name", value(name)?));
        values.push((":search_name", search_name(name.as_str())));
    }
    let texts = [
        ("#title", ":title", change.title.as_ref().map(|text| text.as_ref().map(value).transpose())),
        (
            "#description",
            ":description",
            change.description.as_ref().map(|text| text.as_ref().map(value).transpose()),
        ),
    ];
    for (name, placeholder, text) in texts {
        match text.transpose()? {
            None => {}
            Some(None) => parts.remove.push(name),
            Some(Some(text)) => {
                parts.set.push(format!("{name} = {placeholder}"));
                values.push((placeholder, text));
            }
        }
    }
    let mut update = format!("SET {}", parts.set.join(", "));
    if !parts.remove.is_empty() {
        update.push_str(&format!(" REMOVE {}", parts.remove.join(", ")));
    }
    let write = Write::new(key, update, condition).value(":updated_at", timestamp(now));
    Ok(values.into_iter().fold(write, |write, (name, value)| write.value(name, value)))
}
