//! Shadow missions: what they would have granted, beside the missions that they are compared with.

use std::collections::BTreeMap;

use mission_core::{
    engine::{Catalog, LoadedRecords},
    mission::{MissionCode, MissionTotals},
};
use serde::Serialize;

/// What a shadow mission would have done over all users; nothing of it is granted, or among any other sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShadowTotals {
    /// What it would have done.
    pub shadow: MissionTotals,
    /// The mission that it is compared with, if it is with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_of: Option<MissionCode>,
    /// What that did at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<MissionTotals>,
}

/// The shadow missions of a catalog, with which nothing has happened yet.
pub(super) fn none_yet(catalog: &Catalog) -> BTreeMap<MissionCode, ShadowTotals> {
    let definitions = catalog.missions().map(|compiled| &compiled.mission.definition);
    let shadows = definitions.filter(|definition| definition.shadow);
    let none = shadows.map(|definition| {
        let totals = ShadowTotals {
            shadow_of: definition.shadow_of.clone(),
            live: definition.shadow_of.as_ref().map(|_| MissionTotals::default()),
            ..ShadowTotals::default()
        };
        (definition.code.clone(), totals)
    });
    none.collect()
}

/// Adds what was counted for one user.
pub(super) fn add_user(
    totals: &mut BTreeMap<MissionCode, ShadowTotals>,
    catalog: &Catalog,
    loaded: &LoadedRecords,
) {
    for ((_, mission), participation) in loaded.records.participation.iter() {
        let comparison = participation.as_ref().and_then(|known| known.comparison);
        let compiled = catalog.mission(*mission);
        if let (Some(comparison), Some(compiled)) = (comparison, compiled)
            && let Some(sums) = totals.get_mut(&compiled.mission.definition.code)
        {
            sums.shadow = sums.shadow.plus(comparison.shadow);
            sums.live = sums.live.map(|live| live.plus(comparison.live));
        }
    }
}
