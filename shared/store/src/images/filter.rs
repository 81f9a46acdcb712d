//! Conditions on the state of an image.

use domain::{Status, Timestamp};

use crate::dynamodb::{
    condition::{Condition, eq, gt, le, not_exists},
    keys::{number, string},
};

/// An expired image is hidden at once, although DynamoDB deletes it later.
pub(crate) fn not_expired(now: Timestamp) -> Condition {
    not_exists("expires_at").or(gt("expires_at", number(now.as_second())))
}

/// Requests of the owner see the image: it has not expired and is not in the trash.
pub(crate) fn is_shown(now: Timestamp) -> Condition {
    not_expired(now).and(not_exists("trash"))
}

/// The image waits for its upload, or its upload arrived before: neither the image nor its replacement has expired.
pub(crate) fn awaits_upload(now: Timestamp) -> Condition {
    not_expired(now).and(not_exists("replace_by").or(gt("replace_by", number(now.as_second()))))
}

/// The image has this status at the time `now`.
pub(crate) fn status_is(status: Status, now: Timestamp) -> Condition {
    let is_stored = eq("status", string(status.as_str()));
    let now = number(now.as_second());
    match status {
        // After its deadline a replacement is stored as pending for a while, but the image is ready.
        Status::Ready => is_stored.or(le("replace_by", now)),
        Status::Pending => is_stored.and(not_exists("replace_by").or(gt("replace_by", now))),
        Status::Processing | Status::Failed => is_stored,
    }
}
