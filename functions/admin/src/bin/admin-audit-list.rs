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
    name: Option<String>,
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
            target: TargetBody { kind: target.kind, id: target.id, user_id: target.owner, name: target.name },
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, USER, items, ok};

    use super::*;

    async fn answer(aws: &FakeAws, query: &str) -> Answer {
        let key = CursorKey::new("stack".to_owned());
        let request = TestRequest::new("GET").admin().query(query).build();
        list(&aws.records(), &AuditTrail::new(1), &key, request).await.into()
    }

    /// The response to the query of this month, and an empty one to that of the month before, which the list needs on
    /// the first day of a month.
    fn aws(entries: &[Value]) -> FakeAws {
        FakeAws::new([ok("Query", items(entries)), ok("Query", items(&[]))])
    }

    fn entry(id: &str) -> Value {
        json!({
            "id": id,
            "at": "2026-03-12T19:03:58Z",
            "admin_id": USER,
            "admin_name": "ann",
            "action": "update-user",
            "target": {"kind": "user", "id": "user-1"},
            "details": {"fields": ["tier"], "tier": "premium"},
            "outcome": "failed",
            "code": "tier-changed",
            "expires_at": 9_999_999_999_i64,
        })
    }

    #[tokio::test]
    async fn an_entry_says_who_changed_what_and_whether_it_failed() {
        let aws = aws(&[entry("01JZ8Q4T2N6V5X3R9C7M1K0B8D")]);
        insta::assert_json_snapshot!(answer(&aws, "").await, @r#"
        {
          "status": 200,
          "body": {
            "entries": [
              {
                "action": "update-user",
                "admin": {
                  "id": "5f0c3c9e-0000-4000-8000-000000000000",
                  "username": "ann"
                },
                "at": "2026-03-12T19:03:58Z",
                "code": "tier-changed",
                "details": {
                  "admin": null,
                  "enabled": null,
                  "fields": [
                    "tier"
                  ],
                  "tier": "premium"
                },
                "id": "01JZ8Q4T2N6V5X3R9C7M1K0B8D",
                "outcome": "failed",
                "target": {
                  "id": "user-1",
                  "kind": "user",
                  "name": null,
                  "user_id": null
                }
              }
            ],
            "next_cursor": null
          }
        }
        "#);
        // One more than the page needs.
        assert_eq!(aws.calls()[0].1["Limit"], 21);
    }

    #[tokio::test]
    async fn an_entry_about_a_deleted_image_says_what_it_was_and_whose() {
        let mut deleted = entry("01JZ8Q4T2N6V5X3R9C7M1K0B8D");
        deleted["action"] = json!("delete-image");
        deleted["target"] = json!({"kind": "image", "id": IMAGE_ID, "owner": USER, "name": "beach.jpg"});
        let answer = answer(&aws(&[deleted]), "").await;
        let expected = json!({"kind": "image", "id": IMAGE_ID, "user_id": USER, "name": "beach.jpg"});
        assert_eq!(answer.body["entries"][0]["target"], expected);
    }

    #[tokio::test]
    async fn an_entry_of_a_later_release_is_left_out() {
        let known = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";
        let mut of_action = entry("01JZ8Q4T2N6V5X3R9C7M1K0B8E");
        of_action["action"] = json!("invent-something");
        let mut of_target = entry("01JZ8Q4T2N6V5X3R9C7M1K0B8F");
        of_target["target"]["kind"] = json!("invention");
        let answer = answer(&aws(&[of_target, of_action, entry(known)]), "").await;
        let ids = answer.body["entries"].as_array().unwrap().iter().map(|entry| entry["id"].clone());
        assert_eq!((answer.status, ids.collect::<Vec<_>>()), (200, vec![json!(known)]));
    }

    #[tokio::test]
    async fn the_next_page_begins_after_the_last_entry_of_the_same_list() {
        let [newer, older] = [AuditId::generate(), AuditId::generate()].map(|id| id.to_string());
        let first = answer(&aws(&[entry(&newer), entry(&older)]), "limit=1").await;
        assert_eq!(first.body["entries"].as_array().map(Vec::len), Some(1));
        let cursor = first.body["next_cursor"].as_str().unwrap();

        let aws = aws(&[entry(&older)]);
        let second = answer(&aws, &format!("limit=1&cursor={cursor}")).await;
        assert_eq!(
            (&second.body["entries"][0]["id"], &second.body["next_cursor"]),
            (&json!(older), &Value::Null)
        );
        let input = &aws.calls()[0].1;
        assert_eq!(input["KeyConditionExpression"], "#pk = :v0 AND #sk < :v1");
        assert_eq!(input["ExpressionAttributeValues"][":v1"], json!({"S": newer}));

        let other = FakeAws::new([]);
        let refused = answer(&other, &format!("target=gold&cursor={cursor}")).await;
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!("bad-cursor")));
        assert!(other.calls().is_empty());
    }

    #[tokio::test]
    async fn a_filter_finds_the_admin_and_the_target_or_its_owner() {
        let aws = aws(&[]);
        let answer = answer(&aws, &format!("admin={USER}&target=gold")).await;
        assert_eq!((answer.status, answer.body), (200, json!({"entries": [], "next_cursor": null})));
        let input = &aws.calls()[0].1;
        let expected = "#expires_at > :v1 AND #at >= :v2 AND #admin_id = :v3 \
                        AND (#target.#id = :v4 OR #target.#owner = :v5)";
        assert_eq!(input["FilterExpression"], expected);
        // The filter may leave out most of what a query reads.
        assert_eq!(input["Limit"], Value::Null);
    }

    #[tokio::test]
    async fn an_invalid_filter_is_refused_without_a_call() {
        let aws = FakeAws::new([]);
        let long = "x".repeat(65);
        for (query, field) in [
            ("admin=a%20b".to_owned(), "admin"),
            (format!("admin={long}"), "admin"),
            (format!("target={long}"), "target"),
            ("limit=0".to_owned(), "limit"),
        ] {
            let answer = answer(&aws, &query).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{query}");
        }
        assert!(aws.calls().is_empty());
    }
}
