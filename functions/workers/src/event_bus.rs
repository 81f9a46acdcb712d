//! The EventBridge bus that other programs receive events from.

use std::collections::HashSet;

use aws::CallError;
use aws_sdk_eventbridge::{Client, primitives::DateTime, types::PutEventsRequestEntry};
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

    /// Puts events on the bus, each after the earlier events of its subject. Returns how many of the first events are
    /// on the bus, and the error that stopped it.
    pub async fn put(&self, events: &[&Event]) -> (usize, Result<(), CallError>) {
        if self.name.is_empty() {
            return (events.len(), Ok(()));
        }
        let mut done = 0;
        for call in calls(events) {
            match self.put_once(call).await {
                Ok(()) => done += call.len(),
                Err(error) => return (done, Err(error)),
            }
        }
        (done, Ok(()))
    }

    async fn put_once(&self, events: &[&Event]) -> Result<(), CallError> {
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
        let answer = self.eventbridge.put_events().set_entries(Some(entries)).send().await?;
        // EventBridge can refuse some of the entries, which it names only in the answer (PutEvents,
        // "FailedEntryCount").
        let refused = answer.entries().iter().find_map(|entry| entry.error_code());
        match refused {
            None => Ok(()),
            Some(code) => Err(CallError::Unavailable(format!("EventBridge refused an event: {code}").into())),
        }
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

    /// Puts events with these subjects on the bus.
    async fn put(aws: &FakeAws, name: &str, subjects: &[&str]) -> (usize, bool, Vec<Value>) {
        let events: Vec<Event> = subjects.iter().enumerate().map(|(number, s)| event(number, s)).collect();
        let bus = EventBus::new(&aws.config(), name.to_owned());
        let (done, outcome) = bus.put(&events.iter().collect::<Vec<_>>()).await;
        (done, outcome.is_ok(), aws.calls().into_iter().map(|(_, input)| input).collect())
    }

    fn taken(entries: usize) -> Value {
        json!({"FailedEntryCount": 0, "Entries": vec![json!({"EventId": "1"}); entries]})
    }

    #[tokio::test]
    async fn an_entry_has_the_envelope_as_its_detail() {
        let aws = FakeAws::new([ok("PutEvents", taken(1))]);
        let (done, is_ok, calls) = put(&aws, "bus", &["images/1"]).await;
        assert_eq!((done, is_ok), (1, true));
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
        let (done, is_ok, calls) = put(&aws, "bus", &subjects).await;
        assert_eq!((done, is_ok), (15, true));
        let sizes: Vec<usize> = calls.iter().map(|call| call["Entries"].as_array().unwrap().len()).collect();
        assert_eq!(sizes, [2, 1, 10, 2]);
    }

    #[tokio::test]
    async fn nothing_follows_an_event_that_was_refused() {
        let refused = json!({
            "FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}],
        });
        let aws = FakeAws::new([ok("PutEvents", taken(1)), ok("PutEvents", refused)]);
        let (done, is_ok, calls) = put(&aws, "bus", &["images/1", "images/1", "images/1"]).await;
        assert_eq!((done, is_ok, calls.len()), (1, false, 2));
        let aws = FakeAws::new([error("PutEvents", "InternalException")]);
        assert!(!put(&aws, "bus", &["images/1"]).await.1);
    }

    #[tokio::test]
    async fn without_a_bus_nothing_is_called() {
        let aws = FakeAws::new([]);
        assert_eq!(put(&aws, "", &["images/1", "images/1"]).await, (2, true, vec![]));
    }
}
