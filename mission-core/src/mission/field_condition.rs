//! What an event or its user must be like for a mission to care about it, in a form that can be looked up.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{FieldValue, Operator, Rule, rule::number};

/// What one field of the event or of its user must be like; whatever else must hold. Where it is not, the mission's rules
/// say no, and nothing in them can fail before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldCondition {
    /// The field.
    pub field: ConditionField,
    /// What must be there.
    pub wanted: WantedField,
}

/// A field by which missions are found. Of the user these are the fields that stay as they are while an event is applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionField {
    /// One of the event, such as `event.data.shop_id`.
    Event(String),
    /// One of the user, such as `user.level` or `user.attributes.plan`.
    User(String),
}

impl ConditionField {
    /// The field at a path of the rule context, if missions are found by it.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        match path {
            // Who the user's friends are is not part of the event.
            "event.friends" => None,
            "user.level" | "user.experience" | "user.country" | "user.tags" | "user.badges" => {
                Some(ConditionField::User(path.to_owned()))
            }
            _ if path.starts_with("event.") => Some(ConditionField::Event(path.to_owned())),
            _ if path.starts_with("user.attributes.") => Some(ConditionField::User(path.to_owned())),
            _ => None,
        }
    }

    /// Whether it holds a list of texts and nothing else.
    fn is_of_texts(&self) -> bool {
        matches!(self, ConditionField::User(path) if path == "user.tags" || path == "user.badges")
    }
}

/// What a condition wants of a field that must be there. It may let more pass than the rule that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedField {
    /// One of some values, or a list of texts with one of them, by their keys.
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
}

impl FieldCondition {
    /// The most telling of conditions that all must hold: a few values before a range, the event before its user.
    pub fn best(conditions: impl IntoIterator<Item = FieldCondition>) -> Option<FieldCondition> {
        conditions.into_iter().min_by_key(|condition| {
            let is_range = !matches!(condition.wanted, WantedField::OneOf(_));
            (is_range, matches!(condition.field, ConditionField::User(_)))
        })
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
    /// The keys of a field's value, or of the texts of which it is a list; none for another list or an object, which equals
    /// nothing.
    #[must_use]
    pub fn of_field(field: &FieldValue<'_>) -> Vec<FieldKey> {
        match field {
            FieldValue::Bool(yes) => vec![FieldKey::Bool(*yes)],
            FieldValue::Number(number) => vec![FieldKey::Number(*number)],
            FieldValue::Text(text) => FieldKey::of_text(text),
            FieldValue::Texts(texts) => texts.iter().cloned().map(FieldKey::Text).collect(),
            FieldValue::List(_) | FieldValue::Object(_) => Vec::new(),
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
    /// What the rule asks of one field of an event or its user, where it can be looked up.
    #[must_use]
    pub fn field_condition(&self) -> Option<FieldCondition> {
        let field = ConditionField::of_path(&self.rule_type)?;
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
            Operator::Contains if field.is_of_texts() => {
                WantedField::OneOf(vec![FieldKey::Text(self.value.clone())])
            }
            Operator::Ne | Operator::NotIn | Operator::Contains | Operator::Exists => return None,
        };
        Some(FieldCondition { field, wanted })
    }
}
