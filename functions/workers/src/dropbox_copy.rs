//! From an original to its copy in Dropbox.

use domain::{DropboxPath, ObjectKey};
use providers::Account;
use store::{Objects, OriginalPart};

use crate::{JobError, failure};

/// So much of a file is in memory at a time, in bytes: a multiple of 4 MiB, as Dropbox wants it.
const PART: u64 = 8 << 20;

/// Copies an original, in parts where it is larger than one, and gives the link to the copy. Done again, it comes to
/// the same copy.
///
/// # Errors
/// [`JobError`]
pub async fn dropbox_copy(
    objects: &Objects,
    account: &Account<'_>,
    original: &ObjectKey,
    path: &DropboxPath,
) -> Result<String, JobError> {
    let OriginalPart { bytes, total } = part(objects, original, 0).await?;
    let mut sent = bytes.len() as u64;
    if sent == total {
        account.upload(path, bytes).await?;
        return Ok(account.shared_link(path).await?);
    }
    let mut session = account.start_session(bytes).await?;
    loop {
        let OriginalPart { bytes, .. } = part(objects, original, sent).await?;
        sent += bytes.len() as u64;
        if sent == total {
            account.finish(session, path, bytes).await?;
            return Ok(account.shared_link(path).await?);
        }
        account.append(&mut session, bytes).await?;
    }
}

async fn part(objects: &Objects, original: &ObjectKey, start: u64) -> Result<OriginalPart, JobError> {
    let part = objects.original_part(original, start, PART).await?;
    part.ok_or_else(|| JobError::Permanent(failure("no-picture", "The image has no such picture.")))
}
