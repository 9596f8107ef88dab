//! Where what a word names is defined.

use std::ops::Range;

use gen_lsp_types as lsp;

use super::{lines::Lines, script, toml, workspace::OpenFile};

/// A place in a file of the pack.
pub(super) struct Target {
    pub(super) path: String,
    pub(super) span: Range<usize>,
}

impl Target {
    /// The mission of a code.
    pub(super) fn mission(file: &OpenFile, code: &str) -> Option<Target> {
        let place = file.pack.snapshot.index.mission(code)?;
        Some(Target {
            path: place.file.clone(),
            span: place.span.clone(),
        })
    }
}

/// Where what stands at a byte of a file is defined.
pub(super) fn define(file: &OpenFile, offset: usize) -> Option<lsp::DefinitionResponse> {
    let target = if file.path.ends_with(".rhai") {
        script::define(file, offset)?
    } else {
        toml::define(file, offset)?
    };
    let location = if target.path == file.path {
        // The file may have changed since the pack was looked at.
        lsp::Location::new(
            file.buffer.uri.clone(),
            Lines::of(&file.buffer.text).range(&target.span),
        )
    } else {
        file.pack.snapshot.location(&target.path, &target.span)?
    };
    Some(lsp::DefinitionResponse::Definition(location.into()))
}
