//! Sends every request of the store to a fake table that refuses what DynamoDB would refuse, so that a bad expression
//! fails here without a stack.
//!
//! The table is `tests/judge/table.js`, which accepts every valid write. `cargo xtask test` installs it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    str::FromStr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::{Client, Config};
use domain::{
    Addition, Analysis, ApiKey, ApiKeyText, Attempt, AttemptError, AuditAction, AuditDetails, AuditEntry,
    AuditId, AuditTarget, ContentType, CreationBucket, Delivery, DeliveryId, DeliveryStatus, DisabledReason,
    Download, DownloadProgress, DropboxCopy, DropboxPath, Event, EventData, EventType, Exif, ExpiringLink,
    Failure, Findings, Image, ImageId, ImageSet, Job, JobId, Lease, LinkId, Location, NewImage, ObjectKey,
    Order, Picture, Placeholder, Profile, Progress, Rendition, Scope, SearchWords, Sequencer, SetChange,
    SetId, SetPlace, SetText, Sha256, Slot, SortBy, Status, TargetKind, Task, Thumbnail, Tier, TierId,
    Timestamp, Trash, Upload, UploadLink, UploadLinkId, Usage, UserId, Webhook, WebhookId, WebhookSecret,
    WebhookSecrets, day,
};

use crate::{
    AuditFilter, Change, Created, Developed, Filter, IdempotencyKey, ImageSearch, MadeRendition, OlderItems,
    PendingEmail, Records, Refund, RenditionClaim, RenditionItem, ResizeClaim, SetFilter, TakenRange,
    WebhookChange,
    dynamodb::keys::{
        Item, download_key, image_item, image_key, item, job_key, link_key, number, profile_key,
        rendition_key, set_item, set_key, tier_key, trash_key, upload_link_key,
    },
    images::words::words_item,
    usage::Count,
};

const MISSING: &str = "these tests need the judge: run `cargo xtask test`, which installs it";

/// A table that refuses what DynamoDB would refuse.
struct Judged {
    records: Records,
    table: Child,
    output: BufReader<ChildStdout>,
    user: UserId,
    now: Timestamp,
}

impl Judged {
    async fn start() -> Result<Self> {
        let variable = |name| std::env::var_os(name).context(MISSING);
        let mut node = Command::new(variable("DARKROOM_NODE")?);
        node.arg(variable("DARKROOM_JUDGED_TABLE")?).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut table = node.spawn()?;
        let mut output = BufReader::new(table.stdout.take().context("no output")?);
        let mut address = String::new();
        output.read_line(&mut address)?;
        let config = Config::from(&aws::config().context(MISSING)?).to_builder().endpoint_url(address.trim());
        let dynamodb = Client::from_conf(config.build());
        let records = Records { dynamodb, table: "darkroom".to_owned(), default_tier: <_>::default() };
        let user = ImageId::generate().to_string().parse()?;
        let judged = Self { records, table, output, user, now: domain::now() };
        judged.put(item(tier_key(&tier()?.id), tier()?)?).await?;
        Ok(judged)
    }

    /// Puts an item into the table.
    async fn put(&self, item: Item) -> Result<()> {
        let put = self.records.dynamodb.put_item().table_name(&self.records.table).set_item(Some(item));
        put.send().await?;
        Ok(())
    }

    async fn with_profile(self) -> Result<Self> {
        self.put(item(profile_key(&self.user), Profile::new(tier()?))?).await?;
        Ok(self)
    }

    /// Puts an image into the table.
    async fn image(&self, change: impl FnOnce(&mut Image)) -> Result<Image> {
        let new = NewImage {
            file_name: "a.png".to_owned().try_into()?,
            title: None,
            description: None,
            upload: upload(100)?,
        };
        let mut image = Image::pending(new, self.now);
        change(&mut image);
        self.put(image_item(&self.user, &image)?).await?;
        Ok(image)
    }

    /// Puts an image with a picture into the table.
    async fn ready(&self) -> Result<Image> {
        self.image(|image| {
            image.status = Status::Ready;
            image.expires_at = None;
            image.picture = Some(picture(image.upload.clone()));
        })
        .await
    }

    /// Fails if the table refused a request.
    fn end(mut self) -> Result<()> {
        drop(self.table.stdin.take());
        let refusals: Vec<String> = self.output.lines().collect::<Result<_, _>>()?;
        ensure!(refusals.is_empty(), "DynamoDB would refuse:\n{}", refusals.join("\n"));
        ensure!(self.table.wait()?.success(), "the judge failed");
        Ok(())
    }
}

fn tier() -> Result<Tier> {
    Ok(Tier {
        id: TierId::default_for_new_users(),
        name: "Basic".to_owned().try_into()?,
        thumbnail_sizes: vec![200],
        original_link: true,
        expiring_links: true,
        renditions: true,
        max_image_bytes: 1_000,
        max_images: 100,
        max_sets: 100,
        max_links: 100,
        max_pending_uploads: 100,
        ai: true,
        max_ai_calls_per_day: 100,
        trash_days: 30,
        revision: 1,
    })
}

/// The entry of a change by an admin.
fn entry() -> AuditEntry {
    let admin = (UserId::from_str("admin").unwrap_or_else(|_| unreachable!()), "admin".to_owned());
    let target = AuditTarget { kind: TargetKind::User, id: None, owner: None, name: None };
    AuditEntry::new(admin, AuditAction::UpdateUser, target, AuditDetails::default(), 400)
}

fn upload(bytes: u64) -> Result<Upload> {
    Ok(Upload { content_type: ContentType::Png, size: bytes.try_into()?, checksum_sha256: None })
}

fn thumbnail(size: u32) -> Thumbnail {
    Thumbnail { size, width: 2, height: 1, content_type: "image/jpeg".to_owned() }
}

fn placeholder() -> Placeholder {
    Placeholder { thumbhash: "x".to_owned(), color: "#000000".to_owned() }
}

fn picture(upload: Upload) -> Picture {
    Picture {
        version: 1,
        upload,
        width: 2,
        height: 1,
        thumbnails: vec![thumbnail(200)],
        renditions: 0,
        placeholder: placeholder(),
        exif: Exif::default(),
    }
}

fn exif() -> Result<Exif> {
    Ok(Exif {
        taken_at: Some("2026-05-01T14:30:00.25+02:00".to_owned().try_into()?),
        exposure_time: Some(0.004),
        location: Some(Location { latitude: -33.859_861_1, longitude: 151.211_111_1, altitude: None }),
        ..Exif::default()
    })
}

fn failure() -> Failure {
    Failure { code: domain::FailureCode::NotAnImage, detail: "It is none.".to_owned() }
}

fn lease() -> Lease {
    Lease { owner: "worker".to_owned(), until: 1 }
}

fn idempotency_key(key: &str) -> IdempotencyKey {
    IdempotencyKey { key: key.to_owned(), request: "the same".to_owned() }
}

fn change() -> Result<Change> {
    Ok(Change {
        file_name: Some("b.png".to_owned().try_into()?),
        title: Some(Some("A title".to_owned().try_into()?)),
        description: Some(None),
        focal_point: Some(Some(domain::FocalPoint::CENTRE)),
    })
}

/// A time at which the calls of these tests have ended.
fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[tokio::test]
async fn what_makes_images_is_valid_for_dynamodb() -> Result<()> {
    // If the user has no profile, the transaction creates it and checks the tier.
    let new = Judged::start().await?;
    let images = [new.image(|_| {}).await?, new.image(|_| {}).await?];
    new.records.create_images(&new.user, &images, Some(&idempotency_key("two")), new.now).await?;
    new.end()?;

    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let set = ImageSet::new(SetText::default(), *now);
    records.create_set(user, &set, Some(&idempotency_key("set")), *now).await?;
    let image = judged
        .image(|image| {
            image.set = Some(SetPlace { id: set.id, image_type: Slot::Image2 });
            image.phone_number = "+4915123456789".to_owned().try_into().ok();
        })
        .await?;
    records.create_images(user, std::slice::from_ref(&image), Some(&idempotency_key("one")), *now).await?;
    // The judge's table meets every condition, so `create_images` never finds a full slot here.
    let place = image.set.context("no slot")?;
    let replaced = vec![
        records.fill_slot(user, image.id, place, Some(ImageId::generate()))?,
        records.check_not_shown(user, ImageId::generate(), *now)?,
    ];
    assert!(records.transact(replaced).await?.is_none());
    records.create_images(user, &[image.clone(), image.clone()], None, *now).await?;
    let wishes = image.clone().with_deferred_jobs(true, Some("A hat".to_owned().try_into()?), *now);
    records.create_images(user, &wishes, None, *now).await?;
    judged.end()
}

#[tokio::test]
async fn what_imports_write_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let key = crate::ImportKey { key: "digest".to_owned(), request: "the same".to_owned() };
    assert_eq!(records.imported(user, &key).await?, None);
    let image = judged.image(|_| {}).await?;
    records.import_image(user, &image, &key, None, *now).await?;
    let marker = records.imported(user, &key).await?.context("no marker")?;
    assert_eq!((marker.id.as_str(), marker.is_complete), (image.id.to_string().as_str(), false));
    records.import_image(user, &image, &key, Some(&marker), *now).await?;
    records.complete_import(user, &key).await?;
    records.import_set(user, &ImageSet::new(SetText::default(), *now), &key, *now).await?;
    records.complete_user_import(user).await?;
    records.is_user_imported(user).await?;
    judged.end()
}

#[tokio::test]
async fn what_counts_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let all = Addition {
        images: 1,
        bytes: 1,
        pending_uploads: 1,
        sets: 1,
        links: 1,
        upload_links: 1,
        ai_calls: 1,
        deliveries: 1,
        webhooks: 1,
        api_keys: 1,
        largest_file: 1,
    };
    // Only a request that adds no upload link can do without the profile.
    let unread = Count::start(records, user, Addition { upload_links: 0, ..all }, *now).await?;
    let mut transactions = vec![unread.item()?];
    let full = CreationBucket::new(0, *now);
    let states = [
        Usage::default(),
        // Without a count, and with a full bucket.
        Usage {
            sets: Some(1),
            links_at_most: Some(1),
            upload_links_at_most: Some(1),
            pending_uploads_at_most: Some(1),
            ai_day: Some(day(*now)),
            creation_bucket: Some(full),
            ..Usage::default()
        },
        // With counts, and with a bucket that overflowed.
        Usage {
            links_at_most: Some(100),
            upload_links_at_most: Some(100),
            pending_uploads_at_most: Some(100),
            ai_day: Some(1),
            creation_bucket: Some(CreationBucket(1)),
            ..Usage::default()
        },
    ];
    for usage in states {
        let profile = Profile { usage, ..Profile::new(tier()?) };
        let mut count = Count::of(records, user, Some(profile.clone()), all, *now).await?;
        transactions.push(count.item()?);
        count.refused(Some(item(profile_key(user), &profile)?)).await?;
        transactions.push(count.item()?);
    }
    for transaction in transactions {
        assert!(records.transact(vec![transaction]).await?.is_none());
    }
    // A refusal that needed a count takes tokens.
    let none = Tier { max_pending_uploads: 0, ..tier()? };
    for creation_bucket in
        [None, Some(full), Some(CreationBucket(1)), Some(CreationBucket(now.as_millisecond() - 100))]
    {
        let usage = Usage { creation_bucket, ..Usage::default() };
        let profile = Profile { usage, ..Profile::new(none.clone()) };
        let added = Addition { pending_uploads: 1, images: 1, ..Addition::default() };
        let mut count = Count::of(records, user, Some(profile.clone()), added, *now).await?;
        assert!(count.refused(Some(item(profile_key(user), &profile)?)).await.is_err());
    }
    records.counted_profile(user, *now).await?;
    judged.end()
}

#[tokio::test]
async fn what_changes_images_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let (pending, ready) = (judged.image(|_| {}).await?, judged.ready().await?);
    let digest: Sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".to_owned().try_into()?;
    for change in [Change::default(), change()?] {
        records.change_image(user, ready.id, &change, *now).await?;
        records.change_image_audited(user, ready.id, &change, &entry(), *now).await?;
        for image in [&pending, &ready] {
            records.replace_image(user, image.id, &upload(90)?, &change, *now).await?;
            let checked = Upload { checksum_sha256: Some(digest.clone()), ..upload(90)? };
            records.replace_image(user, image.id, &checked, &change, *now).await?;
        }
    }
    let replaced = judged
        .image(|image| {
            (image.version, image.picture) = (2, Some(picture(image.upload.clone())));
        })
        .await?;
    assert!(records.expire_replacement(user, replaced.id, 2, *now).await?.is_some());
    for image in [&pending, &ready] {
        records.delete_image(user, image.id, *now).await?;
        records.delete_image_audited(user, image, &entry(), *now).await?;
        records.delete_waiting_edit(user, image.id, *now).await?;
        let number = "+4915123456789".to_owned().try_into()?;
        let copy = DropboxCopy::queued(DropboxPath::new(&number, *now, image.id, &image.file_name));
        let refund = Refund { task: Some(copy.delete_task()), ..Refund::of(image, *now) };
        records.refund_quota(user, &[refund], *now).await?;
    }
    judged.end()
}

#[tokio::test]
async fn what_workers_write_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let sequencer = Sequencer::from_event("01");
    let plain = judged.image(|image| image.lease = Some(lease())).await?;
    // An analysis and an edit wait for this upload, and the previous picture has a copy in Dropbox.
    let wished = judged
        .image(|image| {
            image.lease = Some(lease());
            (image.version, image.picture) = (2, Some(picture(image.upload.clone())));
            (image.edit_deferred, image.edit_image_id) = (true, Some(ImageId::generate()));
            image.edit_prompt = "A hat".to_owned().try_into().ok();
            image.analysis = Some(Analysis::queued(None, true, image.created_at));
            image.phone_number = "+4915123456789".to_owned().try_into().ok();
            image.dropbox_copy = image.phone_number.as_ref().map(|number| {
                DropboxCopy::queued(DropboxPath::new(number, image.created_at, image.id, &image.file_name))
            });
        })
        .await?;
    // The image is in a slot.
    let mut placed = judged.image(|_| {}).await?;
    let set = ImageSet::new(SetText::default(), *now);
    placed.set = Some(SetPlace { id: set.id, image_type: Slot::Image1 });
    records.unfinished_images((*now, *now), None).await?;
    for image in [&plain, &wished, &placed] {
        let key = ObjectKey { user: user.clone(), image: image.id, version: image.version };
        records.claim(&key, &sequencer, &lease(), *now, *now).await?;
        records.release_claim(&key, &lease()).await?;
        for copies_to_dropbox in [false, true] {
            let developed = Developed {
                width: 2,
                height: 1,
                thumbnails: vec![thumbnail(200)],
                placeholder: placeholder(),
                exif: exif()?,
            };
            records.finish(&key, image, developed, copies_to_dropbox, *now).await?;
        }
        records.fail(&key, image, &failure(), *now).await?;
        assert!(records.renew(user, image, *now).await?);
        assert!(records.put_back(user, image, *now).await?);
        records.is_cleaned_up(user, image.id).await?;
    }
    judged.end()
}

#[tokio::test]
async fn what_resizing_writes_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?;
    let Judged { records, user, now, .. } = &judged;
    let image = judged.ready().await?;
    let (key, picture) = (image.key(user), image.picture.as_ref().context("no picture")?);
    records.image_claim_and_profile(user, image.id, *now).await?;
    assert!(matches!(records.claim_resize(&key, picture, &lease(), *now).await?, ResizeClaim::Taken));
    records.finish_resize(&key, "worker", &[thumbnail(400), thumbnail(1200)]).await?;
    records.release_resize(&key, "worker").await?;
    judged.end()
}

#[tokio::test]
async fn what_renditions_write_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let image = judged.ready().await?;
    let original = image.key(user);
    let options =
        domain::RenditionOptions::from_query([("width", "320"), ("height", "9"), ("fit", "cover")])?;
    let rendition = Rendition::Picture(options);
    records.image_profile_and_rendition(user, image.id, &rendition, *now).await?;
    for lost in [None, Some(RenditionItem { version: 1, lease: Some(lease()), made: None, failure: None })] {
        let claim = records.claim_rendition(&original, &rendition, lost.as_ref(), &lease(), *now).await?;
        assert_eq!(claim, RenditionClaim::Taken);
    }
    let made = MadeRendition { width: 320, height: 9, content_type: "image/png".to_owned(), bytes: 1 };
    for result in [Ok(made), Err(failure())] {
        records.finish_rendition(&original, &rendition, "worker", &result).await?;
    }
    records.release_rendition(&original, &rendition, "worker").await?;
    let canonical = rendition.canonical();
    let stored = RenditionItem { version: 1, lease: None, made: None, failure: None };
    judged.put(item(rendition_key(user, image.id, &canonical), stored)?).await?;
    records.delete_renditions(user, image.id, |_| false).await?;
    judged.end()
}

#[tokio::test]
async fn what_jobs_write_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let prompt = || "A hat".to_owned().try_into();
    let (pending, ready) = (judged.image(|_| {}).await?, judged.ready().await?);
    for key in [None, Some(&idempotency_key("analysis"))] {
        records.request_analysis(user, ready.id, Some(prompt()?), key, *now).await?;
    }
    for source in [&pending, &ready] {
        records.edit_image(user, source, prompt()?, &change()?, Some(&idempotency_key("edit")), *now).await?;
    }
    let task = || Task::Analyze { image: ready.id, version: 1, prompt: None };
    let job = Job::new(JobId::generate(), task());
    judged.put(item(job_key(user, job.id), &job)?).await?;
    records.claim_job(user, job.id, &lease(), *now).await?;
    records.postpone_job(user, job.id, "worker", 1).await?;
    records.end_job(user, job.id, "worker").await?;
    records.finish_and_enqueue(user, job.id, "worker", task()).await?;
    for outcome in [Ok(Findings::default()), Err(failure())] {
        let analysis = Analysis::queued(None, false, *now).ended(outcome, *now);
        records.finish_analysis(user, ready.id, "worker", &analysis, *now).await?;
    }
    let number = "+4915123456789".to_owned().try_into()?;
    let copy = DropboxCopy::queued(DropboxPath::new(&number, *now, ready.id, &ready.file_name));
    records.finish_dropbox_copy(user, ready.id, "worker", &copy, *now).await?;
    records.finish_failed_edit(user, (job.id, pending.id), "worker", &failure(), *now).await?;
    assert!(records.declare_edit(user, &pending, ContentType::Png, 5.try_into()?).await?);
    judged.end()
}

#[tokio::test]
async fn what_webhooks_and_keys_write_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let webhook = Webhook {
        id: WebhookId::generate(),
        url: "https://example.com/".to_owned().try_into()?,
        events: Some(vec![EventType::ImageReady].try_into()?),
        description: None,
        enabled: true,
        disabled: None,
        created_at: *now,
        updated_at: *now,
        last_success_at: None,
    };
    let secrets = WebhookSecrets::new();
    records.create_webhook(user, &webhook, &secrets).await?;
    assert_eq!(records.webhooks(user).await?, std::slice::from_ref(&webhook));
    let change = WebhookChange {
        url: Some(webhook.url.clone()),
        events: Some(None),
        description: Some(Some("A note".to_owned().try_into()?)),
        enabled: Some(true),
    };
    assert!(records.update_webhook(user, webhook.id, &change, *now).await?.is_some());
    assert!(records.rotate_webhook_secret(user, webhook.id, &WebhookSecret::generate(), *now).await?);
    let event = Event {
        specversion: <_>::default(),
        id: "evt_1".to_owned(),
        source: "/darkroom/test".to_owned(),
        kind: EventType::WebhookTest,
        subject: format!("webhooks/{}", webhook.id),
        time: *now,
        datacontenttype: <_>::default(),
        sequence: None,
        data: EventData::of_webhook(user.clone(), webhook.id, webhook.url.as_str().to_owned()),
    };
    let delivery = Delivery::new(DeliveryId::derived(*now, 1), webhook.id, event, *now);
    let ids = (webhook.id, delivery.id);
    records.record_delivery(user, &delivery).await?;
    assert!(records.request_webhook_test(user, &delivery).await?);
    records.request_redelivery(user, webhook.id, delivery.id, *now).await?;
    let page = records.deliveries(user, webhook.id, Some(DeliveryId::generate()), 20, *now).await?;
    assert!(page.items.len() <= 1);
    let work = records.delivery_work(user, webhook.id, delivery.id).await?.context("no work")?;
    assert_eq!(work.delivery.event, delivery.event);
    let attempt = Attempt { at: *now, duration_ms: 1, status: Some(500), error: Some(AttemptError::Status) };
    records.note_failed_attempt(user, &delivery, &attempt, *now).await?;
    let job = delivery.id.first_job();
    let disabled = Attempt { status: None, error: Some(AttemptError::Disabled), ..attempt };
    for attempt in [&attempt, &disabled] {
        let failed = (DeliveryStatus::Failed, Some(attempt));
        records.finish_delivery(user, job, "worker", ids, failed).await?;
    }
    records.note_webhook_success(user, webhook.id, *now).await?;
    records.disable_webhook(user, &webhook, DisabledReason::Failing, (*now, *now)).await?;
    assert!(records.delete_webhook(user, webhook.id).await?);

    let text = ApiKeyText::generate(user.clone());
    let key = ApiKey {
        id: text.id,
        name: "The shop".to_owned().try_into()?,
        scopes: vec![Scope::ImagesRead].try_into()?,
        digest: text.digest(),
        username: "ann".to_owned(),
        created_at: *now,
        expires_at: Some(now.as_second() + 300),
        last_used_at: None,
    };
    records.create_api_key(user, &key, *now).await?;
    assert_eq!(records.api_keys(user, *now).await?, std::slice::from_ref(&key));
    assert!(records.api_key(user, key.id, *now).await?.is_some());
    records.note_api_key_use(user, key.id, *now).await?;
    assert!(records.delete_api_key(user, key.id, *now).await?);
    judged.end()
}

#[tokio::test]
async fn what_ends_an_account_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let number: domain::PhoneNumber = "+4915123456789".to_owned().try_into()?;
    judged
        .image(|image| {
            let path = DropboxPath::new(&number, image.created_at, image.id, &image.file_name);
            image.dropbox_copy = Some(DropboxCopy::queued(path));
        })
        .await?;
    judged.image(|_| {}).await?;
    assert!(records.note_missing_user(user, *now).await?.is_some());
    assert!(records.belongs_to_pool("us-east-1_pool").await?);
    records.users_with_prefix(&TierId::default_for_new_users(), "5f").await?;
    assert!(records.note_found_user(user).await?);
    assert!(records.request_deletion_of_missing_user(user, *now).await?);
    records.keep_account(user, JobId::generate(), "worker").await?;
    assert!(records.request_account_deletion(user, "ann", *now).await?);
    let rest = records.delete_account_items(user, in_a_minute()).await?;
    assert!(rest.is_complete && rest.deleted >= 2, "{rest:?}");
    records.delete_tier_joins(user).await?;
    records.put_tombstone(user, *now).await?;
    judged.end()
}

#[tokio::test]
async fn what_reads_images_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let image =
        judged.image(|image| image.phone_number = "+4915123456789".to_owned().try_into().ok()).await?;
    let number = image.phone_number.clone().context("no number")?;
    let after = Some(ImageId::generate());
    records.image_and_profile(user, image.id, *now).await?;
    assert_eq!(records.images_by_id(user, [image.id], *now).await?.len(), 1);
    assert!(records.admin_image(image.id, *now).await?.is_some());
    assert_eq!(records.images_of_phone(user, &number, after, 3, *now).await?.items.len(), 1);
    judged.put(words_item(user, &image)).await?;
    let (everything, words) = (TakenRange::default(), SearchWords::of("a png").context("no words")?);
    let limit = |text: &str| Some(text.to_owned());
    for (after, before) in [(None, limit("2126")), (limit("2026"), None), (limit("2027"), limit("2026"))] {
        for (sort, order) in [
            (SortBy::CreatedAt, Order::Ascending),
            (SortBy::TakenAt, Order::Descending),
            (SortBy::FileName, Order::Ascending),
        ] {
            let taken = TakenRange { after: after.clone(), before: before.clone() };
            for words in [None, Some(&words)] {
                let search = ImageSearch { words, taken: &taken, status: None, sort, order };
                records.search_images(user, &search, None, 3, *now).await?;
            }
            records.images_by_taken_at(user, None, &taken, order, None, 3, *now).await?;
        }
    }
    records.delete_words(user, image.id).await?;
    let states = [Status::Pending, Status::Processing, Status::Ready, Status::Failed].map(Some);
    for status in states.into_iter().chain([None]) {
        for order in [Order::Ascending, Order::Descending] {
            records.images(user, status, order, after, 3, *now).await?;
            for after in [None, Some(&image.taken_position())] {
                records.images_by_taken_at(user, status, &everything, order, after, 3, *now).await?;
            }
        }
        for (phone_number, file_name) in [(None, None), (Some(number.clone()), Some("A".to_owned()))] {
            for user in [None, Some(user.clone())] {
                let (phone_number, file_name) = (phone_number.clone(), file_name.clone());
                let since = Some(Timestamp::UNIX_EPOCH);
                let filter = Filter { user, phone_number, file_name, status, after: since, before: None };
                records.admin_images(&filter, after, 3, *now).await?;
            }
        }
    }
    judged.end()
}

#[tokio::test]
async fn what_the_trash_writes_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let (pending, ready) = (judged.image(|_| {}).await?, judged.ready().await?);
    for image in [&pending, &ready] {
        assert!(records.discard_image(user, image.id, *now).await?);
    }
    let trash = Trash::for_days(30, *now);
    let trashed = judged
        .image(|image| {
            (image.picture, image.expires_at) = (Some(picture(image.upload.clone())), None);
            image.set = Some(SetPlace { id: SetId::generate(), image_type: Slot::Image1 });
            image.trash = Some(trash);
        })
        .await?;
    let mut listed = trash_key(user, trashed.id);
    listed.insert("expires_at".to_owned(), number(trash.until));
    judged.put(listed).await?;
    for after in [None, Some(trashed.id)] {
        records.trashed_images(user, Order::Ascending, after, 3, *now).await?;
    }
    assert!(records.restore_image(user, trashed.id, *now).await?.is_some());
    records.empty_trash(user, in_a_minute()).await?;
    records.unlist_trashed(user, trashed.id).await?;
    assert!(records.expire_trashed(user, trashed.id, *now).await?);
    let key = idempotency_key("batch");
    records.begin_request::<Vec<ImageId>>(user, &key, *now).await?;
    records.end_request(user, &key, &vec![trashed.id]).await?;
    judged.end()
}

#[tokio::test]
async fn what_downloads_write_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let download = Download::new(vec![ImageId::generate()], 1, *now);
    records.create_download(user, download.clone(), Some(&idempotency_key("zip")), *now).await?;
    assert_eq!(records.download(user, download.id, *now).await?, Some(download.clone()));
    let before: Option<Download> = records.created_before(user, Some(&idempotency_key("zip")), *now).await?;
    assert_eq!(before, Some(download.clone()));
    let progress = DownloadProgress { files_done: 1, files_skipped: 0, bytes_done: 1 };
    records.progress_download(user, &download, progress).await?;
    records.finish_download(user, &download, "worker", Ok(progress)).await?;
    records.finish_download(user, &download, "worker", Err(&failure())).await?;
    for slot in 0..Download::MAX_PER_USER {
        let ended = Download { slot, status: Progress::Done, ..download.clone() };
        judged.put(item(download_key(user, slot), &ended)?).await?;
    }
    let next = Download::new(vec![ImageId::generate()], 1, *now);
    let created = records.create_download(user, next, Some(&idempotency_key("next")), *now).await?;
    assert!(matches!(created, Created::New));
    judged.end()
}

#[tokio::test]
async fn what_is_done_to_sets_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?;
    let Judged { records, user, now, .. } = &judged;
    let image = judged.image(|_| {}).await?;
    let mut set = ImageSet::new(SetText::default(), *now);
    set.slots.image1 = Some(image.id);
    // A set and an image of an earlier version.
    judged.put(item(set_key(user, set.id), &set)?).await?;
    judged.put(item(image_key(user, image.id), &image)?).await?;
    assert_eq!(records.index_older(OlderItems::Sets).await?, (1, false));
    assert_eq!(records.index_older(OlderItems::Images).await?, (1, false));
    judged.put(set_item(user, &set)?).await?;
    assert!(records.set(user, set.id).await?.is_some());
    assert_eq!(records.sets(user, Some(set.id), 3).await?.items.len(), 1);
    let titled = SetText { title: "A title".to_owned().try_into().ok(), description: None };
    for change in [titled.into(), SetText::default().into(), SetChange::default()] {
        records.change_set(user, set.id, &change, *now).await?;
        records.change_set_audited(user, set.id, &change, &entry(), *now).await?;
    }
    assert!(records.admin_set(set.id).await?.is_some());
    for (user, search) in [(None, None), (Some(user.clone()), Some("A".to_owned()))] {
        for after in [None, Some(SetId::generate())] {
            let filter = SetFilter { user: user.clone(), search: search.clone() };
            let page = records.admin_sets(&filter, after, 3).await?;
            records.images_of_sets(&page.items, *now).await?;
        }
    }
    // The table ignores BETWEEN, so it would take the words of an image for a set in the searches above.
    assert_eq!(records.index_older(OlderItems::Words).await?, (1, false));
    records.free_slot(user, image.id, SetPlace { id: set.id, image_type: Slot::Image1 }).await?;
    let mut left = ImageSet::new(SetText::default(), *now);
    let image =
        judged.image(|image| image.set = Some(SetPlace { id: left.id, image_type: Slot::Image1 })).await?;
    left.slots.image1 = Some(image.id);
    judged.put(set_item(user, &left)?).await?;
    for slot in [Slot::Image1, Slot::Image2] {
        records.place_image(user, SetPlace { id: set.id, image_type: slot }, image.id, false, *now).await?;
    }
    let place = SetPlace { id: left.id, image_type: Slot::Image3 };
    records.place_image(user, place, image.id, false, *now).await?;
    // The image exchanges its slot with another one, and replaces an image of another set.
    let mut full = ImageSet::new(SetText::default(), *now);
    let [first, second] = [Slot::Image1, Slot::Image2].map(|slot| SetPlace { id: full.id, image_type: slot });
    let (one, two) = (
        judged.image(|image| image.set = Some(first)).await?,
        judged.image(|image| image.set = Some(second)).await?,
    );
    (full.slots.image1, full.slots.image2) = (Some(one.id), Some(two.id));
    judged.put(set_item(user, &full)?).await?;
    records.place_image(user, second, one.id, false, *now).await?;
    records.place_image(user, second, image.id, true, *now).await?;
    assert!(records.empty_slot(user, left.id, Slot::Image1, *now).await?);
    records.delete_images_of(user, left.id, &left.slots).await?;
    assert!(records.delete_set(user, set.id, false, Some(&entry()), *now).await?);
    // In a tier with a trash.
    judged.put(item(profile_key(user), Profile::new(tier()?))?).await?;
    for is_permanent in [false, true] {
        let trashed = judged
            .image(|image| {
                image.picture = Some(picture(image.upload.clone()));
                image.trash = Some(Trash::for_days(30, *now));
            })
            .await?;
        let mut set = ImageSet::new(SetText::default(), *now);
        set.slots.image1 = Some(trashed.id);
        set.slots.image2 = Some(judged.ready().await?.id);
        judged.put(set_item(user, &set)?).await?;
        assert!(records.delete_set(user, set.id, is_permanent, None, *now).await?);
    }
    assert!(!records.delete_set(user, SetId::generate(), true, None, *now).await?);
    judged.end()
}

#[tokio::test]
async fn what_is_written_about_admins_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?;
    let Judged { records, user, now, .. } = &judged;
    let entry = entry();
    records.record_audit(&entry).await?;
    records.audit_created(entry.id, user).await?;
    records.audit_failed(entry.id, "internal").await?;
    for filter in
        [AuditFilter::default(), AuditFilter { admin: Some(user.clone()), target: Some("basic".to_owned()) }]
    {
        for after in [None, Some(AuditId::generate())] {
            records.audit_entries(&filter, after, 3, (Timestamp::UNIX_EPOCH, *now)).await?;
        }
    }
    records.lock_admins("holder", *now).await?;
    records.unlock_admins("holder").await?;
    judged.end()
}

#[tokio::test]
async fn what_is_done_to_pending_emails_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?;
    let Judged { records, user, now, .. } = &judged;
    let pending = PendingEmail::new("new@example.com", *now);
    records.put_pending_email(user, &pending).await?;
    assert_eq!(records.pending_email(user, *now).await?, Some(pending));
    let a_day_later = Timestamp::from_second(now.as_second() + 24 * 60 * 60)?;
    assert_eq!(records.pending_email(user, a_day_later).await?, None);
    records.delete_pending_email(user).await?;
    judged.end()
}

#[tokio::test]
async fn what_is_done_to_upload_links_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let link = UploadLink {
        id: UploadLinkId::generate(user.clone()),
        phone_number: "+4915123456789".to_owned().try_into().ok(),
        max_images: 5,
        remaining: 5,
        max_image_bytes: 1_000,
        created_at: *now,
        expires_at: now.as_second() + 300,
        images: vec![ImageId::generate()],
    };
    let key = idempotency_key("link");
    records.create_upload_link(&link, None, Some(&key), *now).await?;
    for usage in [Usage::default(), Usage { upload_links_at_most: Some(7), ..Usage::default() }] {
        let profile = Profile { usage, ..Profile::new(tier()?) };
        records.create_upload_link(&link, Some(profile), None, *now).await?;
    }
    judged.put(item(upload_link_key(&link.id), &link)?).await?;
    assert_eq!(records.upload_links(user, *now).await?, std::slice::from_ref(&link));
    let (found, profile) = records.upload_link_and_profile(&link.id, *now).await?.context("no link")?;
    assert_eq!(found, link);
    let image = judged.image(|image| image.upload_link = Some(link.id.clone())).await?;
    let images = [image.clone(), image];
    records.create_images_through(&link.id, profile, &images, Some(&key), *now).await?;
    assert!(records.delete_upload_link(&link.id, *now).await?);
    judged.end()
}

#[tokio::test]
async fn what_is_done_to_expiring_links_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let image = judged.ready().await?;
    let link = ExpiringLink {
        id: LinkId::generate(image.id, user.clone()),
        rendition: None,
        strip_metadata: true,
        download: true,
        views: 0,
        created_at: *now,
        expires_at: now.as_second() + 300,
    };
    for key in [None, Some(idempotency_key("expiring"))] {
        records.create_link(&link, Profile::new(tier()?), key.as_ref(), *now).await?;
    }
    judged.put(item(link_key(&link.id), &link)?).await?;
    assert_eq!(records.links_of(user, image.id, *now).await?, std::slice::from_ref(&link));
    for is_view in [false, true] {
        let opened = records.open_link(&link.id, is_view, *now).await?.context("no link")?;
        assert_eq!((opened.link.id, opened.image.id), (link.id.clone(), image.id));
    }
    assert!(records.delete_link(&link.id, *now).await?);
    records.delete_links_of(user, image.id).await?;
    judged.end()
}

#[tokio::test]
async fn what_is_done_to_tiers_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let tier = tier()?;
    assert!(records.create_tier(&tier).await?);
    records.put_tier(&tier, &entry()).await?;
    let profile = records.profile_or_default(user).await?;
    records.refresh_limits(user, &profile, *now).await?;
    assert!(records.set_tier(user, &tier, *now).await?);
    assert!(records.set_tier_audited(user, &tier, &entry(), *now).await?);
    // The judge evaluates no conditions: the user is updated as a new user of the tier and as one in the index.
    assert_eq!(records.propagate_limits(&tier).await?, 2);
    assert_eq!(records.tiers().await?.len(), 1);
    assert_eq!(records.profiles(std::slice::from_ref(user)).await?.len(), 1);
    records.delete_tier(&"nobodys".to_owned().try_into()?, &entry()).await?;
    judged.end()
}

#[tokio::test]
async fn an_invalid_expression_is_refused() -> Result<()> {
    let judged = Judged::start().await?;
    let update = judged.records.dynamodb.update_item().table_name("darkroom");
    let update = update.set_key(Some(image_key(&judged.user, ImageId::generate())));
    // DynamoDB's grammar allows one operator ("Update expressions", Amazon DynamoDB Developer Guide).
    let update = update.update_expression("SET a = a + b - c");
    assert!(update.send().await.is_err());
    let refusal = judged.end().unwrap_err().to_string();
    assert!(refusal.contains("UpdateItem: Invalid UpdateExpression: Syntax error"), "{refusal}");
    Ok(())
}
