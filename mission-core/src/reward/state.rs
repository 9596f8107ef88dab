//! A reward as it is kept, and what can become of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::RewardAmount;
use crate::{MissionId, Percent, Points, RewardId, TaskId, UserId};

/// The reward of one task, check-in day, milestone or referral, or one that an operator grants. Its id is the grant id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reward {
    /// The grant id.
    pub id: RewardId,
    /// Whose it is.
    pub user_id: UserId,
    /// The task, check-in day, invitee or operator's command that earned it; unique together with the type.
    pub source_id: Uuid,
    /// The mission of the task, where a task earned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission_id: Option<MissionId>,
    /// The mission's version that it was computed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission_version: Option<u64>,
    /// The stage that earned it, where a stage before the last did: then `source_id` is not its task's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<RewardStage>,
    /// Whether it was taken out of the mission's budget, which gets it back if the reward is lost. A mission may have
    /// had none when the reward was earned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_budgeted: bool,
    /// What kind of thing earned it.
    pub reward_type: RewardType,
    /// Where it stands.
    pub status: RewardStatus,
    /// Points.
    pub amount: RewardAmount,
    /// Experience, given with the points.
    pub experience_points: u32,
    /// Boost for the mining service, given with the points.
    pub mining_boost_percent: Percent,
    /// A badge, given with the points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub badge_id: Option<String>,
    /// How many more points it would have, had no cap stood against them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub withheld: Points,
    /// The caps under which its points were counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<String>,
    /// When it was earned.
    pub earned_at: DateTime<Utc>,
    /// When it was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<DateTime<Utc>>,
    /// When an operator took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
    /// From when it can no longer be claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

fn is_zero(points: &Points) -> bool {
    points.is_zero()
}

/// An id that follows from another: version 7 in form, with the other's time.
fn derived(from: Uuid, purpose: &str) -> Uuid {
    let hash = Uuid::new_v5(&from, purpose.as_bytes());
    let mut tail = [0; 10];
    tail.copy_from_slice(&hash.as_bytes()[..10]);
    let mut millis = [0; 8];
    millis[2..].copy_from_slice(&from.as_bytes()[..6]);
    uuid::Builder::from_unix_timestamp_millis(u64::from_be_bytes(millis), &tail).into_uuid()
}

/// The stage that earned a reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RewardStage {
    /// Of which task.
    pub task_id: TaskId,
    /// The number of the stage, from 1.
    pub number: u32,
}

/// The type of a reward, by what earned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RewardType {
    /// A completed task.
    MissionComplete,
    /// A check-in: base and streak bonus.
    #[serde(rename = "CHECKIN_DAILY")]
    CheckInDaily,
    /// A check-in that reached a milestone or a monthly count.
    #[serde(rename = "CHECKIN_MILESTONE")]
    CheckInMilestone,
    /// An invitee became active.
    ReferralBonus,
    /// A completed task of a `social` mission.
    SocialAction,
    /// An operator granted it, with a reason.
    ManualGrant,
}

/// The status of a reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RewardStatus {
    /// Earned, waiting to be claimed.
    Pending,
    /// Flagged; a person decides.
    Held,
    /// Granted to the wallet.
    Claimed,
    /// Not claimed in time.
    Expired,
    /// A person refused it.
    Rejected,
    /// Taken back by an operator, after it was granted or before.
    Revoked,
}

/// Why a reward cannot be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotClaimable {
    /// It was granted before (even if it was revoked since).
    AlreadyClaimed,
    /// Its time is over.
    Expired,
    /// It waits for a reviewer.
    UnderReview,
    /// A person refused it: a reviewer, or an operator who revoked it.
    Rejected,
}

impl Reward {
    /// The grant id of a task's reward: derived from the task, so that a task cannot have two, and a claim finds
    /// it at once. Version 7 in form, with the task's time.
    #[must_use]
    pub fn id_for_task(task: TaskId) -> RewardId {
        RewardId(derived(task.0, "reward"))
    }

    /// The source of what a stage of a task earns: the stage itself, whose id is derived from the task's.
    #[must_use]
    pub fn source_of_stage(task: TaskId, number: u32) -> Uuid {
        derived(task.0, &format!("stage {number}"))
    }

    /// The task that earned it, where one did.
    #[must_use]
    pub fn task_id(&self) -> TaskId {
        self.stage.map_or(TaskId(self.source_id), |stage| stage.task_id)
    }

    /// The status at an instant, with an expiry that nobody has written down yet.
    #[must_use]
    pub fn status_at(&self, at: DateTime<Utc>) -> RewardStatus {
        match (self.status, self.expires_at) {
            (RewardStatus::Pending, Some(end)) if end <= at => RewardStatus::Expired,
            (status, _) => status,
        }
    }

    /// Whether it can be claimed at an instant.
    ///
    /// # Errors
    /// Says why not.
    pub fn claimable_at(&self, at: DateTime<Utc>) -> Result<(), NotClaimable> {
        match self.status_at(at) {
            RewardStatus::Pending => Ok(()),
            RewardStatus::Held => Err(NotClaimable::UnderReview),
            RewardStatus::Revoked if self.claimed_at.is_none() => Err(NotClaimable::Rejected),
            RewardStatus::Claimed | RewardStatus::Revoked => Err(NotClaimable::AlreadyClaimed),
            RewardStatus::Expired => Err(NotClaimable::Expired),
            RewardStatus::Rejected => Err(NotClaimable::Rejected),
        }
    }

    /// When its points were taken back, where they had been granted.
    #[must_use]
    pub fn points_revoked_at(&self) -> Option<DateTime<Utc>> {
        self.claimed_at.and(self.revoked_at)
    }

    /// The reward, granted.
    #[must_use]
    pub fn claimed(&self, at: DateTime<Utc>) -> Reward {
        Reward {
            status: RewardStatus::Claimed,
            claimed_at: Some(at),
            ..self.clone()
        }
    }
}
