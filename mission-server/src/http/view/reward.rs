//! A reward as its user sees it, and the answer to a claim.

use chrono::{DateTime, Utc};
use mission_core::{
    MissionId, Percent, Points, RewardId, UserId,
    reward::{Reward, RewardStage, RewardStatus, RewardType},
};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::UNDER_REVIEW;

/// A reward as it is now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reward)]
pub(in crate::http) struct RewardView {
    id: RewardId,
    user_id: UserId,
    /// The task, check-in day or invitee that earned it; of a stage on the way, and of a grant by hand, an id of its own.
    source_id: Uuid,
    /// The stage of the task that earned it, from 1, where one on the way did.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<RewardStage>,
    mission_id: Option<MissionId>,
    /// The mission's version that it was computed with.
    mission_version: Option<u64>,
    #[serde(rename = "type")]
    reward_type: RewardType,
    status: RewardStatus,
    amount: AmountView,
    #[serde(with = "mission_core::points::exact")]
    #[schema(value_type = f64)]
    total_points: Decimal,
    /// How many more points it would have, had no cap stood against them.
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld_points: Option<Points>,
    experience_points: u32,
    mining_boost_percent: Percent,
    badge_id: Option<String>,
    earned_at: DateTime<Utc>,
    claimed_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

/// What a reward is worth.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RewardAmount)]
struct AmountView {
    points: Points,
    bonus_points: Points,
    currency: String,
}

impl RewardView {
    /// The reward at an instant.
    pub(in crate::http) fn of(reward: Reward, now: DateTime<Utc>) -> Self {
        RewardView {
            status: reward.status_at(now),
            id: reward.id,
            user_id: reward.user_id,
            source_id: reward.source_id,
            stage: reward.stage,
            withheld_points: Some(reward.withheld).filter(|points| !points.is_zero()),
            mission_id: reward.mission_id,
            mission_version: reward.mission_version,
            reward_type: reward.reward_type,
            total_points: reward.amount.total(),
            amount: AmountView {
                points: reward.amount.points,
                bonus_points: reward.amount.bonus_points,
                currency: reward.amount.currency,
            },
            experience_points: reward.experience_points,
            mining_boost_percent: reward.mining_boost_percent,
            badge_id: reward.badge_id,
            earned_at: reward.earned_at,
            claimed_at: reward.claimed_at,
            expires_at: reward.expires_at,
        }
    }
}

/// What a claim brought, or will bring when a reviewer lets it through.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Claim)]
pub(in crate::http) struct ClaimView {
    /// The task, where one earned it.
    task_id: Option<Uuid>,
    reward_id: RewardId,
    /// Bonus included.
    #[serde(with = "mission_core::points::exact")]
    #[schema(value_type = f64)]
    points_earned: Decimal,
    bonus_points: Points,
    experience_points: u32,
    mining_boost_percent: Percent,
    badge_id: Option<String>,
    /// `under_review` where a person has to let it through.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

impl ClaimView {
    /// The answer to a claim of a reward.
    pub(in crate::http) fn of(reward: Reward, under_review: bool) -> Self {
        let of_task = matches!(
            reward.reward_type,
            RewardType::MissionComplete | RewardType::SocialAction
        );
        ClaimView {
            task_id: of_task.then(|| reward.task_id().0),
            reward_id: reward.id,
            points_earned: reward.amount.total(),
            bonus_points: reward.amount.bonus_points,
            experience_points: reward.experience_points,
            mining_boost_percent: reward.mining_boost_percent,
            badge_id: reward.badge_id,
            code: under_review.then_some(UNDER_REVIEW),
        }
    }
}
