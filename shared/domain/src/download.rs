//! Downloads of many pictures in one ZIP archive.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{DownloadId, Failure, ImageId, JobId, Progress, Timestamp, UserId, day};

/// A download: which pictures the archive contains, and how far the worker has got. The record expires together with the
/// archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// The download's id.
    pub id: DownloadId,
    /// The number of its record, below [`Download::MAX_PER_USER`]. A later download takes the record after this one has
    /// expired or ended.
    pub slot: u8,
    /// How many downloads the record has had on the day of `created_at` in UTC, with this one.
    #[serde(default)]
    pub number_of_day: u32,
    /// The job that makes the archive.
    pub job: JobId,
    /// The images, in the order of the archive.
    pub images: Vec<ImageId>,
    /// How many images of the request had no picture or did not exist. `images` does not contain them.
    #[serde(default)]
    pub files_left_out: u32,
    /// The sum of the lengths of their originals, in bytes, when the download was requested.
    pub bytes: u64,
    /// The progress of the job.
    pub status: Progress,
    /// How many originals the archive contains by now.
    #[serde(default)]
    pub files_done: u32,
    /// How many images were deleted, or moved to the trash, before the worker read them. The archive does not contain them.
    #[serde(default)]
    pub files_skipped: u32,
    /// The sum of the lengths of the originals that the archive contains by now, in bytes.
    #[serde(default)]
    pub bytes_done: u64,
    /// Why the job failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When the download was requested.
    pub created_at: Timestamp,
    /// When the archive is deleted, in seconds since 1970. This is the table's TTL attribute.
    pub expires_at: i64,
}

/// What the worker has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DownloadProgress {
    /// As [`Download::files_done`].
    pub files_done: u32,
    /// As [`Download::files_skipped`].
    pub files_skipped: u32,
    /// As [`Download::bytes_done`].
    pub bytes_done: u64,
}

impl Download {
    /// The maximum number of images of a download.
    pub const MAX_IMAGES: usize = 500;
    /// The maximum of the sum of the lengths of their originals, in bytes.
    pub const MAX_BYTES: u64 = 4_000_000_000;
    /// The maximum number of downloads of a user that wait for their archive. It is also the number of a user's records.
    pub const MAX_PER_USER: u8 = 5;
    /// The maximum number of downloads that a user requests on a day in UTC, so that the cost of a day has a limit.
    pub const MAX_PER_DAY: u32 = 50;
    /// How long an archive exists, in seconds.
    pub const SECONDS: i64 = 24 * 60 * 60;

    /// A download that no worker has begun. `bytes` is the sum of the lengths of the originals.
    #[must_use]
    pub fn new(images: Vec<ImageId>, bytes: u64, now: Timestamp) -> Self {
        Self {
            id: DownloadId::generate(),
            slot: 0,
            number_of_day: 1,
            job: JobId::generate(),
            images,
            files_left_out: 0,
            bytes,
            status: Progress::Queued,
            files_done: 0,
            files_skipped: 0,
            bytes_done: 0,
            failure: None,
            created_at: now,
            expires_at: now.as_second() + Self::SECONDS,
        }
    }

    /// How many downloads the record of this one has had on the day of `now` in UTC.
    #[must_use]
    pub fn number_on_day_of(&self, now: Timestamp) -> u32 {
        if day(self.created_at) == day(now) { self.number_of_day } else { 0 }
    }

    /// The download, unless it has expired at `now`.
    #[must_use]
    pub fn unless_expired(self, now: Timestamp) -> Option<Self> {
        (self.expires_at > now.as_second()).then_some(self)
    }

    /// The object key of the archive, in the bucket of derivatives: `downloads/<user>/<download>.zip`.
    #[must_use]
    pub fn key(&self, user: &UserId) -> String {
        format!("{}{}.zip", downloads_prefix(user), self.id)
    }
}

/// The prefix of the keys of a user's archives. template.yaml lets S3 delete what is below `downloads/`.
#[must_use]
pub fn downloads_prefix(user: &UserId) -> String {
    format!("downloads/{user}/")
}

/// Gives each file of an archive a name of its own. Some systems do not tell upper and lower case apart, so names that
/// differ only in case count as equal. A name cannot lead out of the folder into which somebody unpacks the archive.
#[derive(Debug, Default)]
pub struct ArchiveNames(HashSet<String>);

impl ArchiveNames {
    /// The name of the next file, whose image has this file name.
    pub fn next(&mut self, file_name: &str) -> String {
        // What Windows does not allow in a name ("Naming Files, Paths, and Namespaces").
        let forbidden = |c: char| matches!(c, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*');
        let name: String = file_name.chars().map(|c| if forbidden(c) { '_' } else { c }).collect();
        let name = match name.trim_matches(['.', ' ']) {
            "" => "picture",
            name => name,
        };
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) => (stem, format!(".{extension}")),
            None => (name, String::new()),
        };
        let mut unique = name.to_owned();
        let mut number = 1_u32;
        while !self.0.insert(unique.to_lowercase()) {
            number += 1;
            unique = format!("{stem} ({number}){extension}");
        }
        unique
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_a_name_of_its_own() {
        let mut names = ArchiveNames::default();
        let next = ["a.jpg", "A.jpg", "a.jpg", "a (2).jpg", "b", "b"].map(|name| names.next(name));
        assert_eq!(next, ["a.jpg", "A (2).jpg", "a (3).jpg", "a (2) (2).jpg", "b", "b (2)"]);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let mut names = ArchiveNames::default();
        for (file_name, name) in [
            ("../../etc/passwd", "_.._etc_passwd"),
            ("/tmp/x", "_tmp_x"),
            ("C:\\x.jpg", "C__x.jpg"),
            ("...", "picture"),
            (" .hidden ", "hidden"),
        ] {
            assert_eq!(names.next(file_name), name);
        }
    }

    #[test]
    fn a_download_expires_with_its_archive() {
        let now = crate::now();
        let download = Download::new(vec![ImageId::generate()], 1, now);
        let later = |seconds| Timestamp::from_second(now.as_second() + seconds).unwrap();
        assert!(download.clone().unless_expired(later(Download::SECONDS - 1)).is_some());
        assert!(download.clone().unless_expired(later(Download::SECONDS)).is_none());
        let user = "user-1".parse().unwrap();
        assert_eq!(download.key(&user), format!("downloads/user-1/{}.zip", download.id));
    }

    #[test]
    fn the_downloads_of_a_record_are_counted_for_one_day() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut download = Download::new(vec![ImageId::generate()], 1, time("2026-03-12T23:59:58Z"));
        download.number_of_day = 3;
        assert_eq!(download.number_on_day_of(time("2026-03-12T23:59:59Z")), 3);
        assert_eq!(download.number_on_day_of(time("2026-03-13T00:00:00Z")), 0);
    }
}
