//! Imports all lines of a manifest, and reports each.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    time::Duration,
};

use anyhow::{Result, bail};
use aws::CallError;
use domain::{ImageId, SetId, SetPlace, UserId};
use futures_util::{StreamExt, stream};
use tokio::time::sleep;

use crate::{
    images::{ImageImporter, Owner},
    manifest::{ImageLine, Kind, Line, SetLine, fold, parse},
    outcome::{LineError, Outcome, refused},
    pool::Pool,
    report::Report,
    sets, tiers, users,
};

/// How many lines are imported at the same time. Most of the time, they wait for AWS.
const AT_ONCE: usize = 6;
/// The pauses before a line is tried again while AWS is not available.
const PAUSES: [u64; 5] = [1, 2, 4, 8, 16];

/// An import.
pub(crate) struct Importer {
    pub(crate) pool: Pool,
    pub(crate) images: ImageImporter,
    /// The country of phone numbers without a country code.
    pub(crate) region: String,
    /// Whether Cognito mails temporary passwords.
    pub(crate) invites: bool,
    pub(crate) report: Report,
    users: HashMap<String, UserId>,
    sets: HashMap<String, (UserId, SetId)>,
}

/// What a line made.
enum Made {
    Tier,
    User(UserId),
    Set(UserId, SetId),
    Image(UserId, ImageId),
}

impl Importer {
    pub(crate) fn new(pool: Pool, images: ImageImporter, region: String, invites: bool) -> Self {
        let report = Report::default();
        Self { pool, images, region, invites, report, users: HashMap::new(), sets: HashMap::new() }
    }

    /// Imports all lines: first the tiers, then the users, the sets and the images. So the order of the lines does not
    /// matter. Returns the images that exist now, each with its line and its owner.
    ///
    /// # Errors
    /// AWS failed again and again.
    pub(crate) async fn run(&mut self, manifest: &str) -> Result<Vec<(usize, UserId, ImageId)>> {
        let lines =
            || manifest.lines().enumerate().map(|(at, line)| (at + 1, line.trim_start_matches('\u{feff}')));
        let is_filled = |(_, line): &(usize, &str)| !line.trim().is_empty();
        for (number, line) in lines().filter(is_filled) {
            if let Err(reason) = parse(line) {
                self.report.line(number, "", &Err(reason));
            }
        }
        let mut images = Vec::new();
        for kind in Kind::ALL {
            let mut first = HashMap::new();
            let of_kind = lines().filter(is_filled).filter_map(|(number, line)| {
                let line = parse(line).ok().filter(|line| line.kind() == kind)?;
                let mut repeated = None;
                for unique in line.unique() {
                    let name = unique.0;
                    match first.entry(unique) {
                        Entry::Vacant(free) => drop(free.insert(number)),
                        Entry::Occupied(before) => {
                            repeated =
                                repeated.or(Some(format!("line {} has the same {name}", before.get())));
                        }
                    }
                }
                Some((number, line, repeated))
            });
            let mut made = Vec::new();
            let (this, report) = (&*self, &self.report);
            let mut results = stream::iter(of_kind)
                .map(|(number, line, repeated)| async move {
                    let result = match repeated {
                        Some(reason) => Err(refused(reason)),
                        None => this.line_until_available(&line).await,
                    };
                    (number, line, result)
                })
                .buffered(AT_ONCE);
            while let Some((number, line, result)) = results.next().await {
                let name = format!("{} {:?}", kind.as_str(), line.id());
                match result {
                    Ok((outcome, what)) => {
                        report.line(number, &name, &Ok(outcome));
                        made.push((number, line.id(), what));
                    }
                    Err(LineError::Refused(reason)) => report.line(number, &name, &Err(reason)),
                    Err(LineError::Call(error)) => bail!(
                        "line {number}, {name}: {}. Run the same command again: it continues here",
                        aws::causes(&error)
                    ),
                }
            }
            drop(results);
            for (number, id, what) in made {
                match what {
                    Made::Tier => {}
                    Made::User(user) => drop(self.users.insert(id, user)),
                    Made::Set(user, set) => drop(self.sets.insert(id, (user, set))),
                    Made::Image(user, image) => images.push((number, user, image)),
                }
            }
        }
        Ok(images)
    }

    /// Imports a line. While AWS is not available, tries again for half a minute.
    async fn line_until_available(&self, line: &Line) -> Result<(Outcome, Made), LineError> {
        for pause in PAUSES {
            match self.line(line).await {
                Err(LineError::Call(CallError::Unavailable(_))) => sleep(Duration::from_secs(pause)).await,
                other => return other,
            }
        }
        self.line(line).await
    }

    async fn line(&self, line: &Line) -> Result<(Outcome, Made), LineError> {
        let records = &self.images.records;
        Ok(match line {
            Line::Tier(tier) => (tiers::import(records, tier).await?, Made::Tier),
            Line::User(user) => {
                let (outcome, id) = users::import(&self.pool, records, user, self.invites).await?;
                (outcome, Made::User(id))
            }
            Line::Set(set) => {
                let user = self.owner(&fold(&set.user))?;
                let (outcome, id) = self.set(user, set).await?;
                (outcome, Made::Set(user.clone(), id))
            }
            Line::Image(image) => {
                let owner = self.owner_of_image(image)?;
                let (outcome, id) = self.images.import(image, &owner).await?;
                (outcome, Made::Image(owner.user, id))
            }
        })
    }

    async fn set(&self, user: &UserId, line: &SetLine) -> Result<(Outcome, SetId), LineError> {
        sets::import(&self.images.records, user, line).await
    }

    fn owner(&self, username: &str) -> Result<&UserId, LineError> {
        self.users
            .get(username)
            .ok_or_else(|| refused("user: the manifest has no line for this user, or that line was refused"))
    }

    fn owner_of_image(&self, line: &ImageLine) -> Result<Owner, LineError> {
        let user = self.owner(&fold(&line.user))?;
        let place = match &line.set {
            None => None,
            Some(slot) => {
                let set = self.sets.get(slot.id.as_str()).filter(|(owner, _)| owner == user);
                let (_, id) = set.ok_or_else(|| {
                    refused("set: this user has no set with this id in the manifest, or its line was refused")
                })?;
                Some(SetPlace { id: *id, image_type: slot.image_type })
            }
        };
        let number = line.phone_number.as_deref().map(|text| phone::parse(text, &self.region));
        let phone_number = number.transpose().map_err(|error| refused(format!("phone_number: {error}")))?;
        Ok(Owner { user: user.clone(), place, phone_number })
    }

    /// Waits until the images are processed, and reports those that are not pictures. Stops after five minutes in which
    /// no image was processed.
    ///
    /// # Errors
    /// AWS failed.
    pub(crate) async fn wait_until_processed(&self, images: Vec<(usize, UserId, ImageId)>) -> Result<()> {
        const PAUSE: Duration = Duration::from_secs(2);
        const ROUNDS_WITHOUT_PROGRESS: u32 = 150;
        let mut left: BTreeMap<(String, ImageId), (usize, UserId)> = images
            .into_iter()
            .map(|(number, user, image)| ((user.to_string(), image), (number, user)))
            .collect();
        let mut rounds = 0;
        while !left.is_empty() && rounds < ROUNDS_WITHOUT_PROGRESS {
            let before = left.len();
            self.drop_processed(&mut left).await?;
            if left.is_empty() {
                break;
            }
            rounds = if left.len() < before { 0 } else { rounds + 1 };
            sleep(PAUSE).await;
        }
        self.report.unprocessed(left.len());
        Ok(())
    }

    /// Removes the images that are ready, failed or deleted.
    async fn drop_processed(&self, left: &mut BTreeMap<(String, ImageId), (usize, UserId)>) -> Result<()> {
        // The maximum of one call of DynamoDB.
        const BATCH: usize = 100;
        let mut of_users: BTreeMap<String, (UserId, Vec<ImageId>)> = BTreeMap::new();
        for ((name, image), (_, user)) in left.iter() {
            of_users.entry(name.clone()).or_insert_with(|| (user.clone(), Vec::new())).1.push(*image);
        }
        for (name, (user, ids)) in of_users {
            for ids in ids.chunks(BATCH) {
                let found =
                    self.images.records.images_by_id(&user, ids.iter().copied(), domain::now()).await?;
                for id in ids {
                    let image = found.iter().find(|image| image.id == *id);
                    if image.is_some_and(|image| {
                        matches!(image.status, domain::Status::Pending | domain::Status::Processing)
                    }) {
                        continue;
                    }
                    let line = left.remove(&(name.clone(), *id));
                    let failure = image.and_then(|image| image.failure.as_ref());
                    if let (Some((number, _)), Some(failure)) = (line, failure) {
                        self.report.failed(number, failure);
                    }
                }
            }
        }
        Ok(())
    }
}
