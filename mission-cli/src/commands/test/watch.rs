//! `mission test --watch`: the cases again at every change.

use std::{path::Path, process::ExitCode, sync::mpsc, time::Duration};

use notify::{Event, EventKind, RecursiveMode, Watcher};

use crate::{
    failure::{CommandResult, Failure},
    output::{self, FAINT},
};

/// An editor writes a file in several steps: what changes so soon after another counts with it.
const SETTLED: Duration = Duration::from_millis(50);

/// Calls at once, and whenever something in a folder has changed; ends only by a signal, or when nobody watches any more.
pub(super) fn each_change(folder: &Path, mut call: impl FnMut()) -> CommandResult {
    let failed =
        |error: notify::Error| Failure::Unusable(format!("cannot watch `{}`: {error}", folder.display()));
    let (sender, changes) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // That a file was read is no change.
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            // Nobody listens once the command ends.
            let _ = sender.send(());
        }
    })
    .map_err(failed)?;
    watcher.watch(folder, RecursiveMode::Recursive).map_err(failed)?;
    loop {
        call();
        output::line(&format!(
            "{FAINT}watching `{}` for changes{FAINT:#}",
            folder.display()
        ))?;
        if changes.recv().is_err() {
            return Ok(ExitCode::SUCCESS);
        }
        while changes.recv_timeout(SETTLED).is_ok() {}
    }
}
