//! A pack as it stands at one moment: its folder, with the editor's texts laid over it.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use gen_lsp_types as lsp;
use mission_rules::pack::{PackFiles, PackIndex, UnreadablePack};

use super::{
    buffers::{Buffer, Buffers},
    lines::Lines,
    pack_file::PackFile,
};

pub(super) struct Snapshot {
    pub(super) root: PathBuf,
    pub(super) files: PackFiles,
    pub(super) index: PackIndex,
    /// Address and version of the files that are open, by their path in the pack.
    pub(super) open: BTreeMap<String, (lsp::Uri, i32)>,
}

impl Snapshot {
    /// Reads a pack; the texts are those of [`open_files`].
    pub(super) fn read(root: &Path, open: Vec<(String, Buffer)>) -> Result<Self, UnreadablePack> {
        let mut files = match PackFiles::from_dir(root) {
            // It is in the editor only, as yet.
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => PackFiles::default(),
            read => read?,
        };
        let mut versions = BTreeMap::new();
        for (path, buffer) in open {
            files.lay_over(&path, buffer.text);
            versions.insert(path, (buffer.uri, buffer.version));
        }
        Ok(Snapshot {
            root: root.to_owned(),
            index: PackIndex::of(&files),
            files,
            open: versions,
        })
    }

    /// The address of a file: the editor's own where it is open.
    pub(super) fn uri(&self, path: &str) -> Option<lsp::Uri> {
        match self.open.get(path) {
            Some((uri, _)) => Some(uri.clone()),
            None => lsp::Uri::from_file_path(self.root.join(path)).ok(),
        }
    }

    /// A place in a file.
    pub(super) fn location(&self, path: &str, span: &std::ops::Range<usize>) -> Option<lsp::Location> {
        let text = self.files.get(path).unwrap_or_default();
        Some(lsp::Location::new(self.uri(path)?, Lines::of(text).range(span)))
    }
}

/// The open files of a pack, by their path in it.
pub(super) fn open_files(root: &Path, buffers: &Buffers) -> Vec<(String, Buffer)> {
    let inside = buffers.iter().filter(|(path, _)| path.starts_with(root));
    let of_pack = inside.filter_map(|(path, buffer)| {
        let file = PackFile::of(path, buffers)?;
        (file.root == root).then(|| (file.path, buffer.clone()))
    });
    of_pack.collect()
}
