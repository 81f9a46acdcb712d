//! `PUT /api/admin/account-tiers/{id}`: creates a tier or changes its rules. Within seconds, a worker copies the
//! new rules to its users.

use admin::{AuditTrail, Pool, require_admin};
use api::{Caller, Error, Problem, Reply, Request, StatusCode, TierBody};
use domain::{AuditAction, DefaultTier, InvalidField, ThumbnailSizes, Tier, TierId, TierName, UploadSize};
use serde::Deserialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    let audit = AuditTrail::from_env()?;
    api::serve(|request| put(&pool, &records, &audit, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    name: TierName,
    thumbnail_sizes: ThumbnailSizes,
    original_link: bool,
    expiring_links: bool,
    renditions: Option<bool>,
    max_image_bytes: UploadSize,
    max_images: Count,
    max_sets: Option<Count>,
    max_links: Option<Count>,
    max_pending_uploads: Option<Count>,
    ai: bool,
    max_ai_calls_per_day: Option<Count>,
    trash_days: Option<TrashDays>,
}

/// At most a billion.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u64")]
struct Count(u64);

/// At most a year.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u64")]
struct TrashDays(u64);

async fn put(pool: &Pool, records: &Records, audit: &AuditTrail, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let id = TierId::try_from(api::path(&request, "id").to_owned())
        .map_err(|error| Problem::from(("id", error)))?;
    let body: Body = api::body(&request)?;
    // Clients of earlier versions do not know these limits. Such a client must not change them.
    let limits = [body.max_sets, body.max_links, body.max_pending_uploads, body.max_ai_calls_per_day];
    let is_complete =
        body.renditions.is_some() && body.trash_days.is_some() && limits.iter().all(Option::is_some);
    let before =
        async { if is_complete { Ok(None) } else { records.tier(&id).await.map_err(Problem::from) } };
    let ((), before) = tokio::try_join!(require_admin(pool, &caller), before)?;
    let before = before.unwrap_or_else(|| DefaultTier::Basic.rules());
    let [max_sets, max_links, max_pending_uploads, max_ai_calls_per_day] = limits;
    let or = |limit: Option<Count>, before: u64| limit.map_or(before, |Count(limit)| limit);
    let tier = Tier {
        id,
        name: body.name,
        thumbnail_sizes: body.thumbnail_sizes.into(),
        original_link: body.original_link,
        expiring_links: body.expiring_links,
        renditions: body.renditions.unwrap_or(before.renditions),
        max_image_bytes: body.max_image_bytes.bytes(),
        max_images: body.max_images.0,
        max_sets: or(max_sets, before.max_sets),
        max_links: or(max_links, before.max_links),
        max_pending_uploads: or(max_pending_uploads, before.max_pending_uploads),
        ai: body.ai,
        max_ai_calls_per_day: or(max_ai_calls_per_day, before.max_ai_calls_per_day),
        trash_days: body.trash_days.map_or(before.trash_days, |TrashDays(days)| days),
        revision: 0,
    };
    records.put_tier(&tier, &audit.tier(&caller, AuditAction::PutTier, &tier.id)).await?;
    api::json(StatusCode::OK, &TierBody::from(tier))
}

impl TryFrom<u64> for Count {
    type Error = InvalidField;

    fn try_from(count: u64) -> Result<Self, InvalidField> {
        let fits = count <= 1_000_000_000;
        fits.then_some(Self(count)).ok_or_else(|| InvalidField::from("must be at most 1000000000"))
    }
}

impl TryFrom<u64> for TrashDays {
    type Error = InvalidField;

    fn try_from(days: u64) -> Result<Self, InvalidField> {
        let fits = days <= Tier::MAX_TRASH_DAYS;
        fits.then_some(Self(days)).ok_or_else(|| InvalidField::from("must be at most 365"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, item, ok, pool_user, tier};

    use super::*;

    async fn answer(aws: &FakeAws, id: &str, body: &Value) -> Answer {
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        let request = TestRequest::new("PUT").admin().path("id", id).json(body).build();
        put(&pool, &aws.records(), &AuditTrail::new(400), request).await.into()
    }

    /// This user is the only admin.
    fn admin(id: &str) -> (&'static str, u16, Value) {
        ok("ListUsersInGroup", json!({"Users": [pool_user(id)]}))
    }

    /// The body that clients of the first version send.
    fn first_version() -> Value {
        json!({
            "name": "Gold",
            "thumbnail_sizes": [400, 200],
            "original_link": true,
            "expiring_links": true,
            "max_image_bytes": 25_000_000,
            "max_images": 1000,
            "ai": true,
        })
    }

    fn complete() -> Value {
        let mut body = first_version();
        body["renditions"] = json!(true);
        body["max_sets"] = json!(10);
        body["max_links"] = json!(20);
        body["max_pending_uploads"] = json!(30);
        body["max_ai_calls_per_day"] = json!(40);
        body["trash_days"] = json!(7);
        body
    }

    #[tokio::test]
    async fn a_complete_tier_is_written_with_its_entry_and_nothing_is_read_before() {
        let aws = FakeAws::new([admin(USER), ok("TransactWriteItems", json!({}))]);
        insta::assert_json_snapshot!(answer(&aws, "gold", &complete()).await, @r#"
        {
          "status": 200,
          "body": {
            "ai": true,
            "expiring_links": true,
            "id": "gold",
            "max_ai_calls_per_day": 40,
            "max_image_bytes": 25000000,
            "max_images": 1000,
            "max_links": 20,
            "max_pending_uploads": 30,
            "max_sets": 10,
            "name": "Gold",
            "original_link": true,
            "renditions": true,
            "thumbnail_sizes": [
              200,
              400
            ],
            "trash_days": 7
          }
        }
        "#);
        assert_eq!(aws.operations(), ["ListUsersInGroup", "TransactWriteItems"]);
        let items = aws.calls()[1].1["TransactItems"].clone();
        assert_eq!(items[0]["Update"]["Key"], json!({"pk": {"S": "TIER"}, "sk": {"S": "TIER#gold"}}));
        let entry = &items[1]["Put"]["Item"];
        assert_eq!(entry["action"], json!({"S": "put-tier"}));
        assert_eq!(entry["target"]["M"], json!({"kind": {"S": "tier"}, "id": {"S": "gold"}}));
    }

    #[tokio::test]
    async fn limits_that_a_client_does_not_know_keep_their_values() {
        let mut stored = tier();
        stored["id"] = json!("gold");
        (stored["renditions"], stored["max_sets"], stored["trash_days"]) = (json!(true), json!(7), json!(14));
        let aws =
            FakeAws::new([admin(USER), ok("GetItem", item(&stored)), ok("TransactWriteItems", json!({}))]);
        let mut body = first_version();
        body["max_links"] = json!(20);
        let answer = answer(&aws, "gold", &body).await;
        assert_eq!(answer.status, 200);
        let tier = &answer.body;
        assert_eq!((&tier["renditions"], &tier["max_sets"]), (&json!(true), &json!(7)));
        assert_eq!((&tier["trash_days"], &tier["max_links"]), (&json!(14), &json!(20)));
    }

    #[tokio::test]
    async fn a_new_tier_gets_the_limits_of_basic_that_a_client_does_not_know() {
        let aws = FakeAws::new([admin(USER), ok("GetItem", json!({})), ok("TransactWriteItems", json!({}))]);
        let answer = answer(&aws, "gold", &first_version()).await;
        assert_eq!(answer.status, 200);
        let tier = &answer.body;
        assert_eq!((&tier["renditions"], &tier["max_sets"]), (&json!(false), &json!(100)));
        assert_eq!((&tier["trash_days"], &tier["max_ai_calls_per_day"]), (&json!(30), &json!(10)));
    }

    #[tokio::test]
    async fn an_invalid_tier_is_refused_without_a_call() {
        let aws = FakeAws::new([]);
        for (field, value) in [
            ("trash_days", json!(366)),
            ("max_sets", json!(1_000_000_001)),
            ("max_images", json!(-1)),
            ("thumbnail_sizes", json!([200, 200])),
            ("name", json!("")),
        ] {
            let mut body = complete();
            body[field] = value;
            let answer = answer(&aws, "gold", &body).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{body}");
        }
        let answer = answer(&aws, "Gold", &complete()).await;
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!("id")));
        assert!(aws.calls().is_empty());
    }

    #[tokio::test]
    async fn a_removed_admin_changes_nothing() {
        let aws = FakeAws::new([admin("another")]);
        let answer = answer(&aws, "gold", &complete()).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("admins-only")));
        assert_eq!(aws.operations(), ["ListUsersInGroup"]);
    }
}
