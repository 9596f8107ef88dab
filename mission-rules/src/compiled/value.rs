//! Values of a compiled hook, borrowed from the context where they can be.

use std::{borrow::Cow, cmp::Ordering, fmt::Write as _};

use bumpalo::collections::String as ArenaString;
use mission_core::mission::{FieldValue, json_number};
use rhai::{Array, Dynamic, ImmutableString, Map};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde_json::Value as Json;

use super::arena::Arena;
use crate::{
    Limits,
    json::{from_json, from_object},
};

/// A value as the interpreter would have it. Texts and maps that are made on the way are in the evaluation's arena.
///
/// Operations give `None` for what the interpreter refuses, and for what is not worth a second implementation: the hook
/// is then evaluated by the interpreter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'v> {
    Unit,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(&'v str),
    /// Texts of the context, such as the user's tags.
    Texts(&'v [String]),
    /// A list out of an event's data or a user's attributes.
    JsonList(&'v [Json]),
    /// An object out of an event's data or a user's attributes.
    Object(&'v serde_json::Map<String, Json>),
    /// A list that stands in the script.
    List(&'v [Constant]),
    /// A map that the script makes.
    Map(&'v [(&'v str, Value<'v>)]),
}

/// A value that stands in the script.
#[derive(Clone, Debug)]
pub(crate) enum Constant {
    Unit,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(Box<str>),
    List(Box<[Constant]>),
}

impl Constant {
    /// A constant of the script; `None` for a type that only the interpreter has.
    pub(super) fn of(value: &Dynamic) -> Option<Self> {
        if value.is_unit() {
            return Some(Constant::Unit);
        }
        if let Ok(yes) = value.as_bool() {
            return Some(Constant::Bool(yes));
        }
        if let Ok(whole) = value.as_int() {
            return Some(Constant::Int(whole));
        }
        if let Ok(number) = value.as_decimal() {
            return Some(Constant::Decimal(number));
        }
        if let Some(text) = value.read_lock::<ImmutableString>() {
            return Some(Constant::Text(text.as_str().into()));
        }
        let items = value.read_lock::<Array>()?;
        let items = items.iter().map(Constant::of);
        items.collect::<Option<_>>().map(Constant::List)
    }

    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Constant::Unit => Value::Unit,
            Constant::Bool(yes) => Value::Bool(*yes),
            Constant::Int(whole) => Value::Int(*whole),
            Constant::Decimal(number) => Value::Decimal(*number),
            Constant::Text(text) => Value::Text(text),
            Constant::List(items) => Value::List(items),
        }
    }
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

    /// Texts are told apart by their lengths most of the time.
    #[inline]
    pub(super) fn compare_texts(self, left: &str, right: &str) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            _ => self.holds(left.cmp(right)),
        }
    }

    #[inline]
    pub(super) fn holds(self, ordering: Ordering) -> bool {
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
    #[inline]
    pub(super) fn compare(self, left: Value<'_>, right: Value<'_>) -> Option<bool> {
        let ordering = match (left, right) {
            (Value::Int(left), Value::Int(right)) => left.cmp(&right),
            (Value::Text(left), Value::Text(right)) => return Some(self.compare_texts(left, right)),
            (Value::Bool(left), Value::Bool(right)) => left.cmp(&right),
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

    pub(super) fn apply<'v>(
        self,
        left: Value<'v>,
        right: Value<'v>,
        arena: &'v Arena,
        limits: &Limits,
    ) -> Option<Value<'v>> {
        if let (Value::Int(left), Value::Int(right)) = (left, right) {
            return self.whole(left, right).map(Value::Int);
        }
        if let (Some(left), Some(right)) = (left.number(), right.number()) {
            return self.decimal(left, right).map(Value::Decimal);
        }
        match (self, left, right) {
            (Arithmetic::Add, text @ Value::Text(_), Value::Unit)
            | (Arithmetic::Add, Value::Unit, text @ Value::Text(_)) => Some(text),
            (Arithmetic::Add, Value::Text(_), _) | (Arithmetic::Add, _, Value::Text(_)) => {
                joined([left, right], arena)?.within(limits)
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

/// The texts of values in a row.
pub(super) fn joined<'v>(values: impl IntoIterator<Item = Value<'v>>, arena: &'v Arena) -> Option<Value<'v>> {
    let mut text = ArenaString::new_in(arena.memory());
    for value in values {
        value.write_to(&mut text)?;
    }
    Some(Value::Text(text.into_bump_str()))
}

impl<'v> Value<'v> {
    /// A value out of an event's data or a user's attributes.
    pub(crate) fn json(json: &'v Json) -> Self {
        match json {
            Json::Null => Value::Unit,
            Json::Bool(yes) => Value::Bool(*yes),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Value::Int(whole),
                None => json_number(number).map_or(Value::Unit, Value::of_number),
            },
            Json::String(text) => Value::Text(text),
            Json::Array(items) => Value::JsonList(items),
            Json::Object(fields) => Value::Object(fields),
        }
    }

    /// A field of the context.
    pub(super) fn field(field: FieldValue<'v>, arena: &'v Arena) -> Self {
        match field {
            FieldValue::Bool(yes) => Value::Bool(yes),
            FieldValue::Number(number) => Value::of_number(number),
            FieldValue::Text(Cow::Borrowed(text)) => Value::Text(text),
            FieldValue::Text(Cow::Owned(text)) => Value::Text(arena.memory().alloc_str(&text)),
            FieldValue::Texts(texts) => Value::Texts(texts),
            FieldValue::List(items) => Value::JsonList(items),
            FieldValue::Object(fields) => Value::Object(fields),
        }
    }

    fn of_number(number: Decimal) -> Self {
        match number.to_i64() {
            Some(whole) if number.is_integer() => Value::Int(whole),
            _ => Value::Decimal(number),
        }
    }

    /// The value as the interpreter has it.
    pub(crate) fn to_dynamic(self) -> Dynamic {
        match self {
            Value::Unit => Dynamic::UNIT,
            Value::Bool(yes) => Dynamic::from_bool(yes),
            Value::Int(whole) => Dynamic::from_int(whole),
            Value::Decimal(number) => Dynamic::from_decimal(number),
            Value::Text(text) => Dynamic::from(ImmutableString::from(text)),
            Value::Texts(texts) => {
                let texts = texts
                    .iter()
                    .map(|text| ImmutableString::from(text.as_str()).into());
                Dynamic::from_array(texts.collect())
            }
            Value::JsonList(items) => Dynamic::from_array(items.iter().map(from_json).collect()),
            Value::Object(fields) => Dynamic::from_map(from_object(fields)),
            Value::List(items) => {
                Dynamic::from_array(items.iter().map(|item| item.value().to_dynamic()).collect())
            }
            Value::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| ((*key).into(), value.to_dynamic()));
                Dynamic::from_map(entries.collect::<Map>())
            }
        }
    }

    fn kind(self) -> Kind {
        match self {
            Value::Unit => Kind::Unit,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) | Value::Decimal(_) => Kind::Number,
            Value::Text(_) => Kind::Text,
            Value::Texts(_) | Value::JsonList(_) | Value::List(_) => Kind::List,
            Value::Object(_) | Value::Map(_) => Kind::Map,
        }
    }

    pub(crate) fn is_unit(self) -> bool {
        matches!(self, Value::Unit)
    }

    pub(crate) fn as_bool(self) -> Option<bool> {
        match self {
            Value::Bool(yes) => Some(yes),
            _ => None,
        }
    }

    pub(crate) fn number(self) -> Option<Decimal> {
        match self {
            Value::Int(whole) => Some(Decimal::from(whole)),
            Value::Decimal(number) => Some(number),
            _ => None,
        }
    }

    /// The value, if the interpreter would surely take it: the size limits hold for what comes out of the context too.
    #[inline]
    pub(super) fn within(self, limits: &Limits) -> Option<Self> {
        let is_within = match self {
            Value::Unit | Value::Bool(_) | Value::Int(_) | Value::Decimal(_) => true,
            Value::Text(text) => text.len() <= limits.string_bytes,
            _ => {
                let mut size = Size::default();
                size.add(self);
                size.is_within(limits)
            }
        };
        is_within.then_some(self)
    }

    /// Characters of a text, items of a list, entries of a map.
    pub(super) fn len(self) -> Option<usize> {
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

    /// The items of a list.
    pub(crate) fn items(self) -> Option<impl Iterator<Item = Value<'v>>> {
        let count = match self.kind() {
            Kind::List => self.len()?,
            _ => return None,
        };
        Some((0..count).filter_map(move |at| self.item(Value::Int(i64::try_from(at).ok()?))))
    }

    /// An item of a list, or an entry of a map.
    pub(super) fn item(self, index: Value<'_>) -> Option<Value<'v>> {
        match (self, index) {
            (Value::Unit, Value::Int(0..)) => Some(Value::Unit),
            (Value::Texts(texts), Value::Int(at)) => {
                texts.get(usize::try_from(at).ok()?).map(|text| Value::Text(text))
            }
            (Value::JsonList(items), Value::Int(at)) => items.get(usize::try_from(at).ok()?).map(Value::json),
            (Value::List(items), Value::Int(at)) => items.get(usize::try_from(at).ok()?).map(Constant::value),
            (Value::Object(_) | Value::Map(_), Value::Text(name)) => Some(self.property(name)),
            _ => None,
        }
    }

    /// A field; of what has no such field it is absent.
    pub(super) fn property(self, name: &str) -> Value<'v> {
        match self {
            Value::Object(fields) => fields.get(name).map_or(Value::Unit, Value::json),
            Value::Map(entries) => {
                let entry = entries.iter().find(|(key, _)| *key == name);
                entry.map_or(Value::Unit, |(_, value)| *value)
            }
            _ => Value::Unit,
        }
    }

    /// `wanted in self`.
    pub(super) fn contains(self, wanted: Value<'_>) -> Option<bool> {
        match (self, wanted) {
            (Value::Texts(texts), Value::Text(wanted)) => Some(texts.iter().any(|text| text == wanted)),
            (Value::Texts(_), wanted) => (wanted.kind() != Kind::List).then_some(false),
            (Value::List(items), wanted) => any(items.iter().map(|item| item.value().is_same(wanted))),
            (Value::JsonList(items), wanted) => {
                any(items.iter().map(|item| Value::json(item).is_same(wanted)))
            }
            (Value::Text(text), Value::Text(part)) => Some(text.contains(part)),
            (Value::Object(fields), Value::Text(key)) => Some(fields.contains_key(key)),
            (Value::Map(entries), Value::Text(key)) => Some(entries.iter().any(|(known, _)| *known == key)),
            (Value::Unit, _) | (Value::Text(_) | Value::Object(_) | Value::Map(_), Value::Unit) => {
                Some(false)
            }
            _ => None,
        }
    }

    /// Whether two values are the same, as lists see it: numbers by what they count, and no two types are equal.
    pub(super) fn is_same(self, other: Value<'_>) -> Option<bool> {
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
    pub(super) fn write_to(self, text: &mut ArenaString<'_>) -> Option<()> {
        match self {
            Value::Unit => {}
            Value::Bool(yes) => write!(text, "{yes}").ok()?,
            Value::Int(whole) => write!(text, "{whole}").ok()?,
            Value::Decimal(number) => write!(text, "{number}").ok()?,
            Value::Text(more) => text.push_str(more),
            _ => return None,
        }
        Some(())
    }
}

/// The bytes of all texts within a value, and the items and entries of all lists and maps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    bytes: usize,
    items: usize,
}

impl Size {
    #[inline]
    pub(super) fn is_within(self, limits: &Limits) -> bool {
        self.bytes <= limits.string_bytes && self.items <= limits.array_items.min(limits.map_entries)
    }

    #[inline]
    pub(super) fn add_entry(&mut self, key: &str, value: Value<'_>) {
        self.items += 1;
        self.bytes += key.len();
        self.add(value);
    }

    fn add(&mut self, value: Value<'_>) {
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
                items.iter().for_each(|item| self.add(item.value()));
            }
            Value::Map(entries) => {
                for (key, value) in entries {
                    self.add_entry(key, *value);
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
