//! What only a look at the mission can tell of a property: its hook, its fields, its expressions.

use std::ops::Range;

use mission_core::ports::rules::Hook;
use rust_decimal::Decimal;
use serde_json::Value;

use super::{
    FieldValues, GivenField, Property,
    given::{NOW, overlap},
};
use crate::{
    FieldKind, FieldSchema, FindingCode, Scripts,
    diagnostic::Diagnostic,
    lint::lint_expectation,
    pack::{
        Finding, PackHook,
        fields::{Located, quoted},
        rule_paths::with_known_paths,
    },
    suggest,
};

/// What a property is checked against.
pub(in crate::pack) struct PropertyCheck<'a> {
    /// The text of the file that it stands in.
    pub(in crate::pack) text: &'a str,
    /// The fields that its mission's context has.
    pub(in crate::pack) schema: &'a FieldSchema,
    /// The hooks of its mission's script; `None` where the script does not compile.
    pub(in crate::pack) hooks: Option<&'a [PackHook]>,
    /// What compiles its expression.
    pub(in crate::pack) scripts: &'a Scripts,
}

/// Everything that is wrong with a property of a mission that is there.
pub(in crate::pack) fn check_property(property: &Property, check: &PropertyCheck<'_>) -> Vec<Finding> {
    let mut found: Vec<Diagnostic> = check.hook(property).into_iter().collect();
    for (nth, field) in property.given.iter().enumerate() {
        let path = field.path.value.as_str();
        let mut before = property
            .given
            .iter()
            .take(nth)
            .map(|other| other.path.value.as_str());
        match before.find(|other| overlap(path, other)) {
            Some(other) => {
                let message = if path == other {
                    format!("`{path}` is given twice")
                } else {
                    format!("`{path}` and `{other}` are given, and one is a part of the other")
                };
                found.push(Diagnostic::new(FindingCode::PackBadValue, message).at(field.path.span.clone()));
            }
            None => found.extend(check.field(field)),
        }
    }
    found.extend(check.monotone(property));
    if let Some(holds) = &property.expect.holds {
        found.extend(check.expression(property.hook.value, holds));
    }
    let found = found.into_iter();
    found
        .map(|diagnostic| Finding::new(property.file.as_str(), diagnostic))
        .collect()
}

impl PropertyCheck<'_> {
    fn hook(&self, property: &Property) -> Option<Diagnostic> {
        let hooks = self.hooks?;
        let hook = property.hook.value;
        if hooks.iter().any(|defined| defined.hook == hook) {
            return None;
        }
        let mission = &property.mission.value;
        let message = format!("`{mission}` has no script with `fn {hook}(ctx)`, so there is nothing to try");
        let names: Vec<&str> = hooks.iter().map(|defined| defined.hook.name()).collect();
        let help = if names.is_empty() {
            format!("write the hook, and name the script in `{mission}` as `rules_script`")
        } else {
            format!("the script has {}", quoted(&names))
        };
        let diagnostic = Diagnostic::new(FindingCode::PackMissingHook, message).with_help(help);
        Some(diagnostic.at(property.hook.span.clone()))
    }

    fn field(&self, field: &GivenField) -> Option<Diagnostic> {
        let path = field.path.value.as_str();
        let at = field.path.span.clone();
        if path == NOW {
            let is_instants = matches!(&field.values, FieldValues::Between(range) if range.is_of_instants());
            return (!is_instants || field.is_optional).then(|| {
                Diagnostic::new(
                    FindingCode::PackWrongType,
                    "`now` must be a range of times, and always be there",
                )
                .with_help("write { min = \"2026-01-05T00:00:00Z\", max = \"2026-01-11T23:59:59Z\" }")
                .at(at)
            });
        }
        let Some(kind) = self.schema.kind(path) else {
            let message = format!("`{path}` leads nowhere, so no script can read it");
            let diagnostic = Diagnostic::new(FindingCode::PackUnknownPath, message);
            return Some(with_known_paths(diagnostic.at(at), path, None, self.schema));
        };
        if let Some(given) = misfit(kind, &field.values) {
            let message = format!("`{path}` is {}, and is given {given} here", kind.plain());
            return Some(Diagnostic::new(FindingCode::PackWrongType, message).at(at));
        }
        let range = self.schema.range(path)?;
        let outside = numbers(&field.values)
            .into_iter()
            .find(|number| !range.holds(*number))?;
        let message = format!("`{path}` is {range}, and is given {outside} here");
        Some(Diagnostic::new(FindingCode::PackBadValue, message).at(at))
    }

    fn monotone(&self, property: &Property) -> Option<Diagnostic> {
        let named = property.expect.monotone_in.as_ref()?;
        let error = |message: String| {
            Some(Diagnostic::new(FindingCode::PackBadValue, message).at(named.span.clone()))
        };
        if property.hook.value == Hook::Verify {
            return error("`monotone_in` compares values, and those of `verify` have no order".to_owned());
        }
        let paths: Vec<&str> = property
            .given
            .iter()
            .map(|field| field.path.value.as_str())
            .collect();
        let field = property
            .given
            .iter()
            .find(|field| field.path.value == named.value);
        match field {
            Some(GivenField {
                values: FieldValues::Between(_),
                is_optional: false,
                ..
            }) => None,
            Some(_) => error(format!(
                "`{}` must be a range that is always there: only then one value is greater than another",
                named.value
            )),
            None => {
                let diagnostic = error(format!("`{}` is none of the given fields", named.value))?;
                let help = match suggest::closest(&named.value, paths.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("name one of {}", quoted(&paths)),
                };
                Some(diagnostic.with_help(help))
            }
        }
    }

    fn expression(&self, hook: Hook, expression: &Located<String>) -> Vec<Diagnostic> {
        let found = lint_expectation(&self.scripts.engines, hook, &expression.value, self.schema);
        let placed = found.into_iter().map(|mut diagnostic| {
            let place = diagnostic.span.take().unwrap_or(0..expression.value.len());
            diagnostic.at(written_at(self.text, expression, place))
        });
        placed.collect()
    }
}

/// Where a part of a text stands in its file; the whole text where escapes are in it.
fn written_at(file: &str, text: &Located<String>, part: Range<usize>) -> Range<usize> {
    let start = file
        .get(text.span.clone())
        .and_then(|written| written.find(text.value.as_str()))
        .map(|quotes| text.span.start + quotes);
    start.map_or_else(
        || text.span.clone(),
        |start| start + part.start..start + part.end.max(part.start),
    )
}

/// What is given of a type that the field never has.
fn misfit(kind: FieldKind, values: &FieldValues) -> Option<String> {
    let wrong = |value: &Value| (!fits(kind, value)).then(|| value.to_string());
    match (kind, values) {
        (FieldKind::Any, _) | (FieldKind::List, FieldValues::SomeOf(_)) => None,
        (FieldKind::Map, _) => Some("values; give those of its fields".to_owned()),
        (_, FieldValues::OneOf(values)) => values.iter().find_map(wrong),
        (_, FieldValues::SomeOf(_)) => Some("lists".to_owned()),
        (kind, FieldValues::Between(range)) => match (kind, range.kind()) {
            (FieldKind::Decimal, FieldKind::Whole) => None,
            (kind, given) if kind == given => None,
            (_, given) => Some(plural(given).to_owned()),
        },
    }
}

/// The values of a range.
fn plural(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Whole => "whole numbers",
        FieldKind::Decimal => "numbers with digits after the point",
        _ => "dates or times",
    }
}

fn fits(kind: FieldKind, value: &Value) -> bool {
    match kind {
        FieldKind::Whole => value.is_i64() || value.is_u64(),
        FieldKind::Decimal => value.is_number(),
        FieldKind::Text => value.is_string(),
        FieldKind::Bool => value.is_boolean(),
        FieldKind::List => value.is_array(),
        FieldKind::Map => value.is_object(),
        FieldKind::Any => true,
    }
}

/// The numbers at the ends of a range, or those of a list.
fn numbers(values: &FieldValues) -> Vec<Decimal> {
    match values {
        FieldValues::Between(range) => range.numbers_at_ends().into_iter().flatten().collect(),
        FieldValues::OneOf(values) => {
            let numbers = values
                .iter()
                .filter_map(|value| value.as_number()?.as_str().parse().ok());
            numbers.collect()
        }
        FieldValues::SomeOf(_) => Vec::new(),
    }
}
