//! Log lines: one JSON object each, or one line for people; both from the same masked record.

use std::fmt::Write as _;

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{is_pretty, record::Fields};
use crate::config::LogFormat;

/// Writes each event as one line, with the fields of the spans around it: the request's `correlation_id` among them.
pub struct LogLayer<W> {
    pretty: bool,
    write: W,
}

impl<W: Fn(&[u8])> LogLayer<W> {
    /// A layer that hands every line, with its line break, to `write` at once.
    pub fn new(format: LogFormat, write: W) -> Self {
        LogLayer {
            pretty: is_pretty(format),
            write,
        }
    }
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Fn(&[u8]) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.0.extend(outer.0.clone());
            }
        }
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_else(|| Value::from(""));
        let time = chrono::DateTime::<Utc>::from(std::time::SystemTime::now())
            .to_rfc3339_opts(SecondsFormat::Micros, true);
        let (level, target) = (event.metadata().level().as_str(), event.metadata().target());
        let mut line = if self.pretty {
            for_people(&time, level, target, &message, &fields.0)
        } else {
            json(time, level, target, message, fields.0)
        };
        line.push('\n');
        (self.write)(line.as_bytes());
    }
}

fn json(time: String, level: &str, target: &str, message: Value, fields: Map<String, Value>) -> String {
    let mut line = Map::new();
    line.insert("timestamp".to_owned(), time.into());
    line.insert("level".to_owned(), level.into());
    line.insert("target".to_owned(), target.into());
    line.insert("message".to_owned(), message);
    for (name, value) in fields {
        line.entry(name).or_insert(value);
    }
    Value::Object(line).to_string()
}

fn for_people(time: &str, level: &str, target: &str, message: &Value, fields: &Map<String, Value>) -> String {
    let plain = |value: &Value| match value {
        // A line break in a value would look like another line.
        Value::String(text) => text
            .escape_debug()
            .to_string()
            .replace("\\\"", "\"")
            .replace("\\'", "'"),
        other => other.to_string(),
    };
    let mut line = format!("{time} {level:>5} {target}: {}", plain(message));
    for (name, value) in fields {
        let _ = write!(line, " {name}={}", plain(value));
    }
    line
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// The lines that are written while `act` runs.
    fn lines(format: LogFormat, act: impl FnOnce()) -> Vec<String> {
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&written);
        let layer = LogLayer::new(format, move |line: &[u8]| {
            sink.lock()
                .unwrap()
                .push(String::from_utf8(line.to_vec()).unwrap());
        });
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
        Arc::try_unwrap(written).unwrap().into_inner().unwrap()
    }

    fn say_too_much() {
        let request = tracing::info_span!("request", correlation_id = "c-1", late = tracing::field::Empty);
        let _inside = request.enter();
        request.record("late", 7);
        let _inner = tracing::info_span!("inner", authorization = "Bearer abc").entered();
        tracing::warn!(user = 5, email = "x", reason = ?"of a@b.example\nnext", token = 9, "mail to c@d.example");
    }

    #[test]
    fn every_line_is_one_json_object_with_the_fields_of_its_request() {
        let lines = lines(LogFormat::Json, say_too_much);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].matches('\n').count(), 1);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        let of = |name: &str| line[name].to_string();
        assert_eq!(
            [of("level"), of("message"), of("correlation_id")],
            ["\"WARN\"", "\"mail to ***\"", "\"c-1\""]
        );
        assert_eq!([of("user"), of("late")], ["5", "7"]);
        assert_eq!(
            [of("email"), of("token"), of("authorization")],
            ["\"***\"", "\"***\"", "\"***\""]
        );
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')));
        for leak in ["a@b", "c@d", "abc"] {
            assert!(!lines[0].contains(leak), "{}", lines[0]);
        }
    }

    #[test]
    fn lines_for_people_are_masked_alike_and_stay_one_line() {
        let lines = lines(LogFormat::Pretty, say_too_much);
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].contains(" WARN ")
                && lines[0].contains("mail to ***")
                && lines[0].contains("correlation_id=c-1")
        );
        assert_eq!(lines[0].matches('\n').count(), 1, "{}", lines[0]);
        for leak in ["a@b", "c@d", "abc"] {
            assert!(!lines[0].contains(leak), "{}", lines[0]);
        }
    }

    #[test]
    fn a_field_cannot_pretend_to_be_the_line() {
        let lines = lines(LogFormat::Json, || {
            tracing::info!(level = "fatal", timestamp = "never", "said");
        });
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_ne!(line["timestamp"], "never");
    }
}
