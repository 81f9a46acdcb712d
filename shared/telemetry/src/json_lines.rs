//! Log lines in JSON, with the keys of Powertools for AWS Lambda (Powertools for AWS Lambda (Python), Logger, "Standard
//! structured keys").

use std::{
    env,
    fmt::Debug,
    io::Write,
    sync::atomic::{AtomicUsize, Ordering},
};

use jiff::Timestamp;
use lambda_runtime::tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::{Layer, fmt::MakeWriter, layer::Context, registry::LookupSpan},
};
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::metrics::EMF;

/// The span in which `lambda_runtime` runs an invocation, and the fields of this span.
const INVOCATION: &str = "Lambda runtime invoke";
const REQUEST_ID: &str = "requestId";
const TRACE_ID: &str = "xrayTraceId";

/// Writes each event as one line.
///
/// With Lambda's log format JSON, Lambda reads `level` and `timestamp` of such a line, and passes the line on as it is
/// (AWS Lambda Developer Guide, "Log-level filtering").
pub(crate) struct JsonLines<W> {
    level: Level,
    writer: W,
    service: String,
    function: String,
    /// How many invocations this instance has begun.
    invocations: AtomicUsize,
}

impl<W> JsonLines<W> {
    /// Writes events up to a level. `POWERTOOLS_SERVICE_NAME` may name the service.
    pub(crate) fn from_env(level: Level, writer: W) -> Self {
        let service = env::var("POWERTOOLS_SERVICE_NAME").unwrap_or_else(|_| "darkroom".to_owned());
        let function = env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        Self { level, writer, service, function, invocations: AtomicUsize::new(0) }
    }
}

/// The fields of a span.
struct Fields(Map<String, Value>);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // Spans carry the ids, which belong to lines of every level.
        let least = if metadata.is_span() { self.level.max(Level::INFO) } else { self.level };
        *metadata.level() <= least
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.level.max(Level::INFO)))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() == INVOCATION {
            self.invocations.fetch_add(1, Ordering::Relaxed);
        }
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields(Map::new());
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields(Map::new());
        // An inner span overrides the fields of an outer one.
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(Fields(of_span)) = span.extensions().get() {
                fields.0.extend(of_span.clone());
            }
        }
        event.record(&mut fields);
        let mut line = Vec::with_capacity(512);
        if self.write(&mut line, *event.metadata().level(), fields.0).is_ok() {
            line.push(b'\n');
            // There is nobody to tell that the standard output is closed.
            let _written = self.writer.make_writer().write_all(&line);
        }
    }
}

impl<W> JsonLines<W> {
    fn write(
        &self,
        line: &mut Vec<u8>,
        level: Level,
        mut fields: Map<String, Value>,
    ) -> serde_json::Result<()> {
        let mut json = serde_json::Serializer::new(line);
        let mut line = json.serialize_map(None)?;
        line.serialize_entry("level", level.as_str())?;
        line.serialize_entry("timestamp", &format!("{:.3}", Timestamp::now()))?;
        line.serialize_entry("message", &fields.remove("message"))?;
        line.serialize_entry("service", &self.service)?;
        line.serialize_entry("function_name", &self.function)?;
        line.serialize_entry("cold_start", &(self.invocations.load(Ordering::Relaxed) <= 1))?;
        if let Some(id) = fields.remove(REQUEST_ID) {
            line.serialize_entry("function_request_id", &id)?;
        }
        if let Some(root) = fields.remove(TRACE_ID).as_ref().and_then(Value::as_str).and_then(root) {
            line.serialize_entry("xray_trace_id", root)?;
        }
        if let Some(id) = fields.remove("correlation_id") {
            line.serialize_entry("correlation_id", &id)?;
        }
        let metrics = fields.remove(EMF);
        for (key, value) in &fields {
            line.serialize_entry(key, value)?;
        }
        let metrics =
            metrics.as_ref().and_then(Value::as_str).map(serde_json::from_str::<Map<String, Value>>);
        for (key, value) in metrics.transpose()?.iter().flatten() {
            line.serialize_entry(key, value)?;
        }
        line.end()
    }
}

/// The id of the trace, of a header such as
/// `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
fn root(header: &str) -> Option<&str> {
    header.split(';').find_map(|part| part.strip_prefix("Root="))
}

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.insert(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use lambda_runtime::tracing::{
        error, info, info_span,
        subscriber::{Registry, layer::SubscriberExt, util::SubscriberInitExt},
        warn,
    };

    use super::*;
    use crate::{Measurement, correlated};

    /// The lines that were written.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The lines that some work logs, as JSON.
    fn logged(level: Level, work: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let written = lines.clone();
        let layer = JsonLines::from_env(level, move || written.clone());
        {
            let _default = Registry::default().with(layer).set_default();
            work();
        }
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn invocation(id: &str) -> lambda_runtime::tracing::Span {
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        info_span!("Lambda runtime invoke", requestId = id, xrayTraceId = trace)
    }

    #[test]
    fn a_line_has_the_keys_of_powertools_and_its_own_fields() {
        let lines = logged(Level::INFO, || {
            let _invocation = invocation("b0").entered();
            let _image = correlated("01K8Z3J5Q0000000000000TEST").entered();
            let cause: Option<String> = None;
            warn!(code = "unavailable", status = 503, cause, "request not served");
        });
        let [line] = &*lines else { panic!("{lines:?}") };
        assert!(line["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{line}");
        let mut line = line.clone();
        line["timestamp"] = Value::Null;
        let expected = serde_json::json!({
            "level": "WARN",
            "timestamp": null,
            "message": "request not served",
            "service": "darkroom",
            "function_name": "",
            "cold_start": true,
            "function_request_id": "b0",
            "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
            "correlation_id": "01K8Z3J5Q0000000000000TEST",
            "code": "unavailable",
            "status": 503,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn only_the_first_invocation_of_an_instance_is_a_cold_start() {
        let lines = logged(Level::INFO, || {
            info!("before the first invocation");
            invocation("1").in_scope(|| info!("one"));
            invocation("2").in_scope(|| info!("two"));
        });
        let cold: Vec<&Value> = lines.iter().map(|line| &line["cold_start"]).collect();
        assert_eq!(cold, [true, true, false]);
    }

    #[test]
    fn an_id_that_is_found_later_is_in_the_lines_after_it() {
        let lines = logged(Level::INFO, || {
            let span = correlated("job").entered();
            info!("claimed");
            span.record("correlation_id", "image");
            info!("done");
        });
        let ids: Vec<&Value> = lines.iter().map(|line| &line["correlation_id"]).collect();
        assert_eq!(ids, ["job", "image"]);
    }

    #[test]
    fn a_higher_level_hides_other_lines_and_no_ids() {
        let lines = logged(Level::ERROR, || {
            let _invocation = invocation("b0").entered();
            info!("hidden");
            error!("shown");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!((&lines[0]["message"], &lines[0]["function_request_id"]), (&"shown".into(), &"b0".into()));
    }

    #[test]
    fn a_measurement_is_in_a_line_of_its_own_or_of_an_event() {
        let lines = logged(Level::INFO, || {
            let _image = correlated("01K8Z3J5Q0000000000000TEST").entered();
            let emf = Measurement::ImageFailed { code: "corrupt-image" }.emf();
            info!(key = "k", emf, "image state saved");
            Measurement::UploadsRequested { count: 1, images: vec!["a".to_owned()] }
                .record("uploads requested");
        });
        let [line, own] = &*lines else { panic!("{lines:?}") };
        assert_eq!(line["correlation_id"], "01K8Z3J5Q0000000000000TEST");
        assert_eq!((&line["ImagesFailed"], &line["code"]), (&1.into(), &"corrupt-image".into()));
        assert_eq!((&line["message"], &line["key"]), (&"image state saved".into(), &"k".into()));
        assert_eq!(line.get("emf"), None);
        assert_eq!((&own["message"], &own["UploadsRequested"]), (&"uploads requested".into(), &1.into()));
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], serde_json::json!([["code"]]));
    }
}
