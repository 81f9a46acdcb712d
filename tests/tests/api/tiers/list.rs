//! `GET /api/account-tiers`

use anyhow::{Context, Result};
use serde_json::json;
use tests::{Stack, send};

#[tokio::test]
async fn everybody_sees_the_seeded_tiers_the_smaller_first() -> Result<()> {
    let stack = Stack::connect()?;
    let answer = send(stack.request(reqwest::Method::GET, "/api/account-tiers")).await?;
    let tiers = answer.json(200)?["account_tiers"].take();
    let tiers = tiers.as_array().context("no list")?;
    let seeded = [
        json!({
            "id": "basic", "name": "Basic", "thumbnail_sizes": [200], "original_link": false,
            "expiring_links": false, "renditions": false, "max_image_bytes": 10_000_000, "max_images": 100,
            "max_sets": 100, "max_links": 100, "max_pending_uploads": 100, "max_ai_calls_per_day": 10, "trash_days": 30,
            "ai": false,
        }),
        json!({
            "id": "premium", "name": "Premium", "thumbnail_sizes": [200, 400], "original_link": true,
            "expiring_links": false, "renditions": false, "max_image_bytes": 25_000_000, "max_images": 1000,
            "max_sets": 1000, "max_links": 500, "max_pending_uploads": 500, "max_ai_calls_per_day": 50, "trash_days": 30,
            "ai": false,
        }),
        json!({
            "id": "enterprise", "name": "Enterprise", "thumbnail_sizes": [200, 400, 1200], "original_link": true,
            "expiring_links": true, "renditions": true, "max_image_bytes": 50_000_000, "max_images": 10_000,
            "max_sets": 10000, "max_links": 1000, "max_pending_uploads": 1000, "max_ai_calls_per_day": 200, "trash_days": 30,
            "ai": true,
        }),
    ];
    // Tests of the admin endpoints add others at the same time.
    let seen: Vec<_> = tiers.iter().filter(|tier| seeded.contains(tier)).collect();
    assert_eq!(seen, seeded.iter().collect::<Vec<_>>());
    Ok(())
}
