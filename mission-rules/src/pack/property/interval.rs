//! Ranges that the values of a generated context are taken from.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use toml::de::DeValue;

use crate::{
    FieldKind,
    pack::decode::{FieldTypeError, FromToml, decimal, shown},
};

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Whole(Decimal),
    Decimal(Decimal),
    Date(NaiveDate),
    Instant(DateTime<Utc>),
}

impl Bound {
    fn what(self) -> &'static str {
        match self {
            Bound::Whole(_) | Bound::Decimal(_) => "a number",
            Bound::Date(_) => "a date",
            Bound::Instant(_) => "a time",
        }
    }
}

impl FromToml for Bound {
    fn from_toml(value: &DeValue<'_>) -> Result<Self, FieldTypeError> {
        let text = match value {
            DeValue::Integer(_) => return decimal(value).map(Bound::Whole),
            DeValue::Float(_) => return decimal(value).map(Bound::Decimal),
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(time) => time.to_string(),
            _ => String::new(),
        };
        if let Ok(number) = text.parse() {
            return Ok(Bound::Decimal(number));
        }
        if let Ok(date) = text.parse() {
            return Ok(Bound::Date(date));
        }
        match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Ok(Bound::Instant(time.to_utc())),
            Err(_) => Err(FieldTypeError::Type(format!(
                "must be a number, a date such as \"2026-01-05\" or a time such as \"2026-01-05T10:00:00Z\", not {}",
                shown(value)
            ))),
        }
    }
}

/// A range of values, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    pub(super) least: i64,
    pub(super) greatest: i64,
    pub(super) step: Step,
}

/// What lies between one value of an [`Interval`] and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    One,
    /// The last of so many digits after the point.
    Digit(u32),
    Day,
    Second,
}

impl Interval {
    /// The values between two bounds.
    ///
    /// # Errors
    /// When the bounds are of different types, in the wrong order, or too far from 0.
    pub(super) fn between(min: Bound, max: Bound) -> Result<Self, String> {
        let interval = match (min, max) {
            (Bound::Whole(min), Bound::Whole(max)) => Self::numbers(min, max, Step::One, 0)?,
            (Bound::Whole(min) | Bound::Decimal(min), Bound::Whole(max) | Bound::Decimal(max)) => {
                let digits = min.scale().max(max.scale());
                Self::numbers(min, max, Step::Digit(digits), digits)?
            }
            (Bound::Date(min), Bound::Date(max)) => Self {
                least: min.to_epoch_days().into(),
                greatest: max.to_epoch_days().into(),
                step: Step::Day,
            },
            (Bound::Instant(min), Bound::Instant(max)) => Self {
                least: min.timestamp(),
                greatest: max.timestamp(),
                step: Step::Second,
            },
            (min, max) => return Err(format!("`min` is {}, and `max` is {}", min.what(), max.what())),
        };
        if interval.least > interval.greatest {
            return Err("`min` is greater than `max`, so no value is between them".to_owned());
        }
        Ok(interval)
    }

    fn numbers(min: Decimal, max: Decimal, step: Step, digits: u32) -> Result<Self, String> {
        let steps = |mut number: Decimal| {
            let written = number;
            number.rescale(digits);
            let steps = i64::try_from(number.mantissa()).ok();
            steps
                .filter(|_| number == written)
                .ok_or_else(|| format!("{written} is too large, or has too many digits"))
        };
        Ok(Self {
            least: steps(min)?,
            greatest: steps(max)?,
            step,
        })
    }

    pub(super) fn number(&self, steps: i64) -> Decimal {
        match self.step {
            Step::Digit(digits) => Decimal::from_i128_with_scale(steps.into(), digits),
            Step::One | Step::Day | Step::Second => steps.into(),
        }
    }

    /// The type of its values.
    pub(super) fn kind(&self) -> FieldKind {
        match self.step {
            Step::One => FieldKind::Whole,
            Step::Digit(_) => FieldKind::Decimal,
            Step::Day | Step::Second => FieldKind::Text,
        }
    }

    /// The first and the last number; `None` for dates and times.
    pub(super) fn numbers_at_ends(&self) -> Option<[Decimal; 2]> {
        let is_number = matches!(self.step, Step::One | Step::Digit(_));
        is_number.then(|| [self.number(self.least), self.number(self.greatest)])
    }

    /// Whether its values are instants.
    pub(super) fn is_of_instants(&self) -> bool {
        self.step == Step::Second
    }
}
