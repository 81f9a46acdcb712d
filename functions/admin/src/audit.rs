//! Entries of the audit trail.

use api::{Caller, Problem};
use domain::{AuditAction, AuditDetails, AuditEntry, AuditTarget, TargetKind, TierId, UserId};
use lambda_http::tracing::error;
use store::{OwnedImage, OwnedSet, Records};

/// Makes the entries of changes.
#[derive(Clone, Copy, Debug)]
pub struct AuditTrail {
    /// How long entries are kept, in days.
    days: u32,
}

impl AuditTrail {
    /// The trail whose `AUDIT_DAYS` the environment contains.
    ///
    /// # Errors
    /// If the variable is missing or no number.
    pub fn from_env() -> Result<Self, api::Error> {
        Ok(Self { days: aws::var("AUDIT_DAYS")?.parse()? })
    }

    /// The trail whose entries are kept for this many days.
    #[must_use]
    pub const fn new(days: u32) -> Self {
        Self { days }
    }

    /// How long entries are kept, in days.
    #[must_use]
    pub fn days(&self) -> u32 {
        self.days
    }

    /// The entry of a change of a user. Of a new user, the id is not known yet.
    #[must_use]
    pub fn user(
        &self,
        caller: &Caller,
        action: AuditAction,
        user: Option<&UserId>,
        details: AuditDetails,
    ) -> AuditEntry {
        let id = user.map(UserId::to_string);
        let target = AuditTarget { kind: TargetKind::User, id, owner: None, name: None };
        self.entry(caller, action, target, details)
    }

    /// The entry of a change of a tier.
    #[must_use]
    pub fn tier(&self, caller: &Caller, action: AuditAction, tier: &TierId) -> AuditEntry {
        let id = Some(tier.to_string());
        let target = AuditTarget { kind: TargetKind::Tier, id, owner: None, name: None };
        self.entry(caller, action, target, AuditDetails::default())
    }

    /// The entry of a change of these fields of an image. `image` is the image before the change.
    #[must_use]
    pub fn image(
        &self,
        caller: &Caller,
        action: AuditAction,
        image: &OwnedImage,
        fields: Vec<String>,
    ) -> AuditEntry {
        let (id, owner) = (Some(image.image.id.to_string()), Some(image.user.clone()));
        let name = Some(image.image.file_name.as_str().to_owned());
        let details = AuditDetails { fields, ..AuditDetails::default() };
        self.entry(caller, action, AuditTarget { kind: TargetKind::Image, id, owner, name }, details)
    }

    /// The entry of a change of these fields of an image set. `set` is the set before the change.
    #[must_use]
    pub fn imageset(
        &self,
        caller: &Caller,
        action: AuditAction,
        set: &OwnedSet,
        fields: Vec<String>,
    ) -> AuditEntry {
        let (id, owner) = (Some(set.set.id.to_string()), Some(set.user.clone()));
        let name = set.set.title.as_ref().map(|title| title.as_str().to_owned());
        let details = AuditDetails { fields, ..AuditDetails::default() };
        self.entry(caller, action, AuditTarget { kind: TargetKind::Imageset, id, owner, name }, details)
    }

    /// The entry of a change of the queues of this name.
    #[must_use]
    pub fn queue(&self, caller: &Caller, action: AuditAction, name: &str) -> AuditEntry {
        let id = Some(name.to_owned());
        let target = AuditTarget { kind: TargetKind::Queue, id, owner: None, name: None };
        self.entry(caller, action, target, AuditDetails::default())
    }

    fn entry(
        &self,
        caller: &Caller,
        action: AuditAction,
        target: AuditTarget,
        details: AuditDetails,
    ) -> AuditEntry {
        let admin = (caller.user.clone(), caller.username.clone());
        AuditEntry::new(admin, action, target, details, self.days)
    }
}

/// The names of the fields that a request contains.
#[must_use]
pub fn present_fields<const N: usize>(all: [(&str, bool); N]) -> Vec<String> {
    all.into_iter().filter(|(_, is_present)| *is_present).map(|(name, _)| name.to_owned()).collect()
}

/// Marks the entry of a change that was written before the change, if the change failed. Returns the result of the change.
///
/// # Errors
/// The error of the change.
pub async fn mark_failure<T>(
    records: &Records,
    entry: &AuditEntry,
    result: Result<T, Problem>,
) -> Result<T, Problem> {
    if let Err(problem) = &result
        && let Err(cause) = records.audit_failed(entry.id, problem.code().as_str()).await
    {
        // The admin needs the error of the change more than this one.
        error!(entry = %entry.id, cause = aws::causes(&cause), "marking an audit entry as failed did not work");
    }
    result
}
