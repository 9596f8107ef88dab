//! Shows findings: to people with the source line and a caret, to programs as JSON or SARIF.

mod human;
mod json;
mod sarif;

use std::ops::Range;

pub use human::human;
pub use json::json;
pub use sarif::sarif;

use super::{Finding, PackFiles};
use crate::diagnostic::{Severity, line_column};

/// How many findings there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Findings with which the pack cannot be used.
    pub errors: usize,
    /// Findings with which it can.
    pub warnings: usize,
}

impl Counts {
    /// Counts findings.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let errors = findings.iter().filter(|finding| finding.is_error()).count();
        Counts {
            errors,
            warnings: findings.len() - errors,
        }
    }
}

impl std::fmt::Display for Counts {
    /// `1 error, 2 warnings`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let Counts { errors, warnings } = *self;
        write!(
            f,
            "{errors} error{}, {warnings} warning{}",
            plural(errors),
            plural(warnings)
        )
    }
}

/// A stretch of a file in lines and columns, from 1, columns in characters; the end is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The line of the first character.
    pub line: usize,
    /// Its column.
    pub column: usize,
    /// The line of the end.
    pub end_line: usize,
    /// The column after the last character.
    pub end_column: usize,
}

/// Where a finding is, in lines and columns; `None` where it is about a whole file, or one that is not there.
#[must_use]
pub fn region(finding: &Finding, files: &PackFiles) -> Option<Region> {
    region_of(&finding.file, finding.diagnostic.span.as_ref()?, files)
}

fn region_of(file: &str, span: &Range<usize>, files: &PackFiles) -> Option<Region> {
    let text = files.get(file)?;
    let (line, column) = line_column(text, span.start);
    let (end_line, end_column) = line_column(text, span.end.max(span.start));
    Some(Region {
        line,
        column,
        end_line,
        end_column,
    })
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
