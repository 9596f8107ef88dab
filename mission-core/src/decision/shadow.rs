//! What missions did for a user, counted beside the shadow missions that are compared with them.

use chrono::{DateTime, Utc};

use super::{DecisionContext, MissingRecords};
use crate::{
    MissionId, UserId,
    mission::{ComparisonSide, MissionTotals, ShadowComparison},
};

/// Something that is to be counted for a user beside a shadow mission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CountedTotals {
    user: UserId,
    shadow: MissionId,
    side: ComparisonSide,
    totals: MissionTotals,
    at: DateTime<Utc>,
}

impl DecisionContext<'_> {
    /// Counts what a mission did for a user as of a moment: a shadow mission for itself, another for each shadow mission that
    /// is compared with it and runs at that moment.
    pub(crate) fn count(
        &mut self,
        user: UserId,
        mission: MissionId,
        totals: MissionTotals,
        at: DateTime<Utc>,
    ) {
        let counted = |shadow, side| CountedTotals {
            user,
            shadow,
            side,
            totals,
            at,
        };
        let catalog = self.catalog();
        let Some(compiled) = catalog.mission(mission) else {
            return;
        };
        if compiled.mission.definition.shadow {
            self.counted.push(counted(mission, ComparisonSide::Shadow));
            return;
        }
        let beside = catalog
            .shadows_of(&compiled.mission.definition.code)
            .filter(|shadow| shadow.mission.is_running_at(at));
        self.counted
            .extend(beside.map(|shadow| counted(shadow.mission.id, ComparisonSide::Live)));
    }

    /// Writes down what was counted.
    pub(crate) fn write_counted(&mut self) -> Result<(), MissingRecords> {
        for counted in std::mem::take(&mut self.counted) {
            let key = (counted.user, counted.shadow);
            let mut participation = self.participation(key)?.unwrap_or_default();
            let comparison = participation
                .comparison
                .unwrap_or_else(|| ShadowComparison::from(counted.at));
            participation.comparison = Some(comparison.with(counted.side, counted.totals, counted.at));
            self.put_participation(key, participation);
        }
        Ok(())
    }
}
