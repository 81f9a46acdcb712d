//! Random events in any order, some of them twice, never leave an image in an inconsistent state. The test uses a real
//! table and the writes of the functions.
//!
//! `cargo xtask test` runs it against the stack under test, with the environment of a function.

use anyhow::{Context, Result};
use domain::{
    ContentType, Exif, Failure, Image, ImageId, Lease, NewImage, ObjectKey, Picture, Placeholder, Profile,
    Sequencer, Status, Thumbnail, Upload, UserId,
};
use proptest::{collection::vec, prelude::*};
use store::{Change, Claim, Developed, Records, Refund};

/// An event of an image. Versions start at 1, and may be greater than the image's version.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The owner starts a new version.
    Replace { bytes: u64 },
    /// S3's event reaches a worker.
    Arrive { version: u32, sequencer: u8, worker: usize },
    /// A worker finishes the version that it claimed.
    Finish { worker: usize },
    /// A worker sets the version that it claimed to failed.
    Fail { worker: usize },
    /// A worker releases its claim after a temporary failure.
    Release { worker: usize },
    /// The deadline of a replacement has passed.
    Lapse { version: u32 },
    /// The owner changes the title.
    Rename,
    /// The owner deletes the image.
    Delete,
    /// `workers-stream` receives the record of the deletion.
    Reclaim,
}

const WORKERS: usize = 3;

fn event() -> impl Strategy<Value = Event> {
    let (version, sequencer, worker) = (1..4_u32, 0..3_u8, 0..WORKERS);
    prop_oneof![
        2 => (1..1000_u64).prop_map(|bytes| Event::Replace { bytes }),
        5 => (version.clone(), sequencer.clone(), worker.clone())
            .prop_map(|(version, sequencer, worker)| Event::Arrive { version, sequencer, worker }),
        4 => worker.clone().prop_map(|worker| Event::Finish { worker }),
        2 => worker.clone().prop_map(|worker| Event::Fail { worker }),
        1 => worker.prop_map(|worker| Event::Release { worker }),
        1 => version.prop_map(|version| Event::Lapse { version }),
        1 => Just(Event::Rename),
        1 => Just(Event::Delete),
        1 => Just(Event::Reclaim),
    ]
}

/// One user with one image, and the workers that claimed it.
struct World {
    records: Records,
    user: UserId,
    id: ImageId,
    claims: [Option<(ObjectKey, Image)>; WORKERS],
    /// The image as it was last read. After the deletion, the stream record contains this image.
    last: Image,
    deleted: bool,
    reclaimed: bool,
}

impl World {
    async fn new(bytes: u64) -> Result<Self> {
        let records = Records::from_env(&aws::config()?)?;
        let user: UserId = ImageId::generate().to_string().parse()?;
        let new = NewImage {
            file_name: "a".to_owned().try_into()?,
            title: None,
            description: None,
            upload: upload(bytes)?,
        };
        let image = Image::pending(new, domain::now());
        records.create_images(&user, std::slice::from_ref(&image), None, domain::now()).await?;
        let id = image.id;
        Ok(Self {
            records,
            user,
            id,
            claims: Default::default(),
            last: image,
            deleted: false,
            reclaimed: false,
        })
    }

    fn key(&self, version: u32) -> ObjectKey {
        ObjectKey { user: self.user.clone(), image: self.id, version }
    }

    async fn happen(&mut self, event: Event) -> Result<()> {
        let (records, user, id, now) = (&self.records, &self.user, self.id, domain::now());
        match event {
            Event::Replace { bytes } => {
                let result = records.replace_image(user, id, &upload(bytes)?, &Change::default(), now).await;
                assert_eq!(result.is_ok(), !self.deleted, "{result:?}");
            }
            Event::Arrive { version, sequencer, worker } => {
                let key = self.key(version);
                // Each lease expires before the next claim.
                let lease = Lease { owner: format!("worker-{worker}"), until: now.as_second() - 1 };
                let claim = records.claim(&key, &sequence(sequencer), &lease, now, now).await?;
                assert_eq!(matches!(claim, Claim::Gone), self.deleted, "{claim:?}");
                if let Claim::Taken(image) = claim {
                    assert_eq!(image.version, version, "a worker claimed a version that is not the latest");
                    self.claims[worker] = Some((key, *image));
                }
            }
            Event::Finish { worker } => {
                let Some((key, image)) = &self.claims[worker] else { return Ok(()) };
                records.finish(key, image, developed(), false, now).await?;
            }
            Event::Fail { worker } => {
                let Some((key, image)) = &self.claims[worker] else { return Ok(()) };
                records.fail(key, image, &failure(), now).await?;
            }
            Event::Release { worker } => {
                let Some((key, image)) = &self.claims[worker] else { return Ok(()) };
                let lease = image.lease.as_ref().context("no lease")?;
                records.release_claim(key, lease).await?;
            }
            Event::Lapse { version } => {
                records.expire_replacement(user, id, version, now).await?;
            }
            Event::Rename => {
                let change = Change { title: Some(None), ..Change::default() };
                let image = records.change_image(user, id, &change, now).await?;
                assert_eq!(image.is_none(), self.deleted);
            }
            Event::Delete => {
                let was_there = records.delete_image(user, id, now).await?;
                assert_eq!(was_there, !self.deleted);
                self.deleted = true;
            }
            Event::Reclaim => {
                if self.deleted {
                    records.refund_quota(user, &[Refund::of(&self.last, now)], now).await?;
                    self.reclaimed = true;
                }
            }
        }
        Ok(())
    }

    /// Checks what must always be true.
    async fn check(&mut self, event: Event) -> Result<()> {
        let (image, profile) =
            tokio::join!(self.records.image(&self.user, self.id, domain::now()), self.profile());
        let (image, profile) = (image?, profile?);
        assert_eq!(image.is_none(), self.deleted, "only a deletion removes the image, permanently");
        let usage = (profile.usage.images, profile.usage.bytes);
        let held = (1, image.as_ref().unwrap_or(&self.last).quota_bytes());
        match (self.deleted, self.reclaimed) {
            (false, _) => assert_eq!(usage, held, "the usage equals the bytes of the image"),
            // The stack's `workers-stream` may refund the quota before this test does.
            (true, false) => assert!(usage == held || usage == (0, 0), "{usage:?}"),
            (true, true) => {
                assert_eq!(usage, (0, 0), "a deleted image is refunded once")
            }
        }
        let Some(image) = image else { return Ok(()) };

        let (before, after) = (&self.last, &image);
        assert!(after.version >= before.version);
        let versions = (version(before.picture.as_ref()), version(after.picture.as_ref()));
        assert!(versions.1 >= versions.0, "an older picture replaced a newer one: {versions:?}");
        assert!(versions.1 <= after.version);
        if before.version == after.version {
            let lapsed = (Status::Pending, Status::Ready);
            let step = (before.status, after.status);
            assert!(
                is_a_step(step) || (step == lapsed && matches!(event, Event::Lapse { .. })),
                "{step:?} within version {}",
                after.version
            );
        }
        if after.status == Status::Ready {
            assert!(after.picture.is_some() && after.lease.is_none() && after.failure.is_none(), "{after:?}");
        }
        assert_eq!(after.failure.is_some(), after.status == Status::Failed);
        assert_eq!(after.lease.is_some(), after.status == Status::Processing);
        assert!(after.crashes == 0 || after.status == Status::Processing, "{after:?}");
        self.last = image;
        Ok(())
    }

    async fn profile(&self) -> Result<Profile> {
        self.records.profile(&self.user).await?.context("the user has no profile")
    }
}

/// Whether docs/STATES.md allows this transition. An unchanged status is allowed.
fn is_a_step((from, to): (Status, Status)) -> bool {
    use Status::{Failed, Pending, Processing, Ready};
    match from {
        Pending => matches!(to, Pending | Processing),
        // A later event of the same upload starts the processing again.
        Processing | Ready | Failed => matches!(to, Processing | Ready | Failed),
    }
}

fn version(picture: Option<&Picture>) -> u32 {
    picture.map_or(0, |picture| picture.version)
}

fn upload(bytes: u64) -> Result<Upload> {
    Ok(Upload { content_type: ContentType::Png, size: bytes.try_into()?, checksum_sha256: None })
}

fn sequence(number: u8) -> Sequencer {
    Sequencer::from_event(&format!("{number:04X}"))
}

fn developed() -> Developed {
    let thumbnail = Thumbnail { size: 200, width: 2, height: 1, content_type: "image/jpeg".to_owned() };
    let placeholder = Placeholder { thumbhash: "x".to_owned(), color: "#000000".to_owned() };
    Developed { width: 2, height: 1, thumbnails: vec![thumbnail], placeholder, exif: Exif::default() }
}

fn failure() -> Failure {
    Failure { code: domain::FailureCode::NotAnImage, detail: "It is none.".to_owned() }
}

/// Runs one case against the table.
fn run(case: impl Future<Output = Result<()>>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(case));
    result.map_err(|error| TestCaseError::fail(format!("{error:#}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_of_events_leaves_a_consistent_image(
        bytes in 1..1000_u64,
        events in vec(event(), 1..25),
    ) {
        run(async {
            let mut world = World::new(bytes).await?;
            for event in events {
                world.happen(event).await?;
                world.check(event).await?;
            }
            Ok(())
        })?;
    }

    /// An event that is delivered twice has the effect of one delivery.
    #[test]
    fn a_repeated_event_changes_nothing(bytes in 1..1000_u64, events in vec(event(), 1..15)) {
        run(async {
            let mut world = World::new(bytes).await?;
            for event in events {
                world.happen(event).await?;
                world.check(event).await?;
                if matches!(event, Event::Replace { .. } | Event::Arrive { .. }) {
                    // A second request starts another version. A second worker takes over an expired lease.
                    continue;
                }
                let once = world.last.clone();
                world.happen(event).await?;
                world.check(event).await?;
                let same = Image { updated_at: once.updated_at, ..world.last.clone() };
                assert_eq!(same, once, "{event:?}");
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_claim_recognises_its_own_retry_and_counts_the_workers_that_died() -> Result<()> {
    let world = World::new(10).await?;
    let (key, now) = (world.key(1), domain::now());
    let claim = async |owner: &str, until: i64| {
        let lease = Lease { owner: owner.to_owned(), until: now.as_second() + until };
        Ok::<_, anyhow::Error>(match world.records.claim(&key, &sequence(1), &lease, now, now).await? {
            Claim::Taken(image) => Some(image.crashes),
            Claim::Busy(_) => None,
            other => anyhow::bail!("{other:?}"),
        })
    };
    assert_eq!(claim("a", 60).await?, Some(0));
    // The response was lost, and the client repeats the request.
    assert_eq!(claim("a", 60).await?, Some(0));
    assert_eq!(claim("b", 60).await?, None);
    // Lambda repeats the event, with the same request id and a later deadline.
    assert_eq!(claim("a", 120).await?, Some(1));
    assert_eq!(claim("a", 120).await?, Some(1));
    // The next one dies too, and leaves an expired lease.
    assert_eq!(claim("a", -10).await?, Some(2));
    assert_eq!(claim("b", 60).await?, Some(3));
    // A worker that releases its claim has not died.
    let lease = Lease { owner: "b".to_owned(), until: now.as_second() + 60 };
    world.records.release_claim(&key, &lease).await?;
    assert_eq!(claim("c", 60).await?, Some(0));
    Ok(())
}

#[tokio::test]
async fn an_expired_image_cannot_be_claimed_until_it_is_renewed() -> Result<()> {
    let world = World::new(10).await?;
    let (key, now) = (world.key(1), domain::now());
    let later = domain::Timestamp::from_second(now.as_second() + Image::PENDING_SECONDS + 1)?;
    let lease = Lease { owner: "a".to_owned(), until: later.as_second() + 60 };
    let claim = world.records.claim(&key, &sequence(1), &lease, now, later).await?;
    let Claim::Expired(image) = claim else { anyhow::bail!("{claim:?}") };
    assert!(world.records.renew(&world.user, &image, later).await?);
    let claim = world.records.claim(&key, &sequence(1), &lease, now, later).await?;
    assert!(matches!(claim, Claim::Taken(_)), "{claim:?}");
    Ok(())
}

#[tokio::test]
async fn an_image_is_put_back_once_and_not_after_the_clean_up() -> Result<()> {
    let world = World::new(10).await?;
    let (records, user, now) = (&world.records, &world.user, domain::now());
    // It still exists.
    assert!(records.put_back(user, &world.last, now).await?);
    records.delete_image(user, world.id, now).await?;
    // The stack's `workers-stream` may clean up before.
    if records.put_back(user, &world.last, now).await? {
        assert!(records.image(user, world.id, now).await?.is_some());
        records.delete_image(user, world.id, now).await?;
    }
    let refund = Refund { image: world.id, bytes: 10, task: None, late_file: false };
    records.refund_quota(user, &[refund], now).await?;
    assert!(records.is_cleaned_up(user, world.id).await?);
    assert!(!records.put_back(user, &world.last, now).await?);
    assert!(records.image(user, world.id, now).await?.is_none());
    Ok(())
}
