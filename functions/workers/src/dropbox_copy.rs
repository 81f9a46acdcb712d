//! Copies originals from S3 to Dropbox.

use domain::{DropboxPath, ObjectKey};
use providers::Account;
use store::{Objects, OriginalPart};

use crate::{JobError, no_picture};

/// The length of a part in bytes. One part is in memory at a time. Dropbox requires a multiple of 4 MiB.
const PART_BYTES: u64 = 8 << 20;

/// Copies an original and returns the shared link of the copy. Originals that are longer than one part are copied in
/// parts. Repeating the call results in the same copy.
///
/// # Errors
/// [`JobError`]
pub async fn copy_to_dropbox(
    objects: &Objects,
    account: &Account<'_>,
    original: &ObjectKey,
    path: &DropboxPath,
) -> Result<String, JobError> {
    let OriginalPart { bytes, total } = read_part(objects, original, 0).await?;
    let mut sent = bytes.len() as u64;
    if sent == total {
        account.upload(path, bytes).await?;
        return Ok(account.shared_link(path).await?);
    }
    let mut session = account.start_session(bytes).await?;
    loop {
        let OriginalPart { bytes, .. } = read_part(objects, original, sent).await?;
        sent += bytes.len() as u64;
        if sent == total {
            account.finish(session, path, bytes).await?;
            return Ok(account.shared_link(path).await?);
        }
        account.append(&mut session, bytes).await?;
    }
}

async fn read_part(objects: &Objects, original: &ObjectKey, start: u64) -> Result<OriginalPart, JobError> {
    objects.original_part(original, start, PART_BYTES).await?.ok_or_else(no_picture)
}
