//! Names of variants, as they are serialized.

use serde::Serialize;
use serde_json::Value;

/// The name that a unit variant has on the wire.
#[must_use]
pub fn serde_name(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}
