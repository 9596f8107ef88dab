//! Corrections of findings: where only one thing can have been meant, it is put in the place of what is written.

use std::collections::HashMap;

use gen_lsp_types as lsp;

use super::{diagnostics::diagnostic, lines::Lines, workspace::OpenFile};

/// The corrections for a stretch of a file.
pub(super) fn fixes(file: &OpenFile, asked: &lsp::CodeActionParams) -> Vec<lsp::CodeAction> {
    let pack = &file.pack.snapshot;
    let is_wanted = asked.context.only.as_ref().is_none_or(|kinds| {
        let mut kinds = kinds.iter();
        kinds.any(|kind| matches!(kind, lsp::CodeActionKind::QuickFix | lsp::CodeActionKind::Empty))
    });
    // What was found in an earlier text is elsewhere now, or gone.
    let is_checked = pack
        .open
        .get(&file.path)
        .is_some_and(|(_, version)| *version == file.buffer.version);
    if !is_wanted || !is_checked {
        return Vec::new();
    }
    let text = file.buffer.text.as_str();
    let lines = Lines::of(text);
    let (start, end) = (lines.offset(asked.range.start), lines.offset(asked.range.end));
    let here = file.pack.findings.iter().filter(|finding| {
        let span = finding.diagnostic.span.as_ref();
        finding.file == file.path && span.is_some_and(|span| span.start <= end && start <= span.end)
    });
    let actions = here.filter_map(|finding| {
        let fix = finding.diagnostic.fix.as_ref()?;
        let edit = lsp::TextEdit {
            range: lines.range(&fix.span),
            new_text: fix.replacement.clone(),
        };
        Some(lsp::CodeAction {
            title: format!("Write `{}`", edit.new_text),
            kind: Some(lsp::CodeActionKind::QuickFix),
            diagnostics: Some(vec![diagnostic(pack, &lines, finding)]),
            is_preferred: Some(true),
            edit: Some(lsp::WorkspaceEdit {
                changes: Some(HashMap::from([(file.buffer.uri.clone(), vec![edit])])),
                ..lsp::WorkspaceEdit::default()
            }),
            ..lsp::CodeAction::default()
        })
    });
    actions.collect()
}
