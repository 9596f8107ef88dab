//! The open tasks that an edit of missions touches.

use mission_core::{
    MissionId,
    engine::Catalog,
    mission::Mission,
    ports::{queries::Queries, store::StoreError},
};
use serde::Serialize;
use utoipa::ToSchema;

/// How many open tasks an edit touches.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct TouchedTasks {
    /// Tasks that keep the mission as it was when they were started.
    kept: u64,
    /// Tasks that were taken along, because the mission says `apply_to_running`.
    moved: u64,
}

impl TouchedTasks {
    /// Those of missions as they are now, against the catalog of before. A change that tasks cannot tell touches none.
    pub(super) async fn of(
        queries: &dyn Queries,
        before: &Catalog,
        missions: &[Mission],
    ) -> Result<Self, StoreError> {
        let differs = |mission: &&Mission| {
            let known = before.mission(mission.id);
            known.is_some_and(|known| {
                !mission
                    .definition
                    .is_the_same_for_tasks(&known.mission.definition)
            })
        };
        let edited: Vec<&Mission> = missions.iter().filter(differs).collect();
        let mut touched = TouchedTasks::default();
        if edited.is_empty() {
            return Ok(touched);
        }
        let ids: Vec<MissionId> = edited.iter().map(|mission| mission.id).collect();
        let open = queries.open_tasks(&ids).await?;
        for mission in edited {
            let tasks = open.get(&mission.id).copied().unwrap_or_default();
            if mission.running_version == mission.version {
                touched.moved += tasks;
            } else {
                touched.kept += tasks;
            }
        }
        Ok(touched)
    }
}
