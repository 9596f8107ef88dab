//! Lists, and what it means for two values to be equal.

use rhai::{Array, Dynamic, ImmutableString, Map, NativeCallContext};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::{Builder, Outcome, check_array_items, check_string_bytes, overflow, refuse, whole};

pub(super) fn define(language: &mut Builder) {
    language.module.set_iterable::<Array>();
    language.pure("len", |items: &mut Array| whole(items.len()));
    language.pure("is_empty", |items: &mut Array| items.is_empty());
    language.pure("contains", |items: &mut Array, wanted: Dynamic| {
        items.iter().any(|item| equal(item, &wanted))
    });
    language.pure("index_of", |items: &mut Array, wanted: Dynamic| {
        items
            .iter()
            .position(|item| equal(item, &wanted))
            .map_or(-1, whole)
    });
    language.pure("==", |left: &mut Array, right: Array| equal_lists(left, &right));
    language.pure("!=", |left: &mut Array, right: Array| !equal_lists(left, &right));
    language.pure("first", |items: &mut Array| {
        items.first().cloned().unwrap_or(Dynamic::UNIT)
    });
    language.pure("last", |items: &mut Array| {
        items.last().cloned().unwrap_or(Dynamic::UNIT)
    });
    language.pure("sum", sum);
    language.pure("min", |items: &mut Array| extreme(items, Decimal::lt));
    language.pure("max", |items: &mut Array| extreme(items, Decimal::gt));
    language.pure("without", |items: &mut Array, unwanted: Dynamic| {
        items
            .iter()
            .filter(|item| !equal(item, &unwanted))
            .cloned()
            .collect::<Array>()
    });
    language.pure(
        "join",
        |context: NativeCallContext<'_>, items: &mut Array, separator: &str| join(&context, items, separator),
    );
    language.pure("to_string", |items: &mut Array| {
        ImmutableString::from(Dynamic::from(items.clone()).to_string())
    });
    language.pure(
        "+",
        |context: NativeCallContext<'_>, left: Array, right: Array| {
            check_array_items(&context, left.len().checked_add(right.len()))?;
            Outcome::Ok([left, right].concat())
        },
    );

    language.mutating(
        "push",
        |context: NativeCallContext<'_>, items: &mut Array, item: Dynamic| {
            check_array_items(&context, items.len().checked_add(1)).map(|()| items.push(item))
        },
    );
    language.mutating("pop", |items: &mut Array| items.pop().unwrap_or(Dynamic::UNIT));
    language.mutating(
        "insert",
        |context: NativeCallContext<'_>, items: &mut Array, at: i64, item: Dynamic| {
            check_array_items(&context, items.len().checked_add(1))?;
            match usize::try_from(at) {
                Ok(at) if at <= items.len() => {
                    items.insert(at, item);
                    Ok(())
                }
                _ => refuse(format!(
                    "`insert` at {at} is outside of a list of {}",
                    items.len()
                )),
            }
        },
    );
    language.mutating("remove", |items: &mut Array, at: i64| match usize::try_from(at) {
        Ok(at) if at < items.len() => items.remove(at),
        _ => Dynamic::UNIT,
    });
}

/// Whether two values are the same: numbers by what they count, lists and maps by what they hold. Values of different
/// types are never equal.
fn equal(left: &Dynamic, right: &Dynamic) -> bool {
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return left == right;
    }
    if left.is_char() || right.is_char() {
        return (left.is_char() || left.is_string())
            && (right.is_char() || right.is_string())
            && left.to_string() == right.to_string();
    }
    if left.is_unit() || right.is_unit() {
        return left.is_unit() && right.is_unit();
    }
    if let (Ok(left), Ok(right)) = (left.as_bool(), right.as_bool()) {
        return left == right;
    }
    if let (Some(left), Some(right)) = (
        left.read_lock::<ImmutableString>(),
        right.read_lock::<ImmutableString>(),
    ) {
        return *left == *right;
    }
    if let (Some(left), Some(right)) = (left.read_lock::<Array>(), right.read_lock::<Array>()) {
        return equal_lists(&left, &right);
    }
    if let (Some(left), Some(right)) = (left.read_lock::<Map>(), right.read_lock::<Map>()) {
        return equal_maps(&left, &right);
    }
    false
}

fn equal_lists(left: &Array, right: &Array) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
}

pub(super) fn equal_maps(left: &Map, right: &Map) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
}

fn number(value: &Dynamic) -> Option<Decimal> {
    value
        .as_int()
        .map(Decimal::from)
        .or_else(|_| value.as_decimal())
        .ok()
}

fn numbers(items: &Array) -> Outcome<Vec<Decimal>> {
    items
        .iter()
        .map(|item| match number(item) {
            Some(number) => Ok(number),
            None => refuse(format!("the list holds {}, which is no number", item.type_name())),
        })
        .collect()
}

/// Whole where every item is.
fn sum(items: &mut Array) -> Outcome<Dynamic> {
    let mut total = Decimal::ZERO;
    for number in numbers(items)? {
        total = match total.checked_add(number) {
            Some(total) => total,
            None => return overflow("the sum"),
        };
    }
    if items.iter().all(Dynamic::is_int) {
        return total
            .to_i64()
            .map_or_else(|| overflow("the sum"), |total| Ok(total.into()));
    }
    Ok(Dynamic::from_decimal(total))
}

fn extreme(items: &mut Array, better: fn(&Decimal, &Decimal) -> bool) -> Outcome<Dynamic> {
    let numbers = numbers(items)?;
    let best = (0..numbers.len()).reduce(|best, at| match (numbers.get(at), numbers.get(best)) {
        (Some(candidate), Some(holder)) if better(candidate, holder) => at,
        _ => best,
    });
    Ok(best
        .and_then(|at| items.get(at))
        .cloned()
        .unwrap_or(Dynamic::UNIT))
}

fn join(context: &NativeCallContext<'_>, items: &Array, separator: &str) -> Outcome<ImmutableString> {
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push_str(separator);
        }
        text.push_str(&item.to_string());
        check_string_bytes(context, Some(text.len()))?;
    }
    Ok(text.into())
}
