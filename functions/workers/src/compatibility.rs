//! Items, messages and cursors of earlier releases, in `tests/samples/<release>/`. While a deployment moves requests
//! from one version of the functions to the next, both read what the other one writes.
//!
//! The new code must read each sample. What it writes for the same value must contain each attribute of the sample with
//! the same value, so that the release of the sample reads it. tests/README.md says how to add samples.

use std::{collections::BTreeSet, fs, path::Path};

use api::CursorKey;
use domain::{AuditEntry, ExpiringLink, Image, ImageId, ImageSet, Job, Profile, Task, Tier, UploadLink};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{FailedInvocation, JobMessage};

/// The samples of all releases: the release, the name and the content of each.
fn samples() -> Vec<(String, String, Value)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples");
    let mut samples = Vec::new();
    for release in fs::read_dir(directory).unwrap() {
        let release = release.unwrap().path();
        for file in fs::read_dir(&release).unwrap() {
            let file = file.unwrap().path();
            let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&file).unwrap();
            let release = release.file_name().unwrap().to_string_lossy().into_owned();
            samples.push((release, name(&file), serde_json::from_str(&text).unwrap()));
        }
    }
    samples
}

/// What the current code writes after it has read a sample.
fn written_again<T: Serialize + DeserializeOwned>(sample: &Value) -> Result<Value, String> {
    let value: T = serde_json::from_value(sample.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(value).map_err(|error| error.to_string())
}

fn written(name: &str, sample: &Value) -> Result<Value, String> {
    match name.split('-').next().unwrap_or_default() {
        "image" => written_again::<Image>(sample),
        "set" => written_again::<ImageSet>(sample),
        "job" => written_again::<Job>(sample),
        "tier" => written_again::<Tier>(sample),
        "profile" => written_again::<Profile>(sample),
        "audit" => written_again::<AuditEntry>(sample),
        "expiring" => written_again::<ExpiringLink>(sample),
        "upload" => written_again::<UploadLink>(sample),
        "message" if name == "message-job" => written_again::<JobMessage>(sample),
        "message" => {
            let message = FailedInvocation::deserialize(sample).map_err(|error| error.to_string())?;
            let [upload] =
                message.request_payload.uploads().try_into().map_err(|_| "no upload".to_owned())?;
            Ok(upload.to_message())
        }
        "cursor" => {
            let text = |name: &str| sample[name].as_str().unwrap();
            let (key, user) = (CursorKey::new(text("key").to_owned()), text("user").parse().unwrap());
            assert_eq!(text("list"), "images");
            let list = key.of("images", &user, text("filter"));
            let id: ImageId = list.decode(text("cursor")).map_err(|problem| format!("{problem:?}"))?;
            Ok(json!({"id": id.to_string(), "cursor": list.encode(id)}))
        }
        _ => Err("the name says nothing about the type".to_owned()),
    }
}

/// The paths of what a value lacks of a sample, or has in another form.
fn lost(sample: &Value, written: &Value, path: &str) -> Vec<String> {
    match (sample, written) {
        (Value::Object(sample), Value::Object(written)) => sample
            .iter()
            .flat_map(|(name, value)| {
                lost(value, written.get(name).unwrap_or(&Value::Null), &format!("{path}/{name}"))
            })
            .collect(),
        (Value::Array(sample), Value::Array(written)) if sample.len() == written.len() => {
            let pairs = sample.iter().zip(written).enumerate();
            pairs
                .flat_map(|(index, (sample, written))| lost(sample, written, &format!("{path}/{index}")))
                .collect()
        }
        _ if sample == written => Vec::new(),
        _ => vec![format!("{path}: {sample} became {written}")],
    }
}

#[test]
fn this_release_reads_what_earlier_ones_wrote_and_they_read_what_it_writes() {
    let samples = samples();
    for (release, name, sample) in &samples {
        let written = written(name, sample).unwrap_or_else(|error| panic!("{release}/{name}: {error}"));
        // These members say how to make the cursor.
        let given: &[&str] = if name == "cursor" { &["key", "list", "user", "filter"] } else { &[] };
        let mut sample = sample.clone();
        sample.as_object_mut().unwrap().retain(|member, _| !given.contains(&member.as_str()));
        let lost = lost(&sample, &written, "");
        assert!(lost.is_empty(), "{release}/{name}: an earlier release does not read {lost:#?}");
    }
}

/// Defines the names of all tasks. The match makes the compiler refuse a list that lacks one.
macro_rules! tasks {
    ($($task:ident),*) => {
        const TASKS: &[&str] = &[$(stringify!($task)),*];

        fn name_of(task: &Task) -> &'static str {
            match task {
                $(Task::$task { .. } => stringify!($task),)*
            }
        }
    };
}

tasks!(Analyze, Edit, DropboxCopy, DeleteDropboxCopy, DeliverWebhook, Download, DeleteAccount);

#[test]
fn there_is_a_sample_of_every_kind_of_job_and_of_every_status() {
    let samples = samples();
    let of = |prefix: &str, attribute: &str| -> BTreeSet<String> {
        let samples = samples.iter().filter(|(_, name, _)| name.starts_with(prefix));
        samples.filter_map(|(_, _, sample)| sample[attribute].as_str()).map(str::to_owned).collect()
    };
    let statuses = ["failed", "pending", "processing", "ready"];
    assert_eq!(of("image-", "status"), statuses.map(str::to_owned).into());
    let jobs = samples.iter().filter(|(_, name, _)| name.starts_with("job-"));
    let tasks: BTreeSet<&str> =
        jobs.map(|(_, _, job)| name_of(&Job::deserialize(job).unwrap().task)).collect();
    assert_eq!(tasks, TASKS.iter().copied().collect::<BTreeSet<_>>());
}

#[test]
fn a_missing_attribute_is_noticed() {
    let sample = json!({"a": {"b": [1, {"c": "x"}]}, "d": true});
    assert_eq!(
        lost(&sample, &json!({"a": {"b": [1, {"c": "x", "new": 1}]}, "d": true, "e": 1}), ""),
        [""; 0]
    );
    let changed = json!({"a": {"b": [1, {}]}, "d": "true"});
    assert_eq!(lost(&sample, &changed, ""), ["/a/b/1/c: \"x\" became null", "/d: true became \"true\""]);
}
