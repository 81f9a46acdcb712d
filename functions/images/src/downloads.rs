//! Downloads in responses.

use api::Problem;
use domain::{Download, DownloadId, Failure, Progress, Timestamp, UserId};
use serde::Serialize;
use store::Objects;

/// A download of many pictures.
#[derive(Debug, Serialize)]
pub struct DownloadBody {
    id: DownloadId,
    status: Progress,
    files: usize,
    bytes: u64,
    files_done: u32,
    files_skipped: u32,
    bytes_done: u64,
    failure: Option<Failure>,
    url: Option<String>,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl DownloadBody {
    /// The body of a download, with the address of the archive if it exists.
    ///
    /// # Errors
    /// 500 if the address cannot be signed.
    pub async fn of(
        download: Download,
        objects: &Objects,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let url = match download.status {
            Progress::Done => {
                let date = download.created_at.to_string();
                let name = format!("darkroom-{}.zip", date.get(..10).unwrap_or_default());
                Some(objects.archive_link(&download.key(user), &name, now).await?.url)
            }
            Progress::Queued | Progress::Failed => None,
        };
        let left_out = download.files_left_out;
        Ok(Self {
            id: download.id,
            status: download.status,
            files: download.images.len() + usize::try_from(left_out).unwrap_or_default(),
            bytes: download.bytes,
            files_done: download.files_done,
            files_skipped: download.files_skipped + left_out,
            bytes_done: download.bytes_done,
            failure: download.failure,
            url,
            created_at: download.created_at,
            expires_at: Timestamp::from_second(download.expires_at).unwrap_or(Timestamp::MAX),
        })
    }
}
