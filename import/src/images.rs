//! Imports images.

use aws::CallError;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use domain::{
    ContentType, Image, ImageId, NewImage, ObjectKey, PhoneNumber, SetPlace, Timestamp, Upload, UserId,
};
use sha2::{Digest, Sha256};
use store::{CreateError, ImportKey, Imported, Objects, Records};

use crate::{
    limits::{reason, until_allowed},
    manifest::ImageLine,
    outcome::{LineError, Outcome, refused, unavailable},
    sets::USED_BEFORE,
    source::Source,
    upload::Uploader,
};

/// Creates images and sends their files.
#[derive(Debug)]
pub(crate) struct ImageImporter {
    pub(crate) records: Records,
    pub(crate) objects: Objects,
    pub(crate) source: Source,
    pub(crate) uploader: Uploader,
}

/// What else a line says, after its references were resolved.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) user: UserId,
    pub(crate) place: Option<SetPlace>,
    pub(crate) phone_number: Option<PhoneNumber>,
}

impl ImageImporter {
    /// Creates an image and sends its file, or continues what an earlier import began.
    pub(crate) async fn import(
        &self,
        line: &ImageLine,
        owner: &Owner,
    ) -> Result<(Outcome, ImageId), LineError> {
        let (user, key) = (&owner.user, line.key());
        let previous = self.records.imported(user, &key).await?;
        if let Some(previous) = &previous {
            if previous.request != key.request {
                return Err(refused(USED_BEFORE));
            }
            let id: ImageId = previous.id.parse().map_err(CallError::internal)?;
            if previous.is_complete {
                return Ok((Outcome::Exists, id));
            }
            if let Some(outcome) = self.continue_with(line, user, &key, id).await? {
                return Ok((outcome, id));
            }
        }
        let bytes = self.source.file(line.file.as_str()).await?;
        let image = new_image(line, owner, &bytes, domain::now())?;
        self.create(user, &image, &key, previous.as_ref()).await?;
        self.send(user, &image, &key, bytes).await?;
        Ok((Outcome::Created, image.id))
    }

    /// Continues an import that was interrupted after it had created the image. `None` if the image has expired before
    /// its file arrived.
    async fn continue_with(
        &self,
        line: &ImageLine,
        user: &UserId,
        key: &ImportKey,
        id: ImageId,
    ) -> Result<Option<Outcome>, LineError> {
        let now = domain::now();
        let Some(image) = self.records.image_or_trashed(user, id, now).await? else {
            // `workers-stream` puts the image back if its file has arrived.
            let original = ObjectKey { user: user.clone(), image: id, version: 1 };
            let has_arrived = self.objects.arrived_at(&original).await?.is_some();
            return Ok(has_arrived.then_some(Outcome::Exists));
        };
        if !image.was_never_uploaded() {
            self.records.complete_import(user, key).await?;
            return Ok(Some(Outcome::Exists));
        }
        let bytes = self.source.file(line.file.as_str()).await?;
        if image.upload.checksum_sha256.as_ref() != Some(&checksum(&bytes)?) {
            let reason =
                "the file has changed since an import was interrupted. Import it again after 24 hours";
            return Err(refused(reason));
        }
        self.send(user, &image, key, bytes).await?;
        Ok(Some(Outcome::Created))
    }

    async fn create(
        &self,
        user: &UserId,
        image: &Image,
        key: &ImportKey,
        previous: Option<&Imported>,
    ) -> Result<(), LineError> {
        let create = async || self.records.import_image(user, image, key, previous, domain::now()).await;
        match until_allowed(create).await {
            Ok(()) => Ok(()),
            Err(CreateError::KeyReused) => Err(unavailable("another import creates the same image")),
            Err(CreateError::SlotTaken) => Err(refused("set: another image is in this slot")),
            Err(CreateError::NoSuchSet) => Err(refused("set: the set was deleted")),
            Err(CreateError::Call(error)) => Err(error.into()),
            Err(error) => Err(refused(reason(&error))),
        }
    }

    async fn send(
        &self,
        user: &UserId,
        image: &Image,
        key: &ImportKey,
        bytes: Bytes,
    ) -> Result<(), LineError> {
        let upload = self.objects.presigned_upload(user, image, domain::now()).await?;
        self.uploader.send(&upload, bytes).await?;
        Ok(self.records.complete_import(user, key).await?)
    }
}

/// The pending image of a line. Its id and its `created_at` are of the time when the earlier application created it.
/// Its deadline is that of an upload that begins now.
fn new_image(line: &ImageLine, owner: &Owner, bytes: &Bytes, now: Timestamp) -> Result<Image, LineError> {
    let file_name = match &line.file_name {
        Some(name) => name.clone(),
        None => {
            let name = line.file.name().to_owned().try_into();
            name.map_err(|error| refused(format!("file_name: {error}")))?
        }
    };
    let size = u64::try_from(bytes.len()).map_err(CallError::internal)?;
    let upload = Upload {
        content_type: content_type(line)?,
        size: size.try_into().map_err(|error| refused(format!("file: {error}")))?,
        checksum_sha256: Some(checksum(bytes)?),
    };
    let (title, description) = (line.title.clone(), line.description.clone());
    let created_at = line.created_at.0;
    Ok(Image {
        id: ImageId::generate_at(created_at),
        created_at,
        set: owner.place,
        phone_number: owner.phone_number.clone(),
        ..Image::pending(NewImage { file_name, title, description, upload }, now)
    })
}

fn content_type(line: &ImageLine) -> Result<ContentType, LineError> {
    if let Some(content_type) = line.content_type {
        return Ok(content_type);
    }
    let name = line.file.content_type().ok_or_else(|| {
        refused("content_type: missing, and the extension of the file does not tell the format")
    })?;
    ContentType::try_from(name.to_owned()).map_err(|error| refused(format!("content_type: {error}")))
}

fn checksum(bytes: &[u8]) -> Result<domain::Sha256, LineError> {
    let digest = BASE64_STANDARD.encode(Sha256::digest(bytes));
    Ok(digest.try_into().map_err(CallError::internal)?)
}
