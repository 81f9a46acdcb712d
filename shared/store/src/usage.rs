//! Counts what requests add to a user's usage, and refuses what exceeds a limit.
//!
//! Each transaction that creates something also updates the user's profile, on the condition that the limits allow it.
//! So the limits are exact, however many requests come at the same time.
//!
//! Three numbers in the profile are upper bounds: nothing decreases them when an upload arrives or a link expires. So a
//! worker need not write the profile after each upload, and no other write conflicts with it. If an upper bound would
//! refuse a request, the things themselves are counted, and the profile gets their number. A refusal is therefore
//! always correct.

use aws::CallError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::{
    Addition, CreationBucket, LimitError, Profile, Quota, TakeTokens, Timestamp, Usage, UserId, check_counts,
    check_rules, day,
};

use crate::{
    account::{is_deleted, not_deleted},
    dynamodb::{
        condition::{Condition, between, eq, exists, ge, le, lt, not_exists, path},
        keys::{Item, item, number, profile_key, read, value},
        records::{Records, is_condition},
        transactions::TransactItemKind,
        update::Update,
    },
};

const SETS: &str = "sets";
const PENDING_UPLOADS: &str = "pending_uploads_at_most";
const LINKS: &str = "links_at_most";
const UPLOAD_LINKS: &str = "upload_links_at_most";
const BUCKET: &str = "creation_bucket";

/// Why a creation was not counted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CountError {
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error(transparent)]
    Call(#[from] CallError),
}

/// The part of a transaction that counts what a request adds.
pub(crate) struct Count<'a> {
    records: &'a Records,
    user: &'a UserId,
    added: Addition,
    now: Timestamp,
    basis: Basis,
}

/// What is known about the profile.
enum Basis {
    /// Nothing. The conditions compare the profile's counts with its own limits. DynamoDB's conditions cannot add.
    /// Therefore this works only for a request that adds at most one of each kind.
    Unread,
    /// The profile, as it is stored and with current counts. The conditions compare its counts with numbers.
    Read { stored: Usage, current: Box<Profile> },
    /// There is none. The transaction creates it.
    New(Box<Profile>),
}

impl<'a> Count<'a> {
    /// Counts a request without knowing the profile. One call less than [`Count::of`].
    pub(crate) async fn start(
        records: &'a Records,
        user: &'a UserId,
        added: Addition,
        now: Timestamp,
    ) -> Result<Self, CountError> {
        let Addition { images, pending_uploads, sets, links, ai_calls, .. } = added;
        let is_small = [images, pending_uploads, sets, links, ai_calls].into_iter().all(|count| count <= 1);
        if is_small && added.upload_links == 0 {
            return Ok(Self { records, user, added, now, basis: Basis::Unread });
        }
        let (profile, _tier) = tokio::join!(records.profile(user), records.default_tier());
        Self::of(records, user, profile?, added, now).await
    }

    /// Counts a request of a user with this profile. Only the transaction checks the limits, because a repeated request
    /// with an idempotency key must succeed beyond them too.
    pub(crate) async fn of(
        records: &'a Records,
        user: &'a UserId,
        profile: Option<Profile>,
        added: Addition,
        now: Timestamp,
    ) -> Result<Self, CountError> {
        let mut count = Self { records, user, added, now, basis: Basis::Unread };
        match profile {
            Some(mut profile) => {
                let stored = profile.usage.clone();
                number_upload_links(&mut profile);
                count.basis = Basis::Read { stored, current: Box::new(profile) };
            }
            None => count.prepare(None).await?,
        }
        Ok(count)
    }

    /// Prepares the next attempt after DynamoDB refused the profile's part of the transaction. `profile` is the stored
    /// profile.
    ///
    /// # Errors
    /// [`CountError::Limit`] if a limit is the reason, or if the account is being deleted.
    pub(crate) async fn refused(&mut self, profile: Option<Item>) -> Result<(), CountError> {
        if profile.as_ref().is_some_and(is_deleted) {
            return Err(LimitError::AccountDeleted.into());
        }
        let profile = profile.map(read).transpose()?;
        self.prepare(profile).await
    }

    async fn prepare(&mut self, profile: Option<Profile>) -> Result<(), CountError> {
        let (records, user, added, now) = (self.records, self.user, self.added, self.now);
        let Some(mut profile) = profile else {
            let mut profile = Profile::new(records.default_tier().await?);
            // Only sets may be older than the profile.
            (profile.usage.links_at_most, profile.usage.pending_uploads_at_most) = (Some(0), Some(0));
            check_rules(&profile, &added, now)?;
            self.count_again(&mut profile).await?;
            check_counts(&profile, &added)?;
            self.basis = Basis::New(Box::new(profile));
            return Ok(());
        };
        // Counting costs more than anything else here, so the other checks come first.
        check_rules(&profile, &added, now)?;
        let stored = profile.usage.clone();
        let counted = self.count_again(&mut profile).await?;
        if let Err(refusal) = check_counts(&profile, &added) {
            if counted {
                records.charge_refusal(user, &stored, now).await?;
            }
            return Err(refusal.into());
        }
        self.basis = Basis::Read { stored, current: Box::new(profile) };
        Ok(())
    }

    /// Counts the things whose number in the profile is missing or would refuse the request. Returns whether there are
    /// such things.
    async fn count_again(&self, profile: &mut Profile) -> Result<bool, CallError> {
        let (records, user, added, now) = (self.records, self.user, self.added, self.now);
        number_upload_links(profile);
        let (limits, usage) = (&profile.limits, &mut profile.usage);
        let exceeds = |bound: Option<u64>, added: u64, quota: Quota| {
            added > 0 && bound.is_none_or(|bound| bound + added > quota.of(limits))
        };
        let sets = added.sets > 0 && usage.sets.is_none();
        let links = exceeds(usage.links_at_most, added.links, Quota::Links);
        let upload_links = exceeds(usage.upload_links_at_most, added.upload_links, Quota::UploadLinks);
        let pending_uploads =
            exceeds(usage.pending_uploads_at_most, added.pending_uploads, Quota::PendingUploads);
        if sets {
            usage.sets = Some(records.count_sets(user).await?);
        }
        if links {
            usage.links_at_most = Some(records.count_links(user, now).await?);
        }
        if upload_links {
            usage.upload_links_at_most = Some(records.count_upload_links(user, now).await?);
        }
        if pending_uploads {
            usage.pending_uploads_at_most = Some(records.count_pending_uploads(user, now).await?);
        }
        Ok(sets || links || upload_links || pending_uploads)
    }

    /// Writes `items` and the item that counts them, all or none. If other conditions than those of the profile were
    /// false, returns the first kind among their items, and the item that is stored there. So the kind is never
    /// [`TransactItemKind::Profile`].
    pub(crate) async fn transact(
        &mut self,
        items: &[(TransactItemKind, TransactWriteItem)],
    ) -> Result<Option<(TransactItemKind, Option<Item>)>, CountError> {
        // Other requests of the user may change the profile.
        const ROUNDS: usize = 4;
        for _ in 0..ROUNDS {
            let counted = std::iter::once((TransactItemKind::Profile, self.item()?));
            match self.records.transact_kinds(items.iter().cloned().chain(counted).collect()).await? {
                Some((TransactItemKind::Profile, profile)) => self.refused(profile).await?,
                outcome => return Ok(outcome),
            }
        }
        Err(CallError::Unavailable("the profile keeps changing".into()).into())
    }

    /// The item of the transaction.
    pub(crate) fn item(&self) -> Result<TransactWriteItem, CallError> {
        match &self.basis {
            Basis::Unread => self.unread().in_transaction(self.records),
            Basis::Read { stored, current } => self.read(stored, current)?.in_transaction(self.records),
            Basis::New(profile) => {
                self.records.put_new(item(profile_key(self.user), self.new_profile(profile))?)
            }
        }
    }

    fn new_profile(&self, profile: &Profile) -> Profile {
        // The cached tier may be outdated. `Records::refresh_limits` corrects the new profile.
        let (added, mut new) = (&self.added, profile.clone());
        let usage = &mut new.usage;
        (usage.images, usage.bytes) = (added.images, added.bytes);
        usage.sets = usage.sets.map(|sets| sets + added.sets);
        (usage.links_at_most, usage.pending_uploads_at_most) =
            (Some(added.links), Some(added.pending_uploads));
        usage.upload_links_at_most = (added.upload_links > 0).then_some(added.upload_links);
        if added.ai_calls > 0 {
            (usage.ai_day, usage.ai_calls) = (Some(day(self.now)), added.ai_calls);
        }
        usage.creation_bucket = Some(CreationBucket::new(added.tokens(), self.now));
        new
    }

    fn unread(&self) -> Update {
        let (added, now) = (&self.added, self.now);
        let mut update = self.all_rules(Update::new(profile_key(self.user)));
        for (count, attribute, limit) in [
            (added.images, "images", "limits.max_images"),
            (added.sets, SETS, "limits.max_sets"),
            (added.links, LINKS, "limits.max_links"),
            (added.pending_uploads, PENDING_UPLOADS, "limits.max_pending_uploads"),
        ] {
            if count > 0 {
                update = update.add(attribute, count.into()).when(lt(attribute, path(limit)));
            }
        }
        if added.ai_calls > 0 {
            update = update
                .add("ai_calls", added.ai_calls.into())
                .when(eq("ai_day", number(day(now))))
                .when(lt("ai_calls", path("limits.max_ai_calls_per_day")));
        }
        let (cost, least, greatest) = CreationBucket::bounds(added.tokens(), now);
        update.add(BUCKET, cost.into()).when(between(BUCKET, number(least), number(greatest)))
    }

    fn read(&self, stored: &Usage, current: &Profile) -> Result<Update, CallError> {
        let (added, now, limits) = (&self.added, self.now, &current.limits);
        // Profiles of earlier versions lack some limits, which `unread` needs.
        let is_current = eq("limits.revision", number(limits.revision)).or(not_exists("limits.revision"));
        let mut update = Update::new(profile_key(self.user)).set("limits", value(limits)?).when(is_current);
        update = self.all_rules(update);
        let mut is_recounted = false;
        for (added, attribute, stored, current, quota) in [
            (added.images, "images", Some(stored.images), Some(current.usage.images), Quota::Images),
            (added.sets, SETS, stored.sets, current.usage.sets, Quota::Sets),
            (added.links, LINKS, stored.links_at_most, current.usage.links_at_most, Quota::Links),
            (
                added.upload_links,
                UPLOAD_LINKS,
                stored.upload_links_at_most,
                current.usage.upload_links_at_most,
                Quota::UploadLinks,
            ),
            (
                added.pending_uploads,
                PENDING_UPLOADS,
                stored.pending_uploads_at_most,
                current.usage.pending_uploads_at_most,
                Quota::PendingUploads,
            ),
        ] {
            if added == 0 {
                continue;
            }
            if stored == current {
                update =
                    update.add(attribute, added.into()).when(le(attribute, room(quota.of(limits), added)));
            } else {
                update = update.set(attribute, number(current.unwrap_or_default() + added));
                if stored.is_none() {
                    update = update.when(not_exists(attribute));
                }
                is_recounted = true;
            }
        }
        if added.ai_calls > 0 {
            let today = number(day(now));
            update = if stored.ai_day == Some(day(now)) {
                let has_room = le("ai_calls", room(limits.max_ai_calls_per_day, added.ai_calls));
                update.add("ai_calls", added.ai_calls.into()).when(eq("ai_day", today)).when(has_room)
            } else {
                let is_another_day = not_exists("ai_day").or(lt("ai_day", today.clone()));
                let update = update.set("ai_day", today).set("ai_calls", number(added.ai_calls));
                if added.ai_calls > limits.max_ai_calls_per_day { update.when(never()) } else { update }
                    .when(is_another_day)
            };
        }
        let take = CreationBucket::take(stored.creation_bucket, added.tokens(), now);
        // Each creation takes tokens, so an unchanged bucket shows that nothing was created after the count.
        let is_unchanged = is_recounted || matches!(take, Ok(TakeTokens::Reset(_)));
        update = match take {
            Ok(TakeTokens::Reset(CreationBucket(time))) => update.set(BUCKET, number(time)),
            // An empty bucket does not meet the condition.
            Ok(TakeTokens::Add(_)) | Err(_) => {
                let (cost, least, greatest) = CreationBucket::bounds(added.tokens(), now);
                update.add(BUCKET, cost.into()).when(between(BUCKET, number(least), number(greatest)))
            }
        };
        Ok(if is_unchanged { update.when(has_bucket(stored)) } else { update })
    }

    /// Adds the bytes, and the conditions that need no count.
    fn all_rules(&self, mut update: Update) -> Update {
        let added = &self.added;
        update = update.when(exists("pk").and(not_deleted()));
        if added.images > 0 {
            update = update
                .add("bytes", added.bytes.into())
                .when(ge("limits.max_image_bytes", number(added.largest_file)));
        }
        if added.ai_calls > 0 {
            update = update.when(eq("limits.ai", AttributeValue::Bool(true)));
        }
        update
    }
}

/// Replaces a missing number of upload links with 0. No upload link is older than its number in the profile.
fn number_upload_links(profile: &mut Profile) {
    profile.usage.upload_links_at_most.get_or_insert(0);
}

/// The greatest count to which a request may add, negative if there is none.
fn room(limit: u64, added: u64) -> AttributeValue {
    number(i128::from(limit) - i128::from(added))
}

/// A condition that contradicts the one that the profile exists.
fn never() -> Condition {
    not_exists("pk")
}

/// The profile still has this bucket.
fn has_bucket(stored: &Usage) -> Condition {
    match stored.creation_bucket {
        Some(CreationBucket(time)) => eq(BUCKET, number(time)),
        None => not_exists(BUCKET),
    }
}

impl Records {
    /// Takes tokens for a refusal that needed a count, so that nobody can cause many counts. If the profile changes at the
    /// same time, it takes none.
    async fn charge_refusal(&self, user: &UserId, stored: &Usage, now: Timestamp) -> Result<(), CallError> {
        const TOKENS: u64 = 20;
        let is_unchanged = exists("pk").and(not_deleted()).and(has_bucket(stored));
        let update = Update::new(profile_key(user)).when(is_unchanged);
        let update = match CreationBucket::take(stored.creation_bucket, TOKENS, now) {
            Ok(TakeTokens::Reset(CreationBucket(time))) => update.set(BUCKET, number(time)),
            Ok(TakeTokens::Add(cost)) => update.add(BUCKET, cost.into()),
            // The next request finds the bucket empty.
            Err(_) => update.set(BUCKET, number(now.as_millisecond())),
        };
        match update.alone(self)?.send().await {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}
