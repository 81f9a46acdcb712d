//! `GET /api/admin/audit`: returns a page of the audit trail, newest first.

use admin::AuditTrail;
use api::{Caller, CursorKey, Error, Problem, Query, Reply, Request, StatusCode};
use domain::{AuditAction, AuditEntry, AuditId, AuditOutcome, TargetKind, TierId, Timestamp, UserId};
use serde::Serialize;
use store::{AuditFilter, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (records, audit) = (Records::from_env(&aws::config()?)?, AuditTrail::from_env()?);
    let key = CursorKey::from_env()?;
    api::serve(|request| list(&records, &audit, &key, request)).await
}

#[derive(Debug, Serialize)]
struct PageBody {
    entries: Vec<EntryBody>,
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
struct EntryBody {
    id: AuditId,
    at: Timestamp,
    admin: AdminBody,
    action: AuditAction,
    target: TargetBody,
    details: DetailsBody,
    outcome: AuditOutcome,
    code: Option<String>,
}

#[derive(Debug, Serialize)]
struct AdminBody {
    id: UserId,
    username: String,
}

#[derive(Debug, Serialize)]
struct TargetBody {
    kind: TargetKind,
    id: Option<String>,
    user_id: Option<UserId>,
}

#[derive(Debug, Serialize)]
struct DetailsBody {
    fields: Vec<String>,
    tier: Option<TierId>,
    enabled: Option<bool>,
    admin: Option<bool>,
}

async fn list(records: &Records, audit: &AuditTrail, key: &CursorKey, request: Request) -> Reply {
    const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
    let caller = Caller::admin(&request).await?;
    let query = Query::of(&request);
    let (limit, filter) = (query.limit()?, filter(&query)?);
    let filter_text = format!("{filter:?}");
    let cursor = key.of("audit", &caller.user, &filter_text);
    let after = query.cursor(&cursor)?;

    let now = domain::now();
    let oldest = now.as_second() - i64::from(audit.days()) * SECONDS_PER_DAY;
    let oldest = Timestamp::from_second(oldest).map_err(Problem::internal)?;
    let page = records.audit_entries(&filter, after, limit, (oldest, now)).await?;
    let entries = page.items.into_iter().map(EntryBody::from).collect();
    api::json(StatusCode::OK, &PageBody { entries, next_cursor: page.next.map(|id| cursor.encode(id)) })
}

fn filter(query: &Query<'_>) -> Result<AuditFilter, Problem> {
    const MAX_ID: usize = 64;
    let id = |name: &'static str| match query.text(name) {
        Some(text)
            if text.len() > MAX_ID || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') =>
        {
            Err(Problem::invalid_field(name, format!("{name}: an id of at most {MAX_ID} characters")))
        }
        text => Ok(text),
    };
    let admin = id("admin")?.map(str::parse).transpose();
    let admin = admin.map_err(|_| Problem::invalid_field("admin", "admin: the id of a user"))?;
    Ok(AuditFilter { admin, target: id("target")?.map(str::to_owned) })
}

impl From<AuditEntry> for EntryBody {
    fn from(entry: AuditEntry) -> Self {
        let (target, details) = (entry.target, entry.details);
        Self {
            id: entry.id,
            at: entry.at,
            admin: AdminBody { id: entry.admin_id, username: entry.admin_name },
            action: entry.action,
            target: TargetBody { kind: target.kind, id: target.id, user_id: target.owner },
            details: DetailsBody {
                fields: details.fields,
                tier: details.tier,
                enabled: details.enabled,
                admin: details.admin,
            },
            outcome: entry.outcome,
            code: entry.code,
        }
    }
}
