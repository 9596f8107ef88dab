//! From one TOML value to one typed value, with an error that names what was expected.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use mission_core::{
    Percent, Points, PointsScale,
    check_in::{MonthlyDays, Zone},
    fraud::{CheckMode, RiskOutcome, RiskScore, UserAction},
    mission::{Counting, Frequency, MissionCode, MissionType, Operator, RequirementWindow, StreakPeriod},
    ports::rules::Hook,
    task::{EvidenceType, TaskStatus},
};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};
use toml::de::{DeTable, DeValue};

use crate::suggest::{self, Suggestion};

/// A value of the wrong type or range for its field; the message continues the field's name.
#[derive(Debug)]
pub(super) enum FieldTypeError {
    /// Another type of value.
    Type(String),
    /// The right type, out of bounds or not of the right form.
    Value(String),
    /// Not one of the names that are known, and the one that was probably meant.
    Name(String, Option<Suggestion>),
}

/// A typed value that a TOML value can be read as.
pub(super) trait FromToml: Sized {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError>;
}

fn wrong_type<T>(expected: &str, value: &DeValue<'_>) -> Result<T, FieldTypeError> {
    Err(FieldTypeError::Type(format!(
        "must be {expected}, not {}",
        shown(value)
    )))
}

/// A value as a message shows it.
pub(super) fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{}\"", shortened(text)),
        DeValue::Integer(number) => format!("the whole number {number}"),
        DeValue::Float(number) => format!("the number {}", shortened(number.as_str())),
        DeValue::Boolean(yes) => format!("{yes}"),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().count() > MOST {
        text.chars().take(MOST).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

impl FromToml for String {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        match value {
            DeValue::String(text) if text.contains('\0') => Err(FieldTypeError::Value(
                "must not hold the character U+0000, which no database keeps".to_owned(),
            )),
            DeValue::String(text) => Ok(text.to_string()),
            other => wrong_type("a text in quotes", other),
        }
    }
}

impl FromToml for bool {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        match value {
            DeValue::Boolean(yes) => Ok(*yes),
            other => wrong_type("`true` or `false`", other),
        }
    }
}

macro_rules! whole_numbers {
    ($($type:ty),*) => { $(
        impl FromToml for $type {
            fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
                let DeValue::Integer(number) = value else {
                    return wrong_type("a whole number", value);
                };
                <$type>::from_str_radix(number.as_str(), number.radix()).map_err(|_| {
                    FieldTypeError::Value(format!("must be {} to {}, not {number}", <$type>::MIN, <$type>::MAX))
                })
            }
        }
    )* };
}
whole_numbers!(u8, u32, u64, i32);

pub(super) fn decimal(value: &DeValue<'_>) -> Result<Decimal, FieldTypeError> {
    let text = match value {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        DeValue::String(text) => text.as_ref(),
        other => return wrong_type("a number, or a number in quotes", other),
    };
    let digits = text.trim_start_matches('+');
    Decimal::from_str_exact(digits)
        .or_else(|_| Decimal::from_scientific(digits))
        .map_err(|_| {
            FieldTypeError::Value(format!(
                "must be a decimal number such as \"12.5\", not {}",
                shown(value)
            ))
        })
}

macro_rules! amounts {
    ($($type:ty),*) => { $(
        impl FromToml for $type {
            fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
                <$type>::new(decimal(value)?).map_err(|error| FieldTypeError::Value(error.to_string()))
            }
        }
    )* };
}
amounts!(Points, Percent);

impl FromToml for PointsScale {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        PointsScale::try_from(u8::from_toml(value)?)
            .map_err(|_| FieldTypeError::Value("must be 0 to 6 digits after the point".to_owned()))
    }
}

/// A text that a type's `FromStr` understands.
fn parsed<T: FromStr<Err: std::fmt::Display>>(value: &DeValue<'_>) -> Result<T, FieldTypeError> {
    String::from_toml(value)?
        .parse()
        .map_err(|error: T::Err| FieldTypeError::Value(format!("is refused: {error}")))
}

impl FromToml for MissionCode {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        parsed(value)
    }
}

impl FromToml for Counting {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        String::from_toml(value)?.parse().map_err(FieldTypeError::Value)
    }
}

impl FromToml for Zone {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        let name = String::from_toml(value)?;
        name.parse().map_err(|_| {
            let names: Vec<&str> = Zone::all().map(Zone::name).collect();
            FieldTypeError::Name(
                format!(
                    "must be a zone of the IANA time-zone database, not `{}`",
                    shortened(&name)
                ),
                suggest::suggest(&name, names),
            )
        })
    }
}

/// One of the names that serde knows for the variants of an enum.
fn variant<T: DeserializeOwned>(value: &DeValue<'_>) -> Result<T, FieldTypeError> {
    let name = String::from_toml(value)?;
    serde_json::from_value(Value::String(name.clone())).map_err(|error| {
        // serde says "unknown variant `x`, expected `a` or `b`": the names are every other piece.
        let message = error.to_string();
        let expected = message.split_once(", expected ").map_or("", |(_, names)| names);
        let names: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        FieldTypeError::Name(
            format!("must be one of {}, not `{}`", names.join(", "), shortened(&name)),
            suggest::meant(&name, names),
        )
    })
}

macro_rules! variants {
    ($($type:ty),*) => { $(
        impl FromToml for $type {
            fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
                variant(value)
            }
        }
    )* };
}
variants!(
    MissionType,
    Frequency,
    Operator,
    EvidenceType,
    RequirementWindow,
    StreakPeriod,
    mission_core::mission::EvidenceReview,
    TaskStatus,
    Hook,
    CheckMode,
    RiskOutcome,
    UserAction
);

impl FromToml for RiskScore {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        let number = u64::from_toml(value)?;
        let score = u8::try_from(number).ok().and_then(|score| score.try_into().ok());
        score.ok_or_else(|| FieldTypeError::Value(format!("must be a score of 0 to 100, not {number}")))
    }
}

impl FromToml for DateTime<Utc> {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        let text = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(time) => time.to_string(),
            other => return wrong_type("a time such as \"2026-01-05T10:00:00Z\"", other),
        };
        DateTime::parse_from_rfc3339(&text)
            .map(|time| time.to_utc())
            .map_err(|_| {
                FieldTypeError::Value(format!(
                    "must be a time with its offset, such as \"2026-01-05T10:00:00Z\", not `{}`",
                    shortened(&text)
                ))
            })
    }
}

impl FromToml for MonthlyDays {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        match value {
            DeValue::Integer(_) => u32::from_toml(value).map(MonthlyDays::Count),
            DeValue::String(text) if text == "all" => Ok(MonthlyDays::All),
            other => wrong_type("a number of days from 1 to 31, or \"all\"", other),
        }
    }
}

impl FromToml for Value {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        Ok(match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
                .ok()
                .and_then(Number::from_i128)
                .map(Value::Number)
                .ok_or_else(|| {
                    FieldTypeError::Value(format!("holds a number that is too large: {number}"))
                })?,
            DeValue::Float(number) => serde_json::from_str(number.as_str().trim_start_matches('+'))
                .map_err(|_| FieldTypeError::Value(format!("holds `{number}`, which is no JSON number")))?,
            DeValue::Boolean(yes) => Value::Bool(*yes),
            DeValue::Datetime(time) => Value::String(time.to_string()),
            DeValue::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| Value::from_toml(item.get_ref()))
                    .collect::<Result<_, _>>()?,
            ),
            DeValue::Table(table) => Value::Object(object(table)?),
        })
    }
}

fn object(table: &DeTable<'_>) -> Result<Map<String, Value>, FieldTypeError> {
    table
        .iter()
        .map(|(key, value)| Ok((key.get_ref().to_string(), Value::from_toml(value.get_ref())?)))
        .collect()
}

impl FromToml for Map<String, Value> {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        match value {
            DeValue::Table(table) => object(table),
            other => wrong_type("a table", other),
        }
    }
}
