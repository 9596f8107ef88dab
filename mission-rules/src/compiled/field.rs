//! Fields of the context, resolved once and read from the records themselves.

use mission_core::{ports::rules::RuleContext, task::Evidence};
use serde_json::{Map, Value as Json};

use super::{arena::Arena, value::Value};
use crate::{
    Limits,
    schema::{CONTEXT_FIELDS, FieldKind, is_below},
};

/// What a dotted path below `ctx` leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// A value.
    Field(Field),
    /// Nothing but fields below it, such as `mission.reward`.
    Parent,
    /// No field that a context can have.
    Unknown,
}

/// A field of the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    UserLevel,
    UserTags,
    UserCountry,
    UserAttribute(Keys),
    EventType,
    EventData(Keys),
    EvidenceSeconds,
    StreakCurrent,
    TaskProgress,
    MissionPoints,
    /// Any other, by its path.
    Other(&'static str),
}

/// The keys that lead to a value within a JSON object; the first one, and those below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    first: Box<str>,
    below: Box<[Box<str>]>,
}

impl Keys {
    fn of(path: &str) -> Option<Self> {
        let mut keys = path.split('.');
        Some(Keys {
            first: keys.next().filter(|key| !key.is_empty())?.into(),
            below: keys.map(Box::from).collect(),
        })
    }

    fn json<'v>(&self, object: &'v Map<String, Json>) -> Option<&'v Json> {
        let first = object.get(&*self.first)?;
        self.below
            .iter()
            .try_fold(first, |found, key| found.as_object()?.get(&**key))
    }

    fn find<'v>(&self, object: &'v Map<String, Json>, limits: &Limits) -> Option<Value<'v>> {
        let Some(mut found) = object.get(&*self.first) else {
            return Some(Value::Unit);
        };
        for key in &self.below {
            match found.as_object().map(|object| object.get(&**key)) {
                Some(Some(below)) => found = below,
                Some(None) => return Some(Value::Unit),
                // A field of what has no fields is absent.
                None => return Value::json(found).within(limits).map(|_| Value::Unit),
            }
        }
        Value::json(found).within(limits)
    }
}

impl std::fmt::Display for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.first)?;
        self.below.iter().try_for_each(|key| write!(f, ".{key}"))
    }
}

impl Resolved {
    pub(super) fn of(path: &str) -> Self {
        if path.is_empty() || CONTEXT_FIELDS.iter().any(|(field, _)| is_below(field, path)) {
            return Resolved::Parent;
        }
        if let Some(keys) = path.strip_prefix("user.attributes.").and_then(Keys::of) {
            return Resolved::Field(Field::UserAttribute(keys));
        }
        if let Some(keys) = path.strip_prefix("event.data.").and_then(Keys::of) {
            return Resolved::Field(Field::EventData(keys));
        }
        let Some((known, _)) = CONTEXT_FIELDS.iter().find(|(field, _)| *field == path) else {
            return Resolved::Unknown;
        };
        Resolved::Field(match *known {
            "user.level" => Field::UserLevel,
            "user.tags" => Field::UserTags,
            "user.country" => Field::UserCountry,
            "event.type" => Field::EventType,
            "evidence.seconds" => Field::EvidenceSeconds,
            "streak.current" => Field::StreakCurrent,
            "task.progress" => Field::TaskProgress,
            "mission.reward.points" => Field::MissionPoints,
            other => Field::Other(other),
        })
    }
}

/// Most conditions compare a field with a number or a text. Asked for these, nothing wider than a pointer and a length
/// is handed around.
impl Field {
    /// The whole number that the field holds, if it holds one.
    #[inline]
    pub(super) fn int(&self, context: &RuleContext<'_>) -> Option<i64> {
        match self {
            Field::UserLevel => Some(context.user.level.into()),
            Field::StreakCurrent => Some(context.streak.current.into()),
            Field::TaskProgress => i64::try_from(context.task.progress).ok(),
            Field::EvidenceSeconds => i64::try_from(context.evidence?.seconds()?).ok(),
            Field::EventData(keys) => keys.json(&context.event?.data)?.as_i64(),
            Field::UserAttribute(keys) => keys.json(context.user.attributes)?.as_i64(),
            _ => None,
        }
    }

    /// The text that the field holds, if it holds one that is borrowed.
    #[inline]
    pub(super) fn text<'v>(&self, context: &RuleContext<'v>) -> Option<&'v str> {
        match self {
            Field::EventType => Some(context.event?.event_type.as_str()),
            Field::UserCountry => context.user.country,
            Field::EventData(keys) => keys.json(&context.event?.data)?.as_str(),
            Field::UserAttribute(keys) => keys.json(context.user.attributes)?.as_str(),
            _ => None,
        }
    }
}

impl Field {
    /// What the field holds; `None` where that might pass the limits.
    #[inline]
    pub(super) fn read<'v>(
        &self,
        context: &RuleContext<'v>,
        arena: &'v Arena,
        limits: &Limits,
    ) -> Option<Value<'v>> {
        let value = match self {
            Field::UserLevel => Value::Int(context.user.level.into()),
            Field::UserTags => Value::Texts(context.user.tags),
            Field::UserCountry => text(context.user.country),
            Field::UserAttribute(keys) => return keys.find(context.user.attributes, limits),
            Field::EventType => text(context.event.map(|event| event.event_type.as_str())),
            Field::EventData(keys) => match context.event {
                Some(event) => return keys.find(&event.data, limits),
                None => Value::Unit,
            },
            Field::EvidenceSeconds => match context.evidence.and_then(Evidence::seconds) {
                Some(seconds) => whole(seconds),
                None => Value::Unit,
            },
            Field::StreakCurrent => whole(context.streak.current.into()),
            Field::TaskProgress => whole(context.task.progress),
            Field::MissionPoints => match context.mission {
                Some(_) => Value::Decimal(context.offer.points.get()),
                None => Value::Unit,
            },
            Field::Other(path) => {
                let value = context
                    .field(path)
                    .map_or(Value::Unit, |field| Value::field(field, arena));
                match value {
                    Value::Int(whole) if is_decimal(path) => Value::Decimal(whole.into()),
                    value => value,
                }
            }
        };
        value.within(limits)
    }
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Unit, Value::Text)
}

fn whole<'v>(number: u64) -> Value<'v> {
    match i64::try_from(number) {
        Ok(whole) => Value::Int(whole),
        Err(_) => Value::Decimal(number.into()),
    }
}

/// Points and percents are decimals even where they are whole.
fn is_decimal(path: &str) -> bool {
    CONTEXT_FIELDS
        .iter()
        .any(|&(field, kind)| field == path && kind == FieldKind::Decimal)
}
