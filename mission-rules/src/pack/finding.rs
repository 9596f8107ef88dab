//! What the check of a pack finds: a diagnostic, and the file that it is about.

use std::{cell::RefCell, ops::Range};

use crate::diagnostic::{Diagnostic, Severity};

/// One thing that is wrong, or probably not meant, in one file of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file's path inside the pack.
    pub file: String,
    /// What is wrong, and where in the file.
    pub diagnostic: Diagnostic,
    /// Other places that the reader needs to see.
    pub related: Vec<Related>,
}

/// Another place that a finding speaks of, such as the first of two missions with the same code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The file's path inside the pack.
    pub file: String,
    /// The bytes there.
    pub span: Range<usize>,
    /// What is to be seen there.
    pub message: String,
}

impl Finding {
    /// A finding about one file.
    pub fn new(file: impl Into<String>, diagnostic: Diagnostic) -> Self {
        Finding {
            file: file.into(),
            diagnostic,
            related: Vec::new(),
        }
    }

    /// The same finding with one more place to look at.
    #[must_use]
    pub fn with_related(
        mut self,
        file: impl Into<String>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        self.related.push(Related {
            file: file.into(),
            span,
            message: message.into(),
        });
        self
    }

    /// Whether the pack cannot be used because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }
}

/// Collects the findings of one file while it is read.
#[derive(Debug)]
pub(super) struct FileReport<'a> {
    pub(super) file: &'a str,
    findings: RefCell<Vec<Finding>>,
}

impl<'a> FileReport<'a> {
    pub(super) fn new(file: &'a str) -> Self {
        FileReport {
            file,
            findings: RefCell::default(),
        }
    }

    pub(super) fn add(&self, diagnostic: Diagnostic) {
        self.findings
            .borrow_mut()
            .push(Finding::new(self.file, diagnostic));
    }

    pub(super) fn errors(&self) -> usize {
        self.findings
            .borrow()
            .iter()
            .filter(|finding| finding.is_error())
            .count()
    }

    pub(super) fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings.into_inner()
    }
}
