//! Rewards earned, granted, expired, revoked. Every grant of the engine goes through [`grant`].

mod manual;
mod revocation;

use chrono::{DateTime, Duration, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

pub(crate) use manual::grant as grant_by_hand;
pub(crate) use revocation::{reopen, revoke, settle_revocation, take_back};

use super::{NotClaimable, Reward, RewardAmount, RewardStage, RewardStatus, RewardType};
use crate::{
    MissionId, Percent, Points, RewardId, TaskId, UserId,
    decision::{
        BudgetReservation, ClaimReward, ClaimTask, DecisionContext, Interrupt, Rejection, ResourceKind,
        RewardTaken,
    },
    event::{IntegrationEvent, MissionCompleted, RewardClaimed},
    fraud::{ReviewReason, ReviewSubject, UserAction, decide::risk},
    mission::{BaseReward, Budget, BudgetUse, Mission, MissionTotals, MissionType},
    ports::rules::RewardPatch,
    task::{Task, TaskStatus, decide::task_of_user},
    user::User,
};

/// A reward of points alone, not yet granted.
pub(crate) fn plain(
    cx: &DecisionContext<'_>,
    user: &User,
    reward_type: RewardType,
    source_id: Uuid,
    amount: RewardAmount,
    status: RewardStatus,
) -> Reward {
    Reward {
        id: RewardId(cx.context.id(&format!("reward {reward_type}"))),
        user_id: user.id,
        source_id,
        mission_id: None,
        mission_version: None,
        stage: None,
        is_budgeted: false,
        reward_type,
        status,
        amount,
        experience_points: 0,
        mining_boost_percent: Percent::ZERO,
        badge_id: None,
        withheld: Points::ZERO,
        caps: Vec::new(),
        earned_at: cx.now(),
        claimed_at: None,
        revoked_at: None,
        expires_at: None,
    }
}

/// What a completed task earns, or a stage of it on the way, and when.
pub(crate) struct Earning<'a> {
    pub(crate) task: &'a Task,
    pub(crate) mission: &'a Mission,
    /// The number of the stage, from 1; `None` for the completion.
    pub(crate) stage: Option<u32>,
    /// What the mission offers for it.
    pub(crate) offer: &'a BaseReward,
    /// What the script makes of the offer.
    pub(crate) patch: RewardPatch,
    pub(crate) status: RewardStatus,
    pub(crate) at: DateTime<Utc>,
}

/// Writes down what is earned: the mission's offer where the script says nothing else, each part rounded once. Takes it
/// out of the mission's budget, and counts it under the caps of the mission's pack. The caller writes the user.
pub(crate) fn earn(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    earning: Earning<'_>,
) -> Result<Reward, Interrupt> {
    let Earning {
        task,
        mission,
        stage,
        offer,
        patch,
        status,
        at,
    } = earning;
    let scale = cx.catalog().points_scale;
    let points = scale.round(patch.points.unwrap_or(offer.points.get()))?;
    let bonus = scale.round(patch.bonus_points.unwrap_or_default())?;
    let boost = scale.round_percent(
        patch
            .mining_boost_percent
            .unwrap_or(offer.mining_boost_percent.get()),
    )?;
    // From when the user can claim it: a late event's reward is not lost before it is there.
    let days = patch.expires_after_days.or(offer.expires_after_days);
    let expires_at = days.and_then(|days| cx.now().checked_add_signed(Duration::days(i64::from(days))));
    let is_social = mission.definition.mission_type == MissionType::Social;
    let zone = user.zone_at(at, cx.catalog().check_in.default_zone());
    let date = zone.date(at);
    let caps = cx.catalog().caps_of(mission, date);
    let amount = capped(RewardAmount::new(points, bonus), user.capped.left(&caps));
    let withheld = points.plus(bonus)?.get() - amount.total();
    let source_id = stage.map_or(task.id.0, |number| Reward::source_of_stage(task.id, number));
    let reward = Reward {
        id: Reward::id_for_task(TaskId(source_id)),
        user_id: task.user_id,
        source_id,
        mission_id: Some(mission.id),
        mission_version: Some(task.mission_version),
        stage: stage.map(|number| RewardStage {
            task_id: task.id,
            number,
        }),
        is_budgeted: budget_of(mission).is_some(),
        reward_type: if is_social {
            RewardType::SocialAction
        } else {
            RewardType::MissionComplete
        },
        status,
        amount,
        experience_points: patch.experience_points.unwrap_or(offer.experience_points),
        mining_boost_percent: boost,
        badge_id: patch.badge_id.or_else(|| offer.badge_id.clone()),
        withheld: Points::new(withheld)?,
        caps: caps.into_iter().map(|cap| cap.key).collect(),
        earned_at: at,
        claimed_at: None,
        revoked_at: None,
        expires_at,
    };
    take_budget(cx, mission, &reward)?;
    cx.count(
        task.user_id,
        mission.id,
        MissionTotals::of(BudgetUse::one(reward.amount.total())),
        at,
    );
    if task.is_shadow() {
        return Ok(reward);
    }
    if !reward.caps.is_empty() {
        user.capped.add(&reward.caps, reward.amount.total(), date);
    }
    cx.put_reward(reward.clone());
    Ok(reward)
}

/// An amount of no more than what is left: the bonus goes first.
fn capped(amount: RewardAmount, left: Option<Decimal>) -> RewardAmount {
    let Some(left) = left.filter(|left| *left < amount.total()) else {
        return amount;
    };
    let points = amount.points.get().min(left);
    let part = |points: Decimal| Points::new(points).unwrap_or_default();
    RewardAmount::new(part(points), part(left - points))
}

/// What a mission's rewards are counted under: a shadow mission's always, so that it is known what they would cost.
fn budget_of(mission: &Mission) -> Option<Budget> {
    let unlimited = mission.definition.shadow.then(Budget::default);
    mission.definition.budget.or(unlimited)
}

fn take_budget(cx: &mut DecisionContext<'_>, mission: &Mission, reward: &Reward) -> Result<(), Interrupt> {
    let Some(limit) = budget_of(mission) else {
        return Ok(());
    };
    let reservation = BudgetReservation {
        used: BudgetUse::one(reward.amount.total()),
        limit,
    };
    if limit != Budget::default() && !reservation.fits(cx.budget_use(mission.id)?) {
        return Err(Rejection::BudgetExhausted.into());
    }
    add_reservation(cx, mission.id, reservation);
    Ok(())
}

/// Gives back what a lost reward had taken of the budget and under caps. The caller writes the user.
pub(crate) fn give_back(cx: &mut DecisionContext<'_>, user: &mut User, reward: &Reward) {
    user.capped.take(&reward.caps, reward.amount.total());
    return_to_budget(cx, reward);
}

/// Gives back what a lost reward, or one that nobody has, had taken of the budget.
pub(crate) fn return_to_budget(cx: &mut DecisionContext<'_>, reward: &Reward) {
    let Some(id) = reward.mission_id else { return };
    let lost = BudgetUse::one(reward.amount.total()).negated();
    cx.count(reward.user_id, id, MissionTotals::of(lost), reward.earned_at);
    if !reward.is_budgeted {
        return;
    }
    // The limit holds for what is taken; giving back always fits.
    let compiled = cx.catalog().mission(id);
    let limit = compiled.and_then(|compiled| compiled.mission.definition.budget);
    add_reservation(
        cx,
        id,
        BudgetReservation {
            used: lost,
            limit: limit.unwrap_or_default(),
        },
    );
}

fn add_reservation(cx: &mut DecisionContext<'_>, mission: MissionId, reservation: BudgetReservation) {
    let sum = cx.write_set.reservations.entry(mission).or_default();
    *sum = BudgetReservation {
        used: sum.used.plus(reservation.used),
        limit: reservation.limit,
    };
}

/// The one place where a reward's points, experience and badge become the user's, and a wallet is told.
pub(crate) fn grant(cx: &mut DecisionContext<'_>, user: &mut User, reward: &Reward) -> Reward {
    let granted = reward.claimed(cx.now());
    user.receive(&granted);
    cx.put_reward(granted.clone());
    cx.emit(IntegrationEvent::RewardClaimed(RewardClaimed {
        reward_id: granted.id,
        user_id: granted.user_id,
        source_id: granted.source_id,
        reward_type: granted.reward_type,
        points: granted.amount.points,
        bonus_points: granted.amount.bonus_points,
        total_points: granted.amount.total(),
        currency: granted.amount.currency.clone(),
        claimed_at: cx.now(),
        mission_version: granted.mission_version,
    }));
    granted
}

/// Grants the reward of a completed task, and tells of the completion.
pub(crate) fn grant_task(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    task: &Task,
    reward: &Reward,
) -> Result<Reward, Interrupt> {
    let granted = grant(cx, user, reward);
    let mission = cx.mission_of(task)?;
    let offer = mission.mission.definition.completion_reward();
    user.boost(&granted, cx.now(), offer.mining_boost_days);
    cx.emit(IntegrationEvent::MissionCompleted(MissionCompleted {
        task_id: task.id,
        user_id: task.user_id,
        mission_id: task.mission_id,
        mission_type: mission.mission.definition.mission_type,
        points_earned: granted.amount.total(),
        completed_at: task.completed_at.unwrap_or(granted.earned_at),
        reward_id: granted.id,
        mining_boost_percent: granted.mining_boost_percent,
        experience_points: granted.experience_points,
        badge_id: granted.badge_id.clone(),
        mission_version: granted.mission_version,
    }));
    cx.put_task(Task {
        reward_claimed: true,
        version: task.version + 1,
        ..task.clone()
    });
    Ok(granted)
}

/// Grants the reward of a stage that a task has reached.
fn grant_stage(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    task: &Task,
    stage: RewardStage,
    reward: &Reward,
) -> Result<Reward, Interrupt> {
    let granted = grant(cx, user, reward);
    let mission = cx.mission_of(task)?;
    let stages = &mission.mission.definition.stage;
    let offer = (stage.number as usize).checked_sub(1).and_then(|n| stages.get(n));
    user.boost(
        &granted,
        cx.now(),
        offer.and_then(|stage| stage.reward.mining_boost_days),
    );
    Ok(granted)
}

/// Grants a reward that a task has earned, by its completion or on the way.
pub(crate) fn grant_earned(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    task: &Task,
    reward: &Reward,
) -> Result<Reward, Interrupt> {
    match reward.stage {
        None => grant_task(cx, user, task, reward),
        Some(stage) => grant_stage(cx, user, task, stage, reward),
    }
}

pub(crate) fn claim_task(
    cx: &mut DecisionContext<'_>,
    command: &ClaimTask,
) -> Result<RewardTaken, Interrupt> {
    let task = task_of_user(cx, command.user, command.task)?;
    claim_of_task(cx, &task)
}

pub(crate) fn claim_reward(
    cx: &mut DecisionContext<'_>,
    command: &ClaimReward,
) -> Result<RewardTaken, Interrupt> {
    let reward = cx
        .reward((command.user, command.reward))?
        .ok_or(Rejection::NotFound(ResourceKind::Reward))?;
    match reward.reward_type {
        RewardType::MissionComplete | RewardType::SocialAction => {
            let task = cx
                .task((command.user, reward.task_id()))?
                .ok_or(Rejection::NotFound(ResourceKind::Task))?;
            match reward.stage {
                None => claim_of_task(cx, &task),
                Some(_) => claim_earned(cx, &task, reward),
            }
        }
        // These are granted as they are earned, or wait for a reviewer.
        RewardType::CheckInDaily
        | RewardType::CheckInMilestone
        | RewardType::ReferralBonus
        | RewardType::ManualGrant => match reward.claimable_at(cx.now()) {
            Err(NotClaimable::UnderReview) => Ok(RewardTaken {
                reward,
                under_review: true,
            }),
            Err(NotClaimable::Rejected) => Err(Rejection::RewardRejected.into()),
            Err(NotClaimable::AlreadyClaimed) | Ok(()) => Err(Rejection::AlreadyClaimed.into()),
            Err(NotClaimable::Expired) => Err(Rejection::RewardExpired.into()),
        },
    }
}

fn claim_of_task(cx: &mut DecisionContext<'_>, task: &Task) -> Result<RewardTaken, Interrupt> {
    let (TaskStatus::Completed, Some(reward)) = (task.status, task.reward_id) else {
        return Err(Rejection::TaskNotCompleted.into());
    };
    let reward = cx
        .reward((task.user_id, reward))?
        .ok_or(Rejection::NotFound(ResourceKind::Reward))?;
    claim_earned(cx, task, reward)
}

fn claim_earned(cx: &mut DecisionContext<'_>, task: &Task, reward: Reward) -> Result<RewardTaken, Interrupt> {
    match reward.claimable_at(cx.now()) {
        Ok(()) => {}
        Err(NotClaimable::UnderReview) => {
            return Ok(RewardTaken {
                reward,
                under_review: true,
            });
        }
        Err(NotClaimable::AlreadyClaimed) => return Err(Rejection::AlreadyClaimed.into()),
        Err(NotClaimable::Expired) => return Err(Rejection::RewardExpired.into()),
        Err(NotClaimable::Rejected) => return Err(Rejection::RewardRejected.into()),
    }
    cx.require_device()?;
    let mut actor = cx.actor(task.user_id)?;
    let mission = cx.catalog().mission(task.mission_id);
    risk::judge(
        cx,
        &mut actor,
        UserAction::Claim,
        mission.map(|known| &*known.mission),
    )?;
    let mut user = actor.user;
    let taken = if actor.flags.is_empty() {
        RewardTaken {
            reward: grant_earned(cx, &mut user, task, &reward)?,
            under_review: false,
        }
    } else {
        RewardTaken {
            reward: hold(cx, &user, &reward, actor.flags),
            under_review: true,
        }
    };
    cx.put_user(user);
    Ok(taken)
}

fn hold(cx: &mut DecisionContext<'_>, user: &User, reward: &Reward, reasons: Vec<ReviewReason>) -> Reward {
    let held = Reward {
        status: RewardStatus::Held,
        ..reward.clone()
    };
    cx.put_reward(held.clone());
    cx.open_review(user.id, ReviewSubject::Claim { reward: reward.id }, reasons);
    held
}

/// Lets a reward that was held since it was earned be claimed. The time that a reviewer took is not the user's: it
/// expires as long after the approval as it would have after the completion.
pub(crate) fn release(cx: &mut DecisionContext<'_>, held: Reward) {
    let waited = cx.now() - held.earned_at;
    cx.put_reward(Reward {
        status: RewardStatus::Pending,
        expires_at: held.expires_at.and_then(|end| end.checked_add_signed(waited)),
        ..held
    });
}

/// Writes down that a reviewer refused a held reward.
pub(crate) fn reject(cx: &mut DecisionContext<'_>, user: &mut User, reward: &Reward) {
    give_back(cx, user, reward);
    cx.put_reward(Reward {
        status: RewardStatus::Rejected,
        ..reward.clone()
    });
}

/// Writes down that rewards have expired, as far as they really have.
pub(crate) fn expire(
    cx: &mut DecisionContext<'_>,
    user: UserId,
    rewards: &[RewardId],
) -> Result<usize, Interrupt> {
    let mut expired = 0;
    let mut owner = cx.user(user)?.unwrap_or_else(|| User::new(user, cx.now()));
    for &id in rewards {
        let Some(reward) = cx.reward((user, id))? else {
            continue;
        };
        if reward.status == RewardStatus::Pending && reward.status_at(cx.now()) == RewardStatus::Expired {
            give_back(cx, &mut owner, &reward);
            if !reward.caps.is_empty() {
                cx.put_user(owner.clone());
            }
            cx.put_reward(Reward {
                status: RewardStatus::Expired,
                ..reward
            });
            expired += 1;
        }
    }
    Ok(expired)
}
