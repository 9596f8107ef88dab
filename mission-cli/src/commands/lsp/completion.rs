//! What can be written at a place.

use std::ops::Range;

use gen_lsp_types as lsp;

use super::{lines::Lines, script, toml, workspace::OpenFile};

/// Something that can be written, in place of what stands at a span.
pub(super) struct Proposal {
    pub(super) label: String,
    pub(super) text: String,
    pub(super) span: Range<usize>,
    pub(super) kind: lsp::CompletionItemKind,
    /// A few words beside the label, such as a type.
    pub(super) detail: Option<String>,
    pub(super) description: Option<String>,
}

impl Proposal {
    /// Something that is written as it is called.
    pub(super) fn new(label: impl Into<String>, span: Range<usize>, kind: lsp::CompletionItemKind) -> Self {
        let label = label.into();
        Proposal {
            text: label.clone(),
            label,
            span,
            kind,
            detail: None,
            description: None,
        }
    }
}

/// What can be written at a byte of a file.
pub(super) fn complete(file: &OpenFile, offset: usize) -> Vec<lsp::CompletionItem> {
    let proposals = if file.path.ends_with(".rhai") {
        script::complete(file, offset)
    } else {
        toml::complete(file, offset)
    };
    let lines = Lines::of(&file.buffer.text);
    proposals
        .into_iter()
        .map(|proposal| item(proposal, &lines))
        .collect()
}

fn item(proposal: Proposal, lines: &Lines<'_>) -> lsp::CompletionItem {
    let edit = lsp::TextEdit {
        range: lines.range(&proposal.span),
        new_text: proposal.text,
    };
    lsp::CompletionItem {
        kind: Some(proposal.kind),
        detail: proposal.detail,
        documentation: proposal.description.map(|text| markdown(text).into()),
        text_edit: Some(edit.into()),
        label: proposal.label,
        ..lsp::CompletionItem::default()
    }
}

pub(super) fn markdown(value: String) -> lsp::MarkupContent {
    lsp::MarkupContent {
        kind: lsp::MarkupKind::Markdown,
        value,
    }
}
