//! Subsegments of traces. Lambda decides whether an invocation is traced, and runs X-Ray's daemon, which receives the
//! subsegments (AWS X-Ray Developer Guide, "Sending trace data to AWS X-Ray"; "AWS X-Ray segment documents").

use std::{
    env,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::LazyLock,
    time::SystemTime,
};

use serde_json::{Map, Value, json};

/// The daemon's header of each document.
const HEADER: &str = "{\"format\": \"json\", \"version\": 1}\n";

/// The daemon at `AWS_XRAY_DAEMON_ADDRESS`, which Lambda sets if tracing is active.
static DAEMON: LazyLock<Option<Daemon>> =
    LazyLock::new(|| Daemon::connect(env::var("AWS_XRAY_DAEMON_ADDRESS").ok()?.parse().ok()?).ok());

struct Daemon(UdpSocket);

impl Daemon {
    fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(address)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// A subsegment that is lost is missing in the trace, and has no other effect.
    fn send(&self, document: &Value) {
        let _sent = self.0.send(format!("{HEADER}{document}").as_bytes());
    }
}

/// A part of the current invocation. It begins when it is made, and ends when it is dropped. If X-Ray does not trace
/// the invocation, it does nothing.
#[derive(Debug)]
pub struct Subsegment(Option<Traced>);

#[derive(Debug)]
struct Traced {
    document: Map<String, Value>,
}

impl Subsegment {
    /// Begins a part of our own work, such as `develop`.
    #[must_use]
    pub fn begin(name: &str) -> Self {
        Self(Traced::begin(name))
    }

    /// Begins a call to a service of AWS, such as `GetItem` of `DynamoDB`.
    #[must_use]
    pub fn begin_call(service: &str, operation: &str) -> Self {
        let mut traced = Traced::begin(service);
        if let Some(Traced { document }) = &mut traced {
            document.insert("namespace".to_owned(), "aws".into());
            document.insert("aws".to_owned(), json!({"operation": operation}));
        }
        Self(traced)
    }

    /// Whether X-Ray traces the invocation.
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.0.is_some()
    }

    /// Adds the answer of a service: the HTTP status and the id of the request.
    pub fn answered(&mut self, status: u16, request_id: Option<&str>) {
        let Some(Traced { document }) = &mut self.0 else { return };
        document.insert("http".to_owned(), json!({"response": {"status": status}}));
        if let (Some(id), Some(aws)) = (request_id, document.get_mut("aws")) {
            aws["request_id"] = id.into();
        }
        // X-Ray calls a fault of the client an error, and a fault of the server a fault.
        let kind = match status {
            429 => "throttle",
            400..=499 => "error",
            500..=599 => "fault",
            _ => return,
        };
        document.insert(kind.to_owned(), true.into());
    }

    /// Marks the work as failed.
    pub fn failed(&mut self) {
        if let Some(Traced { document }) = &mut self.0 {
            document.insert("fault".to_owned(), true.into());
        }
    }

    /// Adds a number that X-Ray can search for, such as the length of a file.
    pub fn annotate(&mut self, key: &str, value: u64) {
        if let Some(Traced { document }) = &mut self.0 {
            let annotations = document.entry("annotations").or_insert_with(|| json!({}));
            annotations[key] = value.into();
        }
    }
}

impl Drop for Subsegment {
    fn drop(&mut self) {
        if let (Some(Traced { mut document }), Some(daemon)) = (self.0.take(), &*DAEMON) {
            document.insert("end_time".to_owned(), seconds().into());
            daemon.send(&Value::Object(document));
        }
    }
}

impl Traced {
    fn begin(name: &str) -> Option<Self> {
        DAEMON.as_ref()?;
        // lambda_runtime sets the variable at each invocation, as Lambda's own runtimes do.
        let (trace, parent) = sampled(&env::var("_X_AMZN_TRACE_ID").ok()?)?;
        let mut document = Map::new();
        document.insert("name".to_owned(), name.into());
        document.insert("id".to_owned(), format!("{:016x}", fastrand::u64(..)).into());
        document.insert("trace_id".to_owned(), trace.into());
        document.insert("parent_id".to_owned(), parent.into());
        document.insert("type".to_owned(), "subsegment".into());
        document.insert("start_time".to_owned(), seconds().into());
        Some(Self { document })
    }
}

/// The ids of the trace and of its segment of the invocation, if X-Ray samples it.
fn sampled(header: &str) -> Option<(String, String)> {
    let part = |name: &str| header.split(';').find_map(|part| part.trim().strip_prefix(name));
    (part("Sampled=") == Some("1")).then_some(())?;
    Some((part("Root=")?.to_owned(), part("Parent=")?.to_owned()))
}

/// The time in seconds since 1970.
fn seconds() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sampled_invocation_is_traced() {
        let header = |sampled| format!("Root=1-a-b;Parent=53995c3f42cd8ad8;Sampled={sampled};Lineage=1:a:0");
        assert_eq!(sampled(&header(1)), Some(("1-a-b".to_owned(), "53995c3f42cd8ad8".to_owned())));
        assert_eq!(sampled(&header(0)), None);
        assert_eq!(sampled("Root=1-a-b;Sampled=1"), None);
        assert_eq!(sampled(""), None);
    }

    #[test]
    fn the_daemon_receives_a_header_and_a_document() {
        let daemon = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Daemon::connect(daemon.local_addr().unwrap()).unwrap().send(&json!({"name": "S3"}));
        let mut buffer = [0; 512];
        let length = daemon.recv(&mut buffer).unwrap();
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        let (header, document) = text.split_once('\n').unwrap();
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(parse(header), json!({"format": "json", "version": 1}));
        assert_eq!(parse(document), json!({"name": "S3"}));
    }

    fn with_answer(status: u16) -> Map<String, Value> {
        let document = Map::from_iter([("aws".to_owned(), json!({"operation": "GetItem"}))]);
        let mut subsegment = Subsegment(Some(Traced { document }));
        subsegment.answered(status, Some("id"));
        // Nothing is sent, because no daemon is set.
        subsegment.0.as_ref().unwrap().document.clone()
    }

    #[test]
    fn an_answer_says_whose_fault_a_failure_is() {
        let expected = json!({"operation": "GetItem", "request_id": "id"});
        assert_eq!(with_answer(200)["aws"], expected);
        let kinds = [200, 400, 429, 503].map(|status| {
            let answer = with_answer(status);
            ["error", "throttle", "fault"].map(|kind| answer.contains_key(kind))
        });
        let [none, error, throttle, fault] =
            [[false; 3], [true, false, false], [false, true, false], [false, false, true]];
        assert_eq!(kinds, [none, error, throttle, fault]);
    }

    #[test]
    fn work_that_nobody_traces_sends_nothing() {
        let mut subsegment = Subsegment::begin("develop");
        subsegment.annotate("bytes", 1);
        subsegment.failed();
        assert!(!subsegment.is_traced());
    }
}
