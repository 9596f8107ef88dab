//! Which pack a file is of: the nearest folder upwards that holds `pack.toml`, on the disk or in the editor.

use std::path::{Path, PathBuf};

use super::buffers::Buffers;

/// A file of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PackFile {
    /// The pack's folder.
    pub(super) root: PathBuf,
    /// The path inside it, with `/`.
    pub(super) path: String,
}

impl PackFile {
    pub(super) fn of(file: &Path, buffers: &Buffers) -> Option<PackFile> {
        let holds_manifest = |folder: &&Path| {
            let manifest = folder.join("pack.toml");
            buffers.get(&manifest).is_some() || manifest.is_file()
        };
        let root = file.ancestors().skip(1).find(holds_manifest)?;
        let inside = file.strip_prefix(root).ok()?;
        let parts: Option<Vec<&str>> = inside
            .components()
            .map(|part| part.as_os_str().to_str())
            .collect();
        Some(PackFile {
            root: root.to_owned(),
            path: parts?.join("/"),
        })
    }
}
