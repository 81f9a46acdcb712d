//! Stores archives that are made while they are stored, in parts ("Uploading and copying objects using multipart upload",
//! Amazon S3 User Guide).

use std::time::Duration;

use aws::CallError;
use aws_sdk_s3::{
    config::Config,
    error::ProvideErrorMetadata,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use domain::{Link, Timestamp};

use super::{
    addresses::Lifetime,
    content_disposition,
    files::Objects,
    target::{Bucket, File},
};

/// An archive whose parts are being stored. It is an object only after the last step.
#[derive(Debug)]
pub struct ArchiveUpload {
    key: String,
    upload_id: String,
    parts: Vec<CompletedPart>,
}

impl Objects {
    /// The least length of each part but the last one, in bytes. S3 demands 5 MiB, and an object has at most 10,000 parts
    /// ("Amazon S3 multipart upload limits"), so this is enough for 80 GB.
    pub const ARCHIVE_PART_BYTES: usize = 8 * 1024 * 1024;

    /// For how many seconds the address of an archive works.
    const ARCHIVE_SECONDS: i64 = 60 * 60;

    /// How long S3 may take to complete an archive: "several minutes" (Amazon S3 API Reference,
    /// "CompleteMultipartUpload"). The worker itself may run for 15 minutes.
    const COMPLETION: Duration = Duration::from_secs(5 * 60);

    /// Begins to store an archive.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn begin_archive(&self, key: String) -> Result<ArchiveUpload, CallError> {
        let begin = self.s3.create_multipart_upload().bucket(&self.derived).key(&key);
        let answer = begin.content_type("application/zip").send().await?;
        let upload_id = answer.upload_id.ok_or_else(|| CallError::internal("S3 returned no upload id"))?;
        Ok(ArchiveUpload { key, upload_id, parts: Vec::new() })
    }

    /// Stores the next part of an archive.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn put_archive_part(&self, archive: &mut ArchiveUpload, bytes: Bytes) -> Result<(), CallError> {
        let number = i32::try_from(archive.parts.len() + 1).map_err(CallError::internal)?;
        let put = self.s3.upload_part().bucket(&self.derived).key(&archive.key);
        let put = put.upload_id(&archive.upload_id).part_number(number).body(bytes.into());
        let answer = put.send().await?;
        archive.parts.push(CompletedPart::builder().part_number(number).set_e_tag(answer.e_tag).build());
        Ok(())
    }

    /// Makes the parts an object.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn complete_archive(&self, archive: &ArchiveUpload) -> Result<(), CallError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(archive.parts.clone())).build();
        let complete = self.s3.complete_multipart_upload().bucket(&self.derived).key(&archive.key);
        let complete = complete.upload_id(&archive.upload_id).multipart_upload(parts);
        // An attempt may use the whole time, so a slow one is not made again.
        let timeouts = aws::timeouts(None).to_builder().operation_timeout(Self::COMPLETION).build();
        let config = Config::builder().timeout_config(timeouts);
        match complete.customize().config_override(config).send().await {
            Ok(_) => Ok(()),
            // S3 completed the upload, and its answer was lost. So the SDK sent the request again. Nobody else ends the
            // upload: only this attempt of the job knows its id, and S3 itself waits for a day.
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes the parts of an archive that will not be completed.
    ///
    /// # Errors
    /// [`CallError`]. S3 then deletes them after a day, as template.yaml says.
    pub async fn abort_archive(&self, archive: ArchiveUpload) -> Result<(), CallError> {
        let abort = self.s3.abort_multipart_upload().bucket(&self.derived).key(archive.key);
        abort.upload_id(archive.upload_id).send().await?;
        Ok(())
    }

    /// The address of an archive, which a browser stores under this name.
    ///
    /// # Errors
    /// [`CallError`] if signing fails.
    pub async fn archive_link(&self, key: &str, file_name: &str, now: Timestamp) -> Result<Link, CallError> {
        let disposition = content_disposition(true, file_name);
        let file = File { bucket: Bucket::Derived, key, disposition: Some(&disposition), family: None };
        self.addresses.link(file, Lifetime::Exactly(now, Self::ARCHIVE_SECONDS)).await
    }
}
