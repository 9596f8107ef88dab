//! Values of a compiled hook, borrowed from the context where they can be.

use std::{borrow::Cow, cmp::Ordering};

use mission_core::mission::FieldValue;
use rhai::{Dynamic, ImmutableString};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde_json::Value as Json;

use crate::{
    Limits,
    json::{from_json, from_object},
};

/// A value as the interpreter would have it.
///
/// Operations give `None` for what the interpreter refuses, and for what is not worth a second implementation: the hook
/// is then evaluated by the interpreter.
#[derive(Clone, Debug)]
pub(super) enum Value<'v> {
    Unit,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(Cow<'v, str>),
    /// Texts of the context, such as the user's tags.
    Texts(&'v [String]),
    /// A list out of an event's data or a user's attributes.
    JsonList(&'v [Json]),
    /// An object out of an event's data or a user's attributes.
    Object(&'v serde_json::Map<String, Json>),
    /// A list that stands in the script.
    List(&'v [Value<'v>]),
    /// A map that the script makes.
    Map(Vec<(&'v str, Value<'v>)>),
}

/// What a value is, as far as operators distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unit,
    Bool,
    Number,
    Text,
    List,
    Map,
}

/// `==` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// `+` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Comparison {
    pub(super) fn of(operator: &str) -> Option<Self> {
        Some(match operator {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }

    /// Compares two values. Values of different types are unequal, and neither is less than the other.
    pub(super) fn compare(self, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
        let ordering = match (left, right) {
            (Value::Int(left), Value::Int(right)) => left.cmp(right),
            (Value::Text(left), Value::Text(right)) => left.as_ref().cmp(right.as_ref()),
            (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
            _ => match (left.number(), right.number()) {
                (Some(left), Some(right)) => left.cmp(&right),
                _ if left.kind() != right.kind() => return Some(self == Comparison::NotEqual),
                // Of two nothings the interpreter says that they are equal, and that `>=` does not hold.
                _ if left.kind() == Kind::Unit => return Some(self == Comparison::Equal),
                _ => return None,
            },
        };
        Some(self.holds(ordering))
    }
}

impl Arithmetic {
    pub(super) fn of(operator: &str) -> Option<Self> {
        Some(match operator {
            "+" => Arithmetic::Add,
            "-" => Arithmetic::Subtract,
            "*" => Arithmetic::Multiply,
            "/" => Arithmetic::Divide,
            "%" => Arithmetic::Modulo,
            _ => return None,
        })
    }

    pub(super) fn apply<'v>(self, left: Value<'v>, right: Value<'v>, limits: &Limits) -> Option<Value<'v>> {
        if let (Value::Int(left), Value::Int(right)) = (&left, &right) {
            return self.whole(*left, *right).map(Value::Int);
        }
        if let (Some(left), Some(right)) = (left.number(), right.number()) {
            return self.decimal(left, right).map(Value::Decimal);
        }
        if self != Arithmetic::Add {
            return None;
        }
        match (left, right) {
            (Value::Text(text), Value::Unit) | (Value::Unit, Value::Text(text)) => Some(Value::Text(text)),
            (Value::Text(left), right) => joined(left.into_owned(), &right, limits),
            (left, right @ Value::Text(_)) => {
                let mut text = String::new();
                left.write_to(&mut text)?;
                joined(text, &right, limits)
            }
            _ => None,
        }
    }

    fn whole(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Arithmetic::Add => left.checked_add(right),
            Arithmetic::Subtract => left.checked_sub(right),
            Arithmetic::Multiply => left.checked_mul(right),
            Arithmetic::Divide => left.checked_div(right),
            Arithmetic::Modulo => left.checked_rem(right),
        }
    }

    fn decimal(self, left: Decimal, right: Decimal) -> Option<Decimal> {
        match self {
            Arithmetic::Add => left.checked_add(right),
            Arithmetic::Subtract => left.checked_sub(right),
            Arithmetic::Multiply => left.checked_mul(right),
            Arithmetic::Divide => left.checked_div(right),
            Arithmetic::Modulo => left.checked_rem(right),
        }
    }
}

fn joined<'v>(mut text: String, more: &Value<'_>, limits: &Limits) -> Option<Value<'v>> {
    more.write_to(&mut text)?;
    Value::Text(text.into()).within(limits)
}

impl<'v> Value<'v> {
    /// A constant of the script; `None` for a type that only the interpreter has.
    pub(super) fn constant(value: &Dynamic) -> Option<Value<'static>> {
        if value.is_unit() {
            return Some(Value::Unit);
        }
        if let Ok(yes) = value.as_bool() {
            return Some(Value::Bool(yes));
        }
        if let Ok(whole) = value.as_int() {
            return Some(Value::Int(whole));
        }
        if let Ok(number) = value.as_decimal() {
            return Some(Value::Decimal(number));
        }
        let text = value.read_lock::<ImmutableString>()?;
        Some(Value::Text(text.to_string().into()))
    }

    /// A value out of an event's data or a user's attributes.
    pub(super) fn json(json: &'v Json) -> Self {
        match json {
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Value::Int(whole),
                None => FieldValue::from_json(json).map_or(Value::Unit, Value::field),
            },
            Json::String(text) => Value::Text(Cow::Borrowed(text)),
            other => FieldValue::from_json(other).map_or(Value::Unit, Value::field),
        }
    }

    /// A field of the context.
    pub(super) fn field(field: FieldValue<'v>) -> Self {
        match field {
            FieldValue::Bool(yes) => Value::Bool(yes),
            FieldValue::Number(number) => match number.to_i64() {
                Some(whole) if number.is_integer() => Value::Int(whole),
                _ => Value::Decimal(number),
            },
            FieldValue::Text(text) => Value::Text(text),
            FieldValue::Texts(texts) => Value::Texts(texts),
            FieldValue::List(items) => Value::JsonList(items),
            FieldValue::Object(fields) => Value::Object(fields),
        }
    }

    /// The same value without a copy of its text.
    pub(super) fn borrowed(&'v self) -> Value<'v> {
        match self {
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            other => other.clone(),
        }
    }

    /// What a hook gives, as the interpreter would give it.
    pub(super) fn into_dynamic(self) -> Dynamic {
        match self {
            Value::Unit => Dynamic::UNIT,
            Value::Bool(yes) => Dynamic::from_bool(yes),
            Value::Int(whole) => Dynamic::from_int(whole),
            Value::Decimal(number) => Dynamic::from_decimal(number),
            Value::Text(text) => Dynamic::from(ImmutableString::from(text.as_ref())),
            Value::Texts(texts) => Dynamic::from_array(
                texts
                    .iter()
                    .map(|text| ImmutableString::from(text.as_str()).into())
                    .collect(),
            ),
            Value::JsonList(items) => Dynamic::from_array(items.iter().map(from_json).collect()),
            Value::Object(fields) => Dynamic::from_map(from_object(fields)),
            Value::List(items) => {
                Dynamic::from_array(items.iter().map(|item| item.clone().into_dynamic()).collect())
            }
            Value::Map(entries) => Dynamic::from_map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key.into(), value.into_dynamic()))
                    .collect(),
            ),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Value::Unit => Kind::Unit,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) | Value::Decimal(_) => Kind::Number,
            Value::Text(_) => Kind::Text,
            Value::Texts(_) | Value::JsonList(_) | Value::List(_) => Kind::List,
            Value::Object(_) | Value::Map(_) => Kind::Map,
        }
    }

    pub(super) fn is_unit(&self) -> bool {
        matches!(self, Value::Unit)
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(yes) => Some(*yes),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<Decimal> {
        match self {
            Value::Int(whole) => Some(Decimal::from(*whole)),
            Value::Decimal(number) => Some(*number),
            _ => None,
        }
    }

    /// The value, if the interpreter would surely take it: the size limits hold for what comes out of the context too.
    pub(super) fn within(self, limits: &Limits) -> Option<Self> {
        let mut size = Size::default();
        size.add(&self);
        let is_within =
            size.bytes <= limits.string_bytes && size.items <= limits.array_items.min(limits.map_entries);
        is_within.then_some(self)
    }

    /// Characters of a text, items of a list, entries of a map.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Value::Unit => Some(0),
            Value::Text(text) => Some(text.chars().count()),
            Value::Texts(texts) => Some(texts.len()),
            Value::JsonList(items) => Some(items.len()),
            Value::List(items) => Some(items.len()),
            Value::Object(fields) => Some(fields.len()),
            Value::Map(entries) => Some(entries.len()),
            _ => None,
        }
    }

    /// An item of a list, or an entry of a map.
    pub(super) fn item(self, index: &Value<'_>) -> Option<Value<'v>> {
        match (self, index) {
            (Value::Unit, Value::Int(0..)) => Some(Value::Unit),
            (Value::Texts(texts), Value::Int(at)) => {
                let text = texts.get(usize::try_from(*at).ok()?)?;
                Some(Value::Text(Cow::Borrowed(text)))
            }
            (Value::JsonList(items), Value::Int(at)) => {
                items.get(usize::try_from(*at).ok()?).map(Value::json)
            }
            (Value::List(items), Value::Int(at)) => {
                items.get(usize::try_from(*at).ok()?).map(Value::borrowed)
            }
            (map @ (Value::Object(_) | Value::Map(_)), Value::Text(name)) => Some(map.property(name)),
            _ => None,
        }
    }

    /// A field; of what has no such field it is absent.
    pub(super) fn property(self, name: &str) -> Value<'v> {
        match self {
            Value::Object(fields) => fields.get(name).map_or(Value::Unit, Value::json),
            Value::Map(entries) => entries
                .into_iter()
                .find(|(key, _)| *key == name)
                .map_or(Value::Unit, |(_, value)| value),
            _ => Value::Unit,
        }
    }

    /// `wanted in self`.
    pub(super) fn contains(&self, wanted: &Value<'_>) -> Option<bool> {
        match (self, wanted) {
            (Value::Unit, _) | (Value::Text(_) | Value::Object(_) | Value::Map(_), Value::Unit) => {
                Some(false)
            }
            (Value::Text(text), Value::Text(part)) => Some(text.contains(part.as_ref())),
            (Value::Object(fields), Value::Text(key)) => Some(fields.contains_key(key.as_ref())),
            (Value::Map(entries), Value::Text(key)) => Some(entries.iter().any(|(known, _)| known == key)),
            (Value::Texts(texts), Value::Text(wanted)) => Some(texts.iter().any(|text| text == wanted)),
            (Value::Texts(_), wanted) => (wanted.kind() != Kind::List).then_some(false),
            (Value::JsonList(items), wanted) => {
                any(items.iter().map(|item| Value::json(item).is_same(wanted)))
            }
            (Value::List(items), wanted) => any(items.iter().map(|item| item.is_same(wanted))),
            _ => None,
        }
    }

    /// Whether two values are the same, as lists see it: numbers by what they count, and no two types are equal.
    pub(super) fn is_same(&self, other: &Value<'_>) -> Option<bool> {
        match (self, other) {
            (Value::Int(left), Value::Int(right)) => Some(left == right),
            (Value::Bool(left), Value::Bool(right)) => Some(left == right),
            (Value::Text(left), Value::Text(right)) => Some(left == right),
            (Value::Unit, Value::Unit) => Some(true),
            _ => match (self.number(), other.number()) {
                (Some(left), Some(right)) => Some(left == right),
                _ => (self.kind() != other.kind()).then_some(false),
            },
        }
    }

    /// As string interpolation and `+` write it.
    pub(super) fn write_to(&self, text: &mut String) -> Option<()> {
        use std::fmt::Write;
        match self {
            Value::Unit => Ok(()),
            Value::Bool(yes) => write!(text, "{yes}"),
            Value::Int(whole) => write!(text, "{whole}"),
            Value::Decimal(number) => write!(text, "{number}"),
            Value::Text(more) => {
                text.push_str(more);
                Ok(())
            }
            _ => return None,
        }
        .ok()
    }
}

/// The bytes of all texts within a value, and the items and entries of all lists and maps.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    bytes: usize,
    items: usize,
}

impl Size {
    fn add(&mut self, value: &Value<'_>) {
        match value {
            Value::Unit | Value::Bool(_) | Value::Int(_) | Value::Decimal(_) => {}
            Value::Text(text) => self.bytes += text.len(),
            Value::Texts(texts) => {
                self.items += texts.len();
                self.bytes += texts.iter().map(String::len).sum::<usize>();
            }
            Value::JsonList(items) => self.add_list(items),
            Value::Object(fields) => self.add_object(fields),
            Value::List(items) => {
                self.items += items.len();
                items.iter().for_each(|item| self.add(item));
            }
            Value::Map(entries) => {
                self.items += entries.len();
                for (key, value) in entries {
                    self.bytes += key.len();
                    self.add(value);
                }
            }
        }
    }

    fn add_json(&mut self, json: &Json) {
        match json {
            Json::String(text) => self.bytes += text.len(),
            Json::Array(items) => self.add_list(items),
            Json::Object(fields) => self.add_object(fields),
            _ => {}
        }
    }

    fn add_list(&mut self, items: &[Json]) {
        self.items += items.len();
        items.iter().for_each(|item| self.add_json(item));
    }

    fn add_object(&mut self, fields: &serde_json::Map<String, Json>) {
        self.items += fields.len();
        for (key, value) in fields {
            self.bytes += key.len();
            self.add_json(value);
        }
    }
}

/// Whether one holds; `None` where one before it is not known.
fn any(mut items: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    items.try_fold(false, |found, item| match (found, item) {
        (true, _) => Some(true),
        (false, item) => item,
    })
}
