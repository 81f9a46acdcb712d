//! The audit trail: what admins changed. An entry of a change in the table is in the transaction of this change. An entry
//! of a change in Cognito is written before the change, and marked if the change fails.

use aws::CallError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{AuditEntry, AuditId, AuditOutcome, Month, Timestamp, UserId};
use futures_util::future::try_join_all;

use crate::dynamodb::{
    condition::{Condition, eq, exists, ge, gt, lt},
    keys::{audit_key, audit_month, item, number, readable, string, value},
    records::{Page, Records, is_condition},
    update::Update,
};

/// Which entries a list contains.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// This admin made the change.
    pub admin: Option<UserId>,
    /// The change was made to the thing with this id, or to a thing of the user with this id.
    pub target: Option<String>,
}

impl Records {
    /// Writes an entry before its change.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn record_audit(&self, entry: &AuditEntry) -> Result<(), CallError> {
        let put = self.dynamodb.put_item().table_name(&self.table);
        put.set_item(Some(item(audit_key(entry.id), entry)?)).send().await?;
        Ok(())
    }

    /// Adds the id of the created user to an entry.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn audit_created(&self, entry: AuditId, user: &UserId) -> Result<(), CallError> {
        self.update_audit(Update::new(audit_key(entry)).set("target.id", string(user.as_str()))).await
    }

    /// Marks an entry: at least a part of its change was not made. `code` is the code of the error.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn audit_failed(&self, entry: AuditId, code: &str) -> Result<(), CallError> {
        let update = Update::new(audit_key(entry))
            .set("outcome", value(AuditOutcome::Failed)?)
            .set("code", string(code));
        self.update_audit(update).await
    }

    async fn update_audit(&self, update: Update) -> Result<(), CallError> {
        match update.when(exists("pk")).alone(self)?.send().await {
            Ok(_) => Ok(()),
            // The entry has expired.
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// An item of a transaction that writes an entry together with its change.
    pub(crate) fn audit_in_transaction(&self, entry: &AuditEntry) -> Result<TransactWriteItem, CallError> {
        self.put_in_transaction(item(audit_key(entry.id), entry)?, None)
    }

    /// The entries since `oldest`, newest first, beginning after `after`. A page can be short or empty although more
    /// entries follow. `next` shows whether more follow. An entry that this release cannot read is left out.
    ///
    /// One query for each month, at most sixteen, all at the same time.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn audit_entries(
        &self,
        filter: &AuditFilter,
        after: Option<AuditId>,
        limit: usize,
        (oldest, now): (Timestamp, Timestamp),
    ) -> Result<Page<AuditEntry, AuditId>, CallError> {
        let newest = Month::of(after.map_or(now, AuditId::time));
        let until = Month::of(oldest);
        let mut months = std::iter::successors(Some(newest), |month| Some(month.previous()))
            .take_while(|month| *month >= until)
            .take(MONTHS_AT_ONCE + 1)
            .collect::<Vec<_>>();
        let has_more = months.len() > MONTHS_AT_ONCE;
        months.truncate(MONTHS_AT_ONCE);
        let pages = months.iter().map(|month| self.audit_month(*month, filter, after, limit, (oldest, now)));
        let mut entries = Vec::new();
        for (month, (some, scanned_to)) in months.iter().zip(try_join_all(pages).await?) {
            entries.extend(some);
            // The rest of this month comes before the entries of older months.
            if scanned_to.is_some() {
                return Ok(Page::new(entries, limit, |entry: &AuditEntry| entry.id, scanned_to));
            }
            if entries.len() > limit {
                break;
            }
            if has_more && Some(month) == months.last() {
                return Ok(Page::new(entries, limit, |entry| entry.id, Some(AuditId::first_in(*month))));
            }
        }
        Ok(Page::new(entries, limit, |entry| entry.id, None))
    }

    /// The entries of a month, and the oldest id that the query has read, if the month has older entries.
    async fn audit_month(
        &self,
        month: Month,
        filter: &AuditFilter,
        after: Option<AuditId>,
        limit: usize,
        (oldest, now): (Timestamp, Timestamp),
    ) -> Result<(Vec<AuditEntry>, Option<AuditId>), CallError> {
        let mut keys = eq("pk", audit_month(month));
        if let Some(after) = after {
            keys = keys.and(lt("sk", string(after.to_string())));
        }
        // DynamoDB deletes an item some time after it has expired.
        let shown = gt("expires_at", number(now.as_second())).and(ge("at", value(oldest)?));
        let condition = filter.conditions()?.into_iter().fold(shown, Condition::and);
        let mut query = self.query(keys, Some(condition))?.scan_index_forward(false);
        if filter.admin.is_none() && filter.target.is_none() {
            // One more than the page needs, to know whether more follow.
            query = query.limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        }
        let answer = query.send().await?;
        let entries = answer.items.unwrap_or_default().into_iter().filter_map(readable).collect();
        let last = answer.last_evaluated_key;
        Ok((entries, last.as_ref().and_then(|key| key.get("sk")?.as_s().ok()?.parse().ok())))
    }
}

/// How many months a list reads at the same time.
const MONTHS_AT_ONCE: usize = 16;

impl AuditFilter {
    fn conditions(&self) -> Result<Vec<Condition>, CallError> {
        let mut conditions = Vec::new();
        if let Some(admin) = &self.admin {
            conditions.push(eq("admin_id", value(admin)?));
        }
        if let Some(target) = &self.target {
            conditions.push(eq("target.id", string(target)).or(eq("target.owner", string(target))));
        }
        Ok(conditions)
    }
}
