//! Reviews: flagged commands that wait for a person.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::DeviceHash;
use crate::{CheckInDayId, FileId, ReviewId, RewardId, TaskId, UserId};

/// One flagged command and what became of it; also its audit record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The review's id.
    pub id: ReviewId,
    /// Whose command it was.
    pub user_id: UserId,
    /// What waits.
    pub subject: ReviewSubject,
    /// Why.
    pub reasons: Vec<ReviewReason>,
    /// The device that the command came with; approval trusts it.
    pub device: Option<DeviceHash>,
    /// Whether it was decided, and how.
    pub status: ReviewStatus,
    /// When the command came.
    pub created_at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// By whom.
    pub decided_by: Option<UserId>,
    /// The reviewer's note.
    pub note: Option<String>,
}

/// What waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewSubject {
    /// Evidence that a person has to look at.
    Evidence {
        /// The task that shows it.
        task: TaskId,
    },
    /// A file that was uploaded to a task.
    Upload {
        /// The task.
        task: TaskId,
        /// The file.
        file: FileId,
    },
    /// A completion; its reward is held.
    Completion {
        /// The task.
        task: TaskId,
        /// What it earned.
        reward: RewardId,
    },
    /// A claim.
    Claim {
        /// The reward, held.
        reward: RewardId,
    },
    /// A check-in; its rewards are held.
    CheckIn {
        /// The day.
        day: CheckInDayId,
        /// Its date.
        date: chrono::NaiveDate,
        /// Its rewards.
        rewards: Vec<RewardId>,
    },
}

impl ReviewSubject {
    /// The task that waits itself; not one whose reward does.
    #[must_use]
    pub fn task(&self) -> Option<TaskId> {
        match self {
            ReviewSubject::Evidence { task }
            | ReviewSubject::Upload { task, .. }
            | ReviewSubject::Completion { task, .. } => Some(*task),
            ReviewSubject::Claim { .. } | ReviewSubject::CheckIn { .. } => None,
        }
    }

    /// The rewards that are held meanwhile.
    #[must_use]
    pub fn rewards(&self) -> &[RewardId] {
        match self {
            ReviewSubject::Evidence { .. } | ReviewSubject::Upload { .. } => &[],
            ReviewSubject::Completion { reward, .. } | ReviewSubject::Claim { reward } => {
                std::slice::from_ref(reward)
            }
            ReviewSubject::CheckIn { rewards, .. } => rewards,
        }
    }

    /// The kind of command, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            ReviewSubject::Evidence { .. } => "evidence",
            ReviewSubject::Upload { .. } => "upload",
            ReviewSubject::Completion { .. } => "completion",
            ReviewSubject::Claim { .. } => "claim",
            ReviewSubject::CheckIn { .. } => "check_in",
        }
    }
}

/// Why a command was flagged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewReason {
    /// Not the user's first device, and not approved before.
    NewDevice,
    /// Several other users came with the same device.
    SharedDevice,
    /// The mission asks for a person to look at its evidence.
    ManualReview,
    /// The mission's script asks for a person, and says why.
    Script(String),
}

/// Whether a review was decided, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewStatus {
    /// Waiting.
    Open,
    /// The command went through.
    Approved,
    /// Nothing was granted.
    Rejected,
}

/// What a reviewer decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewDecision {
    /// Let the command through.
    Approve,
    /// Grant nothing.
    Reject,
}
