//! Sends every request of the store to a fake table that refuses what DynamoDB would refuse, so that a bad expression
//! fails here without a stack.
//!
//! The table is `tests/judge/table.js`, which accepts every valid write. `cargo xtask test` installs it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::{Client, Config};
use domain::{
    Addition, Analysis, ContentType, CreationBucket, DropboxCopy, DropboxPath, Failure, Findings, Image,
    ImageId, ImageSet, Job, JobId, Lease, NewImage, ObjectKey, Picture, Placeholder, Profile, Sequencer,
    SetPlace, SetText, Sha256, Slot, Status, Task, Thumbnail, Tier, TierId, Timestamp, Upload, Usage, UserId,
    day,
};

use crate::{
    Change, Developed, Filter, IdempotencyKey, Records, Refund,
    dynamodb::keys::{Item, image_item, image_key, item, job_key, profile_key, set_key, tier_key},
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
        max_image_bytes: 1_000,
        max_images: 100,
        max_sets: 100,
        max_links: 100,
        max_pending_uploads: 100,
        ai: true,
        max_ai_calls_per_day: 100,
        revision: 1,
    })
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
        placeholder: placeholder(),
    }
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
    })
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
        records.check_expired_or_absent(user, ImageId::generate(), *now)?,
    ];
    assert!(records.transact(replaced).await?.is_none());
    records.create_images(user, &[image.clone(), image.clone()], None, *now).await?;
    let wishes = image.clone().with_deferred_jobs(true, Some("A hat".to_owned().try_into()?), *now);
    records.create_images(user, &wishes, None, *now).await?;
    judged.end()
}

#[tokio::test]
async fn what_counts_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let all =
        Addition { images: 1, bytes: 1, pending_uploads: 1, sets: 1, links: 1, ai_calls: 1, largest_file: 1 };
    let unread = Count::start(records, user, all, *now).await?;
    let mut transactions = vec![unread.item()?];
    let full = CreationBucket::new(0, *now);
    let states = [
        Usage::default(),
        // Without a count, and with a full bucket.
        Usage {
            sets: Some(1),
            links_at_most: Some(1),
            pending_uploads_at_most: Some(1),
            ai_day: Some(day(*now)),
            creation_bucket: Some(full),
            ..Usage::default()
        },
        // With counts, and with a bucket that overflowed.
        Usage {
            links_at_most: Some(100),
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
    let profile = Profile::new(tier()?);
    records.create_link(user, profile, ImageId::generate(), *now, *now).await?;
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
        records.delete_known_image(user, image, *now).await?;
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
    assert!(records.claim_resize(&key, picture, &lease(), *now).await?);
    records.finish_resize(&key, "worker", &[thumbnail(400), thumbnail(1200)]).await?;
    records.release_resize(&key, "worker").await?;
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
    let states = [Status::Pending, Status::Processing, Status::Ready, Status::Failed].map(Some);
    for status in states.into_iter().chain([None]) {
        records.images(user, status, after, 3, *now).await?;
        for (phone_number, file_name) in [(None, None), (Some(number.clone()), Some("A".to_owned()))] {
            let filter =
                Filter { phone_number, file_name, status, after: Some(Timestamp::UNIX_EPOCH), before: None };
            records.admin_images(&filter, after, 3, *now).await?;
        }
    }
    judged.end()
}

#[tokio::test]
async fn what_is_done_to_sets_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?;
    let Judged { records, user, now, .. } = &judged;
    let image = judged.image(|_| {}).await?;
    let mut set = ImageSet::new(SetText::default(), *now);
    set.slots.image1 = Some(image.id);
    judged.put(item(set_key(user, set.id), &set)?).await?;
    assert!(records.set(user, set.id).await?.is_some());
    assert_eq!(records.sets(user, Some(set.id), 3).await?.items.len(), 1);
    let titled = SetText { title: "A title".to_owned().try_into().ok(), description: None };
    for text in [titled, SetText::default()] {
        records.change_set(user, set.id, &text, *now).await?;
    }
    records.free_slot(user, image.id, SetPlace { id: set.id, image_type: Slot::Image1 }).await?;
    assert!(records.delete_set(user, set.id).await?);
    judged.end()
}

#[tokio::test]
async fn what_is_done_to_pending_emails_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?;
    let Judged { records, user, now, .. } = &judged;
    records.put_pending_email(user, "new@example.com", *now).await?;
    assert_eq!(records.pending_email(user, *now).await?.as_deref(), Some("new@example.com"));
    let a_day_later = Timestamp::from_second(now.as_second() + 24 * 60 * 60)?;
    assert_eq!(records.pending_email(user, a_day_later).await?, None);
    records.delete_pending_email(user).await?;
    judged.end()
}

#[tokio::test]
async fn what_is_done_to_tiers_is_valid_for_dynamodb() -> Result<()> {
    let judged = Judged::start().await?.with_profile().await?;
    let Judged { records, user, now, .. } = &judged;
    let tier = tier()?;
    assert!(records.create_tier(&tier).await?);
    records.put_tier(&tier).await?;
    let profile = records.profile_or_default(user).await?;
    records.refresh_limits(user, &profile, *now).await?;
    assert!(records.set_tier(user, &tier, *now).await?);
    // The judge evaluates no conditions: the user is updated as a new user of the tier and as one in the index.
    assert_eq!(records.propagate_limits(&tier).await?, 2);
    assert_eq!(records.tiers().await?.len(), 1);
    assert_eq!(records.profiles(std::slice::from_ref(user)).await?.len(), 1);
    records.delete_tier(&"nobodys".to_owned().try_into()?).await?;
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
