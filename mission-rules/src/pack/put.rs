//! Packs on their way into the engine: files in, one command out.

use std::collections::BTreeMap;

use mission_core::{
    MissionId,
    engine::{Engine, PutPack, pack_id},
};

use super::{Finding, Pack, PackFiles};
use crate::Scripts;

/// The command that puts a pack in place, and what was found besides errors.
///
/// Known codes keep their ids; new ones get fresh ids. With `activate`, new missions become active.
///
/// # Errors
/// Every finding, where one of them is an error.
pub fn put_command(
    engine: &Engine,
    scripts: &Scripts,
    files: PackFiles,
    activate: bool,
) -> Result<(PutPack, Vec<Finding>), Vec<Finding>> {
    let (pack, findings) = Pack::load_at(&files, scripts, engine.now());
    let Some(pack) = pack else { return Err(findings) };
    let catalog = engine.catalog();
    let policy = pack.carried_policy().cloned();
    let caps = pack.caps;
    let missions = pack
        .missions
        .into_iter()
        .map(|mission| {
            let known = catalog.id_of(&mission.definition.code);
            (
                known.unwrap_or_else(|| MissionId(engine.next_id())),
                mission.definition,
            )
        })
        .collect();
    let files: BTreeMap<String, String> = files.into_map();
    Ok((
        PutPack {
            pack: pack_id(&pack.name),
            name: pack.name,
            files,
            missions,
            policy,
            caps,
            activate,
        },
        findings,
    ))
}
