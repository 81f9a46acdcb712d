//! The audit trail: what admins changed.

use serde::{Deserialize, Serialize};

use crate::{AuditId, TierId, Timestamp, UserId};

/// What an admin did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditAction {
    /// Created a user.
    CreateUser,
    /// Changed a user's e-mail address, names, tier or rights.
    UpdateUser,
    /// Sent a user a temporary password.
    ResetUserPassword,
    /// Requested the deletion of a user's account.
    DeleteUser,
    /// Created or changed a tier.
    PutTier,
    /// Deleted a tier.
    DeleteTier,
    /// Changed the name or texts of an image.
    UpdateImage,
    /// Deleted an image.
    DeleteImage,
    /// Changed the texts of an image set.
    UpdateImageset,
    /// Deleted an image set with its images.
    DeleteImageset,
    /// Sent dead letters to their queue again.
    RedriveDeadLetters,
}

/// The kind of thing that an admin changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// A user.
    User,
    /// A tier.
    Tier,
    /// An image.
    Image,
    /// An image set.
    Imageset,
    /// A queue.
    Queue,
}

/// What an admin changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditTarget {
    /// Its kind.
    pub kind: TargetKind,
    /// Its id, or the name of a queue. `None` for a user whose creation failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The owner of an image or of a set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// The file name of an image, or the title of a set, before the change. After a deletion, nothing else says what
    /// was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The details of a change. They contain no personal data: only the names of the fields, and values that describe
/// nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditDetails {
    /// The names of the fields in the request.
    #[serde(default)]
    pub fields: Vec<String>,
    /// The tier into which the user was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<TierId>,
    /// Whether the user may log in from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether the user is an admin from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<bool>,
}

/// Whether a change was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditOutcome {
    /// Nothing is known to have failed.
    Done,
    /// At least a part of the change was not made.
    Failed,
}

/// An entry of the audit trail: one change by one admin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The entry's id.
    pub id: AuditId,
    /// When the admin requested the change.
    pub at: Timestamp,
    /// The admin's id.
    pub admin_id: UserId,
    /// The name with which the admin logs in.
    pub admin_name: String,
    /// What the admin did.
    pub action: AuditAction,
    /// What the admin changed.
    pub target: AuditTarget,
    /// The details.
    pub details: AuditDetails,
    /// Whether the change was made.
    pub outcome: AuditOutcome,
    /// The code of the error, if the change failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When the entry expires, in seconds since 1970.
    pub expires_at: i64,
}

impl AuditEntry {
    /// An entry that is kept for `days`, for a change that begins now.
    #[must_use]
    pub fn new(
        (admin_id, admin_name): (UserId, String),
        action: AuditAction,
        target: AuditTarget,
        details: AuditDetails,
        days: u32,
    ) -> Self {
        let id = AuditId::generate();
        let at = id.time();
        let expires_at = at.as_second() + i64::from(days) * 24 * 60 * 60;
        let outcome = AuditOutcome::Done;
        Self { id, at, admin_id, admin_name, action, target, details, outcome, code: None, expires_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Month;

    #[test]
    fn an_entry_belongs_to_the_month_of_its_id_and_expires_after_its_days() {
        let target = AuditTarget { kind: TargetKind::Tier, id: None, owner: None, name: None };
        let admin = ("ann".parse().unwrap(), "ann".to_owned());
        let entry = AuditEntry::new(admin, AuditAction::PutTier, target, AuditDetails::default(), 2);
        assert_eq!(Month::of(entry.at), Month::of(entry.id.time()));
        assert_eq!(entry.expires_at - entry.at.as_second(), 172_800);
    }
}
