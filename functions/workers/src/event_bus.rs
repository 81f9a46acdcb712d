//! The EventBridge bus that other programs receive events from.

use std::collections::HashSet;

use aws::CallError;
use aws_sdk_eventbridge::{
    Client, operation::put_events::PutEventsOutput, primitives::DateTime, types::PutEventsRequestEntry,
};
use aws_types::SdkConfig;
use domain::Event;

/// The source of the entries on the bus. Rules select the events by it.
const SOURCE: &str = "darkroom";

/// The maximum number of entries of one call (PutEvents, "Entries").
const ENTRIES: usize = 10;

/// Puts events on a bus.
#[derive(Debug)]
pub struct EventBus {
    eventbridge: Client,
    /// The bus's name. It is empty if the deployment puts no events on a bus.
    name: String,
}

impl EventBus {
    /// Reads the bus's name from `EVENT_BUS`.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self::new(config, aws::var("EVENT_BUS")?))
    }

    /// The bus with this name.
    #[must_use]
    pub fn new(config: &SdkConfig, name: String) -> Self {
        Self { eventbridge: Client::new(config), name }
    }

    /// Puts events on the bus, each after the earlier events of its subject. Returns the outcome of each.
    ///
    /// If EventBridge refuses an event for good ([`CallError::Internal`]), the later events of its subject fail too, but
    /// not those of other subjects. If EventBridge is not available ([`CallError::Unavailable`]), all later events fail,
    /// without further calls.
    pub async fn put(&self, events: &[&Event]) -> Vec<Result<(), CallError>> {
        if self.name.is_empty() {
            return events.iter().map(|_| Ok(())).collect();
        }
        let (mut outcomes, mut refused, mut is_available) = (Vec::new(), HashSet::new(), true);
        for call in calls(events) {
            let due = call.iter().copied().filter(|event| !refused.contains(event.subject.as_str()));
            let due: Vec<&Event> = due.filter(|_| is_available).collect();
            let mut answers = self.put_once(&due).await.into_iter();
            for event in call {
                let outcome = if !is_available {
                    Err(CallError::Unavailable("EventBridge was not available for an earlier event".into()))
                } else if refused.contains(event.subject.as_str()) {
                    Err(CallError::internal("EventBridge refused an earlier event of the subject"))
                } else {
                    answers
                        .next()
                        .unwrap_or_else(|| Err(CallError::internal("EventBridge left out an event")))
                };
                if matches!(outcome, Err(CallError::Internal(_))) {
                    refused.insert(event.subject.as_str());
                }
                outcomes.push(outcome);
            }
            is_available = !outcomes.iter().any(|outcome| matches!(outcome, Err(CallError::Unavailable(_))));
        }
        outcomes
    }

    /// Puts the events of one call on the bus. Returns the outcome of each.
    async fn put_once(&self, events: &[&Event]) -> Vec<Result<(), CallError>> {
        if events.is_empty() {
            return Vec::new();
        }
        match self.call(events).await {
            // EventBridge can refuse some of the entries, which it names only in the answer (PutEvents,
            // "FailedEntryCount"). The answer has the entries in the order of the request.
            Ok(answer) => {
                answer.entries().iter().map(|entry| entry.error_code().map_or(Ok(()), refusal)).collect()
            }
            Err(error) => events.iter().map(|_| Err(error.duplicate())).collect(),
        }
    }

    async fn call(&self, events: &[&Event]) -> Result<PutEventsOutput, CallError> {
        let entries = events.iter().map(|event| {
            let detail = serde_json::to_string(event).map_err(CallError::internal)?;
            Ok(PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(SOURCE)
                .detail_type(event.kind.as_str())
                .time(DateTime::from_millis(event.time.as_millisecond()))
                .resources(&event.subject)
                .detail(detail)
                .build())
        });
        let entries = entries.collect::<Result<Vec<_>, CallError>>()?;
        Ok(self.eventbridge.put_events().set_entries(Some(entries)).send().await?)
    }
}

/// Why EventBridge refused an entry. Only the errors of EventBridge itself can be retried (PutEventsResultEntry, "ErrorCode";
/// PutEvents, "InternalException").
fn refusal(code: &str) -> Result<(), CallError> {
    let cause = format!("EventBridge refused an event: {code}").into();
    match code {
        "InternalException" | "InternalFailure" | "ThrottlingException" => Err(CallError::Unavailable(cause)),
        _ => Err(CallError::Internal(cause)),
    }
}

/// Divides events into calls. A call has at most one event of each subject, because the entries of one call have no
/// order.
fn calls<'a, 'e>(events: &'a [&'e Event]) -> Vec<&'a [&'e Event]> {
    let (mut calls, mut start, mut subjects) = (Vec::new(), 0, HashSet::new());
    for (index, event) in events.iter().enumerate() {
        if index - start == ENTRIES || subjects.contains(event.subject.as_str()) {
            calls.push(&events[start..index]);
            start = index;
            subjects.clear();
        }
        subjects.insert(event.subject.as_str());
    }
    if start < events.len() {
        calls.push(&events[start..]);
    }
    calls
}

#[cfg(test)]
mod tests {
    use domain::{EventData, EventType};
    use serde_json::{Value, json};
    use test_support::{FakeAws, error, ok};

    use super::*;

    fn event(number: usize, subject: &str) -> Event {
        Event {
            specversion: <_>::default(),
            id: format!("evt_{number}"),
            source: "/darkroom/test".to_owned(),
            kind: EventType::AccountDeleted,
            subject: subject.to_owned(),
            time: "2026-03-12T19:05:00Z".parse().unwrap(),
            datacontenttype: <_>::default(),
            sequence: None,
            data: EventData::of_user("ann".parse().unwrap()),
        }
    }

    /// Puts events with these subjects on the bus. Returns the outcome of each: done, refused or unavailable.
    async fn put(aws: &FakeAws, name: &str, subjects: &[&str]) -> (String, Vec<Value>) {
        let events: Vec<Event> = subjects.iter().enumerate().map(|(number, s)| event(number, s)).collect();
        let bus = EventBus::new(&aws.config(), name.to_owned());
        let outcomes = bus.put(&events.iter().collect::<Vec<_>>()).await;
        let outcomes = outcomes.iter().map(|outcome| match outcome {
            Ok(()) => 'd',
            Err(CallError::Internal(_)) => 'r',
            Err(CallError::Unavailable(_)) => 'u',
        });
        (outcomes.collect(), aws.calls().into_iter().map(|(_, input)| input).collect())
    }

    fn taken(entries: usize) -> Value {
        json!({"FailedEntryCount": 0, "Entries": vec![json!({"EventId": "1"}); entries]})
    }

    #[tokio::test]
    async fn an_entry_has_the_envelope_as_its_detail() {
        let aws = FakeAws::new([ok("PutEvents", taken(1))]);
        let (outcomes, calls) = put(&aws, "bus", &["images/1"]).await;
        assert_eq!(outcomes, "d");
        let entry = &calls[0]["Entries"][0];
        assert_eq!(
            (&entry["EventBusName"], &entry["Source"], &entry["DetailType"]),
            (&json!("bus"), &json!("darkroom"), &json!("account.deleted"))
        );
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        assert_eq!((&detail["specversion"], &detail["id"]), (&json!("1.0"), &json!("evt_0")));
    }

    #[tokio::test]
    async fn events_of_one_image_follow_one_another() {
        let aws = FakeAws::new([2, 1, 10, 2].map(|entries| ok("PutEvents", taken(entries))));
        let mut subjects = vec!["images/1", "images/2", "images/1"];
        subjects.push("images/1");
        let many: Vec<String> = (10..21).map(|number| format!("images/{number}")).collect();
        subjects.extend(many.iter().map(String::as_str));
        let (outcomes, calls) = put(&aws, "bus", &subjects).await;
        assert_eq!(outcomes, "d".repeat(15));
        let sizes: Vec<usize> = calls.iter().map(|call| call["Entries"].as_array().unwrap().len()).collect();
        assert_eq!(sizes, [2, 1, 10, 2]);
    }

    /// EventBridge's answer with an error code for each entry, or an empty one for an entry that it has accepted.
    fn answered(codes: &[&str]) -> Value {
        let entry = |code: &&str| {
            if code.is_empty() {
                json!({"EventId": "1"})
            } else {
                json!({"ErrorCode": code, "ErrorMessage": "no"})
            }
        };
        let failed = codes.iter().filter(|code| !code.is_empty()).count();
        json!({"FailedEntryCount": failed, "Entries": codes.iter().map(entry).collect::<Vec<_>>()})
    }

    #[tokio::test]
    async fn after_a_refused_event_only_those_of_its_subject_fail() {
        let aws = FakeAws::new([
            ok("PutEvents", answered(&["", "InvalidArgument"])),
            ok("PutEvents", answered(&[""])),
            ok("PutEvents", answered(&[""])),
        ]);
        let subjects = ["images/1", "images/2", "images/1", "images/2", "images/1"];
        let (outcomes, calls) = put(&aws, "bus", &subjects).await;
        assert_eq!(outcomes, "drdrd");
        let sizes: Vec<usize> = calls.iter().map(|call| call["Entries"].as_array().unwrap().len()).collect();
        assert_eq!(sizes, [2, 1, 1]);
    }

    #[tokio::test]
    async fn a_call_that_is_refused_fails_for_its_events() {
        let aws = FakeAws::new([error("PutEvents", "AccessDeniedException")]);
        let (outcomes, calls) = put(&aws, "bus", &["images/1", "images/2", "images/1"]).await;
        assert_eq!((outcomes.as_str(), calls.len()), ("rrr", 1));
    }

    #[tokio::test]
    async fn nothing_follows_while_eventbridge_is_not_available() {
        for code in ["ThrottlingException", "InternalFailure", "InternalException"] {
            let aws = FakeAws::new([ok("PutEvents", taken(1)), ok("PutEvents", answered(&[code, ""]))]);
            let subjects = ["images/1", "images/1", "images/2", "images/1"];
            let (outcomes, calls) = put(&aws, "bus", &subjects).await;
            assert_eq!((outcomes.as_str(), calls.len()), ("dudu", 2), "{code}");
        }
        let aws = FakeAws::new([("PutEvents", 503, json!({"__type": "InternalException"}))]);
        assert_eq!(put(&aws, "bus", &["images/1", "images/1"]).await.0, "uu");
    }

    #[tokio::test]
    async fn without_a_bus_nothing_is_called() {
        let aws = FakeAws::new([]);
        assert_eq!(put(&aws, "", &["images/1", "images/1"]).await, ("dd".to_owned(), vec![]));
    }
}
