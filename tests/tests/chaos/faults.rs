//! What goes wrong while the clients work: services fail by turns, and functions are killed.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::sleep;

use crate::proxy::{Fault, Service, SharedState, lock};

/// The functions that are killed, the workers more often than the endpoints.
const VICTIMS: &[&str] = &[
    "WorkersThumbnail",
    "WorkersThumbnail",
    "WorkersStream",
    "WorkersStream",
    "WorkersAnalyze",
    "WorkersEdit",
    "WorkersDropbox",
    "ImagesCreate",
    "ImagesUpdate",
    "ImagesBatch",
    "ImagesDelete",
    "ImagesRestore",
    "ImagesTrashEmpty",
    "ImagesetsDelete",
];

fn seconds(rng: &mut fastrand::Rng, from: f64, to: f64) -> Duration {
    Duration::from_secs_f64(from + (to - from) * rng.f64())
}

/// The services that are away by turns for so long that all of Lambda's attempts at an event fail. On AWS these attempts
/// take some minutes, here a few seconds.
const OUTAGES: [Service; 4] = [Service::DynamoDb, Service::S3, Service::DynamoDb, Service::Sqs];
/// One fault of this many is an outage.
const CYCLE: usize = 6;

/// Until the task is aborted: one service fails for some seconds, then none, then another one.
pub(crate) async fn inject(state: SharedState, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    for round in 1.. {
        sleep(seconds(&mut rng, 0.5, 2.5)).await;
        if round % CYCLE == 2 {
            let fault = [Fault::Throttled, Fault::Broken, Fault::Unreachable][rng.usize(0..3)];
            lock(&state).fault = Some((OUTAGES[round / CYCLE % OUTAGES.len()], fault, 1.0));
            sleep(seconds(&mut rng, 10.0, 14.0)).await;
            lock(&state).fault = None;
            continue;
        }
        let service = [Service::DynamoDb, Service::DynamoDb, Service::S3, Service::Sqs][rng.usize(0..4)];
        let (fault, shares): (_, &[f64]) = match rng.u8(0..12) {
            0 | 1 => (Fault::Throttled, &[0.1, 0.5, 1.0]),
            2 | 3 => (Fault::Broken, &[0.1, 0.5, 1.0]),
            4 | 5 => (Fault::Unreachable, &[0.1, 0.5, 1.0]),
            // Each silent call takes all the time that its caller has.
            6 | 7 => (Fault::Silence, &[0.02, 0.05]),
            8 if service == Service::DynamoDb => (Fault::Conflict, &[0.3, 0.8]),
            _ => (Fault::LostAnswer, &[0.05, 0.2, 0.5]),
        };
        let share = shares[rng.usize(0..shares.len())];
        lock(&state).fault = Some((service, fault, share));
        sleep(seconds(&mut rng, 0.5, if share < 1.0 { 3.0 } else { 6.0 })).await;
        lock(&state).fault = None;
    }
}

/// Kills one process of a function from time to time, until the task is aborted. `functions` are the names of the
/// deployed functions.
pub(crate) async fn kills(endpoint: String, functions: Vec<(String, String)>, seed: u64, state: SharedState) {
    let mut rng = fastrand::Rng::with_seed(seed);
    loop {
        sleep(seconds(&mut rng, 0.5, 3.0)).await;
        let victim = VICTIMS[rng.usize(0..VICTIMS.len())];
        let Some((_, function)) = functions.iter().find(|(name, _)| name == victim) else { continue };
        let pids = pids(&endpoint, function);
        if pids.is_empty() {
            continue;
        }
        let pid = &pids[rng.usize(0..pids.len())];
        // The process may just have ended.
        let killed = Command::new("kill").arg("-KILL").arg(pid).stderr(Stdio::null()).status();
        if killed.is_ok_and(|status| status.success()) {
            lock(&state).kills += 1;
        }
    }
}

/// The processes of a function of this stack.
fn pids(endpoint: &str, function: &str) -> Vec<String> {
    let wanted = [format!("AWS_LAMBDA_FUNCTION_NAME={function}"), format!("AWS_ENDPOINT_URL={endpoint}")];
    let mut pids: Vec<String> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|process| {
            // Processes of other users, and those that have just ended, cannot be read.
            let environment = fs::read(process.path().join("environ")).unwrap_or_default();
            let has = |variable: &String| {
                environment.split(|byte| *byte == 0).any(|one| one == variable.as_bytes())
            };
            wanted.iter().all(has)
        })
        .filter_map(|process| process.file_name().into_string().ok())
        .collect();
    pids.sort();
    pids
}
