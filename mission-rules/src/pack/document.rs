//! Parses one TOML file, with every syntax error that it has.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{fields::Fields, finding::FileReport};
use crate::diagnostic::Diagnostic;

/// One parsed file. What follows a syntax error is recovered as far as it goes.
#[derive(Debug)]
pub(super) struct Document<'a> {
    table: Spanned<DeTable<'a>>,
    /// Whether the whole file was understood; if not, what is missing may be there all the same.
    pub(super) whole: bool,
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a str, report: &FileReport<'_>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let diagnostic = Diagnostic::error("toml/syntax", error.message());
            report.add(match error.span() {
                Some(span) => diagnostic.at(span),
                None => diagnostic,
            });
        }
        Document {
            table,
            whole: errors.is_empty(),
        }
    }

    pub(super) fn fields(&'a self, report: &'a FileReport<'a>, what: &'a str) -> Fields<'a> {
        Fields::new(report, self.table.get_ref(), what, 0..0)
    }

    /// Where a path of keys and list positions leads, and for a table the field that a message is about.
    pub(super) fn locate(&self, report: &FileReport<'_>, path: &[String], message: &str) -> Range<usize> {
        let (mut place, mut value): (_, Option<&DeValue<'_>>) = (0..0, None);
        for part in path {
            let next = match value {
                None => self.table.get_ref().get(part.as_str()),
                Some(DeValue::Table(table)) => table.get(part.as_str()),
                Some(DeValue::Array(items)) => part.parse::<usize>().ok().and_then(|n| items.get(n)),
                Some(_) => None,
            };
            let Some(next) = next else { return place };
            (place, value) = (next.span(), Some(next.get_ref()));
        }
        match value {
            Some(DeValue::Table(table)) => Fields::new(report, table, "", place).place_of(message),
            _ => place,
        }
    }

    /// As [`Document::locate`], but a list is pointed at where its last item is.
    pub(super) fn locate_last(
        &self,
        report: &FileReport<'_>,
        path: &[String],
        message: &str,
    ) -> Range<usize> {
        let items = match path {
            [key] => self
                .table
                .get_ref()
                .get(key.as_str())
                .and_then(|value| value.get_ref().as_array()),
            _ => None,
        };
        match items.and_then(|items| items.len().checked_sub(1)) {
            Some(last) => {
                let path: Vec<String> = path.iter().cloned().chain([last.to_string()]).collect();
                self.locate(report, &path, message)
            }
            None => self.locate(report, path, message),
        }
    }
}
