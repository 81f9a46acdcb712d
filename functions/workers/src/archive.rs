//! Makes the archive of a download while it is stored, so that a worker needs memory for a few parts only.
//!
//! The files are not compressed, because pictures are. An entry's length and checksum follow its content, and the
//! archive has the extensions of ZIP64 where it needs them (APPNOTE.TXT, "4.3.9 Data descriptor" and "4.3.14 Zip64 end
//! of central directory record").

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws::CallError;
use bytes::Bytes;
use domain::{ArchiveNames, Download, DownloadProgress, Image, UserId};
use rawzip::{ZipArchiveWriter, time::UtcDateTime};
use store::{ArchiveUpload, Objects, Records};
use tracing::warn;

/// How much of an original is read with one call, in bytes.
const READ_BYTES: u64 = 8 * 1024 * 1024;

/// How long the worker waits between two writes of its progress.
const PROGRESS_PAUSE: Duration = Duration::from_secs(2);

/// An archive that is being written.
pub struct Archive<'a> {
    records: &'a Records,
    objects: &'a Objects,
    user: &'a UserId,
    download: &'a Download,
    zip: ZipArchiveWriter<Buffer>,
    /// What the writer has written and S3 does not have yet.
    buffer: Buffer,
    upload: ArchiveUpload,
    names: ArchiveNames,
    progress: DownloadProgress,
    shown: Shown,
}

/// When the progress was stored.
struct Shown(Instant);

/// Memory into which the writer of the archive writes.
#[derive(Clone, Debug, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn with<T>(&self, use_bytes: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        use_bytes(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stores what was written, if it is long enough for a part.
    async fn store(&self, objects: &Objects, upload: &mut ArchiveUpload) -> Result<(), CallError> {
        let is_enough = |bytes: &Vec<u8>| bytes.len() >= Objects::ARCHIVE_PART_BYTES;
        let bytes = self.with(|bytes| if is_enough(bytes) { std::mem::take(bytes) } else { Vec::new() });
        if bytes.is_empty() {
            return Ok(());
        }
        objects.put_archive_part(upload, Bytes::from(bytes)).await
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|all| all.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> Archive<'a> {
    /// Begins the archive of a download.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn begin(
        records: &'a Records,
        objects: &'a Objects,
        user: &'a UserId,
        download: &'a Download,
    ) -> Result<Self, CallError> {
        let buffer = Buffer::default();
        Ok(Self {
            records,
            objects,
            user,
            download,
            zip: ZipArchiveWriter::new(buffer.clone()),
            buffer,
            upload: objects.begin_archive(download.key(user)).await?,
            names: ArchiveNames::default(),
            progress: DownloadProgress::default(),
            shown: Shown(Instant::now()),
        })
    }

    /// Adds the original of an image's current picture. If it does not exist any more, the archive does not contain it.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn add(&mut self, image: &Image) -> Result<(), CallError> {
        let Some(picture) = &image.picture else { return self.skip().await };
        let key = image.key_of(self.user, picture.version);
        let Some(first) = self.objects.original_part(&key, 0, READ_BYTES).await? else {
            return self.skip().await;
        };
        let name = self.names.next(image.file_name.as_str());
        let file = self.zip.new_file(name.as_str()).last_modified(modified(image));
        let (mut entry, config) = file.start().map_err(CallError::internal)?;
        let mut content = config.wrap(&mut entry);
        let (mut part, mut start) = (first, 0);
        loop {
            content.write_all(&part.bytes).map_err(CallError::internal)?;
            self.buffer.store(self.objects, &mut self.upload).await?;
            start += part.bytes.len() as u64;
            self.progress.bytes_done += part.bytes.len() as u64;
            self.shown.show(self.records, self.user, self.download, self.progress).await?;
            if start >= part.total {
                break;
            }
            let next = self.objects.original_part(&key, start, READ_BYTES).await?;
            part = next
                .ok_or_else(|| CallError::Unavailable("an original was deleted while it was read".into()))?;
        }
        let (_, descriptor) = content.finish().map_err(CallError::internal)?;
        entry.finish(descriptor).map_err(CallError::internal)?;
        self.progress.files_done += 1;
        Ok(())
    }

    /// Counts an image that the archive does not contain.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn skip(&mut self) -> Result<(), CallError> {
        self.progress.files_skipped += 1;
        self.shown.show(self.records, self.user, self.download, self.progress).await
    }

    /// Whether the archive contains no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.progress.files_done == 0
    }

    /// Completes the archive. If that fails, S3 keeps nothing of it.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn complete(self) -> Result<DownloadProgress, CallError> {
        let Self { objects, download, zip, buffer, mut upload, progress, .. } = self;
        let outcome = async {
            zip.finish().map_err(CallError::internal)?;
            let rest = buffer.with(std::mem::take);
            objects.put_archive_part(&mut upload, Bytes::from(rest)).await?;
            objects.complete_archive(&upload).await
        }
        .await;
        if let Err(error) = outcome {
            delete_parts(objects, download, upload).await;
            return Err(error);
        }
        Ok(progress)
    }

    /// Deletes what S3 has of the archive.
    pub async fn abort(self) {
        delete_parts(self.objects, self.download, self.upload).await;
    }
}

/// Deletes the parts of an archive. If that fails, S3 deletes them after a day.
async fn delete_parts(objects: &Objects, download: &Download, upload: ArchiveUpload) {
    if let Err(cause) = objects.abort_archive(upload).await {
        warn!(job = %download.job, cause = aws::causes(&cause), "deleting the parts of an archive failed");
    }
}

impl Shown {
    /// Stores the progress from time to time.
    async fn show(
        &mut self,
        records: &Records,
        user: &UserId,
        download: &Download,
        progress: DownloadProgress,
    ) -> Result<(), CallError> {
        if self.0.elapsed() < PROGRESS_PAUSE {
            return Ok(());
        }
        self.0 = Instant::now();
        records.progress_download(user, download, progress).await
    }
}

/// The time of a file: when it was uploaded.
fn modified(image: &Image) -> UtcDateTime {
    UtcDateTime::from_unix(image.uploaded_at.unwrap_or(image.created_at).as_second())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{FakeAws, USER, ok};

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    // The test AWS names a call to S3 by the end of its address, after the last dot.
    const BEGIN: &str = "zip?uploads";
    const PUT: &str = "zip?x-id=UploadPart&partNumber=1&uploadId=u";
    const COMPLETE: &str = "zip?uploadId=u";
    const ABORT: &str = "zip?x-id=AbortMultipartUpload&uploadId=u";

    fn begun() -> (&'static str, u16, Value) {
        ok(
            BEGIN,
            json!("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"),
        )
    }

    fn refused(operation: &'static str, code: &str) -> (&'static str, u16, Value) {
        (operation, 400, json!(format!("<Error><Code>{code}</Code><Message>no</Message></Error>")))
    }

    async fn complete(aws: &FakeAws) -> Result<DownloadProgress, CallError> {
        let (records, objects, user) = (aws.records(), aws.objects(), USER.parse().unwrap());
        let download = json!({
            "id": ID, "slot": 0, "job": ID, "images": [], "bytes": 1, "status": "queued",
            "created_at": "2026-03-12T19:03:58Z", "expires_at": 9_999_999_999_i64,
        });
        let download: Download = serde_json::from_value(download).unwrap();
        Archive::begin(&records, &objects, &user, &download).await?.complete().await
    }

    #[tokio::test]
    async fn an_archive_that_an_earlier_request_completed_is_complete() {
        let aws = FakeAws::new([begun(), ok(PUT, json!("")), refused(COMPLETE, "NoSuchUpload")]);
        complete(&aws).await.unwrap();
        assert_eq!(aws.operations(), [BEGIN, PUT, COMPLETE]);
    }

    #[tokio::test]
    async fn the_parts_of_an_archive_that_cannot_be_completed_are_deleted() {
        let aws = FakeAws::new([
            begun(),
            ok(PUT, json!("")),
            refused(COMPLETE, "InvalidPart"),
            ok(ABORT, json!("")),
        ]);
        complete(&aws).await.unwrap_err();
        assert_eq!(aws.operations(), [BEGIN, PUT, COMPLETE, ABORT]);
    }

    #[tokio::test]
    async fn the_parts_of_an_archive_whose_last_part_is_refused_are_deleted() {
        let aws = FakeAws::new([begun(), refused(PUT, "InternalError"), ok(ABORT, json!(""))]);
        complete(&aws).await.unwrap_err();
        assert_eq!(aws.operations(), [BEGIN, PUT, ABORT]);
    }
}
