//! What a word means.

use std::ops::Range;

use gen_lsp_types as lsp;

use super::{completion::markdown, lines::Lines, script, toml, workspace::OpenFile};

/// What is told of a stretch of a text, in Markdown.
pub(super) struct Explanation {
    pub(super) span: Range<usize>,
    pub(super) text: String,
}

/// What the word at a byte of a file means.
pub(super) fn hover(file: &OpenFile, offset: usize) -> Option<lsp::Hover> {
    let Explanation { span, text } = if file.path.ends_with(".rhai") {
        script::explain(file, offset)?
    } else {
        toml::explain(file, offset)?
    };
    Some(lsp::Hover {
        contents: markdown(text).into(),
        range: Some(Lines::of(&file.buffer.text).range(&span)),
    })
}
