//! An event against the shadow missions that it triggers: after all others, on records that are theirs alone.

use super::{Effect, apply_to, failure, load_together};
use crate::{
    decision::{Claim, CompiledMission, DecisionContext, Interrupt},
    event::{ActivityEvent, EventOutcome},
    mission::contradiction,
    user::User,
};

/// Parts shadow missions from those that users see; both stay in their order.
pub(super) fn parted(candidates: Vec<&CompiledMission>) -> (Vec<&CompiledMission>, Vec<&CompiledMission>) {
    candidates
        .into_iter()
        .partition(|compiled| compiled.mission.definition.shadow)
}

/// Applies an event to shadow missions, once, whatever it did to the others.
pub(super) fn apply(
    cx: &mut DecisionContext<'_>,
    before: Option<User>,
    shadows: &[&CompiledMission],
    event: &ActivityEvent,
    outcome: EventOutcome,
) -> Result<(), Interrupt> {
    if shadows.is_empty() {
        return Ok(());
    }
    let claim = Claim::shadow_inbound(event);
    if cx.claim_holder(&claim)?.is_some() {
        return Ok(());
    }
    let has_moved = move_all(cx, before, shadows, event)?;
    // What the event did to others keeps it from being applied again.
    if has_moved && outcome != EventOutcome::Applied {
        cx.write_set.claims.insert(claim, event.user_id.0);
    }
    Ok(())
}

/// Moves the tasks of shadow missions, and says whether any was. Of the user nothing changes; rules see what the user was
/// when the others were moved, with the caps as they were before these counted.
pub(super) fn move_all(
    cx: &mut DecisionContext<'_>,
    before: Option<User>,
    shadows: &[&CompiledMission],
    event: &ActivityEvent,
) -> Result<bool, Interrupt> {
    if shadows.is_empty() {
        return Ok(false);
    }
    load_together(cx, event, shadows)?;
    let unknown = || User::new(event.user_id, cx.now());
    let (known, before) = (cx.user(event.user_id)?, before.unwrap_or_else(unknown));
    let is_known = known.is_some();
    let seen = User {
        last_seen_at: before.last_seen_at,
        capped: before.capped,
        ..known.unwrap_or_else(unknown)
    };
    let mut has_moved = false;
    for compiled in shadows {
        let trigger = compiled.mission.definition.trigger.on(&event.event_type);
        if trigger.is_some_and(|trigger| contradiction(&trigger.fields, &event.data).is_some()) {
            continue;
        }
        match apply_to(cx, &mut seen.clone(), compiled, event) {
            Ok(Effect::Task(_) | Effect::Noted) => has_moved = true,
            Ok(Effect::None) => {}
            Err(Interrupt::NeedsLoad(missing)) => return Err(Interrupt::NeedsLoad(missing)),
            Err(Interrupt::Rejected(why)) => cx.shadow_failures.extend(failure(&compiled.mission, &why)),
        }
    }
    if has_moved && !is_known {
        // Tasks are below a user's record, which says no more than that there is such a user.
        let user = cx.user_or_new(event.user_id)?;
        cx.put_user_record(user.id, user);
    }
    Ok(has_moved)
}
