//! A user is banned with a rejected review, or let back in.

use serde_json::json;

use crate::{
    UserId,
    decision::{AuditSubject, DecisionContext, Interrupt, LiftBan, Rejection, ResourceKind, UserSaved},
    user::User,
};

/// Whoever is banned already stays so, since when they are.
pub(super) fn ban(cx: &mut DecisionContext<'_>, user: UserId, note: Option<&str>) -> Result<(), Interrupt> {
    let known = cx.user_or_new(user)?;
    let mut user = known.clone();
    user.ban(cx.now());
    save(cx, &known, &user, note);
    Ok(())
}

/// Doing it twice changes nothing, and is not told twice.
pub(crate) fn lift_ban(cx: &mut DecisionContext<'_>, command: &LiftBan) -> Result<UserSaved, Interrupt> {
    let known = cx.user(command.user)?;
    let known = known.ok_or(Rejection::NotFound(ResourceKind::User))?;
    if known.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let mut user = known.clone();
    user.lift_ban();
    save(cx, &known, &user, command.note.as_deref());
    Ok(UserSaved { user })
}

fn save(cx: &mut DecisionContext<'_>, known: &User, user: &User, note: Option<&str>) {
    if user == known {
        return;
    }
    let before = json!({"banned_at": known.banned_at});
    let after = json!({"banned_at": user.banned_at, "note": note});
    let subject = (AuditSubject::User, user.id.to_string());
    cx.audit(subject, Some(user.id), Some(before), after);
    cx.put_user(user.clone());
}
