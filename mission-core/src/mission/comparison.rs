//! What a shadow mission would have done for a user, beside what the mission did that it is compared with.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::BudgetUse;

/// What a mission did for its users; as a difference it may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MissionTotals {
    /// Tasks started.
    pub started: i64,
    /// Tasks completed, less those that were taken back.
    pub completed: i64,
    /// Rewards earned, claimed or not, less those that were lost.
    pub grants: i64,
    /// Their points, bonuses included.
    #[serde(with = "crate::points::exact")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub points: Decimal,
}

impl MissionTotals {
    /// A task that was started.
    pub(crate) const STARTED: MissionTotals = MissionTotals {
        started: 1,
        ..MissionTotals::NOTHING
    };

    /// A task that was completed.
    pub(crate) const COMPLETED: MissionTotals = MissionTotals {
        completed: 1,
        ..MissionTotals::NOTHING
    };

    /// A completion that was taken back.
    pub(crate) const TAKEN_BACK: MissionTotals = MissionTotals {
        completed: -1,
        ..MissionTotals::NOTHING
    };

    const NOTHING: MissionTotals = MissionTotals {
        started: 0,
        completed: 0,
        grants: 0,
        points: Decimal::ZERO,
    };

    /// What was earned, or with negative numbers lost.
    pub(crate) fn of(earned: BudgetUse) -> Self {
        MissionTotals {
            grants: earned.grants,
            points: earned.points,
            ..MissionTotals::NOTHING
        }
    }

    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: MissionTotals) -> Self {
        MissionTotals {
            started: self.started + other.started,
            completed: self.completed + other.completed,
            grants: self.grants + other.grants,
            points: self.points + other.points,
        }
    }
}

/// The two missions of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComparisonSide {
    /// The shadow mission.
    Shadow,
    /// The mission that it is compared with.
    Live,
}

/// What a shadow mission would have done for one user, and what the mission did at the same time that it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowComparison {
    /// The earliest moment of which something is counted.
    pub since: DateTime<Utc>,
    /// What the shadow mission would have done.
    #[serde(default)]
    pub shadow: MissionTotals,
    /// What the other did.
    #[serde(default)]
    pub live: MissionTotals,
}

impl ShadowComparison {
    /// Nothing yet.
    pub(crate) fn from(since: DateTime<Utc>) -> Self {
        ShadowComparison {
            since,
            shadow: MissionTotals::default(),
            live: MissionTotals::default(),
        }
    }

    /// With something that one side did, as of a moment. What was done before the comparison began is not taken out of it.
    #[must_use]
    pub(crate) fn with(self, side: ComparisonSide, totals: MissionTotals, at: DateTime<Utc>) -> Self {
        let takes = totals.completed < 0 || totals.grants < 0;
        if takes && at < self.since {
            return self;
        }
        let since = self.since.min(at);
        match side {
            ComparisonSide::Shadow => ShadowComparison {
                since,
                shadow: self.shadow.plus(totals),
                ..self
            },
            ComparisonSide::Live => ShadowComparison {
                since,
                live: self.live.plus(totals),
                ..self
            },
        }
    }
}
