//! Whole numbers and exact decimals, mixed freely.

use std::ops::{Range, RangeInclusive};

use rhai::{Dynamic, ImmutableString};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

use super::{Builder, Outcome, overflow, refuse};

/// The most digits that a decimal has after its point.
const MOST_DIGITS: i64 = 28;

pub(super) fn define(language: &mut Builder) {
    language.pure("!", |yes: bool| !yes);
    language.pure("-", |n: i64| {
        n.checked_neg().map_or_else(|| overflow("the negated number"), Ok)
    });
    language.pure("-", |n: Decimal| -n);
    language.pure("+", |n: i64| n);
    language.pure("+", |n: Decimal| n);

    language.pure("abs", |n: i64| {
        n.checked_abs().map_or_else(|| overflow("the absolute value"), Ok)
    });
    language.pure("abs", |n: Decimal| n.abs());
    for (name, choose) in [("min", true), ("max", false)] {
        language.pure(
            name,
            move |a: i64, b: i64| if choose { a.min(b) } else { a.max(b) },
        );
        language.pure(
            name,
            move |a: Decimal, b: Decimal| if choose { a.min(b) } else { a.max(b) },
        );
        language.pure(name, move |a: i64, b: Decimal| extreme(choose, a.into(), b));
        language.pure(name, move |a: Decimal, b: i64| extreme(choose, a, b.into()));
    }

    language.pure("round", |n: i64| n);
    language.pure("floor", |n: i64| n);
    language.pure("ceiling", |n: i64| n);
    language.pure("round", |n: Decimal| n.round());
    language.pure("floor", |n: Decimal| n.floor());
    language.pure("ceiling", |n: Decimal| n.ceil());
    language.pure("round", |n: i64, digits: i64| digits_of(digits).map(|_| n));
    language.pure("round", |n: Decimal, digits: i64| {
        digits_of(digits)
            .map(|digits| n.round_dp_with_strategy(digits, RoundingStrategy::MidpointNearestEven))
    });

    language.pure("to_int", |n: i64| n);
    language.pure("to_int", |n: Decimal| {
        n.trunc().to_i64().map_or_else(|| overflow("the whole part"), Ok)
    });
    language.pure("to_decimal", |n: i64| Decimal::from(n));
    language.pure("to_decimal", |n: Decimal| n);
    language.pure("parse_int", |text: &str| match text.trim().parse::<i64>() {
        Ok(n) => Ok(n),
        Err(_) => refuse(format!("`{}` is no whole number", excerpt(text))),
    });
    language.pure("parse_decimal", |text: &str| {
        match text.trim().parse::<Decimal>() {
            Ok(n) => Ok(n),
            Err(_) => refuse(format!("`{}` is no decimal number", excerpt(text))),
        }
    });

    let module = &mut language.module;
    module.set_iterator::<Range<i64>>();
    module.set_iterator::<RangeInclusive<i64>>();
    language.pure("contains", |range: &mut Range<i64>, n: i64| range.contains(&n));
    language.pure("contains", |range: &mut RangeInclusive<i64>, n: i64| {
        range.contains(&n)
    });
    language.pure("contains", |range: &mut Range<i64>, n: Decimal| {
        n >= range.start.into() && n < range.end.into()
    });
    language.pure("contains", |range: &mut RangeInclusive<i64>, n: Decimal| {
        n >= (*range.start()).into() && n <= (*range.end()).into()
    });
    language.pure("contains", |_: &mut Range<i64>, (): ()| false);
    language.pure("contains", |_: &mut RangeInclusive<i64>, (): ()| false);

    language.pure("to_string", |n: i64| ImmutableString::from(n.to_string()));
    language.pure("to_string", |n: Decimal| ImmutableString::from(n.to_string()));
    language.pure("to_string", |yes: bool| ImmutableString::from(yes.to_string()));
}

/// Keeps the operand as it is, whole or decimal.
fn extreme(least: bool, a: Decimal, b: Decimal) -> Dynamic {
    Dynamic::from_decimal(if least { a.min(b) } else { a.max(b) })
}

fn digits_of(digits: i64) -> Outcome<u32> {
    match u32::try_from(digits) {
        Ok(count) if digits <= MOST_DIGITS => Ok(count),
        _ => refuse(format!("`round` takes 0 to {MOST_DIGITS} digits, not {digits}")),
    }
}

/// As much of a text as an error message should show.
fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
