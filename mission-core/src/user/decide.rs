//! Users registered, described, erased; inviters paid.

use serde_json::json;

use crate::{
    UserId,
    decision::{
        ActivateReferral, AuditSubject, Claim, DecisionContext, DescribeUser, Erased, Interrupt,
        ReferralPaid, RegisterUser, Rejection, UserSaved,
    },
    event::{IntegrationEvent, UserErased},
    reward::{RewardAmount, RewardStatus, RewardType, decide as rewards},
    user::{InviteCode, User},
};

pub(crate) fn register(cx: &mut DecisionContext<'_>, command: &RegisterUser) -> Result<UserSaved, Interrupt> {
    let before = cx.user_or_new(command.user)?;
    if before.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let user = before.clone().asking_for_zone(cx.context.signals.zone, cx.now());
    let user = User {
        registered_at: command.registered_at.or(user.registered_at),
        display_name: command.display_name.clone().or(user.display_name),
        ..user
    };
    if user != before || cx.user(command.user)?.is_none() {
        cx.put_user(user.clone());
    }
    Ok(UserSaved { user })
}

pub(crate) fn note_refused_visit(cx: &mut DecisionContext<'_>, id: UserId) -> Result<UserSaved, Interrupt> {
    let before = cx.user_or_new(id)?;
    if before.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let now = cx.now();
    let mut user = before.clone().asking_for_zone(cx.context.signals.zone, now);
    let coming = user.zones.as_ref().and_then(|zones| zones.pending(now));
    if let (Some((_, zone)), Some(zones)) = (coming, &mut user.zones) {
        let date = zone.date(now);
        if user.check_in.can_check_in_on(date) {
            zones.excuse(date);
        }
    }
    if user != before {
        cx.put_user(user.clone());
    }
    Ok(UserSaved { user })
}

pub(crate) fn describe(cx: &mut DecisionContext<'_>, command: &DescribeUser) -> Result<UserSaved, Interrupt> {
    let before = cx.user_or_new(command.user)?;
    if before.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let known = before.clone();
    let mut user = before.asking_for_zone(command.update.zone, cx.now());
    command.update.clone().describe(&mut user);
    cx.put_user(user.clone());
    if cx.context.signals.operator.is_some() {
        let default = cx.catalog().check_in.default_zone();
        let state = |user: &User| {
            let zone = user.zone_history(default).requested();
            json!({"description": user.description, "zone": zone})
        };
        let subject = (AuditSubject::User, user.id.to_string());
        cx.audit(subject, Some(user.id), Some(state(&known)), state(&user));
    }
    Ok(UserSaved { user })
}

pub(crate) fn erase(cx: &mut DecisionContext<'_>, id: UserId) -> Result<Erased, Interrupt> {
    let before = cx.user(id)?;
    if before.as_ref().is_some_and(User::is_erased) {
        return Ok(Erased { now: false });
    }
    cx.write_set.erasures.insert(id);
    let further = before.map(|user| user.invite_codes).unwrap_or_default();
    let codes = further.into_iter().chain([InviteCode::of(id)]);
    cx.write_set.releases.extend(codes.map(Claim::InviteCode));
    cx.put_user(User::tombstone(id, cx.now()));
    cx.emit(IntegrationEvent::UserErased(UserErased {
        user_id: id,
        erased_at: cx.now(),
    }));
    Ok(Erased { now: true })
}

/// Two users, one decision: the claim on the invitee makes it unique, the inviter is paid.
pub(crate) fn activate_referral(
    cx: &mut DecisionContext<'_>,
    command: &ActivateReferral,
) -> Result<ReferralPaid, Interrupt> {
    if command.inviter == command.invitee {
        return Err(Rejection::SelfReferral.into());
    }
    let mut inviter = cx.user_or_new(command.inviter)?;
    if inviter.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let counted = Claim::Invitee(command.invitee);
    if cx.claim_holder(&counted)?.is_some() {
        return Err(Rejection::ReferralCounted.into());
    }
    cx.write_set.claims.insert(counted, command.inviter.0);
    if let Some(code) = &command.invite_code {
        let code = InviteCode::typed(code);
        // A code that may be some user's own is left to them, or their first command would find it taken for ever.
        let claim = Claim::InviteCode(code.clone());
        if !code.may_be_generated() && cx.claim_holder(&claim)?.is_none() {
            cx.write_set.claims.insert(claim, command.inviter.0);
            inviter.invite_codes.push(code);
        }
    }
    let points = cx
        .catalog()
        .points_scale
        .round(cx.catalog().referral.points.get())?;
    let reward = rewards::plain(
        cx,
        &inviter,
        RewardType::ReferralBonus,
        command.invitee.0,
        RewardAmount::new(points, crate::Points::ZERO),
        RewardStatus::Pending,
    );
    let granted = rewards::grant(cx, &mut inviter, &reward);
    cx.put_user(inviter);
    Ok(ReferralPaid { reward: granted.id })
}
