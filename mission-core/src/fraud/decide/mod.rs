//! A reviewer decides: the waiting command goes through exactly once, or grants nothing.

mod assignment;
mod ban;
mod moderation;
mod ring;
pub(crate) mod risk;
mod timeout;

use serde_json::json;

pub(crate) use assignment::{assign_review, release_review};
pub(crate) use ban::lift_ban;
pub(crate) use moderation::{apply_verdict, note as note_moderation};
pub(crate) use ring::hold_user;
pub(crate) use timeout::time_out_review;

use super::{Review, ReviewDecision, ReviewStatus, ReviewSubject};
use crate::{
    RewardId, UserId,
    check_in::{CheckInDay, Earned, decide as check_ins},
    decision::{
        AuditSubject, DecideReview, DecisionContext, Interrupt, Rejection, ResourceKind, ReviewDecided,
    },
    reward::{Reward, RewardStatus, RewardType, decide as rewards},
    task::{Task, Verification, VerificationMethod, decide as tasks},
    user::User,
};

pub(crate) fn decide_review(
    cx: &mut DecisionContext<'_>,
    command: &DecideReview,
) -> Result<ReviewDecided, Interrupt> {
    let review = assignment::free_review(cx, (command.user, command.review), Some(command.reviewer))?;
    let approved = command.decision == ReviewDecision::Approve;
    let review = conclude(cx, review, approved, Some(command.reviewer), command.note.clone())?;
    if command.decision == ReviewDecision::RejectAndBan {
        ban::ban(cx, review.user_id, command.note.as_deref())?;
    }
    Ok(ReviewDecided { review })
}

/// Decides a review, by a person or by nobody, and notes so for the audit. What somebody has asked for is approved by another
/// person alone.
fn conclude(
    cx: &mut DecisionContext<'_>,
    known: Review,
    approved: bool,
    reviewer: Option<UserId>,
    note: Option<String>,
) -> Result<Review, Interrupt> {
    let asker = known.subject.requested_by();
    if approved && asker.is_some() && reviewer.is_none_or(|reviewer| asker == Some(reviewer)) {
        return Err(Rejection::SecondPersonRequired.into());
    }
    let reason = || note.clone().unwrap_or_else(|| "refused by a reviewer".to_owned());
    let verification = Verification {
        is_valid: approved,
        failure_reason: (!approved).then(reason),
        method: VerificationMethod::Manual,
        verified_by: reviewer,
        verified_at: cx.now(),
    };
    let before = json!({"status": known.status, "subject": known.subject, "reasons": known.reasons});
    let decided = settle(cx, known, verification, note)?;
    let after = json!({"status": decided.status, "note": decided.note});
    let subject = (AuditSubject::Review, decided.id.to_string());
    cx.audit(subject, Some(decided.user_id), Some(before), after);
    Ok(decided)
}

/// What waited goes through, or grants nothing.
pub(super) fn settle(
    cx: &mut DecisionContext<'_>,
    review: Review,
    verification: Verification,
    note: Option<String>,
) -> Result<Review, Interrupt> {
    let mut user = cx.user_or_new(review.user_id)?;
    if user.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let (approved, reviewer) = (verification.is_valid, verification.verified_by);
    if let (true, Some(device)) = (approved, &review.device) {
        user.trust_device(device);
    }
    match &review.subject {
        ReviewSubject::Evidence { task } => {
            let task = task_of(cx, user.id, *task)?;
            tasks::settle_evidence(cx, &mut user, task, verification, review.created_at)?;
        }
        ReviewSubject::Upload { task, file } => {
            let task = task_of(cx, user.id, *task)?;
            tasks::settle_upload(cx, &mut user, task, *file, verification)?;
        }
        ReviewSubject::Completion { task, reward } => {
            let task = task_of(cx, user.id, *task)?;
            let held = held_reward(cx, user.id, *reward)?;
            tasks::settle_completion(cx, task, *reward, approved, review.created_at)?;
            match (held, approved) {
                (None, _) => {}
                (Some(held), true) => rewards::release(cx, held),
                (Some(held), false) => rewards::reject(cx, &mut user, &held),
            }
        }
        ReviewSubject::Claim { reward } => match (held_reward(cx, user.id, *reward)?, approved) {
            (None, _) => {}
            (Some(held), true) => {
                let task = task_of(cx, user.id, held.task_id())?;
                rewards::grant_earned(cx, &mut user, &task, &held)?;
            }
            (Some(held), false) => rewards::reject(cx, &mut user, &held),
        },
        ReviewSubject::Grant { reward, .. } => match (held_reward(cx, user.id, *reward)?, approved) {
            (None, _) => {}
            (Some(held), true) => drop(rewards::grant(cx, &mut user, &held)),
            (Some(held), false) => rewards::reject(cx, &mut user, &held),
        },
        ReviewSubject::Revocation {
            reward,
            reopens,
            reason,
            ..
        } => {
            if approved {
                rewards::settle_revocation(cx, &mut user, *reward, reason, *reopens)?;
            }
        }
        ReviewSubject::CheckIn { date, rewards, .. } => {
            settle_check_in(cx, &mut user, *date, rewards, approved)?;
        }
    }
    cx.put_user(user);
    let review = Review {
        status: if approved {
            ReviewStatus::Approved
        } else {
            ReviewStatus::Rejected
        },
        decided_at: Some(cx.now()),
        decided_by: reviewer,
        note,
        assignment: None,
        ..review
    };
    cx.put_review(review.clone());
    Ok(review)
}

fn task_of(cx: &DecisionContext<'_>, user: UserId, task: crate::TaskId) -> Result<Task, Interrupt> {
    Ok(cx
        .task((user, task))?
        .ok_or(Rejection::NotFound(ResourceKind::Task))?)
}

/// The reward that waits for the reviewer; `None` where an operator has revoked it meanwhile.
fn held_reward(
    cx: &DecisionContext<'_>,
    user: UserId,
    reward: RewardId,
) -> Result<Option<Reward>, Interrupt> {
    let reward = cx
        .reward((user, reward))?
        .ok_or(Rejection::NotFound(ResourceKind::Reward))?;
    Ok((reward.status == RewardStatus::Held).then_some(reward))
}

fn settle_check_in(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    date: chrono::NaiveDate,
    held: &[RewardId],
    approved: bool,
) -> Result<(), Interrupt> {
    let held = held
        .iter()
        .filter_map(|id| held_reward(cx, user.id, *id).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let day = cx
        .check_in_day((user.id, date))?
        .ok_or(Rejection::NotFound(ResourceKind::Review))?;
    if !approved {
        held.iter().for_each(|reward| rewards::reject(cx, user, reward));
        // The visit stays, and with it the streak; it earned nothing.
        let unpaid = CheckInDay {
            earned: Earned::default(),
            ..day
        };
        cx.put_check_in_day((user.id, date), unpaid);
        return Ok(());
    }
    let granted: Vec<Reward> = held
        .iter()
        .map(|reward| rewards::grant(cx, user, reward))
        .collect();
    // The event names the daily reward; without it there was no check-in that paid.
    if granted
        .iter()
        .any(|reward| reward.reward_type == RewardType::CheckInDaily)
    {
        check_ins::tell(cx, user, &day, &granted);
    }
    Ok(())
}
