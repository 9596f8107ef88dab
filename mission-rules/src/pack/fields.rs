//! Reads the fields of one TOML table: each on its own, so that one mistake hides no other.

use std::{cell::RefCell, ops::Range};

use mission_core::{Points, PointsScale};
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    decode::{FieldTypeError, FromToml, shown},
    finding::FileReport,
};
use crate::{FindingCode, Fix, diagnostic::Diagnostic, suggest};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its bytes in the file.
    pub span: Range<usize>,
}

/// Fields at the top of a mission's file: what stands below a table's line belongs to that table.
const MISSION_FIELDS: [&str; 17] = [
    "auto_start",
    "category",
    "code",
    "cooldown_seconds",
    "count",
    "description",
    "ends_at",
    "frequency",
    "max_completions",
    "priority",
    "requires",
    "rules_script",
    "shadow",
    "shadow_of",
    "starts_at",
    "target",
    "title",
];

/// One table, and which of its fields are known.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) report: &'a FileReport<'a>,
    table: &'a DeTable<'a>,
    /// What the table is, as a message names it: `a mission`, `[reward]`.
    what: &'a str,
    /// Where to point for what is missing.
    pub(super) place: Range<usize>,
    known: RefCell<Vec<&'a str>>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        report: &'a FileReport<'a>,
        table: &'a DeTable<'a>,
        what: &'a str,
        place: Range<usize>,
    ) -> Self {
        Fields {
            report,
            table,
            what,
            place,
            known: RefCell::default(),
        }
    }

    /// The raw value of a field, which is known from now on.
    pub(super) fn value(&self, name: &'a str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&name) {
            known.push(name);
        }
        self.table.get(name)
    }

    /// The value of a field, as it is.
    pub(super) fn raw(&self, name: &str) -> Option<&'a DeValue<'a>> {
        self.table.get(name).map(Spanned::get_ref)
    }

    /// The bytes of a field's value, or of the table where the field is absent.
    pub(super) fn span(&self, name: &str) -> Range<usize> {
        self.table
            .get(name)
            .map_or_else(|| self.place.clone(), Spanned::span)
    }

    /// A field that may be absent. What does not fit is reported, and counts as absent.
    pub(super) fn optional<T: FromToml>(&self, name: &'a str) -> Option<T> {
        self.located(name).map(|located| located.value)
    }

    /// Points of a pack that pays so many digits. What is rounded is told.
    pub(super) fn points(&self, name: &'a str, scale: PointsScale) -> Option<Points> {
        let points: Located<Points> = self.located(name)?;
        let written = points.value.get();
        let paid = scale.round(written).map_or(written, Points::get);
        if paid != written {
            let digits = u8::from(scale);
            let diagnostic = if paid.is_zero() {
                let message = format!("`{name}` is {written}, which is rounded to 0 and never paid");
                Diagnostic::new(FindingCode::PackRoundsToZero, message)
            } else {
                let message = format!("`{name}` is {written}, and {paid} is paid");
                Diagnostic::new(FindingCode::PackRounded, message)
            };
            let help =
                format!("points have {digits} digits after the point: see `points_scale` in pack.toml");
            self.report.add(diagnostic.with_help(help).at(points.span));
        }
        Some(points.value)
    }

    /// As [`Fields::optional`], with the place of the value.
    pub(super) fn located<T: FromToml>(&self, name: &'a str) -> Option<Located<T>> {
        read(self.report, name, self.value(name)?)
    }

    /// A field that must be there; its absence is reported.
    pub(super) fn required<T: FromToml>(&self, name: &'a str) -> Option<Located<T>> {
        self.demand(name);
        self.located(name)
    }

    /// Reports the absence of a field that must be there.
    pub(super) fn demand(&self, name: &'a str) {
        if self.value(name).is_none() {
            let diagnostic = Diagnostic::new(
                FindingCode::PackMissingField,
                format!("{} needs `{name}`", self.what),
            );
            self.report.add(diagnostic.at(self.place.clone()));
        }
    }

    /// A list of simple values.
    pub(super) fn list<T: FromToml>(&self, name: &'a str) -> Vec<Located<T>> {
        let items = self.array(name).map(|items| items.iter()).into_iter().flatten();
        items.filter_map(|item| read(self.report, name, item)).collect()
    }

    /// The list behind a field; something else is reported.
    pub(super) fn array(&self, name: &'a str) -> Option<&'a DeArray<'a>> {
        let value = self.value(name)?;
        match value.get_ref() {
            DeValue::Array(items) => Some(items),
            other => {
                self.report
                    .add(wrong_type(name, "a list in brackets", other).at(value.span()));
                None
            }
        }
    }

    /// A table below this one; something else is reported.
    pub(super) fn table(&self, name: &'a str, what: &'a str) -> Option<Fields<'a>> {
        let value = self.value(name)?;
        read_table(self.report, name, value, what)
    }

    /// A list of tables, such as `[[rules]]`.
    pub(super) fn tables(&self, name: &'a str, what: &'a str) -> Option<Vec<Fields<'a>>> {
        let items = self.array(name)?;
        Some(
            items
                .iter()
                .filter_map(|item| read_table(self.report, name, item, what))
                .collect(),
        )
    }

    /// Every key, where any is allowed.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Located<&'a str>, &'a Spanned<DeValue<'a>>)> {
        self.table.iter().map(|(key, value)| {
            (
                Located {
                    value: key.get_ref().as_ref(),
                    span: key.span(),
                },
                value,
            )
        })
    }

    /// Whether the field stands in the table.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// Reports a finding at a field's value.
    pub(super) fn add(&self, name: &str, code: FindingCode, message: impl Into<String>) {
        self.report
            .add(Diagnostic::new(code, message).at(self.span(name)));
    }

    /// The same with its way out.
    pub(super) fn add_with_help(
        &self,
        name: &str,
        code: FindingCode,
        message: impl Into<String>,
        help: &str,
    ) {
        self.report
            .add(Diagnostic::new(code, message).with_help(help).at(self.span(name)));
    }

    /// Reports every field that nobody asked for.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let free = known
                .iter()
                .copied()
                .filter(|known| !self.table.contains_key(*known));
            let message = format!("{} has no field `{name}`", self.what);
            let diagnostic = Diagnostic::new(FindingCode::PackUnknownField, message).at(key.span());
            self.report.add(match suggest::suggest(name, free) {
                _ if self.what.starts_with("`[") && MISSION_FIELDS.contains(&name) => diagnostic.with_help(
                    format!("`{name}` is a field of the mission: move it above the first line in brackets"),
                ),
                Some(meant) => diagnostic.with_suggestion(&meant, Some(key.span()), str::to_owned),
                None => diagnostic.with_help(format!("{} has {}", self.what, quoted(&known))),
            });
        }
    }

    /// Where in the table a flaw is, that a message describes: at the field that it names first in backticks,
    /// else the value that it quotes last, else at the table.
    pub(super) fn place_of(&self, message: &str) -> Range<usize> {
        let last = |text: &str| message.rfind(&format!("`{text}`"));
        let first = |text: &str| message.find(&format!("`{text}`"));
        let named = self
            .table
            .iter()
            .filter_map(|(key, value)| Some((first(key.get_ref())?, value)))
            .min_by_key(|(position, _)| *position)
            .map(|(_, value)| value);
        let quoted = self
            .table
            .values()
            .filter_map(|value| Some((last(value.get_ref().as_str()?)?, value)))
            .max_by_key(|(position, _)| *position)
            .map(|(_, value)| value);
        named.or(quoted).map_or_else(|| self.place.clone(), Spanned::span)
    }
}

/// Reads a value as a table; something else is reported.
pub(super) fn read_table<'a>(
    report: &'a FileReport<'a>,
    name: &str,
    value: &'a Spanned<DeValue<'a>>,
    what: &'a str,
) -> Option<Fields<'a>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(Fields::new(report, table, what, value.span())),
        other => {
            report.add(wrong_type(name, "a table", other).at(value.span()));
            None
        }
    }
}

/// Reads one value, or reports why it does not fit.
pub(super) fn read<T: FromToml>(
    report: &FileReport<'_>,
    name: &str,
    value: &Spanned<DeValue<'_>>,
) -> Option<Located<T>> {
    let diagnostic = match T::from_toml(value.get_ref()) {
        Ok(read) => {
            return Some(Located {
                value: read,
                span: value.span(),
            });
        }
        Err(FieldTypeError::Type(message)) => {
            let diagnostic = Diagnostic::new(FindingCode::PackWrongType, format!("`{name}` {message}"));
            match number_in_quotes(name, value.get_ref()) {
                Some(number) => {
                    let fix = Fix {
                        span: value.span(),
                        replacement: number.to_string(),
                    };
                    diagnostic
                        .with_help(format!("write {name} = {number}"))
                        .with_fix(Some(fix))
                }
                None => diagnostic,
            }
        }
        Err(FieldTypeError::Value(message)) => {
            Diagnostic::new(FindingCode::PackBadValue, format!("`{name}` {message}"))
        }
        Err(FieldTypeError::Name(message, meant)) => {
            let diagnostic = Diagnostic::new(FindingCode::PackBadValue, format!("`{name}` {message}"));
            match meant {
                Some(meant) => diagnostic.with_suggestion(&meant, Some(value.span()), suggest::in_quotes),
                None => diagnostic,
            }
        }
    };
    report.add(diagnostic.at(value.span()));
    None
}

/// The number that a text where one belongs was meant as: `"3"`, or a span of time such as `"1h"` in the field's unit.
fn number_in_quotes(name: &str, value: &DeValue<'_>) -> Option<u64> {
    let text = value.as_str()?.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let seconds = match unit.trim() {
        "" => return Some(number),
        "s" | "sec" | "seconds" => 1,
        "m" | "min" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 7 * 86_400,
        _ => return None,
    };
    let total = number.checked_mul(seconds)?;
    if name.ends_with("_seconds") {
        Some(total)
    } else if name.ends_with("_days") && total % 86_400 == 0 {
        Some(total / 86_400)
    } else {
        None
    }
}

fn wrong_type(name: &str, expected: &str, found: &DeValue<'_>) -> Diagnostic {
    Diagnostic::new(
        FindingCode::PackWrongType,
        format!("`{name}` must be {expected}, not {}", shown(found)),
    )
}

/// Names in backticks, separated by commas.
pub(super) fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
