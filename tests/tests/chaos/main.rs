//! `cargo xtask chaos`: many users work while everything around the functions fails. Afterwards nothing may be lost,
//! nothing may be left over, and every counter must be exact.
//!
//! The seed decides what each client does, what fails and for how long. Only the order in which things happen at the
//! same time depends on the machine.

// Only Linux shows the running processes in /proc, which this test kills.
#![cfg(target_os = "linux")]

mod client;
mod compare;
mod faults;
mod files;
mod model;
mod proxy;
mod requests;
mod settle;
mod setup;
mod truth;

use std::{
    collections::BTreeMap,
    env,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use serde_json::json;
use tests::{Plan, Stack, Tier};
use tokio::sync::Semaphore;

use compare::{Findings, compare};
use files::Files;
use requests::{Client, Shared};
use setup::Setup;
use truth::{Ownerless, Truth};

/// How many requests run at the same time.
const AT_ONCE: usize = 8;

fn setting(name: &str, default: u64) -> Result<u64> {
    env::var(name).map_or(Ok(default), |text| text.parse().with_context(|| format!("{name} is not a number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_every_counter_is_exact() -> Result<()> {
    let uploads = usize::try_from(setting("DARKROOM_CHAOS_UPLOADS", 300)?)?;
    let seed = setting("DARKROOM_CHAOS_SEED", 1)?;
    println!("chaos with {uploads} uploads and the seed {seed}");
    let (stack, start) = (Stack::connect()?, Instant::now());
    let mut seeds = fastrand::Rng::with_seed(seed);
    let state = proxy::state(seeds.u64(..));

    let tier = Tier::BASIC.with("max_images", 1_000_000).with("ai", true).with("renditions", true);
    let tier = tier.with("trash_days", 30).with("expiring_links", true);
    // With these limits, nothing is counted again, so the upper bounds in the profile count all that was created.
    let tier = tier.with("max_links", 1_000_000).with("max_pending_uploads", 1_000_000);
    let tier = tier.with("max_ai_calls_per_day", 1_000_000);
    let day = jiff::Timestamp::now().as_second() / (24 * 60 * 60);
    let users = (uploads / 25).clamp(6, 100);
    let users = stream::iter((0..users).map(|_| stack.user_in(tier.clone())));
    let users: Vec<_> = users.buffered(4).try_collect().await?;
    let setup = Setup::prepare(&stack, &state).await?;
    let before: BTreeMap<_, _> = settle::messages(&stack, &setup).await?.into_iter().collect();
    let shared = Arc::new(Shared {
        files: Files::make()?,
        plan: Plan::new()?,
        left: AtomicUsize::new(uploads),
        turns: Semaphore::new(AT_ONCE),
        answers: Mutex::default(),
    });

    let outcome = async {
        let loses = if setup.has("WorkersFindUploads") { 0.04 } else { 0.0 };
        let plan = json!({
            "seed": seed, "repeat": 0.1, "delay": 0.2, "delay_seconds": 6, "lose": loses, "hurry": 360,
        });
        setup.deliver(&plan).await?;
        let faults = tokio::spawn(faults::inject(state.clone(), seeds.u64(..)));
        let endpoint = stack.outputs.endpoint_url.clone();
        let kills = tokio::spawn(faults::kills(endpoint, setup.functions(), seeds.u64(..), state.clone()));
        let clients = users.into_iter().map(|user| Client::new(user, seeds.u64(..), shared.clone()).run());
        let progress = tokio::spawn(progress(shared.clone(), uploads, start));
        let clients = try_join_all(clients).await;
        progress.abort();
        faults.abort();
        kills.abort();
        proxy::lock(&state).fault = None;
        setup.deliver(&json!({"hurry": 360})).await?;
        println!("  {:3.0} s: the faults end", start.elapsed().as_secs_f64());
        let clients = clients?;
        let users: Vec<_> = clients.iter().map(|client| &client.user).collect();
        let deadline = Duration::from_secs(120 + uploads as u64 / 20);
        let mut is_settled = settle::settle(&stack, &setup, &users, &before, deadline).await?;
        // The expiry of a marker deletes all objects of its image, and would hide that the deletion left some.
        let ownerless = stream::iter(users.iter().map(|user| Ownerless::of(user))).buffered(4);
        let ownerless: Vec<Ownerless> = ownerless.try_collect().await?;
        settle::expire_markers(&stack, &users).await?;
        is_settled &= settle::settle(&stack, &setup, &users, &before, deadline).await?;
        anyhow::Ok((clients, is_settled, ownerless))
    }
    .await;
    let deliveries = setup.deliveries().await?;
    let after = settle::messages(&stack, &setup).await?;
    setup.restore().await?;
    let (clients, is_settled, ownerless) = outcome?;
    println!("  {:3.0} s: comparing", start.elapsed().as_secs_f64());

    let mut found = Findings::default();
    if !is_settled {
        found.differences.push("not settled: some work has not ended in time".to_owned());
    }
    let truths = stream::iter(clients.iter().map(|client| Truth::read(&client.user)));
    let truths: Vec<Truth> = truths.buffered(4).try_collect().await?;
    for (client, truth) in clients.iter().zip(&truths) {
        compare(&client.user, &client.model, truth, day, &mut found);
    }
    for Ownerless { originals, thumbnails } in ownerless {
        // A file that arrived after the deletion stays until then, if its event was lost.
        let line =
            |what: &str, key: &String| format!("orphan object: {what} {key}, before its marker expired");
        found.obsolete.extend(originals.iter().map(|key| line("original", key)));
        found.differences.extend(thumbnails.iter().map(|key| line("thumbnail", key)));
    }
    let lost_events = deliveries["lost"].as_u64().unwrap_or(0);
    if found.obsolete.len() as u64 > lost_events {
        let obsolete = std::mem::take(&mut found.obsolete);
        found.differences.extend(obsolete);
    }
    copies(&shared.plan, &mut found).await?;
    queues(&stack, &before, &after, &mut found).await?;
    report(&shared, &state, &deliveries, &found, clients.len());
    let seconds = start.elapsed().as_secs_f64();
    if found.differences.is_empty() {
        println!(
            "Nothing was lost, nothing is left over, every counter is exact. {uploads} uploads, seed {seed}, {seconds:.0} s"
        );
        return Ok(());
    }
    for difference in &found.differences {
        println!("{difference}");
    }
    bail!(
        "{} differences after {uploads} uploads with the seed {seed}, {seconds:.0} s",
        found.differences.len()
    )
}

async fn progress(shared: Arc<Shared>, uploads: usize, start: Instant) {
    loop {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let left = shared.left.load(std::sync::atomic::Ordering::Relaxed);
        println!(
            "  {:3.0} s: {} of {uploads} files were sent",
            start.elapsed().as_secs_f64(),
            uploads - left
        );
    }
}

/// Compares the files in Dropbox with the copies of images.
async fn copies(plan: &Plan, found: &mut Findings) -> Result<()> {
    let files = plan.files().await?;
    let paths: Vec<String> =
        files.iter().filter_map(|file| file["path"].as_str()).map(str::to_lowercase).collect();
    let orphans = paths.iter().filter(|path| !found.copies.contains(*path));
    let lost = found.copies.iter().filter(|path| !paths.contains(path));
    let orphans = orphans.map(|path| format!("orphan copy: {path} is in Dropbox"));
    let lost = lost.map(|path| format!("lost copy: {path} is not in Dropbox"));
    let differences: Vec<String> = orphans.chain(lost).collect();
    found.differences.extend(differences);
    Ok(())
}

/// Compares the numbers of messages.
async fn queues(
    stack: &Stack,
    before: &BTreeMap<String, u64>,
    after: &[(String, u64)],
    found: &mut Findings,
) -> Result<()> {
    for (url, count) in after {
        let more = count.saturating_sub(before.get(url).copied().unwrap_or(0));
        if more > 0 {
            let name = url.rsplit('/').next().unwrap_or_default();
            let kind = if url.contains("DeadLetters") { "dead letter" } else { "message left" };
            found.differences.push(format!("{kind}: {more} in {name}"));
            for message in stack.aws.messages(url).await?.iter().take(3) {
                found
                    .differences
                    .push(format!("{kind}: for example {}", message.chars().take(600).collect::<String>()));
            }
        }
    }
    Ok(())
}

fn report(
    shared: &Shared,
    state: &proxy::SharedState,
    deliveries: &serde_json::Value,
    found: &Findings,
    users: usize,
) {
    println!("answers:");
    for (answer, count) in shared.answers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("  {count:6} {answer}");
    }
    let state = proxy::lock(state);
    println!("faults: {} kills; {:?}; deliveries {deliveries}", state.kills, state.counts);
    println!(
        "{users} users have {} images ({} ready, {} failed, {} pending; {} in the trash), {} sets, {} objects, {} copies in \
         Dropbox, {} links; {} images were deleted; {} jobs gave up after five failures of AWS",
        found.images,
        found.ready,
        found.failed,
        found.pending,
        found.trashed,
        found.sets,
        found.objects,
        found.copies.len(),
        found.links,
        found.deleted,
        found.gave_up,
    );
}
