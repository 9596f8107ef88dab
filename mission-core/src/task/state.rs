//! A task as it is kept.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::{Evidence, Progress, Tally, Upload, UploadStatus, Verification};
use crate::{
    MissionId, RewardId, TaskId, UserId,
    check_in::Zone,
    mission::{Mission, Period},
    reward::Reward,
};

/// One user's attempt at one mission in one period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The task's id.
    pub id: TaskId,
    /// Whose it is.
    pub user_id: UserId,
    /// Of which mission.
    pub mission_id: MissionId,
    /// The mission's version when the task was started: what it demands and earns is as it was then. 0 where that
    /// was not kept yet: the earliest version that is known.
    #[serde(default)]
    pub mission_version: u64,
    /// Where it stands; see [`Task::status_at`] for what time does to it.
    pub status: TaskStatus,
    /// How far it has come.
    pub progress: Progress,
    /// What is remembered of the events that moved it, where adding them up is not enough.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub tally: Tally,
    /// How many whole days the user had been away when it began, where it was one at least.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub days_away: u32,
    /// How many of the mission's stages before the last it has reached.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stages: u32,
    /// What the user showed.
    pub evidence: Option<Evidence>,
    /// What was found of it.
    pub verification: Option<Verification>,
    /// Files that were uploaded to it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uploads: Vec<Upload>,
    /// The reward that the completion earned.
    pub reward_id: Option<RewardId>,
    /// Whether that reward was claimed.
    pub reward_claimed: bool,
    /// Of a shadow mission: what its stages and its completion would have earned. Nothing of it is granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_earn: Option<Vec<Reward>>,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// When it was completed.
    pub completed_at: Option<DateTime<Utc>>,
    /// The user's local day, week or month that it counts for.
    pub period: Period,
    /// When it expires, as reckoned when it was last written: housekeeping looks here, decisions reckon anew.
    pub due_at: Option<DateTime<Utc>>,
    /// Raised by every change of this task.
    pub version: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The status of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Started, not completed.
    InProgress,
    /// Flagged; a person decides.
    PendingReview,
    /// Done; its reward can be claimed.
    Completed,
    /// A person refused it.
    Rejected,
    /// Its period or mission ended before it was done.
    Expired,
}

impl TaskStatus {
    /// Whether the task stands in the way of another one in the same period.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, TaskStatus::InProgress | TaskStatus::PendingReview)
    }
}

impl Task {
    /// Whether its mission is a shadow mission, so that its user is not to know of it.
    #[must_use]
    pub fn is_shadow(&self) -> bool {
        self.would_earn.is_some()
    }

    /// Notes what was earned, where it is to be noted here and not granted.
    pub(crate) fn note_earned(&mut self, reward: &Reward) {
        if let Some(would_earn) = &mut self.would_earn {
            would_earn.push(reward.clone());
        }
    }

    /// When the task's period or its mission ends, whichever is first.
    #[must_use]
    pub fn ends_at(&self, mission: &Mission, zone: Zone) -> Option<DateTime<Utc>> {
        match (self.period.ends_at(zone), mission.definition.ends_at) {
            (Some(period), Some(mission)) => Some(period.min(mission)),
            (period, mission) => period.or(mission),
        }
    }

    /// The task under the mission that it has: an edit may have taken it along, to another target and another kind of
    /// period. It then has the period in which it was started.
    #[must_use]
    pub fn with_mission(self, mission: &Mission, zone: Zone) -> Task {
        let definition = &mission.definition;
        if self.status != TaskStatus::InProgress {
            return self;
        }
        let mut task = self;
        task.mission_version = task.mission_version.max(mission.running_version);
        task.progress = task.progress.towards(definition.target);
        let kind = std::mem::discriminant::<Period>;
        let period = definition.frequency.period_of(zone.date(task.started_at));
        if kind(&period) != kind(&task.period) {
            task.period = period;
        }
        task
    }

    /// Whether commands of the user are still taken: it is in progress, and neither its period nor its mission
    /// has ended.
    #[must_use]
    pub fn is_open_at(&self, at: DateTime<Utc>, mission: &Mission, zone: Zone) -> bool {
        self.status == TaskStatus::InProgress && self.ends_at(mission, zone).is_none_or(|end| at < end)
    }

    /// Whether somebody else is to look at a file of it first.
    #[must_use]
    pub fn has_pending_upload(&self) -> bool {
        let pending = |upload: &Upload| upload.status == UploadStatus::Pending;
        self.uploads.iter().any(pending)
    }

    /// When the task expires if nothing completes it: once late events can no longer move it, and never while an upload
    /// waits to be looked at.
    #[must_use]
    pub fn expires_at(&self, mission: &Mission, zone: Zone, late_window: Duration) -> Option<DateTime<Utc>> {
        match self.status {
            TaskStatus::InProgress if !self.has_pending_upload() => {
                self.ends_at(mission, zone)?.checked_add_signed(late_window)
            }
            _ => None,
        }
    }

    /// The status at an instant, with an expiry that nobody has written down yet.
    #[must_use]
    pub fn status_at(
        &self,
        at: DateTime<Utc>,
        mission: &Mission,
        zone: Zone,
        late_window: Duration,
    ) -> TaskStatus {
        match self.expires_at(mission, zone, late_window) {
            Some(end) if end <= at => TaskStatus::Expired,
            _ => self.status,
        }
    }
}
