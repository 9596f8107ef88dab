//! Rewards that an operator grants by hand, where nothing that the user did earns them: a goodwill, a prize, a correction.

use serde_json::json;

use super::plain;
use crate::{
    Points,
    decision::{AuditSubject, DecisionContext, GrantReward, Interrupt, Rejection, ResourceKind, RewardTaken},
    fraud::{ReviewReason, ReviewSubject},
    reward::{Reward, RewardAmount, RewardStatus, RewardType},
    user::User,
};

/// Grants a reward, or holds it until another operator approves it.
pub(crate) fn grant(cx: &mut DecisionContext<'_>, command: &GrantReward) -> Result<RewardTaken, Interrupt> {
    let user = cx.user(command.user)?;
    let mut user = user.ok_or(Rejection::NotFound(ResourceKind::User))?;
    if user.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let reward = held(cx, &user, command)?;
    let reward = if command.needs_approval {
        cx.put_reward(reward.clone());
        let subject = ReviewSubject::Grant {
            reward: reward.id,
            operator: command.operator,
        };
        let reason = ReviewReason::ManualGrant(command.reason.clone());
        cx.open_review(user.id, subject, vec![reason]);
        reward
    } else {
        super::grant(cx, &mut user, &reward)
    };
    let after = json!({
        "status": reward.status,
        "total_points": reward.amount.total(),
        "experience_points": reward.experience_points,
        "badge_id": reward.badge_id,
        "reason": command.reason,
    });
    let subject = (AuditSubject::Reward, reward.id.to_string());
    cx.audit(subject, Some(user.id), None, after);
    cx.put_user(user);
    Ok(RewardTaken {
        reward,
        under_review: command.needs_approval,
    })
}

fn held(cx: &DecisionContext<'_>, user: &User, command: &GrantReward) -> Result<Reward, Interrupt> {
    let points = cx.catalog().points_scale.round(command.points.get())?;
    let reward = plain(
        cx,
        user,
        RewardType::ManualGrant,
        cx.context.id("manual grant"),
        RewardAmount::new(points, Points::ZERO),
        RewardStatus::Held,
    );
    Ok(Reward {
        experience_points: command.experience_points,
        badge_id: command.badge_id.clone(),
        ..reward
    })
}
