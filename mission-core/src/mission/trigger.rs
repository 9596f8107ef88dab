//! The events that move a mission, and what their data holds.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};

use super::json_number;

/// The events that move a mission: none, one, or several, any of which moves it. One is written as an object, several as a
/// list of them.
///
/// ```
/// use mission_core::mission::Triggers;
/// let one: Triggers = serde_json::from_str(r#"{"event": "video.watched"}"#)?;
/// let two: Triggers = serde_json::from_str(r#"[{"event": "video.watched"}, {"event": "article.read"}]"#)?;
/// assert!(one.on("video.watched").is_some() && one.on("article.read").is_none());
/// assert_eq!(two.iter().count(), 2);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triggers(Vec<Trigger>);

/// An event that moves a mission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// The event's `type`, such as `video.watched`, or one that the engine raises itself ([`crate::event::InnerEvent`]).
    pub event: String,
    /// The path of what names the thing done, such as `event.data.order_id`: what was counted under one value of it
    /// counts once, and can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The `type` of the event that takes it back, such as `order.refunded`. It has the value of `key` at the same path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<String>,
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
            key: None,
            reverses: None,
            fields: BTreeMap::new(),
        }
    }
}

impl Triggers {
    /// Whether no event moves the mission.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, as they were written.
    pub fn iter(&self) -> impl Iterator<Item = &Trigger> {
        self.0.iter()
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Trigger> {
        self.0.iter_mut()
    }

    /// The one that events of a type move the mission by.
    #[must_use]
    pub fn on(&self, event_type: &str) -> Option<&Trigger> {
        self.iter().find(|trigger| trigger.event == event_type)
    }

    /// The one whose counts events of a type take back.
    #[must_use]
    pub fn reversed_by(&self, event_type: &str) -> Option<&Trigger> {
        self.iter()
            .find(|trigger| trigger.reverses.as_deref() == Some(event_type))
    }

    /// The types of all events that the mission has to hear of.
    pub fn event_types(&self) -> impl Iterator<Item = &str> {
        self.iter()
            .flat_map(|trigger| [Some(trigger.event.as_str()), trigger.reverses.as_deref()])
            .flatten()
    }
}

impl From<Trigger> for Triggers {
    fn from(trigger: Trigger) -> Self {
        Triggers(vec![trigger])
    }
}

impl FromIterator<Trigger> for Triggers {
    fn from_iter<I: IntoIterator<Item = Trigger>>(triggers: I) -> Self {
        Triggers(triggers.into_iter().collect())
    }
}

impl Serialize for Triggers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [] => serializer.serialize_none(),
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Triggers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Triggers;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a trigger, or a list of triggers")
            }
            fn visit_unit<E: Error>(self) -> Result<Triggers, E> {
                Ok(Triggers::default())
            }
            fn visit_none<E: Error>(self) -> Result<Triggers, E> {
                Ok(Triggers::default())
            }
            fn visit_some<D: Deserializer<'de>>(self, some: D) -> Result<Triggers, D::Error> {
                some.deserialize_any(self)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Triggers, A::Error> {
                Trigger::deserialize(MapAccessDeserializer::new(map)).map(Triggers::from)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Triggers, A::Error> {
                let mut triggers = Vec::new();
                while let Some(trigger) = items.next_element()? {
                    triggers.push(trigger);
                }
                Ok(Triggers(triggers))
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Triggers {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Ref};
        let one = || Ref::from_schema_name("Trigger");
        OneOfBuilder::new()
            .item(one())
            .item(ArrayBuilder::new().items(one()).max_items(Some(MAX_TRIGGERS)))
            .description(Some("One event that moves the mission, or a list of them."))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Triggers {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        schemas.push(("Trigger".to_owned(), <Trigger as utoipa::PartialSchema>::schema()));
        <Trigger as utoipa::ToSchema>::schemas(schemas);
    }
}

/// The most triggers of a mission.
pub const MAX_TRIGGERS: usize = 16;

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
