//! Parses one TOML file, with every syntax error that it has.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{fields::Fields, finding::FileReport};
use crate::{
    FindingCode,
    diagnostic::{Diagnostic, line_column},
};

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
        // What follows the first syntax error is mostly what it led to.
        let is_duplicate = |error: &&toml::de::Error| error.message().starts_with("duplicate key");
        let syntax = errors.iter().find(|error| !is_duplicate(error));
        for error in errors.iter().filter(is_duplicate).chain(syntax) {
            report.add(syntax_finding(text, error));
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

/// A syntax error: at a bracket that was never closed, where that is what it comes from.
fn syntax_finding(text: &str, error: &toml::de::Error) -> Diagnostic {
    let span = error.span();
    let unclosed = span.as_ref().and_then(|span| {
        let opened = *open_brackets(text, span.start).first()?;
        let line = |at| line_column(text, at).0;
        // On one line the parser's own words say more.
        (line(opened) < line(span.start)).then_some(opened)
    });
    match (unclosed, span) {
        (Some(opened), _) => {
            let bracket = text.get(opened..=opened).unwrap_or_default();
            let closing = if bracket == "{" { "}" } else { "]" };
            Diagnostic::new(FindingCode::TomlSyntax, format!("this `{bracket}` is not closed"))
                .with_help(format!("end the value with `{closing}`"))
                .at(opened..opened + 1)
        }
        (None, Some(span)) => Diagnostic::new(FindingCode::TomlSyntax, error.message()).at(span),
        (None, None) => Diagnostic::new(FindingCode::TomlSyntax, error.message()),
    }
}

/// The places of the brackets that are open at a byte, outermost first.
fn open_brackets(text: &str, until: usize) -> Vec<usize> {
    let mut open = Vec::new();
    let mut at = 0;
    while at < until {
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        at += match rest {
            [b'#', ..] => rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
            [b'"', b'"', b'"', ..] => multiline_length(rest, b"\"\"\""),
            [b'\'', b'\'', b'\'', ..] => multiline_length(rest, b"\'\'\'"),
            [quote @ (b'"' | b'\''), ..] => line_length(rest, *quote),
            [b'{' | b'[', ..] => {
                open.push(at);
                1
            }
            [b'}' | b']', ..] => {
                open.pop();
                1
            }
            _ => 1,
        };
    }
    open
}

fn multiline_length(rest: &[u8], quotes: &[u8]) -> usize {
    let inside = rest.get(3..).unwrap_or_default();
    inside
        .windows(3)
        .position(|window| window == quotes)
        .map_or(rest.len(), |end| end + 6)
}

/// The length of a text on one line with both its quotes.
fn line_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            b'\n' => return at,
            byte if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    rest.len()
}
