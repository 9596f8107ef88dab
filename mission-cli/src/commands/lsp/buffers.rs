//! The texts that the editor has open, saved or not.

use std::{collections::HashMap, path::Path, path::PathBuf};

use gen_lsp_types as lsp;

/// An open text.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    pub(super) uri: lsp::Uri,
    pub(super) version: i32,
    pub(super) text: String,
}

/// The open texts by path. What is no file, such as an unnamed text, is in no pack.
#[derive(Debug, Default)]
pub(super) struct Buffers(HashMap<PathBuf, Buffer>);

impl Buffers {
    /// Takes a text as it is now.
    pub(super) fn set(&mut self, uri: lsp::Uri, version: i32, text: String) -> Option<PathBuf> {
        let path = file_path(&uri)?;
        self.0.insert(path.clone(), Buffer { uri, version, text });
        Some(path)
    }

    pub(super) fn close(&mut self, uri: &lsp::Uri) -> Option<PathBuf> {
        let path = file_path(uri)?;
        self.0.remove(&path)?;
        Some(path)
    }

    pub(super) fn get(&self, path: &Path) -> Option<&Buffer> {
        self.0.get(path)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Path, &Buffer)> {
        self.0.iter().map(|(path, buffer)| (path.as_path(), buffer))
    }
}

/// The path of a `file:` address.
pub(super) fn file_path(uri: &lsp::Uri) -> Option<PathBuf> {
    if uri.scheme() == "file" {
        uri.to_file_path().ok()
    } else {
        None
    }
}
