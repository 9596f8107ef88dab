//! The fields of one log line or span, masked as they come in.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};

use super::mask::{is_secret_name, mask};

/// Fields by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(pub(super) Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        // How a span is named in traces.
        if field.name().starts_with("otel.") {
            return;
        }
        let value = if is_secret_name(field.name()) {
            Value::from("***")
        } else {
            value
        };
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, mask(&format!("{value:?}")).into_owned().into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, mask(value).into_owned().into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}
