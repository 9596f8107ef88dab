//! A review that nobody has decided in time is decided without a person.

use super::{assignment::free_review, settle, tell};
use crate::{
    decision::{DecisionContext, Interrupt, Rejection, ReviewDecided, TimeOutReview},
    fraud::ReviewTimeout,
    task::{Verification, VerificationMethod},
};

/// One that a reviewer works on is left to them. A grant that a second person has to approve is not approved by nobody.
pub(crate) fn time_out_review(
    cx: &mut DecisionContext<'_>,
    command: &TimeOutReview,
) -> Result<ReviewDecided, Interrupt> {
    let known = free_review(cx, (command.user, command.review), None)?;
    let is_valid = command.timeout == ReviewTimeout::Approve;
    if is_valid && known.subject.requested_by().is_some() {
        return Err(Rejection::SecondPersonRequired.into());
    }
    let note = format!("nobody decided within {} hours", command.hours);
    let verification = Verification {
        is_valid,
        failure_reason: (!is_valid).then(|| note.clone()),
        method: VerificationMethod::Manual,
        verified_by: None,
        verified_at: cx.now(),
    };
    let review = settle(cx, known.clone(), verification, Some(note))?;
    tell(cx, &known, &review);
    Ok(ReviewDecided { review })
}
