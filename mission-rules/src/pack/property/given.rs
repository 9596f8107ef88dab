//! `given`: the values that the fields of a property's contexts can have.

use serde_json::Value;
use toml::{Spanned, de::DeValue};

use super::interval::{Bound, Interval};
use crate::{
    FieldKind, FieldSchema, FindingCode,
    diagnostic::Diagnostic,
    pack::fields::{Fields, Located, read, read_table},
    schema::is_below,
};

/// A field of the context, and what it can be.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenField {
    /// Its path, such as `event.data.amount`.
    pub path: Located<String>,
    /// What it can be.
    pub values: FieldValues,
    /// Whether it can be absent too.
    pub is_optional: bool,
}

/// The values that a field can have.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValues {
    /// Any within a range.
    Between(Interval),
    /// One of a list.
    OneOf(Vec<Value>),
    /// A list of some of these.
    SomeOf(Vec<Value>),
}

/// The path that stands for all of `now.time`, `now.date`, `now.hour` and so on.
pub(super) const NOW: &str = "now";

const HOW_TO_WRITE: &str =
    "write { min = 0, max = 100 }, { one_of = [\"a\", \"b\"] } or { some_of = [\"a\", \"b\"] }";

/// Reads `given`, in which a path is one key in quotes or keys below each other; `None` where something of it cannot be
/// read.
pub(super) fn read_given(fields: &Fields<'_>) -> Option<Vec<GivenField>> {
    let mut found = Vec::new();
    read_below(fields, "", &FieldSchema::default(), &mut found);
    found.into_iter().collect()
}

fn read_below(fields: &Fields<'_>, above: &str, known: &FieldSchema, found: &mut Vec<Option<GivenField>>) {
    for (name, value) in fields.entries() {
        let path = match above {
            "" => name.value.to_owned(),
            above => format!("{above}.{}", name.value),
        };
        if !matches!(value.get_ref(), DeValue::Table(_)) {
            let diagnostic = Diagnostic::new(FindingCode::PackWrongType, format!("`{path}` must be a table"));
            fields
                .report
                .add(diagnostic.with_help(HOW_TO_WRITE).at(value.span()));
            found.push(None);
            continue;
        }
        let Some(table) = read_table(fields.report, name.value, value, "a given field") else {
            continue;
        };
        if is_above_fields(&path, value, known) {
            read_below(&table, &path, known, found);
            continue;
        }
        let path = Located {
            value: path,
            span: name.span,
        };
        found.push(read_field(path, table));
    }
}

/// Whether a table holds further parts of the path, and not what the field can be.
fn is_above_fields(path: &str, value: &Spanned<DeValue<'_>>, known: &FieldSchema) -> bool {
    let DeValue::Table(table) = value.get_ref() else {
        return false;
    };
    let of_tables = table
        .values()
        .all(|value| matches!(value.get_ref(), DeValue::Table(_)));
    match known.kind(path) {
        Some(FieldKind::Map) if path != NOW => true,
        Some(FieldKind::Map | FieldKind::Any) => of_tables && !table.is_empty(),
        _ => false,
    }
}

fn read_field(path: Located<String>, fields: Fields<'_>) -> Option<GivenField> {
    let range = interval(&fields);
    let one_of = values(&fields, "one_of").map(FieldValues::OneOf);
    let some_of = values(&fields, "some_of").map(FieldValues::SomeOf);
    let is_optional = fields.optional("optional").unwrap_or_default();
    let has_range = fields.has("min") || fields.has("max");
    let ways = [has_range, fields.has("one_of"), fields.has("some_of")];
    if ways.iter().filter(|way| **way).count() != 1 {
        let message = format!("`{}` needs one of a range, `one_of` and `some_of`", path.value);
        let diagnostic = Diagnostic::new(FindingCode::PackMissingField, message).with_help(HOW_TO_WRITE);
        fields.report.add(diagnostic.at(fields.place.clone()));
        fields.finish();
        return None;
    }
    fields.finish();
    Some(GivenField {
        path,
        values: range.map(FieldValues::Between).or(one_of).or(some_of)?,
        is_optional,
    })
}

fn interval(fields: &Fields<'_>) -> Option<Interval> {
    if fields.has("min") || fields.has("max") {
        fields.demand("min");
        fields.demand("max");
    }
    let min: Option<Bound> = fields.optional("min");
    let max: Option<Bound> = fields.optional("max");
    match Interval::between(min?, max?) {
        Ok(interval) => Some(interval),
        Err(message) => {
            fields.add("min", FindingCode::PackBadValue, message);
            None
        }
    }
}

fn values(fields: &Fields<'_>, name: &'static str) -> Option<Vec<Value>> {
    let items = fields.array(name)?;
    if items.is_empty() {
        fields.add(
            name,
            FindingCode::PackBadValue,
            format!("`{name}` must not be empty"),
        );
        return None;
    }
    let read = items
        .iter()
        .map(|item| Some(read::<Value>(fields.report, name, item)?.value));
    read.collect()
}

/// Whether one of two paths leads through the other.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    a == b || is_below(a, b) || is_below(b, a)
}
