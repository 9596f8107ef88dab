//! Findings about a source text, with a stable code and the bytes that they concern.

use std::ops::Range;

use crate::FindingCode;

/// One finding about a script or about a file of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The finding's stable name: what a reader looks up and a tool filters by.
    pub code: FindingCode,
    /// Whether the text can be used all the same.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The way out, where one is known.
    pub help: Option<String>,
    /// The bytes of the text that the finding is about; `None` where it is about the whole text.
    pub span: Option<Range<usize>>,
    /// The way out as a program can go it, where there is only one.
    pub fix: Option<Fix>,
}

/// One replacement in the text that a finding is about. It is offered only where nothing else can have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The bytes that go.
    pub span: Range<usize>,
    /// What comes in their place.
    pub replacement: String,
}

/// How bad a [`Diagnostic`] is. `Error` sorts before `Warning`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The text cannot be used.
    Error,
    /// The text can be used, and does probably not do what its author wants.
    Warning,
}

impl Diagnostic {
    /// A finding, as bad as its code says.
    pub fn new(code: FindingCode, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            help: None,
            span: None,
            fix: None,
        }
    }

    /// The same where the text can be used all the same.
    #[must_use]
    pub(crate) fn into_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same with a replacement that is its way out.
    #[must_use]
    pub(crate) fn with_fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }

    /// Says how to get out of it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says which bytes it is about, where they are known.
    #[must_use]
    pub(crate) fn at_known(mut self, span: Option<Range<usize>>) -> Self {
        self.span = span.or(self.span);
        self
    }

    /// Says which bytes it is about.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }
}

/// The line and column of a byte of a text, both from 1, the column in characters.
///
/// An offset beyond the end, or within a character, is taken back to the nearest character's start.
///
/// ```
/// use mission_rules::diagnostic::line_column;
/// assert_eq!(line_column("a\nöb", 4), (2, 2));
/// ```
#[must_use]
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = text.get(..end).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// The byte at which a line begins, counted from 1; `None` where the text has fewer lines.
pub(crate) fn line_start(text: &str, line: usize) -> Option<usize> {
    match line {
        0 => None,
        1 => Some(0),
        _ => text.match_indices('\n').nth(line - 2).map(|(at, _)| at + 1),
    }
}
