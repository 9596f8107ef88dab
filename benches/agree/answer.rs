//! What a check-in was answered, by the server or by the model.

use mission_core::testing::model::ExpectedCheckIn;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::Result;

/// A check-in's answer; where it was refused, the problem's code.
pub(crate) type CheckedIn = std::result::Result<Counted, String>;

/// A check-in that counts, with every part of what it earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) visit: ExpectedCheckIn,
    pub(crate) points: Decimal,
    pub(crate) is_milestone: bool,
}

impl Counted {
    /// What the contract makes of a visit.
    pub(crate) fn of(visit: ExpectedCheckIn) -> Self {
        Counted {
            points: visit.points(),
            is_milestone: !visit.milestone_bonus.is_zero(),
            visit,
        }
    }

    /// Reads the server's answer.
    pub(crate) fn read(answer: &Value) -> Result<Self> {
        let count = |name: &str| -> Result<u32> { Ok(field(answer, name)?.to_string().parse()?) };
        let visit = ExpectedCheckIn {
            date: text(answer, "date")?.parse()?,
            streak: count("streak")?,
            longest: count("longest_streak")?,
            total: usize::try_from(count("total_check_ins")?)?,
            base: decimal(answer, "base_points")?,
            streak_bonus: decimal(answer, "streak_bonus")?,
            milestone_bonus: decimal(answer, "milestone_bonus")?,
            monthly_reward: decimal(answer, "monthly_reward")?,
            freezes_used: count("freezes_used")?,
            freezes_held: count("freezes_held")?,
        };
        Ok(Counted {
            visit,
            points: decimal(answer, "points")?,
            is_milestone: field(answer, "milestone")? == &Value::Bool(true),
        })
    }
}

/// A field that must be there.
pub(crate) fn field<'v>(value: &'v Value, name: &str) -> Result<&'v Value> {
    let found = value.get(name);
    Ok(found.ok_or_else(|| format!("there is no `{name}` in {value}"))?)
}

/// A field that must be a text.
pub(crate) fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str> {
    let found = field(value, name)?.as_str();
    Ok(found.ok_or_else(|| format!("`{name}` is no text in {value}"))?)
}

/// A field that must be a number, to its last digit.
pub(crate) fn decimal(value: &Value, name: &str) -> Result<Decimal> {
    let number = field(value, name)?.to_string();
    let read = number.parse().or_else(|_| Decimal::from_scientific(&number));
    Ok(read.map_err(|error| format!("`{name}`: {number}: {error}"))?)
}

/// A field that must be a list.
pub(crate) fn list<'v>(value: &'v Value, name: &str) -> Result<&'v [Value]> {
    let found = field(value, name)?.as_array();
    Ok(found.ok_or_else(|| format!("`{name}` is no list in {value}"))?)
}
