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
