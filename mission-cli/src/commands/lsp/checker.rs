//! Checks packs on a thread of its own, once their author pauses, so that requests are answered meanwhile.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use gen_lsp_types as lsp;
use mission_rules::{
    Scripts,
    pack::{Finding, Pack},
};

use super::{diagnostics::Published, snapshot::Snapshot, workspace::Workspace};
use crate::pack;

/// How long nobody may type before a pack is checked.
pub(super) const PAUSE: Duration = Duration::from_millis(120);

/// That a pack is to be checked.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) root: PathBuf,
    pub(super) due: Instant,
}

/// A pack that was checked.
pub(super) struct CheckedPack {
    pub(super) snapshot: Snapshot,
    pub(super) findings: Vec<Finding>,
}

/// What the editor is told.
pub(super) enum Told {
    Diagnostics(lsp::PublishDiagnosticsParams),
    Log(String),
}

pub(super) struct Checker<T> {
    workspace: Arc<Workspace>,
    scripts: Scripts,
    published: Published,
    tell: T,
}

impl<T: Fn(Told)> Checker<T> {
    pub(super) fn new(workspace: Arc<Workspace>, tell: T) -> Self {
        Checker {
            workspace,
            scripts: pack::scripts(),
            published: Published::default(),
            tell,
        }
    }

    /// Checks what it is told to until nobody can tell any more. A later job for the same pack takes the place of the
    /// earlier.
    pub(super) fn work(mut self, jobs: &Receiver<Job>) {
        let mut waiting: HashMap<PathBuf, Instant> = HashMap::new();
        loop {
            let next = waiting.values().min().copied();
            let job = match next {
                None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => jobs.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match job {
                Ok(job) => drop(waiting.insert(job.root, job.due)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            for (root, _) in waiting.extract_if(|_, due| *due <= now) {
                // Whatever a text does to the check, the next one is checked all the same.
                if catch_unwind(AssertUnwindSafe(|| self.check(&root))).is_err() {
                    (self.tell)(Told::Log(format!("the check of `{}` failed", root.display())));
                }
            }
        }
    }

    fn check(&mut self, root: &Path) {
        let snapshot = match self.workspace.read(root) {
            Ok(Some(snapshot)) => snapshot,
            none => {
                if let Err(error) = none {
                    (self.tell)(Told::Log(error.to_string()));
                }
                self.workspace.forget(root);
                let cleared = self.published.clear(root);
                cleared.into_iter().map(Told::Diagnostics).for_each(&self.tell);
                return;
            }
        };
        let (_, findings) = Pack::load_at(&snapshot.files, &self.scripts, chrono::Utc::now());
        let updates = self.published.update(&snapshot, &findings);
        self.workspace.keep(CheckedPack { snapshot, findings });
        updates.into_iter().map(Told::Diagnostics).for_each(&self.tell);
    }
}
