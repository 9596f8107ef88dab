//! The functions of the language that compiled hooks can call.

use rust_decimal::{RoundingStrategy, prelude::ToPrimitive};

use super::{
    arena::Arena,
    value::{Value, joined},
};

/// A function that gives the same as the interpreter's of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Ceiling,
    EndsWith,
    Floor,
    IsEmpty,
    Len,
    Max,
    Min,
    Round,
    StartsWith,
    ToDecimal,
    ToInt,
    ToLower,
    ToString,
    ToUpper,
    Trim,
}

impl Function {
    /// The function of a name with so many parameters.
    pub(super) fn of(name: &str, parameters: usize) -> Option<Self> {
        Some(match (name, parameters) {
            ("abs", 1) => Function::Abs,
            ("ceiling", 1) => Function::Ceiling,
            ("ends_with", 2) => Function::EndsWith,
            ("floor", 1) => Function::Floor,
            ("is_empty", 1) => Function::IsEmpty,
            ("len", 1) => Function::Len,
            ("max", 2) => Function::Max,
            ("min", 2) => Function::Min,
            ("round", 1 | 2) => Function::Round,
            ("starts_with", 2) => Function::StartsWith,
            ("to_decimal", 1) => Function::ToDecimal,
            ("to_int", 1) => Function::ToInt,
            ("to_lower", 1) => Function::ToLower,
            ("to_string", 1) => Function::ToString,
            ("to_upper", 1) => Function::ToUpper,
            ("trim", 1) => Function::Trim,
            _ => return None,
        })
    }

    pub(super) fn one<'v>(self, value: Value<'v>, arena: &'v Arena) -> Option<Value<'v>> {
        use Function as F;
        Some(match (self, value) {
            (F::Abs, Value::Int(whole)) => Value::Int(whole.checked_abs()?),
            (F::Abs, Value::Decimal(number)) => Value::Decimal(number.abs()),
            (F::Round | F::Floor | F::Ceiling | F::ToInt, Value::Int(whole)) => Value::Int(whole),
            (F::Round, Value::Decimal(number)) => Value::Decimal(number.round()),
            (F::Floor, Value::Decimal(number)) => Value::Decimal(number.floor()),
            (F::Ceiling, Value::Decimal(number)) => Value::Decimal(number.ceil()),
            (F::ToInt, Value::Decimal(number)) => Value::Int(number.trunc().to_i64()?),
            (F::ToDecimal, value) => Value::Decimal(value.number()?),
            (F::Len, value) => Value::Int(value.len()?.try_into().ok()?),
            (F::IsEmpty, value) => Value::Bool(value.len()? == 0),
            (F::ToString, value) => joined([value], arena)?,
            (F::Trim, Value::Text(text)) => Value::Text(text.trim()),
            (F::ToLower, Value::Text(text)) => Value::Text(arena.memory().alloc_str(&text.to_lowercase())),
            (F::ToUpper, Value::Text(text)) => Value::Text(arena.memory().alloc_str(&text.to_uppercase())),
            _ => return None,
        })
    }

    pub(super) fn two<'v>(self, first: Value<'v>, second: Value<'v>) -> Option<Value<'v>> {
        use Function as F;
        Some(match (self, first, second) {
            (F::Min, Value::Int(a), Value::Int(b)) => Value::Int(a.min(b)),
            (F::Max, Value::Int(a), Value::Int(b)) => Value::Int(a.max(b)),
            (F::Min, a, b) => Value::Decimal(a.number()?.min(b.number()?)),
            (F::Max, a, b) => Value::Decimal(a.number()?.max(b.number()?)),
            (F::Round, Value::Decimal(number), Value::Int(digits @ 0..=28)) => {
                Value::Decimal(number.round_dp_with_strategy(
                    u32::try_from(digits).ok()?,
                    RoundingStrategy::MidpointNearestEven,
                ))
            }
            (F::Round, Value::Int(whole), Value::Int(0..=28)) => Value::Int(whole),
            (F::StartsWith, Value::Text(text), Value::Text(start)) => Value::Bool(text.starts_with(start)),
            (F::EndsWith, Value::Text(text), Value::Text(end)) => Value::Bool(text.ends_with(end)),
            _ => return None,
        })
    }
}
