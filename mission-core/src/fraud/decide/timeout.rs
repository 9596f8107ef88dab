//! A review that nobody has decided in time is decided without a person.

use super::{assignment::free_review, conclude};
use crate::{
    decision::{DecisionContext, Interrupt, ReviewDecided, TimeOutReview},
    fraud::ReviewTimeout,
};

/// One that a reviewer works on is left to them.
pub(crate) fn time_out_review(
    cx: &mut DecisionContext<'_>,
    command: &TimeOutReview,
) -> Result<ReviewDecided, Interrupt> {
    let known = free_review(cx, (command.user, command.review), None)?;
    let approved = command.timeout == ReviewTimeout::Approve;
    let note = format!("nobody decided within {} hours", command.hours);
    let review = conclude(cx, known, approved, None, Some(note))?;
    Ok(ReviewDecided { review })
}
