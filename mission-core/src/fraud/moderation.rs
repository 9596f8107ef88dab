//! The moderation service looks at an upload: what it finds first counts, however often it is told.

use super::{Review, ReviewReason, ReviewStatus, Verdict, decide::settle};
use crate::{
    ReviewId, UserId,
    engine::{ApplyVerdict, Halt, NoteModeration, Rejection, ReviewDecided, Thing, Work},
    task::{Verification, VerificationMethod},
};

fn review_of(work: &Work<'_>, user: UserId, review: ReviewId) -> Result<Review, Halt> {
    let review = work.review((user, review))?;
    Ok(review.ok_or(Rejection::NotFound(Thing::Review))?)
}

pub(crate) fn note(work: &mut Work<'_>, command: &NoteModeration) -> Result<ReviewDecided, Halt> {
    let mut review = review_of(work, command.user, command.review)?;
    if review.status == ReviewStatus::InModeration {
        review.moderation = Some(command.moderation.clone());
        work.put_review(review.clone());
    }
    Ok(ReviewDecided { review })
}

pub(crate) fn apply_verdict(work: &mut Work<'_>, command: &ApplyVerdict) -> Result<ReviewDecided, Halt> {
    let mut review = review_of(work, command.user, command.review)?;
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
            work.put_review(review.clone());
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
        verified_at: work.now(),
    };
    let review = settle(work, review, verification, reason)?;
    Ok(ReviewDecided { review })
}
