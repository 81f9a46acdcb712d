//! A client, its requests, and how long it tries again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
    time::Duration,
};

use reqwest::Method;
use serde_json::Value;
use tests::{Answer, Plan, User};
use tokio::{sync::Semaphore, time::sleep};

use crate::{
    files::{Files, Picture},
    model::{Model, Told},
};

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) files: &'static Files,
    /// The word of the stand-in for Dropbox, which is in the name of each file.
    pub(crate) plan: Plan,
    /// The number of files that have still to be sent.
    pub(crate) left: AtomicUsize,
    /// Limits the requests that run at the same time.
    pub(crate) turns: Semaphore,
    /// How often each answer came: the method, the status, and the code of a problem.
    pub(crate) answers: Mutex<BTreeMap<String, usize>>,
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A success.
    Done(Value),
    /// The server refused the request with this status.
    Refused(u16),
    /// Nobody knows whether the request was processed.
    Unknown,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) user: User,
    pub(crate) model: Model,
    pub(crate) rng: fastrand::Rng,
    pub(crate) shared: Arc<Shared>,
    pub(crate) count: usize,
}

impl Client {
    pub(crate) fn new(user: User, seed: u64, shared: Arc<Shared>) -> Self {
        Self { user, model: Model::default(), rng: fastrand::Rng::with_seed(seed), shared, count: 0 }
    }

    /// Sends a file, with as many attempts, and returns whether S3 has it.
    pub(crate) async fn put(&mut self, upload: &Value, picture: &Picture, attempts: usize) -> Told {
        let mut sent = Told::No;
        for _ in 0..attempts {
            let answer = {
                let _turn = self.shared.turns.acquire().await;
                self.user.stack.put(upload, picture.bytes.clone()).await
            };
            let status = answer.map_or(0, |answer| answer.status.as_u16());
            self.count(&format!("PUT of a file {status}"));
            match status {
                // 412: an earlier attempt has stored it.
                200 | 412 => return Told::Yes,
                0 | 500.. => sent = Told::Maybe,
                _ => {
                    let url =
                        upload["url"].as_str().unwrap_or_default().split('?').next().unwrap_or_default();
                    self.model.wrong_answers.push(format!("S3 refuses the upload {url} with {status}"));
                    return sent;
                }
            }
            let pause = self.rng.u64(200..900);
            sleep(Duration::from_millis(pause)).await;
        }
        sent
    }

    /// Deletes something. A 404 also says that it is gone: DynamoDB may have deleted it although its answer was lost, and
    /// the function then tries again.
    pub(crate) async fn remove(&mut self, path: &str) -> Told {
        // Some clients do not try again.
        let attempts = if self.rng.u8(0..5) == 0 { 1 } else { 20 };
        for _ in 0..attempts {
            match self.ask(Method::DELETE, path, None, None).await {
                Reply::Done(_) | Reply::Refused(404) => return Told::Yes,
                Reply::Refused(..) | Reply::Unknown => {}
            }
            sleep(Duration::from_millis(400)).await;
        }
        Told::Maybe
    }

    /// Sends a request. With an idempotency key, or if it only reads, it is sent again until the outcome is known.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Reply {
        let attempts = if key.is_some() {
            25
        } else if method == Method::GET {
            3
        } else {
            1
        };
        let mut was_unknown = false;
        for attempt in 0..attempts {
            if attempt > 0 {
                let pause = self.rng.u64(200..1000);
                sleep(Duration::from_millis(pause)).await;
            }
            match self.ask_once(method.clone(), path, body, key).await {
                Reply::Refused(429) => {}
                Reply::Unknown => was_unknown = true,
                reply => return reply,
            }
        }
        // The outcome of an earlier attempt stays unknown until the request gets through.
        if was_unknown { Reply::Unknown } else { Reply::Refused(429) }
    }

    async fn ask_once(&self, method: Method, path: &str, body: Option<&Value>, key: Option<&str>) -> Reply {
        let _turn = self.shared.turns.acquire().await;
        let mut request = self.user.request(method.clone(), path).timeout(Duration::from_secs(30));
        request = request.header("accept", "application/json");
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let Ok(response) = request.send().await else {
            self.count(&format!("{method} without an answer"));
            return Reply::Unknown;
        };
        let Ok(answer) = Answer::read(response).await.and_then(Answer::decompressed) else {
            self.count(&format!("{method} without a whole answer"));
            return Reply::Unknown;
        };
        let status = answer.status.as_u16();
        let body: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
        let code = body["code"].as_str().unwrap_or_default();
        self.count(&format!("{method} {status} {code}"));
        match status {
            200..300 => Reply::Done(body),
            400..500 => Reply::Refused(status),
            _ => Reply::Unknown,
        }
    }

    fn count(&self, what: &str) {
        let mut answers = self.shared.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry(what.trim().to_owned()).or_default() += 1;
    }
}
