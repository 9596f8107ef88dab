//! Inner events: a completed mission, a check-in or a new level, applied to the missions that listen in the decision that
//! made them true.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{Effect, apply_to, candidates, failure, load_together, shadow};
use crate::{
    check_in::CheckInDay,
    decision::{CompiledMission, DecisionContext, Interrupt, RaisedEvent, Rejection, Reply},
    event::InnerEvent,
    mission::{ConditionField, FieldCondition, FieldKey, WantedField},
    task::Task,
    user::User,
};

/// Raises the event of a check-in that was rewarded.
pub(crate) fn raise_check_in(cx: &mut DecisionContext<'_>, user: &User, day: &CheckInDay) {
    let data = || {
        let milestone = !day.earned.milestone_bonus.is_zero();
        Map::from_iter([
            ("date".to_owned(), json!(day.date)),
            ("streak".to_owned(), json!(day.streak)),
            ("points".to_owned(), exact_number(day.earned.total())),
            ("milestone".to_owned(), json!(milestone)),
        ])
    };
    cx.raise(
        InnerEvent::CheckInCompleted,
        user.id,
        day.checked_in_at,
        data,
        None,
    );
}

fn exact_number(points: Decimal) -> Value {
    // A decimal is a number in JSON, whatever its digits.
    crate::points::exact::serialize(&points, serde_json::value::Serializer).unwrap_or_default()
}

/// Applies everything that the decision raised, and what that raises in turn. A mission is not moved by what its own
/// completion led to, so this comes to an end. What moved stands in the reply to an event.
pub(crate) fn apply_raised(cx: &mut DecisionContext<'_>, reply: &mut Reply) -> Result<(), Interrupt> {
    raise_levels(cx)?;
    let mut moved = Vec::new();
    while let Some(raised) = cx.next_raised() {
        apply(cx, &raised, &mut moved)?;
    }
    let failures = std::mem::take(&mut cx.failures);
    if let Reply::EventResult(result) = reply {
        result.failures.extend(failures);
        for task in moved {
            match result.tasks.iter_mut().find(|known| known.id == task.id) {
                Some(known) => *known = task,
                None => result.tasks.push(task),
            }
        }
    } else {
        cx.failures = failures;
    }
    Ok(())
}

/// Raises an event for each user whose level is higher than it was.
fn raise_levels(cx: &mut DecisionContext<'_>) -> Result<(), Interrupt> {
    let event = InnerEvent::LevelReached;
    if !cx.catalog().is_moved_by(event.event_type()) {
        return Ok(());
    }
    let levels = &cx.catalog().levels;
    let risen: Vec<_> = cx
        .changed_users()?
        .into_iter()
        .map(|(before, user)| {
            (
                user.id,
                before.map_or(1, |user| user.level(levels)),
                user.level(levels),
            )
        })
        .filter(|(_, before, now)| now > before)
        .collect();
    for (user, before, now) in risen {
        let data = || {
            Map::from_iter([
                ("level".to_owned(), json!(now)),
                ("previous_level".to_owned(), json!(before)),
            ])
        };
        cx.raise(event, user, cx.now(), data, None);
    }
    Ok(())
}

fn apply(cx: &mut DecisionContext<'_>, raised: &RaisedEvent, moved: &mut Vec<Task>) -> Result<(), Interrupt> {
    let event = &raised.event;
    let source = raised.chain.last().and_then(|id| cx.catalog().mission(*id));
    let user = cx.user_or_new(event.user_id)?;
    if user.is_erased() {
        return Ok(());
    }
    let heard: Vec<&CompiledMission> = candidates(cx, event, &user)
        .into_iter()
        .filter(|compiled| !raised.chain.contains(&compiled.mission.id))
        .filter(|compiled| {
            source.is_none_or(|source| !counts_completions(source) || names_missions(compiled))
        })
        .collect();
    if heard.is_empty() {
        return Ok(());
    }
    let (shadows, heard) = shadow::parted(heard);
    let before = (!shadows.is_empty()).then(|| user.clone());
    apply_to_all(cx, raised, user, heard, moved)?;
    shadow::move_all(cx, before, &shadows, event)?;
    Ok(())
}

/// Applies an inner event to the missions that users see.
fn apply_to_all(
    cx: &mut DecisionContext<'_>,
    raised: &RaisedEvent,
    mut user: User,
    heard: Vec<&CompiledMission>,
    moved: &mut Vec<Task>,
) -> Result<(), Interrupt> {
    let event = &raised.event;
    if heard.is_empty() {
        return Ok(());
    }
    load_together(cx, event, &heard)?;
    cx.chain.clone_from(&raised.chain);
    let mut is_changed = false;
    for compiled in heard {
        match apply_to(cx, &mut user, compiled, event) {
            Ok(Effect::Task(task)) => {
                is_changed = true;
                moved.push(*task);
            }
            Ok(Effect::Noted) => is_changed = true,
            Ok(Effect::None) => {}
            Err(Interrupt::NeedsLoad(missing)) => return Err(Interrupt::NeedsLoad(missing)),
            Err(Interrupt::Rejected(why)) => note(cx, compiled, &why),
        }
    }
    if is_changed {
        cx.put_user(user);
    }
    Ok(())
}

fn note(cx: &mut DecisionContext<'_>, compiled: &CompiledMission, why: &Rejection) {
    cx.failures.extend(failure(&compiled.mission, why));
}

/// Whether completions of other missions move it.
fn counts_completions(compiled: &CompiledMission) -> bool {
    let event_type = InnerEvent::MissionCompleted.event_type();
    compiled.mission.definition.trigger.on(event_type).is_some()
}

/// Whether it says which missions it means: only then do those move it that count completions themselves. "Complete ten
/// missions" and "complete twenty" do not count each other.
fn names_missions(compiled: &CompiledMission) -> bool {
    let names = |condition: FieldCondition| {
        let is_code = |key: &FieldKey| matches!(key, FieldKey::Text(_));
        condition.field == ConditionField::Event("event.data.mission".to_owned())
            && matches!(&condition.wanted, WantedField::OneOf(keys) if keys.iter().any(is_code))
    };
    let mut rules = compiled.mission.definition.rules.iter();
    let by_script = || match &compiled.script {
        Some(Ok(script)) => script.field_condition().is_some_and(names),
        _ => false,
    };
    rules.any(|rule| rule.field_condition().is_some_and(names)) || by_script()
}
