//! The moderation service looks at an upload: what it finds first counts, however often it is told.

use super::settle;
use crate::{
    ReviewId, UserId,
    decision::{
        ApplyVerdict, DecisionContext, Interrupt, NoteModeration, Rejection, ResourceKind, ReviewDecided,
    },
    fraud::{Review, ReviewReason, ReviewStatus, Verdict},
    task::{Verification, VerificationMethod},
};

fn review_of(cx: &DecisionContext<'_>, user: UserId, review: ReviewId) -> Result<Review, Interrupt> {
    let review = cx.review((user, review))?;
    Ok(review.ok_or(Rejection::NotFound(ResourceKind::Review))?)
}

pub(crate) fn note(
    cx: &mut DecisionContext<'_>,
    command: &NoteModeration,
) -> Result<ReviewDecided, Interrupt> {
    let mut review = review_of(cx, command.user, command.review)?;
    if review.status == ReviewStatus::InModeration {
        review.moderation = Some(command.moderation.clone());
        cx.put_review(review.clone());
    }
    Ok(ReviewDecided { review })
}

pub(crate) fn apply_verdict(
    cx: &mut DecisionContext<'_>,
    command: &ApplyVerdict,
) -> Result<ReviewDecided, Interrupt> {
    let mut review = review_of(cx, command.user, command.review)?;
    if review.status != ReviewStatus::InModeration {
        // An earlier verdict, or a person, was faster.
        return Ok(ReviewDecided { review });
    }
    if command.moderation.is_some() {
        review.moderation.clone_from(&command.moderation);
    }
    let is_valid = match command.verdict {
        Verdict::Approved => true,
        Verdict::Rejected => false,
        Verdict::Review => {
            let why = command.reason.clone().unwrap_or_default();
            review.reasons.push(ReviewReason::Moderation(why));
            review.status = ReviewStatus::Open;
            cx.put_review(review.clone());
            return Ok(ReviewDecided { review });
        }
    };
    let reason = command.reason.clone();
    let verification = Verification {
        is_valid,
        failure_reason: (!is_valid).then(|| {
            reason
                .clone()
                .unwrap_or_else(|| "refused by moderation".to_owned())
        }),
        method: VerificationMethod::Moderation,
        verified_by: None,
        verified_at: cx.now(),
    };
    let review = settle(cx, review, verification, reason)?;
    Ok(ReviewDecided { review })
}
