//! The pack that is applied at start.

use std::{collections::BTreeMap, io::IsTerminal, sync::Arc};

use include_dir::{Dir, include_dir};
use mission_core::{
    engine::{Engine, ExecuteError, Signals},
    ports::{queries::Queries, store::StoreError},
};
use mission_rules::{
    MonotonicStopwatch, Scripts,
    pack::{Finding, Pack, PackFiles, UnreadablePack, put_command, report},
};

use crate::config::PackSource;

/// The pack that is worth copying, as `mission-server --dev` loads it.
static EXAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/starter");

/// The pack cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Its folder cannot be read.
    #[error(transparent)]
    Unreadable(#[from] UnreadablePack),
    /// It has errors.
    #[error("the pack `{0}` has errors; `mission check` shows them too:\n\n{1}")]
    Invalid(String, String),
    /// The engine did not take it.
    #[error("the pack `{0}` was refused: {1}")]
    Refused(String, ExecuteError),
    /// What is in place could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn files_of(source: &PackSource) -> Result<(PackFiles, String), PackError> {
    match source {
        PackSource::Folder(folder) => Ok((PackFiles::from_dir(folder)?, folder.display().to_string())),
        PackSource::Example => {
            let mut files = Vec::new();
            collect(&EXAMPLE, &mut files);
            Ok((PackFiles::from_map(files), "starter".to_owned()))
        }
    }
}

fn collect(folder: &Dir<'_>, files: &mut Vec<(String, String)>) {
    for file in folder.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        if let Some(text) = file.contents_utf8()
            && (path.ends_with(".toml") || path.ends_with(".rhai"))
        {
            files.push((path, text.to_owned()));
        }
    }
    folder.dirs().for_each(|inner| collect(inner, files));
}

/// Reads a pack and says what is in it.
///
/// # Errors
/// When it cannot be read or has errors.
pub(super) fn check(source: &PackSource, limits: mission_rules::Limits) -> Result<String, PackError> {
    let (files, name) = files_of(source)?;
    let scripts = Scripts::new(limits, Arc::new(MonotonicStopwatch::start()));
    match Pack::load_with(&files, &scripts) {
        (Some(pack), _) => {
            let (pack, missions) = (&pack.name, pack.missions.len());
            Ok(format!("{name} (`{pack}` with {missions} missions)"))
        }
        (None, findings) => Err(invalid(name, &findings, &files)),
    }
}

fn invalid(name: String, findings: &[Finding], files: &PackFiles) -> PackError {
    let color = std::io::stderr().is_terminal();
    let report = report::human(findings, files, &name, color);
    PackError::Invalid(name, report)
}

/// Applies a pack where its content differs from what is in place: new missions are activated, known ones keep their
/// status.
///
/// # Errors
/// When it cannot be read, has errors, or is refused.
pub async fn apply(
    engine: &Engine,
    scripts: &Scripts,
    queries: &dyn Queries,
    source: &PackSource,
) -> Result<(), PackError> {
    let (files, name) = files_of(source)?;
    let texts = files.clone().into_map();
    if files.refused().is_empty() && is_in_place(queries, &texts).await? {
        tracing::info!(pack = name, "the pack is in place already");
        return Ok(());
    }
    let shown = files.clone();
    let (command, warnings) = put_command(engine, scripts, files, true)
        .map_err(|findings| invalid(name.clone(), &findings, &shown))?;
    for warning in &warnings {
        tracing::warn!(
            pack = name,
            file = warning.file,
            code = warning.diagnostic.code.as_str(),
            "{}",
            warning.diagnostic.message
        );
    }
    let saved = match engine.execute(command, Signals::default(), None).await {
        Ok(done) => done.reply,
        // Of servers that start together on a new database, one is the first.
        Err(_) if is_in_place(queries, &texts).await? => {
            tracing::info!(pack = name, "another server has applied the pack meanwhile");
            return Ok(());
        }
        Err(error) => return Err(PackError::Refused(name, error)),
    };
    tracing::info!(
        pack = saved.name,
        version = saved.version,
        missions = saved.missions.len(),
        "the pack was applied"
    );
    Ok(())
}

/// Whether a pack with this very content is in place.
async fn is_in_place(queries: &dyn Queries, files: &BTreeMap<String, String>) -> Result<bool, StoreError> {
    let catalog = queries.catalog_records().await?;
    Ok(catalog.packs.iter().any(|pack| pack.files == *files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_built_in_whole_and_without_findings() {
        let (files, _) = files_of(&PackSource::Example).unwrap();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/packs/starter");
        assert_eq!(
            files.clone().into_map(),
            PackFiles::from_dir(&folder).unwrap().into_map()
        );
        let (pack, findings) = Pack::load(&files);
        assert!(pack.is_some() && findings.is_empty(), "{findings:?}");
    }
}
