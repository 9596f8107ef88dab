//! The user is here today.

use super::CheckInDay;
use crate::{
    CheckInDayId, UserId,
    decision::{CheckedIn, DecisionContext, Interrupt, Rejection},
    event::{CheckInCompleted, IntegrationEvent, decide::raise_check_in},
    fraud::{ReviewSubject, UserAction, decide::risk},
    reward::{Reward, RewardAmount, RewardStatus, RewardType, decide as rewards},
    user::User,
};

pub(crate) fn check_in(cx: &mut DecisionContext<'_>, user: UserId) -> Result<CheckedIn, Interrupt> {
    cx.require_device()?;
    let mut actor = cx.actor(user)?;
    risk::judge(cx, &mut actor, UserAction::CheckIn, None)?;
    let mut user = actor.user;
    let (now, catalog) = (cx.now(), cx.catalog());
    let policy = &catalog.check_in;
    user.count_by_zone(policy.default_zone());
    let zones = user.zone_history(policy.default_zone());
    let date = zones.at(now).date(now);
    let step = user
        .check_in
        .check_in(date, &zones, policy, catalog.points_scale)?
        .ok_or(Rejection::AlreadyCheckedIn)?;
    // Late events still ask which day it was for the user back then, and how the streak stood.
    let forget_before = now - catalog.settings.late_window.behind - chrono::Duration::days(1);
    user.checked_in(step.state, now, forget_before);
    user.zones = Some(zones.since(forget_before));

    let day = CheckInDay {
        id: CheckInDayId(cx.context.id("check-in day")),
        date,
        streak: user.check_in.streak.current,
        earned: step.earned,
        freezes_used: step.freezes_used,
        dates_between: step.dates_between,
        checked_in_at: now,
    };
    cx.put_check_in_day((user.id, date), day.clone());

    let under_review = !actor.flags.is_empty();
    let status = if under_review {
        RewardStatus::Held
    } else {
        RewardStatus::Pending
    };
    let earned = step.earned;
    let mut rewards = vec![rewards::plain(
        cx,
        &user,
        RewardType::CheckInDaily,
        day.id.0,
        RewardAmount::new(earned.base, earned.streak_bonus),
        status,
    )];
    let extra = earned.milestone_bonus.plus(earned.monthly_reward)?;
    if !extra.is_zero() {
        let amount = RewardAmount::new(extra, crate::Points::ZERO);
        rewards.push(rewards::plain(
            cx,
            &user,
            RewardType::CheckInMilestone,
            day.id.0,
            amount,
            status,
        ));
    }
    if under_review {
        let ids = rewards.iter().map(|reward| reward.id).collect();
        rewards.into_iter().for_each(|reward| cx.put_reward(reward));
        cx.open_review(
            user.id,
            ReviewSubject::CheckIn {
                day: day.id,
                date,
                rewards: ids,
            },
            actor.flags,
        );
    } else {
        let granted: Vec<_> = rewards
            .iter()
            .map(|reward| rewards::grant(cx, &mut user, reward))
            .collect();
        tell(cx, &user, &day, &granted);
    }
    let reply = CheckedIn {
        streak: user.check_in.streak,
        freezes_held: user.check_in.freezes_held,
        under_review,
        day,
    };
    cx.put_user(user);
    Ok(reply)
}

/// Tells other services, and the missions that listen, of a check-in whose rewards were granted: the daily one first.
pub(crate) fn tell(cx: &mut DecisionContext<'_>, user: &User, day: &CheckInDay, granted: &[Reward]) {
    cx.emit(completed(user, day, granted));
    raise_check_in(cx, user, day);
}

fn completed(user: &User, day: &CheckInDay, granted: &[Reward]) -> IntegrationEvent {
    let reward = |wanted| {
        granted
            .iter()
            .find(|reward| reward.reward_type == wanted)
            .map(|reward| reward.id)
    };
    IntegrationEvent::CheckInCompleted(CheckInCompleted {
        user_id: user.id,
        check_in_id: day.id,
        date: day.date,
        streak_days: day.streak,
        base_points: day.earned.base,
        streak_bonus: day.earned.streak_bonus,
        milestone_bonus: day.earned.milestone_bonus.get() + day.earned.monthly_reward.get(),
        total_points: day.earned.total(),
        checked_in_at: day.checked_in_at,
        daily_reward_id: reward(RewardType::CheckInDaily).unwrap_or(crate::RewardId(day.id.0)),
        milestone_reward_id: reward(RewardType::CheckInMilestone),
    })
}
