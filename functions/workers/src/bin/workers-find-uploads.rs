//! Finds uploads that arrived but that no worker develops, because S3's event or Lambda's retry was lost. It sends them
//! to the queue `UploadRetries`.
//!
//! A schedule invokes it. It looks at each image at three ages, so the cost does not grow with the number of images
//! that exist. An operator can also invoke it for images that were created in a given time, with an event such as
//! `{"from": "2026-03-12T00:00:00Z", "to": "2026-03-13T00:00:00Z"}`.
//!
//! After an upgrade, scheduled runs also add the items of earlier versions to indexes: image sets to the list for
//! admins, images to the list by the time taken, and words to the search (`shared/store/src/older_items.rs`).

use std::time::{Duration, Instant};

use aws::CallError;
use aws_types::SdkConfig;
use domain::Timestamp;
use futures_util::{StreamExt, stream};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use store::{OlderItems, OwnedImage, Records};
use tracing::{error, info, warn};
use workers::ArrivedUploads;

/// The ages of the images that a scheduled run looks at, in seconds. The first is soon after most uploads, the second
/// is before a pending image expires, and the third is after every first version has ended or expired. Records of stuck
/// replacements expire after a day, and `workers-stream` looks at those.
const AGES: [i64; 3] = [60 * 60, 23 * 60 * 60, 49 * 60 * 60];

/// The images of this time are looked at together, in seconds. It is longer than the schedule's period in
/// template.yaml, because a run may begin late.
const WINDOW: i64 = 20 * 60;

/// How many uploads are looked at simultaneously.
const CONCURRENCY: usize = 16;

/// How long a run scans the table for older items of one kind. The next run continues.
const INDEX_TIME: Duration = Duration::from_secs(120);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let finder = UploadFinder::from_env(&aws::config()?)?;
    lambda_runtime::run(service_fn(|event| finder.handle(event))).await
}

/// The event of a schedule, or what an operator sends.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Event {
    Window {
        /// The images were created at this time or later.
        from: Timestamp,
        /// The images were created at this time or earlier.
        to: Timestamp,
    },
    /// A "Scheduled Event" of Amazon EventBridge.
    Scheduled {
        /// When the run was due. A retry looks at the same images.
        time: Timestamp,
    },
}

impl Event {
    /// The times at which the images were created.
    fn windows(self) -> Result<Vec<(Timestamp, Timestamp)>, Error> {
        let time = match self {
            Self::Window { from, to } => return Ok(vec![(from, to)]),
            Self::Scheduled { time } => time.as_second(),
        };
        let window = |age: &i64| {
            let (from, to) = (time - age - WINDOW, time - age);
            Ok((Timestamp::from_second(from)?, Timestamp::from_second(to)?))
        };
        AGES.iter().map(window).collect()
    }
}

/// The result of a run.
#[derive(Debug, Default, Serialize)]
struct Found {
    /// The number of images that were pending or processing.
    unfinished: usize,
    /// The number of uploads that were sent to the queue.
    sent: usize,
    /// The number of images that could not be looked at.
    failed: usize,
    /// The number of image sets of earlier versions that were found.
    older_sets: usize,
    /// The number of images of earlier versions that were found.
    older_images: usize,
    /// The number of images of earlier versions whose words were missing.
    older_words: usize,
}

struct UploadFinder {
    records: Records,
    arrived: ArrivedUploads,
}

impl UploadFinder {
    fn from_env(config: &SdkConfig) -> Result<Self, Error> {
        Ok(Self { records: Records::from_env(config)?, arrived: ArrivedUploads::from_env(config)? })
    }

    async fn handle(&self, event: LambdaEvent<Event>) -> Result<Found, Error> {
        let mut found = Found::default();
        let is_scheduled = matches!(event.payload, Event::Scheduled { .. });
        for window in event.payload.windows()? {
            self.find(window, &mut found).await?;
        }
        if is_scheduled {
            found.older_sets = self.index_older(OlderItems::Sets).await?;
            found.older_images = self.index_older(OlderItems::Images).await?;
            found.older_words = self.index_older(OlderItems::Words).await?;
        }
        let Found { unfinished, sent, failed, older_sets, older_images, older_words } = found;
        info!(
            unfinished,
            sent, failed, older_sets, older_images, older_words, "looked for uploads that were not developed"
        );
        // Lambda then repeats the run. An upload that is sent twice is developed once.
        if failed > 0 { Err(format!("looking at {failed} images failed").into()) } else { Ok(found) }
    }

    async fn find(&self, window: (Timestamp, Timestamp), found: &mut Found) -> Result<(), CallError> {
        let mut position = None;
        loop {
            let (images, next) = self.records.unfinished_images(window, position).await?;
            found.unfinished += images.len();
            let mut results =
                stream::iter(images).map(|image| self.look_at(image)).buffer_unordered(CONCURRENCY);
            while let Some(result) = results.next().await {
                match result {
                    Ok(sent) => found.sent += usize::from(sent),
                    // One bad record must not keep the others waiting.
                    Err(error) => {
                        found.failed += 1;
                        let cause = aws::causes(&error);
                        match error {
                            CallError::Internal(_) => error!(cause, "looking for an upload failed"),
                            CallError::Unavailable(_) => warn!(cause, "looking for an upload failed"),
                        }
                    }
                }
            }
            if next.is_none() {
                return Ok(());
            }
            position = next;
        }
    }

    /// Adds the items of earlier versions to an index, in a part of the table.
    async fn index_older(&self, kind: OlderItems) -> Result<usize, CallError> {
        let (begin, mut found) = (Instant::now(), 0);
        loop {
            let (some, follows) = self.records.index_older(kind).await?;
            found += some;
            if !follows || begin.elapsed() > INDEX_TIME {
                return Ok(found);
            }
        }
    }

    async fn look_at(&self, image: Result<OwnedImage, CallError>) -> Result<bool, CallError> {
        let OwnedImage { user, image } = image?;
        self.arrived.send_if_arrived(&user, &image, domain::now()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(event: &str) -> Vec<String> {
        let windows = serde_json::from_str::<Event>(event).unwrap().windows().unwrap();
        windows.into_iter().map(|(from, to)| format!("{from} {to}")).collect()
    }

    #[test]
    fn a_scheduled_run_looks_at_three_ages() {
        let event = include_str!("../../../../events/workers-find-uploads.json");
        assert_eq!(
            windows(event),
            [
                "2026-03-12T17:55:00Z 2026-03-12T18:15:00Z",
                "2026-03-11T19:55:00Z 2026-03-11T20:15:00Z",
                "2026-03-10T17:55:00Z 2026-03-10T18:15:00Z",
            ]
        );
    }

    #[test]
    fn an_operator_names_the_time() {
        let event = r#"{"from": "2026-03-12T00:00:00Z", "to": "2026-03-13T00:00:00Z"}"#;
        assert_eq!(windows(event), ["2026-03-12T00:00:00Z 2026-03-13T00:00:00Z"]);
        assert!(serde_json::from_str::<Event>(r#"{"from": "yesterday"}"#).is_err());
    }

    #[test]
    fn the_window_is_longer_than_the_period_of_the_schedule() {
        let template = include_str!("../../../../template.yaml");
        let (_, rate) = template.split_once("Schedule: rate(").unwrap();
        let minutes: i64 = rate.split_once(" minutes)").unwrap().0.parse().unwrap();
        assert!(WINDOW > minutes * 60, "{minutes}");
    }
}
