//! Concurrent uploads use a quota exactly. The test uses a real table.
//!
//! `cargo xtask test` runs it against the stack under test, with the environment of a function.

use anyhow::Result;
use domain::{ContentType, Image, ImageId, LimitError, NewImage, Quota, Tier, TierId, Upload, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use store::{CreateError, IdempotencyKey, Records};

const MAX_IMAGES: usize = 500;
const REQUESTS: usize = 1000;
/// With more, the emulator answers later than an attempt may take.
const AT_ONCE: usize = 200;

/// Creates an image, and returns whether the quota allowed it. Retries with the same idempotency key, as clients should.
async fn creates_an_image(records: &Records, user: &UserId, request: usize) -> Result<bool> {
    let key = IdempotencyKey { key: format!("request-{request}"), request: "the same".to_owned() };
    let new = NewImage {
        file_name: "a".to_owned().try_into()?,
        title: None,
        description: None,
        upload: Upload { content_type: ContentType::Png, size: 1000.try_into()?, checksum_sha256: None },
    };
    let image = [Image::pending(new, domain::now())];
    loop {
        match records.create_images(user, &image, Some(&key), domain::now()).await {
            Ok(_) => return Ok(true),
            Err(CreateError::Limit(LimitError::QuotaExceeded(Quota::Images, _))) => return Ok(false),
            Err(CreateError::Call(aws::CallError::Unavailable(_))) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[tokio::test]
async fn of_a_thousand_uploads_exactly_as_many_succeed_as_there_are_places() -> Result<()> {
    let records = Records::from_env(&aws::config()?)?;
    let user: UserId = ImageId::generate().to_string().parse()?;
    let tier: TierId = ImageId::generate().to_string().to_lowercase().try_into()?;
    let basic = records.default_tier().await?;
    let tier = Tier {
        id: tier,
        max_images: MAX_IMAGES as u64,
        max_pending_uploads: REQUESTS as u64,
        revision: 1,
        ..basic
    };
    assert!(records.create_tier(&tier).await?);
    assert!(records.set_tier(&user, &tier, domain::now()).await?);

    let requests = (0..REQUESTS).map(|request| creates_an_image(&records, &user, request));
    let made: Vec<bool> = stream::iter(requests).buffer_unordered(AT_ONCE).try_collect().await?;
    let made = made.into_iter().filter(|made| *made).count();
    assert_eq!(made, MAX_IMAGES);
    let usage = records.profile_or_default(&user).await?.usage;
    assert_eq!((usage.images, usage.bytes), (MAX_IMAGES as u64, MAX_IMAGES as u64 * 1000));
    Ok(())
}
