//! Metrics in the embedded metric format: CloudWatch reads them from the log lines, so no call is needed (Amazon
//! CloudWatch User Guide, "Specification: Embedded metric format").

use std::{env, sync::LazyLock, time::Duration};

use jiff::Timestamp;
use lambda_runtime::tracing::info;
use serde_json::{Map, Value, json};

/// The field of an event whose members become members of the line.
pub(crate) const EMF: &str = "emf";

/// The namespace of the metrics. The template sets it to `Darkroom/<stack>`.
static NAMESPACE: LazyLock<String> =
    LazyLock::new(|| env::var("POWERTOOLS_METRICS_NAMESPACE").unwrap_or_else(|_| "Darkroom".to_owned()));

/// Something that happened, with its metrics. docs/OPERATIONS.md lists the metrics.
///
/// The value of a dimension is `&'static str`, so that no text of a client or a provider becomes one. CloudWatch
/// charges for each combination of a metric with its dimensions.
#[derive(Clone, Debug, PartialEq)]
pub enum Measurement {
    /// A client asked for uploads. `UploadsRequested` counts them.
    UploadsRequested {
        /// How many.
        count: usize,
        /// The ids of the images, and of edits that wait for them. They are in the line, but are no dimension.
        images: Vec<String>,
    },
    /// A picture was developed. `ImagesReady` counts the pictures, and `TimeToReady` has the time since the file
    /// arrived.
    ImageReady {
        /// The time since the file arrived.
        since_upload: Duration,
    },
    /// A file cannot be developed. `ImagesFailed` counts these files by the `code` of the failure.
    ImageFailed {
        /// The code of the failure.
        code: &'static str,
    },
    /// A job failed and is not retried. `JobsFailed` counts these jobs by the `code` of the failure.
    JobFailed {
        /// The code of the failure.
        code: &'static str,
    },
    /// The AI provider was called. `AiCalls` counts the calls by `operation`, `AiCallFailures` those that failed, and
    /// `AiCallTime` has their time.
    AiCall {
        /// `analyze` or `edit`.
        operation: &'static str,
        /// How long the call took.
        time: Duration,
        /// Whether the provider gave no usable answer.
        is_failure: bool,
    },
    /// A request was refused because of a limit. `Refusals` counts these requests by `limit`.
    Refusal {
        /// The name of the limit.
        limit: &'static str,
    },
}

const COUNT: &str = "Count";
const MILLISECONDS: &str = "Milliseconds";

impl Measurement {
    /// Writes a log line with the metrics.
    pub fn record(self, message: &str) {
        info!(emf = self.emf(), "{message}");
    }

    /// The metrics as the field `emf` of an event, whose line then has them.
    #[must_use]
    pub fn emf(self) -> String {
        Value::Object(self.into_emf(Timestamp::now())).to_string()
    }

    /// The members of the line that CloudWatch reads.
    fn into_emf(self, now: Timestamp) -> Map<String, Value> {
        let mut properties = Map::new();
        let (metrics, dimension): (Vec<(&str, &str, Value)>, _) = match self {
            Self::UploadsRequested { count, images } => {
                properties.insert("images".to_owned(), images.join(" ").into());
                (vec![("UploadsRequested", COUNT, count.into())], None)
            }
            Self::ImageReady { since_upload } => {
                let time = milliseconds(since_upload);
                (vec![("ImagesReady", COUNT, 1.into()), ("TimeToReady", MILLISECONDS, time)], None)
            }
            Self::ImageFailed { code } => (vec![("ImagesFailed", COUNT, 1.into())], Some(("code", code))),
            Self::JobFailed { code } => (vec![("JobsFailed", COUNT, 1.into())], Some(("code", code))),
            Self::AiCall { operation, time, is_failure } => {
                let metrics = vec![
                    ("AiCalls", COUNT, 1.into()),
                    ("AiCallFailures", COUNT, u8::from(is_failure).into()),
                    ("AiCallTime", MILLISECONDS, milliseconds(time)),
                ];
                (metrics, Some(("operation", operation)))
            }
            Self::Refusal { limit } => (vec![("Refusals", COUNT, 1.into())], Some(("limit", limit))),
        };
        let names: Vec<Value> =
            metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
        // A set without a key is valid. It makes a metric without dimensions.
        let dimensions: Vec<&str> = dimension.iter().map(|(name, _)| *name).collect();
        let directive = json!({"Namespace": *NAMESPACE, "Dimensions": [dimensions], "Metrics": names});
        let aws = json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive]});
        properties.insert("_aws".to_owned(), aws);
        properties.extend(metrics.into_iter().map(|(name, _, value)| (name.to_owned(), value)));
        properties.extend(dimension.map(|(name, value)| (name.to_owned(), value.into())));
        properties
    }
}

fn milliseconds(time: Duration) -> Value {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of measurement.
    fn all() -> Vec<Measurement> {
        let time = Duration::from_millis(1234);
        vec![
            Measurement::UploadsRequested { count: 2, images: vec!["a".to_owned(), "b".to_owned()] },
            Measurement::ImageReady { since_upload: time },
            Measurement::ImageFailed { code: "corrupt-image" },
            Measurement::JobFailed { code: "gave-up" },
            Measurement::AiCall { operation: "edit", time, is_failure: true },
            Measurement::Refusal { limit: "max_images" },
        ]
    }

    #[test]
    fn every_document_follows_the_specification() {
        let now = Timestamp::now();
        for measurement in all() {
            let document = measurement.clone().into_emf(now);
            let aws = &document["_aws"];
            assert_eq!(aws["Timestamp"], now.as_millisecond());
            let [directive] = &**aws["CloudWatchMetrics"].as_array().unwrap() else { panic!("{aws}") };
            assert_eq!(directive["Namespace"], "Darkroom");
            // "A MetricDirective's target members": each named metric and dimension is a member of the root.
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(document[metric["Name"].as_str().unwrap()].is_number(), "{document:?}");
            }
            for key in directive["Dimensions"][0].as_array().unwrap() {
                assert!(document[key.as_str().unwrap()].is_string(), "{document:?}");
            }
        }
    }

    #[test]
    fn values_are_counts_and_milliseconds() {
        let [uploads, ready, _, _, call, _] = all().try_into().unwrap();
        let uploads = uploads.into_emf(Timestamp::now());
        assert_eq!((&uploads["UploadsRequested"], &uploads["images"]), (&2.into(), &"a b".into()));
        let ready = ready.into_emf(Timestamp::now());
        assert_eq!((&ready["ImagesReady"], &ready["TimeToReady"]), (&1.into(), &1234.into()));
        let call = call.into_emf(Timestamp::now());
        assert_eq!((&call["AiCallFailures"], &call["operation"]), (&1.into(), &"edit".into()));
    }
}
