//! What the editor has open, and the packs as they were last checked: shared by requests and checks.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gen_lsp_types as lsp;
use mission_rules::pack::UnreadablePack;

use super::{
    buffers::{Buffer, Buffers, file_path},
    checker::CheckedPack,
    pack_file::PackFile,
    snapshot::{Snapshot, open_files},
};

#[derive(Default)]
pub(super) struct Workspace(Mutex<State>);

#[derive(Default)]
struct State {
    buffers: Buffers,
    checked: HashMap<PathBuf, Arc<CheckedPack>>,
}

/// An open file of a pack, and the pack as it was last checked.
pub(super) struct OpenFile {
    /// The path in the pack.
    pub(super) path: String,
    pub(super) buffer: Buffer,
    pub(super) pack: Arc<CheckedPack>,
}

impl Workspace {
    /// Takes an open text as it is now, and answers the pack that has to be checked.
    pub(super) fn set(&self, uri: lsp::Uri, version: i32, text: String) -> Option<PathBuf> {
        let mut state = self.lock();
        let path = state.buffers.set(uri, version, text)?;
        Some(PackFile::of(&path, &state.buffers)?.root)
    }

    /// As [`Workspace::set`] of a text that is open no longer.
    pub(super) fn close(&self, uri: &lsp::Uri) -> Option<PathBuf> {
        let mut state = self.lock();
        // The pack is known by what is still open.
        let root = PackFile::of(&file_path(uri)?, &state.buffers)?.root;
        state.buffers.close(uri)?;
        Some(root)
    }

    /// The packs that a change of a file on the disk concerns: its own, and one that was checked and may be no more.
    pub(super) fn concerned(&self, uri: &lsp::Uri) -> Vec<PathBuf> {
        let state = self.lock();
        let Some(path) = file_path(uri) else {
            return Vec::new();
        };
        let known = state
            .checked
            .keys()
            .filter(|root| path.starts_with(root))
            .cloned();
        let own = PackFile::of(&path, &state.buffers).map(|file| file.root);
        known.chain(own).collect()
    }

    /// A pack as it is now; `None` where there is none.
    pub(super) fn read(&self, root: &Path) -> Result<Option<Snapshot>, UnreadablePack> {
        let open = open_files(root, &self.lock().buffers);
        let is_pack = root.join("pack.toml").is_file() || open.iter().any(|(path, _)| path == "pack.toml");
        is_pack.then(|| Snapshot::read(root, open)).transpose()
    }

    /// An open file, for a request about it. A pack that was not checked yet is read now.
    pub(super) fn open_file(&self, uri: &lsp::Uri) -> Option<OpenFile> {
        let state = self.lock();
        let path = file_path(uri)?;
        let buffer = state.buffers.get(&path)?.clone();
        let PackFile { root, path } = PackFile::of(&path, &state.buffers)?;
        let checked = state.checked.get(&root).cloned();
        drop(state);
        let pack = match checked {
            Some(checked) => checked,
            None => Arc::new(CheckedPack {
                snapshot: self.read(&root).ok()??,
                findings: Vec::new(),
            }),
        };
        Some(OpenFile { path, buffer, pack })
    }

    pub(super) fn keep(&self, checked: CheckedPack) {
        let root = checked.snapshot.root.clone();
        self.lock().checked.insert(root, Arc::new(checked));
    }

    pub(super) fn forget(&self, root: &Path) {
        self.lock().checked.remove(root);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
