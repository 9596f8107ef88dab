//! The activity event that moves a mission, and what its data holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::json_number;

/// The activity event that moves a mission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// The event's `type`, such as `video.watched`.
    pub event: String,
    /// The types of fields of the event's data (a pack's `events` of `pack.toml`): an event that contradicts one is
    /// rejected. What is not named may be anything.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, FieldType>,
}

/// The type of one field of an event's data, under JSON Schema's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// A text; times too.
    String,
    /// A whole number.
    Integer,
    /// A whole or decimal number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    Array,
    /// An object.
    Object,
    /// Any of them.
    Any,
}

impl FieldType {
    /// Whether a value is of the type. `null` counts as absent, and is of every type.
    ///
    /// ```
    /// use mission_core::mission::FieldType;
    /// use serde_json::json;
    /// assert!(FieldType::Integer.fits(&json!(35)) && FieldType::Integer.fits(&json!(35.0)));
    /// assert!(!FieldType::Integer.fits(&json!("35")) && !FieldType::Integer.fits(&json!(3.5)));
    /// ```
    #[must_use]
    pub fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null)
            | (FieldType::Any, _)
            | (FieldType::String, Value::String(_))
            | (FieldType::Number, Value::Number(_))
            | (FieldType::Boolean, Value::Bool(_))
            | (FieldType::Array, Value::Array(_))
            | (FieldType::Object, Value::Object(_)) => true,
            (FieldType::Integer, Value::Number(number)) => {
                json_number(number).is_some_and(|number| number.is_integer())
            }
            _ => false,
        }
    }

    /// The type with its article, as an author would say it.
    #[must_use]
    pub fn plain(self) -> &'static str {
        match self {
            FieldType::String => "a text",
            FieldType::Integer => "a whole number",
            FieldType::Number => "a number",
            FieldType::Boolean => "true or false",
            FieldType::Array => "a list",
            FieldType::Object => "an object",
            FieldType::Any => "anything",
        }
    }
}

impl Trigger {
    /// A trigger whose event may hold any data.
    #[must_use]
    pub fn on(event: impl Into<String>) -> Self {
        Trigger {
            event: event.into(),
            fields: BTreeMap::new(),
        }
    }
}

/// What contradicts declared fields in an event's data, if anything does.
pub(crate) fn contradiction(
    fields: &BTreeMap<String, FieldType>,
    data: &Map<String, Value>,
) -> Option<String> {
    fields.iter().find_map(|(name, wanted)| {
        let value = data.get(name).filter(|value| !wanted.fits(value))?;
        let shown: String = value.to_string().chars().take(40).collect();
        Some(format!(
            "`data.{name}` must be {}, and is {shown}",
            wanted.plain()
        ))
    })
}
