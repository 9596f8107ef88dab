//! One activity event against every mission that it triggers.

mod inner;
mod reversal;
mod shadow;

use std::collections::BTreeSet;

pub(crate) use inner::{apply_raised, raise_check_in};

use super::{ActivityEvent, EventOutcome, EventResult, InnerEvent, friendship::FriendshipEvent};
use crate::{
    decision::{Claim, CompiledMission, DecisionContext, Interrupt, Rejection},
    mission::Mission,
    ports::rules::{FailureKind, Hook, MissionRuleFailure, RuleFailure},
    reward::{RewardStatus, decide as rewards},
    task::{
        Participation, Tally, Task, TaskStatus,
        decide::{
            RuleEvaluation, after_event, completion, earn_stages, finish, may_start, no_cooldown, open,
            period_at, with_current_mission,
        },
    },
    user::{User, UserUpdate},
};

pub(crate) fn apply(cx: &mut DecisionContext<'_>, event: &ActivityEvent) -> Result<EventResult, Interrupt> {
    if InnerEvent::of(&event.event_type).is_some() {
        return Ok(EventResult {
            detail: Some(format!("`{}` is raised by the engine alone", event.event_type)),
            ..without_effect(EventOutcome::Rejected, Some("reserved_type"))
        });
    }
    let claim = Claim::Inbound {
        source: event.source.clone(),
        id: event.id.clone(),
    };
    if cx.claim_holder(&claim)?.is_some() {
        return Ok(without_effect(EventOutcome::Duplicate, None));
    }
    let window = cx.catalog().settings.late_window;
    if event.time > cx.now() + window.ahead {
        return Ok(without_effect(EventOutcome::Rejected, Some("too_early")));
    }
    if event.time < cx.now() - window.behind {
        return Ok(without_effect(EventOutcome::Rejected, Some("too_late")));
    }
    apply_once(cx, event, claim)
}

fn without_effect(outcome: EventOutcome, reason: Option<&str>) -> EventResult {
    EventResult {
        outcome,
        reason: reason.map(str::to_owned),
        detail: None,
        tasks: Vec::new(),
        failures: Vec::new(),
    }
}

/// Applies an event that is known to be new and in time, and remembers its id.
pub(crate) fn apply_once(
    cx: &mut DecisionContext<'_>,
    event: &ActivityEvent,
    claim: Claim,
) -> Result<EventResult, Interrupt> {
    let user = cx.user(event.user_id)?;
    if user.as_ref().is_some_and(User::is_erased) {
        return Ok(without_effect(EventOutcome::Ignored, Some("user_erased")));
    }
    let referral = event.invitee().map(Claim::ReferralEvent);
    if event.invitee() == Some(event.user_id) {
        return Ok(without_effect(EventOutcome::Ignored, Some("self_referral")));
    }
    if let Some(referral) = &referral
        && cx.claim_holder(referral)?.is_some()
    {
        return Ok(without_effect(EventOutcome::Duplicate, Some("referral_counted")));
    }
    let update = match UserUpdate::of(event).transpose() {
        Ok(update) => update,
        Err(_) => return Ok(without_effect(EventOutcome::Rejected, Some("invalid_data"))),
    };
    let friendship = match FriendshipEvent::of(event).transpose() {
        Ok(friendship) => friendship,
        Err(detail) => {
            return Ok(EventResult {
                detail: Some(detail),
                ..without_effect(EventOutcome::Rejected, Some("invalid_data"))
            });
        }
    };
    if let Some(contradiction) = cx.catalog().contradiction(event) {
        return Ok(EventResult {
            detail: Some(contradiction),
            ..without_effect(EventOutcome::Rejected, Some("invalid_data"))
        });
    }
    let told = Told {
        is_new: user.is_none(),
        describes: update.is_some() || friendship.is_some(),
        is_seen: update.is_none(),
        friendship,
        claims: referral.into_iter().chain([claim]).collect(),
    };
    let mut user = user.unwrap_or_else(|| User::new(event.user_id, cx.now()));
    if let Some(update) = update {
        user = user.asking_for_zone(update.zone, cx.now());
        update.describe(&mut user);
    }
    let (shadows, candidates) = shadow::parted(candidates(cx, event, &user));
    let before = (!shadows.is_empty()).then(|| user.clone());
    let result = apply_to_all(cx, event, user, candidates, told)?;
    shadow::apply(cx, before, &shadows, event, result.outcome)?;
    Ok(result)
}

/// What an event tells of its user besides what it moves, and what it holds once it was applied.
struct Told {
    /// Nothing was known of the user.
    is_new: bool,
    /// It says what the user is like, or who their friends are.
    describes: bool,
    /// The user did something.
    is_seen: bool,
    friendship: Option<FriendshipEvent>,
    claims: Vec<Claim>,
}

/// Applies an event to the missions that users see, and keeps what it tells of its user.
fn apply_to_all(
    cx: &mut DecisionContext<'_>,
    event: &ActivityEvent,
    mut user: User,
    candidates: Vec<&CompiledMission>,
    told: Told,
) -> Result<EventResult, Interrupt> {
    if candidates.is_empty() && !told.describes {
        let mut triggered = cx
            .catalog()
            .triggered_by(&event.event_type)
            .map(|known| &known.mission);
        let is_refused =
            triggered.any(|mission| !mission.definition.shadow && mission.is_running_at(event.time));
        // The rules of those that are not candidates would say no.
        let reason = if is_refused { "not_eligible" } else { "no_mission" };
        return Ok(without_effect(EventOutcome::Ignored, Some(reason)));
    }
    load_together(cx, event, &candidates)?;

    if told.is_new {
        cx.claim_invite_code(event.user_id);
    }
    if told.is_seen {
        cx.see_user(event.time);
    }
    let mut result = without_effect(EventOutcome::Ignored, None);
    let mut is_kept = told.describes;
    for compiled in candidates {
        match apply_to(cx, &mut user, compiled, event) {
            Ok(Effect::Task(task)) => result.tasks.push(*task),
            Ok(Effect::Noted) => is_kept = true,
            Ok(Effect::None) => {}
            Err(Interrupt::NeedsLoad(missing)) => return Err(Interrupt::NeedsLoad(missing)),
            // The whole event waits: it would be lost for this mission.
            Err(Interrupt::Rejected(Rejection::FriendsUnknown)) => {
                return Err(Rejection::FriendsUnknown.into());
            }
            Err(Interrupt::Rejected(why)) => note_refusal(&mut result, &compiled.mission, &why),
        }
    }
    if result.tasks.is_empty() && !is_kept {
        // A first-seen user whom the event did not concern is not worth a record.
        cx.write_set = crate::decision::WriteSet::default();
        return Ok(result);
    }
    if let Some(friendship) = told.friendship {
        cx.write_set.friendships.extend(friendship.pairs(user.id));
    }
    result.outcome = EventOutcome::Applied;
    result.reason = None;
    for claim in told.claims {
        cx.write_set.claims.insert(claim, user.id.0);
    }
    cx.put_user(user);
    Ok(result)
}

/// The missions that an event of a user can concern when it happens, in the order in which they hear of it.
fn candidates<'a>(cx: &DecisionContext<'a>, event: &ActivityEvent, user: &User) -> Vec<&'a CompiledMission> {
    let catalog = cx.catalog();
    let mut candidates: Vec<&CompiledMission> = catalog
        .concerned_by(event, user.rule_context(&catalog.levels))
        .filter(|compiled| compiled.mission.is_running_at(event.time))
        .collect();
    candidates.sort_by_key(|compiled| {
        (
            std::cmp::Reverse(compiled.mission.definition.priority),
            compiled.mission.id,
        )
    });
    candidates
}

fn note_refusal(result: &mut EventResult, mission: &Mission, why: &Rejection) {
    result.failures.extend(failure(mission, why));
    result.reason.get_or_insert_with(|| why.code().to_owned());
}

/// What a refusal tells of a mission's rules, where it is they that failed.
fn failure(mission: &Mission, why: &Rejection) -> Option<MissionRuleFailure> {
    match why {
        Rejection::RuleFailed(fault) => Some(fault.as_ref().clone()),
        Rejection::AmountOutOfBounds(message) => {
            let failure = RuleFailure {
                hook: Hook::Reward,
                kind: FailureKind::Amount,
                line: None,
                message: message.clone(),
            };
            Some(MissionRuleFailure::new(mission, failure))
        }
        _ => None,
    }
}

/// What an event did to one mission.
enum Effect {
    /// Nothing.
    None,
    /// It is remembered, and no task moved.
    Noted,
    /// A task moved.
    Task(Box<Task>),
}

/// Asks for what all candidates need at once, so that an event costs two loads and not one a mission.
fn load_together(
    cx: &DecisionContext<'_>,
    event: &ActivityEvent,
    candidates: &[&CompiledMission],
) -> Result<(), Interrupt> {
    let mut missing = crate::decision::ReadSet::default();
    let mut open = BTreeSet::new();
    for compiled in candidates {
        match cx.participation((event.user_id, compiled.mission.id)) {
            Ok(participation) => {
                open.extend(participation.iter().flat_map(Participation::open_tasks));
            }
            Err(unloaded) => missing.extend(*unloaded.0),
        }
    }
    for task in open {
        if let Err(unloaded) = cx.task((event.user_id, task)) {
            missing.extend(*unloaded.0);
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Interrupt::NeedsLoad(Box::new(missing)))
    }
}

/// Applies the event to one mission.
fn apply_to(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    compiled: &CompiledMission,
    event: &ActivityEvent,
) -> Result<Effect, Interrupt> {
    // One mission's refusal leaves no trace among the others.
    let mut part = cx.part();
    let effect = match compiled.mission.definition.trigger.reversed_by(&event.event_type) {
        Some(trigger) => reversal::reverse(&mut part, user, compiled, trigger, event)?,
        None => match move_task(&mut part, user, compiled, event)? {
            Some(task) => Effect::Task(Box::new(task)),
            None => Effect::None,
        },
    };
    let part = part.into_part();
    if !matches!(effect, Effect::None) {
        cx.merge(part);
    }
    Ok(effect)
}

/// What the mission counts under the event's key, where its trigger has one and the event has a value there.
fn counted_claim(
    user: &User,
    compiled: &CompiledMission,
    path: &str,
    event: &ActivityEvent,
) -> Option<Claim> {
    Some(Claim::Counted {
        user: user.id,
        mission: compiled.mission.id,
        key: event.field(path).as_ref().and_then(Tally::key_of)?,
    })
}

fn move_task(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    current: &CompiledMission,
    event: &ActivityEvent,
) -> Result<Option<Task>, Interrupt> {
    let trigger = current.mission.definition.trigger.on(&event.event_type);
    let counted = trigger
        .and_then(|trigger| trigger.key.as_deref())
        .and_then(|path| counted_claim(user, current, path, event));
    if let Some(counted) = &counted
        && cx.claim_holder(counted)?.is_some()
    {
        return Err(Rejection::AlreadyCounted.into());
    }
    let (task, compiled, started) = match running(cx, user, current, event)? {
        Some((task, compiled)) => {
            let participation = cx.participation((user.id, task.mission_id))?.unwrap_or_default();
            let Some(task) = as_of(cx, compiled, &participation, task, event)? else {
                return Ok(None);
            };
            (task, compiled, false)
        }
        None if starts(current, event) => (begin(cx, user, current, event)?, current, true),
        None => return Ok(None),
    };
    let mission = &compiled.mission;
    let participation = cx.participation((user.id, mission.id))?.unwrap_or_default();
    let mut inquiry = RuleEvaluation::of_task(cx, compiled, user, &task, &participation, event.time)?;
    inquiry.event = Some(event);
    if !started {
        inquiry.eligible()?;
    }
    let amount = inquiry.progress()?;
    let full_before = task.progress.is_complete() && !started;
    let moved = after_event(cx, user, compiled, task.clone(), event, amount);
    if !started && moved == task && !(full_before && mission.definition.completes_itself()) {
        return Ok(None);
    }
    if let Some(counted) = counted.filter(|_| amount > 0) {
        cx.write_set.claims.insert(counted, task.id.0);
    }
    let mut task = Task {
        version: task.version + u64::from(!started),
        ..moved
    };
    let at = task.progress.last_updated().max(event.time);
    task = earn_stages(cx, user, compiled, task, Some(event), at)?;
    if task.progress.is_complete()
        && task.status == TaskStatus::InProgress
        && mission.definition.completes_itself()
    {
        task = complete_itself(cx, user, compiled, task, event, full_before)?;
    }
    cx.put_task(task.clone());
    Ok(Some(task))
}

/// The open task that an event moves, and the mission as that task has it: of several, which different editions of a
/// mission may leave, the one that was started first.
fn running<'a>(
    cx: &mut DecisionContext<'a>,
    user: &User,
    current: &CompiledMission,
    event: &ActivityEvent,
) -> Result<Option<(Task, &'a CompiledMission)>, Interrupt> {
    let participation = cx.participation((user.id, current.mission.id))?;
    let mut found: Option<(Task, &CompiledMission)> = None;
    for id in participation.iter().flat_map(Participation::open_tasks) {
        let Some(task) = cx.task((user.id, id))?.filter(|task| task.status.is_open()) else {
            continue;
        };
        let (task, compiled) = with_current_mission(cx, user, task)?;
        if compiled
            .mission
            .definition
            .trigger
            .on(&event.event_type)
            .is_some()
            && task.period == period_at(cx, user, compiled, event.time)
            && found
                .as_ref()
                .is_none_or(|(first, _)| task.started_at < first.started_at)
        {
            found = Some((task, compiled));
        }
    }
    Ok(found)
}

/// Whether an event starts a task where none is open.
fn starts(current: &CompiledMission, event: &ActivityEvent) -> bool {
    let mission = &current.mission;
    let is_moved = mission.definition.trigger.on(&event.event_type).is_some();
    mission.definition.auto_start && is_moved && mission.is_open_at(event.time)
}

fn begin(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    current: &CompiledMission,
    event: &ActivityEvent,
) -> Result<Task, Interrupt> {
    may_start(cx, user, current, event.time)?;
    let period = period_at(cx, user, current, event.time);
    let participation = cx
        .participation((user.id, current.mission.id))?
        .unwrap_or_default();
    let mut inquiry = RuleEvaluation::of_start(cx, current, user, &participation, period, event.time)?;
    inquiry.event = Some(event);
    inquiry.eligible()?;
    Ok(open(cx, user, current, participation, period, event.time))
}

/// The task as it would be had the event come in its turn; `None` where there was none yet. An event of before the
/// start begins a task that begins by itself so much earlier; of one that the user started it does not know. Clocks
/// differ: what lies before the start by no more than an event may be ahead is taken for the start.
fn as_of(
    cx: &DecisionContext<'_>,
    compiled: &CompiledMission,
    participation: &Participation,
    task: Task,
    event: &ActivityEvent,
) -> Result<Option<Task>, Rejection> {
    if event.time >= task.started_at {
        return Ok(Some(task));
    }
    if compiled.mission.definition.auto_start {
        no_cooldown(compiled, participation, event.time)?;
        return Ok(Some(Task {
            started_at: event.time,
            ..task
        }));
    }
    let by_another_clock = task.started_at - event.time <= cx.catalog().settings.late_window.ahead;
    Ok(by_another_clock.then_some(task))
}

/// Completes a task whose progress is full. Where the budget is spent it stays open, with its progress.
fn complete_itself(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    compiled: &CompiledMission,
    task: Task,
    event: &ActivityEvent,
    full_before: bool,
) -> Result<Task, Interrupt> {
    let participation = cx
        .participation((user.id, compiled.mission.id))?
        .unwrap_or_default();
    // Whichever event is told last, the latest completes it.
    let at = task.progress.last_updated().max(task.started_at).max(event.time);
    let mut inquiry = RuleEvaluation::of_task(cx, compiled, user, &task, &participation, at)?;
    inquiry.event = Some(event);
    let patch = inquiry.reward()?;
    match rewards::earn(
        cx,
        user,
        completion(&task, compiled, patch, RewardStatus::Pending, at),
    ) {
        Ok(reward) => {
            let mut task = task;
            task.note_earned(&reward);
            Ok(finish(cx, compiled, task, participation, reward.id, at))
        }
        Err(Interrupt::Rejected(Rejection::BudgetExhausted)) if !full_before => Ok(task),
        Err(halt) => Err(halt),
    }
}
