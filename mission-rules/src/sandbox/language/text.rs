//! Texts.

use rhai::{Array, Dynamic, ImmutableString, NativeCallContext};

use super::{Builder, Outcome, check_array_items, check_string_bytes, whole};

pub(super) fn define(language: &mut Builder) {
    language.pure("len", |text: &str| whole(text.chars().count()));
    language.pure("is_empty", |text: &str| text.is_empty());
    language.pure("contains", |text: &str, part: &str| text.contains(part));
    language.pure("contains", |text: &str, part: char| text.contains(part));
    language.pure("contains", |_: &str, (): ()| false);
    language.pure("starts_with", |text: &str, start: &str| text.starts_with(start));
    language.pure("ends_with", |text: &str, end: &str| text.ends_with(end));
    language.pure("index_of", |text: &str, part: &str| {
        text.find(part)
            .map_or(-1, |at| whole(text.get(..at).unwrap_or_default().chars().count()))
    });
    language.pure("trim", |text: &str| ImmutableString::from(text.trim()));
    language.pure("to_upper", |context: NativeCallContext<'_>, text: &str| {
        // A character can become three: the limit is looked at before and after.
        check_string_bytes(&context, Some(text.len())).map(|()| ImmutableString::from(text.to_uppercase()))
    });
    language.pure("to_lower", |context: NativeCallContext<'_>, text: &str| {
        check_string_bytes(&context, Some(text.len())).map(|()| ImmutableString::from(text.to_lowercase()))
    });
    language.pure("sub_string", |text: &str, start: i64| {
        sub_string(text, start, i64::MAX)
    });
    language.pure("sub_string", sub_string);
    language.pure(
        "replace",
        |context: NativeCallContext<'_>, text: &str, from: &str, to: &str| replace(&context, text, from, to),
    );
    language.pure(
        "split",
        |context: NativeCallContext<'_>, text: &str, separator: &str| split(&context, text, separator),
    );
    language.pure("to_string", |text: ImmutableString| text);
    language.pure("to_string", |text: char| ImmutableString::from(text.to_string()));
    language.pure("to_string", |(): ()| ImmutableString::new());

    // What string interpolation and `+` need; of lists and maps too, since authors show them in reasons.
    language.pure(
        "+",
        |context: NativeCallContext<'_>, text: &str, value: Dynamic| joined(&context, text, &shown(&value)),
    );
    language.pure(
        "+",
        |context: NativeCallContext<'_>, value: Dynamic, text: &str| joined(&context, &shown(&value), text),
    );
}

fn joined(context: &NativeCallContext<'_>, left: &str, right: &str) -> Outcome<ImmutableString> {
    check_string_bytes(context, left.len().checked_add(right.len()))?;
    Ok([left, right].concat().into())
}

fn shown(value: &Dynamic) -> String {
    value.to_string()
}

/// From a character on, counted from 0 (below 0: from the end), so many characters; what lies outside is left out.
fn sub_string(text: &str, start: i64, length: i64) -> ImmutableString {
    let start = match usize::try_from(start) {
        Ok(start) => start,
        Err(_) => text
            .chars()
            .count()
            .saturating_sub(usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    let length = usize::try_from(length.max(0)).unwrap_or(usize::MAX);
    text.chars().skip(start).take(length).collect::<String>().into()
}

fn replace(context: &NativeCallContext<'_>, text: &str, from: &str, to: &str) -> Outcome<ImmutableString> {
    let found = text.matches(from).count();
    let bytes = found
        .checked_mul(to.len())
        .and_then(|added| added.checked_add(text.len() - found * from.len()));
    check_string_bytes(context, bytes)?;
    Ok(text.replace(from, to).into())
}

fn split(context: &NativeCallContext<'_>, text: &str, separator: &str) -> Outcome<Array> {
    check_array_items(context, text.matches(separator).count().checked_add(1))?;
    Ok(text
        .split(separator)
        .map(|part| Dynamic::from(ImmutableString::from(part)))
        .collect())
}
