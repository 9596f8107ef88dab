//! A reviewer takes a review on, so that no two work on the same one.

use chrono::{Duration, SubsecRound as _};
use serde_json::json;

use super::super::{Review, ReviewAssignment};
use crate::{
    ReviewId, UserId,
    decision::{
        AssignReview, AuditSubject, DecisionContext, Interrupt, Rejection, ReleaseReview, ResourceKind,
        ReviewDecided,
    },
};

/// An undecided review that nobody else works on.
pub(super) fn free_review(
    cx: &DecisionContext<'_>,
    key: (UserId, ReviewId),
    reviewer: Option<UserId>,
) -> Result<Review, Interrupt> {
    let review = cx.review(key)?.ok_or(Rejection::NotFound(ResourceKind::Review))?;
    if !review.is_undecided() {
        return Err(Rejection::AlreadyDecided.into());
    }
    match review.assignment_at(cx.now()) {
        Some(ReviewAssignment {
            reviewer: other,
            until,
        }) if Some(other) != reviewer => Err(Rejection::AssignedToAnother { until }.into()),
        _ => Ok(review),
    }
}

pub(crate) fn assign_review(
    cx: &mut DecisionContext<'_>,
    command: &AssignReview,
) -> Result<ReviewDecided, Interrupt> {
    let known = free_review(cx, (command.user, command.review), Some(command.by))?;
    let until = cx.now() + Duration::minutes(command.minutes.into());
    let assignment = ReviewAssignment {
        reviewer: command.reviewer,
        until: until.trunc_subsecs(0),
    };
    Ok(save(cx, known, Some(assignment)))
}

/// Doing it twice changes nothing, and is not told twice.
pub(crate) fn release_review(
    cx: &mut DecisionContext<'_>,
    command: &ReleaseReview,
) -> Result<ReviewDecided, Interrupt> {
    let known = free_review(cx, (command.user, command.review), Some(command.by))?;
    Ok(save(cx, known, None))
}

fn save(cx: &mut DecisionContext<'_>, known: Review, assignment: Option<ReviewAssignment>) -> ReviewDecided {
    if known.assignment == assignment {
        return ReviewDecided { review: known };
    }
    let state = |assignment: Option<ReviewAssignment>| {
        json!({
            "assigned_to": assignment.map(|assignment| assignment.reviewer),
            "assigned_until": assignment.map(|assignment| assignment.until),
        })
    };
    let subject = (AuditSubject::Review, known.id.to_string());
    let before = state(known.assignment);
    cx.audit(subject, Some(known.user_id), Some(before), state(assignment));
    let review = Review { assignment, ..known };
    cx.put_review(review.clone());
    ReviewDecided { review }
}
