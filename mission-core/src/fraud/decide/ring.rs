//! A member of a ring is held, or let go.

use serde_json::json;

use crate::{
    decision::{AuditSubject, DecisionContext, HoldUser, Interrupt, Rejection, ResourceKind, UserSaved},
    user::User,
};

/// Doing it twice changes nothing, and is not told twice.
pub(crate) fn hold_user(cx: &mut DecisionContext<'_>, command: &HoldUser) -> Result<UserSaved, Interrupt> {
    let known = cx.user(command.user)?;
    let known = known.ok_or(Rejection::NotFound(ResourceKind::User))?;
    if known.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let mut user = known.clone();
    if command.held {
        user.held_for.insert(command.ring);
    } else {
        user.held_for.remove(&command.ring);
    }
    if user != known {
        let state = |user: &User| json!({"held_for": user.held_for});
        let subject = (AuditSubject::User, user.id.to_string());
        cx.audit(subject, Some(user.id), Some(state(&known)), state(&user));
        cx.put_user(user.clone());
    }
    Ok(UserSaved { user })
}
