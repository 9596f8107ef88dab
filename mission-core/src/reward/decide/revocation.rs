//! Rewards that are taken back: reversed by an event where a wallet has heard of them, never deleted.

use serde_json::json;

use super::{Reward, RewardStatus, give_back};
use crate::{
    RewardId, TaskId, UserId,
    decision::{AuditSubject, DecisionContext, Interrupt, Rejection, ResourceKind, RevokeReward, Revoked},
    event::{IntegrationEvent, RewardRevoked},
    fraud::{ReviewReason, ReviewSubject},
    mission::MissionTotals,
    task::TaskStatus,
    user::User,
};

/// Takes a reward back, or leaves it to the approval of another operator.
pub(crate) fn revoke(cx: &mut DecisionContext<'_>, command: &RevokeReward) -> Result<Revoked, Interrupt> {
    let reward = reward_of(cx, command.user, command.reward)?;
    let status = reward.status_at(cx.now());
    let mut user = cx.user_or_new(command.user)?;
    if user.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    // What nobody has been granted moves no points.
    let under_review = command.needs_approval && status == RewardStatus::Claimed;
    let reward = if under_review {
        let subject = ReviewSubject::Revocation {
            reward: reward.id,
            operator: command.operator,
            reopens: command.reopens,
            reason: command.reason.clone(),
        };
        let reason = ReviewReason::ManualRevocation(command.reason.clone());
        cx.open_review(user.id, subject, vec![reason]);
        reward
    } else {
        let revoked = take_back(cx, &mut user, reward, &command.reason).ok_or(Rejection::NotClaimed)?;
        if command.reopens {
            reopen(cx, &revoked)?;
        }
        revoked
    };
    let mut after = json!({
        "status": reward.status,
        "reason": command.reason,
        "reopened": command.reopens && !under_review,
    });
    if under_review {
        after["under_review"] = json!(true);
    }
    let subject = (AuditSubject::Reward, reward.id.to_string());
    cx.audit(subject, Some(user.id), Some(json!({"status": status})), after);
    cx.put_user(user);
    Ok(Revoked { reward, under_review })
}

fn reward_of(cx: &DecisionContext<'_>, user: UserId, reward: RewardId) -> Result<Reward, Interrupt> {
    let reward = cx.reward((user, reward))?;
    Ok(reward.ok_or(Rejection::NotFound(ResourceKind::Reward))?)
}

/// Another operator has approved it. It may have been taken back meanwhile: then there is nothing to do. The caller writes
/// the user.
pub(crate) fn settle_revocation(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    reward: RewardId,
    reason: &str,
    reopens: bool,
) -> Result<(), Interrupt> {
    let reward = reward_of(cx, user.id, reward)?;
    if let Some(revoked) = take_back(cx, user, reward, reason)
        && reopens
    {
        reopen(cx, &revoked)?;
    }
    Ok(())
}

/// Takes a reward back, whether it was granted or not; `None` where there is nothing to take. The caller writes the user.
pub(crate) fn take_back(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    reward: Reward,
    reason: &str,
) -> Option<Reward> {
    let was_granted = match reward.status_at(cx.now()) {
        RewardStatus::Claimed => true,
        RewardStatus::Pending | RewardStatus::Held => false,
        RewardStatus::Expired | RewardStatus::Rejected | RewardStatus::Revoked => return None,
    };
    give_back(cx, user, &reward);
    let revoked = Reward {
        status: RewardStatus::Revoked,
        revoked_at: Some(cx.now()),
        ..reward
    };
    cx.put_reward(revoked.clone());
    // Of one that was not granted no wallet has heard.
    if was_granted {
        user.give_back(&revoked);
        cx.emit(IntegrationEvent::RewardRevoked(RewardRevoked {
            reward_id: revoked.id,
            user_id: revoked.user_id,
            total_points: revoked.amount.total(),
            currency: revoked.amount.currency.clone(),
            experience_points: revoked.experience_points,
            mining_boost_percent: revoked.mining_boost_percent,
            badge_id: revoked.badge_id.clone(),
            reason: reason.to_owned(),
            revoked_at: cx.now(),
        }));
    }
    Some(revoked)
}

/// Gives back the completion that earned a reward, where a task did.
pub(crate) fn reopen(cx: &mut DecisionContext<'_>, revoked: &Reward) -> Result<(), Interrupt> {
    // A stage leaves the completion as it is.
    let Some(mission) = revoked.mission_id.filter(|_| revoked.stage.is_none()) else {
        return Ok(());
    };
    let task = cx.task((revoked.user_id, TaskId(revoked.source_id)))?;
    // One that waits for a reviewer does not count yet.
    let Some(task) = task.filter(|task| task.status == TaskStatus::Completed) else {
        return Ok(());
    };
    let key = (revoked.user_id, mission);
    let mut participation = cx.participation(key)?.unwrap_or_default();
    participation.given_back(task.period, task.started_at, task.completed_at);
    cx.put_participation(key, participation);
    let at = task.completed_at.unwrap_or(task.started_at);
    cx.count(task.user_id, mission, MissionTotals::TAKEN_BACK, at);
    Ok(())
}
