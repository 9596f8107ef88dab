//! Corrections of findings: where only one thing can have been meant, it is put in the place of what is written.

use std::{collections::HashMap, ops::Range};

use gen_lsp_types as lsp;
use mission_rules::Diagnostic;

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
        let fix = Fix::of(&finding.diagnostic, text)?;
        let edit = lsp::TextEdit {
            range: lines.range(&fix.span),
            new_text: fix.replacement,
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

/// One replacement in the text that a finding is about.
#[derive(Debug, PartialEq, Eq)]
struct Fix {
    span: Range<usize>,
    replacement: String,
}

impl Fix {
    /// What a finding suggests to write in the place that it is about: a word for a word, a text for a text.
    fn of(diagnostic: &Diagnostic, text: &str) -> Option<Fix> {
        let meant = diagnostic
            .help
            .as_deref()?
            .strip_prefix("did you mean `")?
            .strip_suffix("`?")?;
        let span = diagnostic.span.clone().filter(|span| !span.is_empty())?;
        let written = text.get(span.clone())?;
        let quote = written.chars().next().filter(|first| matches!(first, '"' | '\''));
        let replacement = match quote {
            Some(quote) => format!("{quote}{meant}{quote}"),
            // A field of the context is suggested with its whole path, and found by its last part.
            None if diagnostic.code == "script/unknown-field" => meant.rsplit('.').next()?.to_owned(),
            None => meant.to_owned(),
        };
        Some(Fix { span, replacement })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_replaces_what_was_written() {
        let text = "eligible ctx.user.levle auto_strat \"dayly\"";
        for (code, help, written, replacement) in [
            (
                "script/unknown-field",
                "did you mean `ctx.user.level`?",
                "levle",
                Some("level"),
            ),
            (
                "pack/unknown-field",
                "did you mean `auto_start`?",
                "auto_strat",
                Some("auto_start"),
            ),
            (
                "pack/bad-value",
                "did you mean `daily`?",
                "\"dayly\"",
                Some("\"daily\""),
            ),
            (
                "pack/unknown-field",
                "`[reward]` has `points`",
                "auto_strat",
                None,
            ),
        ] {
            let start = text.find(written).unwrap();
            let span = start..start + written.len();
            let found = Diagnostic::error(code, "wrong").with_help(help).at(span.clone());
            let expected = replacement.map(|replacement| Fix {
                span,
                replacement: replacement.to_owned(),
            });
            assert_eq!(Fix::of(&found, text), expected, "{help}");
        }
        let whole = Diagnostic::error("pack/stray-file", "wrong").with_help("did you mean `pack.toml`?");
        assert_eq!(Fix::of(&whole.clone(), text), None);
        assert_eq!(Fix::of(&whole.at(0..0), text), None);
    }
}
