//! A reviewer decides: the waiting command goes through exactly once, or grants nothing.

use serde_json::json;

use super::{Review, ReviewDecision, ReviewStatus, ReviewSubject};
use crate::{
    RewardId, UserId,
    check_in::{CheckInDay, Earned, decide::completed},
    engine::{AuditSubject, DecideReview, Halt, Rejection, ReviewDecided, Thing, Work},
    reward::{Reward, RewardStatus, RewardType, decide as rewards},
    task::{Task, Verification, VerificationMethod, decide as tasks},
    user::User,
};

pub(crate) fn decide_review(work: &mut Work<'_>, command: &DecideReview) -> Result<ReviewDecided, Halt> {
    let review = work
        .review((command.user, command.review))?
        .ok_or(Rejection::NotFound(Thing::Review))?;
    if !review.is_undecided() {
        return Err(Rejection::AlreadyDecided.into());
    }
    let approved = command.decision == ReviewDecision::Approve;
    let verification = Verification {
        is_valid: approved,
        failure_reason: (!approved).then(|| reason(command)),
        method: VerificationMethod::Manual,
        verified_by: Some(command.reviewer),
        verified_at: work.now(),
    };
    let before = json!({"status": review.status, "subject": review.subject, "reasons": review.reasons});
    let review = settle(work, review, verification, command.note.clone())?;
    let after = json!({"status": review.status, "note": review.note});
    let subject = (AuditSubject::Review, review.id.to_string());
    work.audit(subject, Some(review.user_id), Some(before), after);
    Ok(ReviewDecided { review })
}

/// What waited goes through, or grants nothing.
pub(super) fn settle(
    work: &mut Work<'_>,
    review: Review,
    verification: Verification,
    note: Option<String>,
) -> Result<Review, Halt> {
    let mut user = work.user_or_new(review.user_id)?;
    if user.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let (approved, reviewer) = (verification.is_valid, verification.verified_by);
    if let (true, Some(device)) = (approved, &review.device) {
        user.trust_device(device);
    }
    match &review.subject {
        ReviewSubject::Evidence { task } => {
            let task = task_of(work, user.id, *task)?;
            tasks::settle_evidence(work, task, verification, review.created_at)?;
        }
        ReviewSubject::Upload { task, file } => {
            let task = task_of(work, user.id, *task)?;
            tasks::settle_upload(work, task, *file, verification)?;
        }
        ReviewSubject::Completion { task, reward } => {
            let task = task_of(work, user.id, *task)?;
            let held = held_reward(work, user.id, *reward)?;
            tasks::settle_completion(work, task, *reward, approved, review.created_at)?;
            match (held, approved) {
                (None, _) => {}
                (Some(held), true) => rewards::release(work, held),
                (Some(held), false) => rewards::reject(work, &held),
            }
        }
        ReviewSubject::Claim { reward } => match (held_reward(work, user.id, *reward)?, approved) {
            (None, _) => {}
            (Some(held), true) => {
                let task = task_of(work, user.id, crate::TaskId(held.source_id))?;
                rewards::grant_task(work, &mut user, &task, &held)?;
            }
            (Some(held), false) => rewards::reject(work, &held),
        },
        ReviewSubject::CheckIn { date, rewards, .. } => {
            settle_check_in(work, &mut user, *date, rewards, approved)?;
        }
    }
    work.put_user(user);
    let review = Review {
        status: if approved {
            ReviewStatus::Approved
        } else {
            ReviewStatus::Rejected
        },
        decided_at: Some(work.now()),
        decided_by: reviewer,
        note,
        ..review
    };
    work.put_review(review.clone());
    Ok(review)
}

fn reason(command: &DecideReview) -> String {
    command
        .note
        .clone()
        .unwrap_or_else(|| "refused by a reviewer".to_owned())
}

fn task_of(work: &Work<'_>, user: UserId, task: crate::TaskId) -> Result<Task, Halt> {
    Ok(work.task((user, task))?.ok_or(Rejection::NotFound(Thing::Task))?)
}

/// The reward that waits for the reviewer; `None` where an operator has revoked it meanwhile.
fn held_reward(work: &Work<'_>, user: UserId, reward: RewardId) -> Result<Option<Reward>, Halt> {
    let reward = work
        .reward((user, reward))?
        .ok_or(Rejection::NotFound(Thing::Reward))?;
    Ok((reward.status == RewardStatus::Held).then_some(reward))
}

fn settle_check_in(
    work: &mut Work<'_>,
    user: &mut User,
    date: chrono::NaiveDate,
    held: &[RewardId],
    approved: bool,
) -> Result<(), Halt> {
    let held = held
        .iter()
        .filter_map(|id| held_reward(work, user.id, *id).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let day = work
        .check_in_day((user.id, date))?
        .ok_or(Rejection::NotFound(Thing::Review))?;
    if !approved {
        held.iter().for_each(|reward| rewards::reject(work, reward));
        // The visit stays, and with it the streak; it earned nothing.
        let unpaid = CheckInDay {
            earned: Earned::default(),
            ..day
        };
        work.put_check_in_day((user.id, date), unpaid);
        return Ok(());
    }
    let granted: Vec<Reward> = held
        .iter()
        .map(|reward| rewards::grant(work, user, reward))
        .collect();
    // The event names the daily reward; without it there was no check-in that paid.
    if granted
        .iter()
        .any(|reward| reward.reward_type == RewardType::CheckInDaily)
    {
        work.emit(completed(user, &day, &granted));
    }
    Ok(())
}
