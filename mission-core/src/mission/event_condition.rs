//! What an event must be like for a mission to care about it, in a form that can be looked up.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{FieldValue, Operator, Rule, rule::number};

/// What one field of the event must be like; whatever else must hold. Where it is not, the mission's rules say no, and
/// nothing in them can fail before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCondition {
    /// The path, such as `event.data.shop_id`.
    pub path: String,
    /// What must be there.
    pub wanted: WantedField,
}

/// What a condition wants of a field that must be there. It may let more pass than the rule that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedField {
    /// One of some values, by their keys.
    OneOf(Vec<FieldKey>),
    /// If it is a number, one that is not less.
    AtLeast(Decimal),
    /// If it is a number, one that is not greater.
    AtMost(Decimal),
}

impl WantedField {
    /// Whether it lets a field pass.
    #[must_use]
    pub fn allows(&self, field: &FieldValue<'_>) -> bool {
        match (self, field) {
            (WantedField::OneOf(keys), field) => {
                FieldKey::of_field(field).iter().any(|key| keys.contains(key))
            }
            (WantedField::AtLeast(bound), FieldValue::Number(number)) => number >= bound,
            (WantedField::AtMost(bound), FieldValue::Number(number)) => number <= bound,
            (WantedField::AtLeast(_) | WantedField::AtMost(_), _) => true,
        }
    }

    /// The more telling of conditions that all must hold: a few values before a range.
    pub(crate) fn best(conditions: impl Iterator<Item = EventCondition>) -> Option<EventCondition> {
        conditions.min_by_key(|condition| !matches!(condition.wanted, WantedField::OneOf(_)))
    }
}

/// A value as far as being equal goes: two values that a condition takes for equal have a key in common. Two that have one
/// need not be equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldKey {
    /// Yes or no.
    Bool(bool),
    /// A number, whole or decimal.
    Number(Decimal),
    /// A text, letter by letter.
    Text(String),
    /// A text that is an instant, however it is written.
    Instant(DateTime<Utc>),
}

impl FieldKey {
    /// The keys of a field's value; none for a list or an object, which equals nothing.
    #[must_use]
    pub fn of_field(field: &FieldValue<'_>) -> Vec<FieldKey> {
        match field {
            FieldValue::Bool(yes) => vec![FieldKey::Bool(*yes)],
            FieldValue::Number(number) => vec![FieldKey::Number(*number)],
            FieldValue::Text(text) => FieldKey::of_text(text),
            FieldValue::Texts(_) | FieldValue::List(_) | FieldValue::Object(_) => Vec::new(),
        }
    }

    fn of_text(text: &str) -> Vec<FieldKey> {
        let mut keys = vec![FieldKey::Text(text.to_owned())];
        if let Ok(instant) = DateTime::parse_from_rfc3339(text.trim()) {
            keys.push(FieldKey::Instant(instant.to_utc()));
        }
        keys
    }

    /// The keys of what a rule's value may mean, which is read by the type that it meets.
    fn of_rule_value(value: &str) -> Vec<FieldKey> {
        let mut keys = FieldKey::of_text(value);
        keys.extend(number(value).map(FieldKey::Number));
        keys.extend(value.trim().parse().ok().map(FieldKey::Bool));
        keys
    }
}

impl Rule {
    /// What the rule asks of an event alone, where it can be looked up.
    #[must_use]
    pub fn event_condition(&self) -> Option<EventCondition> {
        if !self.reads_event() || self.rule_type == "event.friends" {
            return None;
        }
        let value = self.value.as_str();
        let wanted = match self.operator {
            Operator::Eq => WantedField::OneOf(FieldKey::of_rule_value(value)),
            Operator::In => {
                let values = value.split(',').map(str::trim);
                WantedField::OneOf(values.flat_map(FieldKey::of_rule_value).collect())
            }
            Operator::Gt | Operator::Gte => WantedField::AtLeast(number(value)?),
            Operator::Lt | Operator::Lte => WantedField::AtMost(number(value)?),
            Operator::Between => WantedField::AtLeast(number(value.split_once(',')?.0)?),
            Operator::Ne | Operator::NotIn | Operator::Contains | Operator::Exists => return None,
        };
        Some(EventCondition {
            path: self.rule_type.clone(),
            wanted,
        })
    }
}
