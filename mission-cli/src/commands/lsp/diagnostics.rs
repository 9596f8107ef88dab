//! What the check of a pack finds, as the editor shows it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use gen_lsp_types as lsp;
use mission_rules::{
    Severity,
    pack::{Finding, Related},
};

use super::{lines::Lines, snapshot::Snapshot};

/// The files of each pack that have findings in the editor.
#[derive(Default)]
pub(super) struct Published(HashMap<PathBuf, BTreeSet<lsp::Uri>>);

impl Published {
    /// What to tell the editor of a pack: the findings of every file that has some or is open, and of every other that had
    /// some that they are gone.
    pub(super) fn update(
        &mut self,
        pack: &Snapshot,
        findings: &[Finding],
    ) -> Vec<lsp::PublishDiagnosticsParams> {
        let mut by_file: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for path in pack.open.keys() {
            by_file.insert(path, Vec::new());
        }
        for finding in findings {
            by_file.entry(&finding.file).or_default().push(finding);
        }
        let told = self.0.entry(pack.root.clone()).or_default();
        let mut gone = std::mem::take(told);
        let mut updates = Vec::new();
        for (path, findings) in by_file {
            let Some(uri) = pack.uri(path) else { continue };
            gone.remove(&uri);
            if !findings.is_empty() {
                told.insert(uri.clone());
            }
            updates.push(lsp::PublishDiagnosticsParams {
                uri,
                version: pack.open.get(path).map(|(_, version)| *version),
                diagnostics: diagnostics(pack, path, &findings),
            });
        }
        updates.extend(gone.into_iter().map(cleared));
        updates
    }

    /// What to tell the editor of a pack that is no more.
    pub(super) fn clear(&mut self, root: &Path) -> Vec<lsp::PublishDiagnosticsParams> {
        let told = self.0.remove(root).unwrap_or_default();
        told.into_iter().map(cleared).collect()
    }
}

fn cleared(uri: lsp::Uri) -> lsp::PublishDiagnosticsParams {
    lsp::PublishDiagnosticsParams {
        uri,
        version: None,
        diagnostics: Vec::new(),
    }
}

/// The findings of one file.
fn diagnostics(pack: &Snapshot, path: &str, findings: &[&Finding]) -> Vec<lsp::Diagnostic> {
    let lines = Lines::of(pack.files.get(path).unwrap_or_default());
    findings
        .iter()
        .map(|finding| diagnostic(pack, &lines, finding))
        .collect()
}

/// One finding, at its place in the lines of its file.
pub(super) fn diagnostic(pack: &Snapshot, lines: &Lines<'_>, finding: &Finding) -> lsp::Diagnostic {
    let found = &finding.diagnostic;
    let message = match &found.help {
        Some(help) => format!("{}\nhelp: {help}", found.message),
        None => found.message.clone(),
    };
    let related: Vec<_> = finding
        .related
        .iter()
        .filter_map(|related| related_place(pack, related))
        .collect();
    lsp::Diagnostic {
        range: lines.range(&found.span.clone().unwrap_or(0..0)),
        severity: Some(match found.severity {
            Severity::Error => lsp::DiagnosticSeverity::Error,
            Severity::Warning => lsp::DiagnosticSeverity::Warning,
        }),
        code: Some(lsp::Code::String(found.code.to_string())),
        code_description: found.code.help_uri().parse().ok().map(lsp::CodeDescription::new),
        source: Some("mission".to_owned()),
        message: lsp::Message::String(message),
        related_information: (!related.is_empty()).then_some(related),
        ..lsp::Diagnostic::default()
    }
}

fn related_place(pack: &Snapshot, related: &Related) -> Option<lsp::DiagnosticRelatedInformation> {
    Some(lsp::DiagnosticRelatedInformation {
        location: pack.location(&related.file, &related.span)?,
        message: related.message.clone(),
    })
}
