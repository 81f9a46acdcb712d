//! Lines of the functions' logs, in a form that people read.

use serde_json::{Map, Value};

/// The keys of a line that are printed before its other keys, or not at all.
const KNOWN: [&str; 12] = [
    "_aws",
    "cold_start",
    "correlation_id",
    "function_name",
    "function_request_id",
    "level",
    "message",
    "request_id",
    "service",
    "time",
    "timestamp",
    "xray_trace_id",
];

/// Lines that Lambda adds to each invocation, and that say nothing more than the lines of the function.
const PLATFORM: [&str; 4] = ["START RequestId", "END RequestId", "platform.start", "platform.runtimeDone"];

/// A log line.
#[derive(Debug)]
pub(crate) struct Line {
    text: String,
    json: Map<String, Value>,
}

impl Line {
    /// Reads a message of CloudWatch Logs: JSON, or text of Lambda.
    pub(crate) fn new(message: &str) -> Self {
        let text = message.trim_end().to_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { text, json }
    }

    /// Whether Lambda wrote the line, only to say that an invocation began or ended.
    pub(crate) fn is_frame(&self) -> bool {
        let kind = self.text("type").unwrap_or(&self.text);
        PLATFORM.iter().any(|prefix| kind.starts_with(prefix))
    }

    /// The value of a key, if it is a text.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.json.get(key).and_then(Value::as_str)
    }

    /// Whether the line contains a text.
    pub(crate) fn contains(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// The line for people: level, message and the other keys.
    pub(crate) fn readable(&self) -> String {
        if self.json.is_empty() {
            return self.text.replace('\t', "  ");
        }
        if let Some(kind) = self.text("type").filter(|kind| kind.starts_with("platform.")) {
            let record = self.json.get("record").map(Value::to_string).unwrap_or_default();
            return format!("{kind} {record}");
        }
        let level = self.text("level").unwrap_or("INFO");
        let message = self.text("message").unwrap_or("request");
        let others = self.json.iter().filter(|(key, _)| !KNOWN.contains(&key.as_str()));
        let others = others.map(|(key, value)| match value {
            Value::String(text) if !text.is_empty() && !text.contains([' ', '"']) => format!(" {key}={text}"),
            value => format!(" {key}={value}"),
        });
        format!("{level:5} {message}{}", others.collect::<String>())
    }
}

/// `ImagesGet` of `darkroom-dev-ImagesGet-1A2B3C`, or of such a name after a slash.
pub(crate) fn function<'a>(name: &'a str, stack: &str) -> &'a str {
    let name = name.rsplit('/').next().unwrap_or(name);
    let name = name.strip_prefix(stack).map_or(name, |rest| rest.trim_start_matches('-'));
    name.rsplit_once('-').map_or(name, |(function, _)| function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_its_message_first_and_hides_what_every_line_has() {
        let line = Line::new(
            r#"{"level":"WARN","timestamp":"2026-03-12T19:04:00.123Z","message":"request not served",
            "service":"darkroom","function_name":"f","cold_start":false,"code":"unavailable","cause":"no answer"}"#,
        );
        assert_eq!(line.readable(), r#"WARN  request not served cause="no answer" code=unavailable"#);
        assert_eq!(line.text("function_name"), Some("f"));
    }

    #[test]
    fn lines_that_frame_an_invocation_are_known() {
        let frames = [
            "START RequestId: 1 Version: $LATEST",
            "END RequestId: 1",
            r#"{"time":"2026","type":"platform.start","record":{"requestId":"1"}}"#,
        ];
        assert!(frames.iter().all(|text| Line::new(text).is_frame()));
        let report = Line::new("REPORT RequestId: 1\tDuration: 2 ms");
        assert!(!report.is_frame());
        assert_eq!(report.readable(), "REPORT RequestId: 1  Duration: 2 ms");
        let report = Line::new(r#"{"type":"platform.report","record":{"metrics":{"durationMs":2}}}"#);
        assert_eq!(report.readable(), r#"platform.report {"metrics":{"durationMs":2}}"#);
    }

    #[test]
    fn lines_are_labelled_with_the_function() {
        assert_eq!(function("/aws/lambda/darkroom-local-ImagesGet-1A2B3C", "darkroom-local"), "ImagesGet");
        assert_eq!(function("darkroom-dev-ImagesGet-1A2B3C", "darkroom-dev"), "ImagesGet");
        assert_eq!(function("/aws/lambda/other", "darkroom-local"), "other");
    }
}
