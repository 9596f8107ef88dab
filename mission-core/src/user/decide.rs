//! Users registered, described, erased; inviters paid.

use serde_json::json;

use crate::{
    UserId,
    engine::{
        ActivateReferral, AuditSubject, DescribeUser, Erased, Halt, ReferralPaid, RegisterUser, Rejection,
        UserSaved, Work,
    },
    event::{IntegrationEvent, UserErased},
    ports::store::Claim,
    reward::{RewardAmount, RewardStatus, RewardType, decide as rewards},
    user::{InviteCode, User},
};

pub(crate) fn register(work: &mut Work<'_>, command: &RegisterUser) -> Result<UserSaved, Halt> {
    let before = work.user_or_new(command.user)?;
    if before.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let user = before
        .clone()
        .asking_for_zone(work.context.signals.zone, work.now());
    let user = User {
        registered_at: command.registered_at.or(user.registered_at),
        display_name: command.display_name.clone().or(user.display_name),
        ..user
    };
    if user != before || work.user(command.user)?.is_none() {
        work.put_user(user.clone());
    }
    Ok(UserSaved { user })
}

pub(crate) fn note_refused_visit(work: &mut Work<'_>, id: UserId) -> Result<UserSaved, Halt> {
    let before = work.user_or_new(id)?;
    if before.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let now = work.now();
    let mut user = before.clone().asking_for_zone(work.context.signals.zone, now);
    let coming = user.zones.as_ref().and_then(|zones| zones.coming(now));
    if let (Some((_, zone)), Some(zones)) = (coming, &mut user.zones) {
        let date = zone.date(now);
        if user.check_in.can_check_in_on(date) {
            zones.excuse(date);
        }
    }
    if user != before {
        work.put_user(user.clone());
    }
    Ok(UserSaved { user })
}

pub(crate) fn describe(work: &mut Work<'_>, command: &DescribeUser) -> Result<UserSaved, Halt> {
    let before = work.user_or_new(command.user)?;
    if before.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let known = before.clone();
    let mut user = before.asking_for_zone(command.update.zone, work.now());
    command.update.clone().describe(&mut user);
    work.put_user(user.clone());
    if work.context.signals.operator.is_some() {
        let default = work.book().check_in.default_zone();
        let state = |user: &User| {
            let zone = user.zone_line(default).wanted();
            json!({"description": user.description, "zone": zone})
        };
        let subject = (AuditSubject::User, user.id.to_string());
        work.audit(subject, Some(user.id), Some(state(&known)), state(&user));
    }
    Ok(UserSaved { user })
}

pub(crate) fn erase(work: &mut Work<'_>, id: UserId) -> Result<Erased, Halt> {
    let before = work.user(id)?;
    if before.as_ref().is_some_and(User::is_erased) {
        return Ok(Erased { now: false });
    }
    work.effects.erasures.insert(id);
    work.effects
        .releases
        .insert(Claim::InviteCode(InviteCode::of(id)));
    work.put_user(User::tombstone(id, work.now()));
    work.emit(IntegrationEvent::UserErased(UserErased {
        user_id: id,
        erased_at: work.now(),
    }));
    Ok(Erased { now: true })
}

/// Two users, one decision: the claim on the invitee makes it unique, the inviter is paid.
pub(crate) fn activate_referral(
    work: &mut Work<'_>,
    command: &ActivateReferral,
) -> Result<ReferralPaid, Halt> {
    if command.inviter == command.invitee {
        return Err(Rejection::SelfReferral.into());
    }
    let mut inviter = work.user_or_new(command.inviter)?;
    if inviter.is_erased() {
        return Err(Rejection::UserErased.into());
    }
    let counted = Claim::Invitee(command.invitee);
    if work.claim_holder(&counted)?.is_some() {
        return Err(Rejection::ReferralCounted.into());
    }
    work.effects.claims.insert(counted, command.inviter.0);
    if let Some(code) = &command.invite_code {
        let code = InviteCode::typed(code);
        // A code that may be some user's own is left to them, or their first command would find it taken for ever.
        let claim = Claim::InviteCode(code.clone());
        if !code.may_be_generated() && work.claim_holder(&claim)?.is_none() {
            work.effects.claims.insert(claim, command.inviter.0);
        }
    }
    let points = work
        .book()
        .points_scale
        .round(work.book().referral.points.get())?;
    let reward = rewards::plain(
        work,
        &inviter,
        RewardType::ReferralBonus,
        command.invitee.0,
        RewardAmount::new(points, crate::Points::ZERO),
        RewardStatus::Pending,
    );
    let granted = rewards::grant(work, &mut inviter, &reward);
    work.put_user(inviter);
    Ok(ReferralPaid { reward: granted.id })
}
