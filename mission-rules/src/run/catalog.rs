//! The catalog of a pack: its missions, all active, and its policies.

use chrono::DateTime;
use mission_core::{
    MissionId,
    engine::{Catalog, CatalogBuilder, Settings},
    mission::{Mission, MissionStatus},
    ports::rules::ScriptCompiler,
};
use uuid::Uuid;

use crate::pack::{Pack, PackMission};

/// The catalog that a server would decide on after it took in this pack alone, with every mission active.
///
/// Risk is not judged: what a log or a case tells of users is not how they came by it.
///
/// Ids follow from the pack's name, the mission's place among the files and its code, so that they are the same at
/// every run, and in the order in which a server makes them: missions of equal priority are tried in that order.
#[must_use]
pub fn catalog(pack: &Pack, compiler: &dyn ScriptCompiler) -> Catalog {
    let empty = CatalogBuilder::new(compiler, Settings::default())
        .policy(pack.policy.without_risk())
        .pack_caps(&pack.name, pack.caps.clone());
    let missions = pack.missions.iter().enumerate();
    missions
        .fold(empty, |builder, (place, mission)| {
            builder.mission(active(pack, place, mission))
        })
        .build()
}

fn active(pack: &Pack, place: usize, mission: &PackMission) -> Mission {
    let name = format!("mission:{}:{}", pack.name, mission.definition.code);
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
    let mut tail = [0; 10];
    tail.copy_from_slice(&hash.as_bytes()[..10]);
    Mission {
        id: MissionId(uuid::Builder::from_unix_timestamp_millis(place as u64, &tail).into_uuid()),
        definition: mission.definition.clone(),
        status: MissionStatus::Active,
        pack: Some(pack.name.clone()),
        dropped_from: None,
        running_version: 0,
        editions: Vec::new(),
        created_at: DateTime::UNIX_EPOCH,
        version: 1,
    }
}
