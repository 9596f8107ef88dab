//! Declarative rules: a path into the context, an operator and a value, for authors who want no script.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ports::rules::RuleContext;

/// One condition. All rules of a mission must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A path into the rule context, such as `user.level` or `event.data.seconds`.
    pub rule_type: String,
    /// How the value there is compared.
    pub operator: Operator,
    /// What it is compared with, parsed by the type that it meets (RFC 3339 times as instants); lists are comma-separated, `between` takes
    /// `low,high` (inclusive), `exists` takes `true` (the default) or `false`.
    #[serde(default)]
    pub value: String,
    /// Free notes of the author.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// The comparison operator of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal; also true where there is no value.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// One of the listed.
    In,
    /// None of the listed; also true where there is no value.
    NotIn,
    /// A list that holds the value, or a text that holds it as a part.
    Contains,
    /// From the low to the high one, both included.
    Between,
    /// There is a value (or with `false` there is none).
    Exists,
}

/// The value at a path of the rule context.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// Yes or no.
    Bool(bool),
    /// A whole or decimal number.
    Number(Decimal),
    /// A text; times and dates too, in their contract forms.
    Text(Cow<'a, str>),
    /// Several texts, such as tags.
    Texts(&'a [String]),
    /// A list out of an event's data or a user's attributes.
    List(&'a [serde_json::Value]),
    /// An object out of an event's data or a user's attributes.
    Object(&'a serde_json::Map<String, serde_json::Value>),
}

impl<'a> FieldValue<'a> {
    /// The value behind a JSON value; `null` counts as absent.
    #[must_use]
    pub fn from_json(json: &'a serde_json::Value) -> Option<FieldValue<'a>> {
        use serde_json::Value;
        Some(match json {
            Value::Null => return None,
            Value::Bool(b) => FieldValue::Bool(*b),
            Value::Number(n) => FieldValue::Number(json_number(n)?),
            Value::String(s) => FieldValue::Text(Cow::Borrowed(s)),
            Value::Array(items) => FieldValue::List(items),
            Value::Object(map) => FieldValue::Object(map),
        })
    }

    fn equals(&self, text: &str) -> bool {
        match self {
            FieldValue::Bool(b) => text.trim().parse() == Ok(*b),
            FieldValue::Number(n) => number(text).is_some_and(|m| m == *n),
            FieldValue::Text(s) => s.as_ref() == text || instants(s, text).is_some_and(|(a, b)| a == b),
            FieldValue::Texts(_) | FieldValue::List(_) | FieldValue::Object(_) => false,
        }
    }

    fn compare(&self, text: &str) -> Option<std::cmp::Ordering> {
        match self {
            FieldValue::Number(n) => number(text).map(|m| n.cmp(&m)),
            FieldValue::Text(s) => Some(match instants(s, text) {
                Some((value, wanted)) => value.cmp(&wanted),
                None => s.as_ref().cmp(text),
            }),
            _ => None,
        }
    }

    fn contains(&self, text: &str) -> bool {
        match self {
            FieldValue::Text(s) => s.contains(text),
            FieldValue::Texts(list) => list.iter().any(|s| s == text),
            FieldValue::List(items) => items
                .iter()
                .filter_map(FieldValue::from_json)
                .any(|value| value.equals(text)),
            FieldValue::Object(map) => map.contains_key(text),
            FieldValue::Bool(_) | FieldValue::Number(_) => false,
        }
    }
}

impl From<FieldValue<'_>> for serde_json::Value {
    fn from(field: FieldValue<'_>) -> Self {
        use serde_json::Value;
        match field {
            FieldValue::Bool(yes) => Value::Bool(yes),
            FieldValue::Number(number) => {
                let digits: Result<serde_json::Number, _> = number.normalize().to_string().parse();
                digits.map_or(Value::Null, Value::Number)
            }
            FieldValue::Text(text) => Value::String(text.into_owned()),
            FieldValue::Texts(texts) => texts.into(),
            FieldValue::List(items) => items.into(),
            FieldValue::Object(fields) => Value::Object(fields.clone()),
        }
    }
}

/// A JSON number as an exact decimal; `None` beyond 28 digits.
#[must_use]
pub fn json_number(number: &serde_json::Number) -> Option<Decimal> {
    let text = number.as_str();
    text.parse().or_else(|_| Decimal::from_scientific(text)).ok()
}

pub(super) fn number(text: &str) -> Option<Decimal> {
    text.trim().parse().ok()
}

/// Two texts as instants, where both are: the same instant can be written with another offset, or to the millisecond.
fn instants(value: &str, wanted: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    // `2026-01-05T10:00:00Z` is the shortest; nearly all texts are told apart by this.
    let may_be = |text: &str| text.len() >= 20 && text.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let read = |text: &str| Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc());
    let wanted = wanted.trim();
    if !may_be(value) || !may_be(wanted) {
        return None;
    }
    Some((read(value)?, read(wanted)?))
}

fn compiled(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim)
}

impl std::fmt::Display for Rule {
    /// `user.level gte 3`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operator = crate::serde_name(self.operator);
        write!(f, "{} {operator} {}", self.rule_type, self.value)
    }
}

impl Rule {
    /// Whether the rule reads the event, and so is judged only where one is applied.
    #[must_use]
    pub fn reads_event(&self) -> bool {
        self.rule_type == "event" || self.rule_type.starts_with("event.")
    }

    /// Whether the rule holds in a context.
    #[must_use]
    pub fn holds(&self, context: &RuleContext<'_>) -> bool {
        self.holds_for(context.field(&self.rule_type).as_ref())
    }

    /// Whether the rule holds for the value that its path leads to (`None`: it leads nowhere).
    ///
    /// ```
    /// use mission_core::mission::{FieldValue, Operator, Rule};
    /// let rule = Rule {
    ///     rule_type: "user.level".into(),
    ///     operator: Operator::Between,
    ///     value: "3,5".into(),
    ///     metadata: Default::default(),
    /// };
    /// assert!(rule.holds_for(Some(&FieldValue::Number(5.into()))));
    /// assert!(!rule.holds_for(None));
    /// ```
    #[must_use]
    pub fn holds_for(&self, field: Option<&FieldValue<'_>>) -> bool {
        let value = self.value.as_str();
        let Some(field) = field else {
            return match self.operator {
                Operator::Ne | Operator::NotIn => true,
                Operator::Exists => self.wants_absence(),
                _ => false,
            };
        };
        match self.operator {
            Operator::Eq => field.equals(value),
            Operator::Ne => !field.equals(value),
            Operator::Gt => field.compare(value).is_some_and(std::cmp::Ordering::is_gt),
            Operator::Gte => field.compare(value).is_some_and(std::cmp::Ordering::is_ge),
            Operator::Lt => field.compare(value).is_some_and(std::cmp::Ordering::is_lt),
            Operator::Lte => field.compare(value).is_some_and(std::cmp::Ordering::is_le),
            Operator::In => compiled(value).any(|one| field.equals(one)),
            Operator::NotIn => !compiled(value).any(|one| field.equals(one)),
            Operator::Contains => field.contains(value),
            Operator::Between => value.split_once(',').is_some_and(|(low, high)| {
                field.compare(low.trim()).is_some_and(std::cmp::Ordering::is_ge)
                    && field.compare(high.trim()).is_some_and(std::cmp::Ordering::is_le)
            }),
            Operator::Exists => !self.wants_absence(),
        }
    }

    fn wants_absence(&self) -> bool {
        self.value.trim() == "false"
    }

    /// What is wrong with the rule whatever the context, if anything.
    #[must_use]
    pub fn validation_error(&self) -> Option<String> {
        let known = [
            "now",
            "user",
            "mission",
            "task",
            "event",
            "evidence",
            "streak",
            "completions",
        ];
        let first = self.rule_type.split('.').next().unwrap_or_default();
        if !known.contains(&first) {
            return Some(format!(
                "`{}` is no path into the context; it starts with one of {}",
                self.rule_type,
                known.join(", ")
            ));
        }
        match self.operator {
            Operator::Between if self.value.split(',').count() != 2 => {
                Some(format!("`between` needs `low,high`, not `{}`", self.value))
            }
            Operator::Exists if !matches!(self.value.trim(), "" | "true" | "false") => {
                Some(format!("`exists` takes `true` or `false`, not `{}`", self.value))
            }
            _ => None,
        }
    }
}
