//! A pack read from its folder, as every command does it.

use std::{path::Path, sync::Arc};

use mission_rules::{
    Limits, Scripts, StoppedStopwatch,
    pack::{Finding, Pack, PackFiles, report},
};

use crate::{failure::Failure, output};

/// The scripts of a command that must give the same on every machine: only the count of operations ends them.
pub(crate) fn scripts() -> Scripts {
    Scripts::new(Limits::default(), Arc::new(StoppedStopwatch))
}

/// The files of a pack.
pub(crate) fn read(folder: &Path) -> Result<PackFiles, Failure> {
    if folder.is_file() {
        return Err(Failure::Unusable(format!(
            "`{}` is a file; give the folder that holds `pack.toml`",
            folder.display()
        )));
    }
    let files = PackFiles::from_dir(folder).map_err(|error| Failure::Unusable(error.to_string()))?;
    // What could be anything but a pack is not judged as one.
    if !folder.join("pack.toml").exists() {
        return Err(Failure::Unusable(format!(
            "`{}` holds no `pack.toml`; give the folder of a pack, or make one with `mission new`",
            folder.display()
        )));
    }
    Ok(files)
}

/// A pack that can be used; otherwise what is wrong with it is shown. Warnings are `mission check`'s to tell.
pub(crate) fn load(folder: &Path, scripts: &Scripts) -> Result<(Pack, PackFiles), Failure> {
    let files = read(folder)?;
    let pack = checked(&files, folder, scripts)?;
    Ok((pack, files))
}

/// The same of files that were read; `place` is where they are, for messages.
pub(crate) fn checked(files: &PackFiles, place: &Path, scripts: &Scripts) -> Result<Pack, Failure> {
    let (pack, findings) = Pack::load_with(files, scripts);
    pack.ok_or_else(|| {
        let errors: Vec<Finding> = findings.into_iter().filter(Finding::is_error).collect();
        output::tell(&report::human(&errors, files, &root(place), true));
        output::error(&format!(
            "`{}` has {}; it cannot be used",
            place.display(),
            output::count(errors.len(), "error")
        ));
        Failure::BrokenPack
    })
}

/// What is put before the paths of a pack's files when they are shown.
pub(crate) fn root(folder: &Path) -> String {
    match folder.to_string_lossy().trim_end_matches('/') {
        "." => String::new(),
        folder => folder.to_owned(),
    }
}
