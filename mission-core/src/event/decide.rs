//! One activity event against every mission that it triggers.

use std::collections::BTreeSet;

use super::{ActivityEvent, EventOutcome, EventResult, friendship::ToldFriendship};
use crate::{
    engine::{Halt, LoadedMission, Rejection, Work},
    mission::Mission,
    ports::{
        rules::{FailureKind, Hook, RuleFailure, RuleFault},
        store::Claim,
    },
    reward::{RewardStatus, decide as rewards},
    task::{
        Participation, Task, TaskStatus,
        decide::{brought_up, finish, may_start, no_cooldown, open, period_at},
        rules::Inquiry,
    },
    user::{User, UserUpdate},
};

pub(crate) fn apply(work: &mut Work<'_>, event: &ActivityEvent) -> Result<EventResult, Halt> {
    let claim = Claim::Inbound {
        source: event.source.clone(),
        id: event.id.clone(),
    };
    if work.claim_holder(&claim)?.is_some() {
        return Ok(without_effect(EventOutcome::Duplicate, None));
    }
    let window = work.book().settings.late_window;
    if event.time > work.now() + window.ahead {
        return Ok(without_effect(EventOutcome::Rejected, Some("too_early")));
    }
    if event.time < work.now() - window.behind {
        return Ok(without_effect(EventOutcome::Rejected, Some("too_late")));
    }
    apply_once(work, event, claim)
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
    work: &mut Work<'_>,
    event: &ActivityEvent,
    claim: Claim,
) -> Result<EventResult, Halt> {
    let user = work.user(event.user_id)?;
    if user.as_ref().is_some_and(User::is_erased) {
        return Ok(without_effect(EventOutcome::Ignored, Some("user_erased")));
    }
    let referral = event.invitee().map(Claim::ReferralEvent);
    if event.invitee() == Some(event.user_id) {
        return Ok(without_effect(EventOutcome::Ignored, Some("self_referral")));
    }
    if let Some(referral) = &referral
        && work.claim_holder(referral)?.is_some()
    {
        return Ok(without_effect(EventOutcome::Duplicate, Some("referral_counted")));
    }
    let mut candidates: Vec<&LoadedMission> = work
        .book()
        .triggered_by(&event.event_type)
        .filter(|listed| listed.mission.runs_at(event.time))
        .collect();
    candidates.sort_by_key(|listed| {
        (
            std::cmp::Reverse(listed.mission.definition.priority),
            listed.mission.id,
        )
    });
    let update = match UserUpdate::of(event).transpose() {
        Ok(update) => update,
        Err(_) => return Ok(without_effect(EventOutcome::Rejected, Some("invalid_data"))),
    };
    let friendship = match ToldFriendship::of(event).transpose() {
        Ok(friendship) => friendship,
        Err(detail) => {
            return Ok(EventResult {
                detail: Some(detail),
                ..without_effect(EventOutcome::Rejected, Some("invalid_data"))
            });
        }
    };
    let declared = candidates
        .iter()
        .filter_map(|listed| listed.mission.definition.trigger.as_ref())
        .filter(|trigger| trigger.event == event.event_type);
    if let Some(contradiction) = declared
        .filter_map(|trigger| trigger.contradiction(&event.data))
        .next()
    {
        return Ok(EventResult {
            detail: Some(contradiction),
            ..without_effect(EventOutcome::Rejected, Some("invalid_data"))
        });
    }
    if candidates.is_empty() && update.is_none() && friendship.is_none() {
        return Ok(without_effect(EventOutcome::Ignored, Some("no_mission")));
    }
    load_together(work, event, &candidates)?;

    let mut user = work.user_or_new(event.user_id)?;
    let describes = update.is_some() || friendship.is_some();
    if let Some(update) = update {
        user = user.asking_for_zone(update.zone, work.now());
        update.describe(&mut user);
    }
    let mut result = without_effect(EventOutcome::Ignored, None);
    for listed in candidates {
        match apply_to(work, &mut user, listed, event) {
            Ok(Some(task)) => result.tasks.push(task),
            Ok(None) => {}
            Err(Halt::Missing(missing)) => return Err(Halt::Missing(missing)),
            // The whole event waits: it would be lost for this mission.
            Err(Halt::Rejected(Rejection::FriendsUnknown)) => return Err(Rejection::FriendsUnknown.into()),
            Err(Halt::Rejected(why)) => note_refusal(&mut result, &listed.mission, &why),
        }
    }
    if result.tasks.is_empty() && !describes {
        // A first-seen user whom the event did not concern is not worth a record.
        work.effects = crate::ports::store::Effects::default();
        return Ok(result);
    }
    if let Some(friendship) = friendship {
        work.effects.friendships.extend(friendship.pairs(user.id));
    }
    result.outcome = EventOutcome::Applied;
    result.reason = None;
    for claim in referral.into_iter().chain([claim]) {
        work.effects.claims.insert(claim, user.id.0);
    }
    work.put_user(user);
    Ok(result)
}

fn note_refusal(result: &mut EventResult, mission: &Mission, why: &Rejection) {
    match why {
        Rejection::RuleFailed(fault) => result.failures.push(fault.as_ref().clone()),
        Rejection::AmountOutOfBounds(message) => {
            let failure = RuleFailure {
                hook: Hook::Reward,
                kind: FailureKind::Amount,
                line: None,
                message: message.clone(),
            };
            result.failures.push(RuleFault::new(mission, failure));
        }
        _ => {}
    }
    result.reason.get_or_insert_with(|| why.code().to_owned());
}

/// Asks for what all candidates need at once, so that an event costs two loads and not one a mission.
fn load_together(work: &Work<'_>, event: &ActivityEvent, candidates: &[&LoadedMission]) -> Result<(), Halt> {
    let mut missing = crate::engine::Keys::default();
    let mut open = BTreeSet::new();
    for listed in candidates {
        match work.participation((event.user_id, listed.mission.id)) {
            Ok(participation) => {
                open.extend(participation.iter().flat_map(Participation::open_tasks));
            }
            Err(unloaded) => missing.extend(*unloaded.0),
        }
    }
    for task in open {
        if let Err(unloaded) = work.task((event.user_id, task)) {
            missing.extend(*unloaded.0);
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Halt::Missing(Box::new(missing)))
    }
}

/// Applies the event to one mission. `None`: no task of it moved.
fn apply_to(
    work: &mut Work<'_>,
    user: &mut User,
    listed: &LoadedMission,
    event: &ActivityEvent,
) -> Result<Option<Task>, Halt> {
    // One mission's refusal leaves no trace among the others, which share no record with it but the user's.
    let mut part = work.part();
    let moved = move_task(&mut part, user, listed, event)?;
    if moved.is_some() {
        work.take_in(part);
    }
    Ok(moved)
}

fn move_task(
    work: &mut Work<'_>,
    user: &mut User,
    current: &LoadedMission,
    event: &ActivityEvent,
) -> Result<Option<Task>, Halt> {
    let (task, listed, started) = match running(work, user, current, event)? {
        Some((task, listed)) => {
            let participation = work
                .participation((user.id, task.mission_id))?
                .unwrap_or_default();
            let Some(task) = as_of(work, listed, &participation, task, event)? else {
                return Ok(None);
            };
            (task, listed, false)
        }
        None if starts(current, event) => (begin(work, user, current, event)?, current, true),
        None => return Ok(None),
    };
    let mission = &listed.mission;
    let participation = work.participation((user.id, mission.id))?.unwrap_or_default();
    let mut inquiry = Inquiry::of_task(work, listed, user, &task, &participation, event.time);
    inquiry.event = Some(event);
    if !started {
        inquiry.eligible()?;
    }
    let progress = task.progress.advanced_by(inquiry.progress()?, event.time);
    let full_before = task.progress.is_complete() && !started;
    if !started && progress == task.progress && !(full_before && mission.definition.completes_itself()) {
        return Ok(None);
    }
    let mut task = Task {
        progress,
        version: task.version + u64::from(!started),
        ..task
    };
    if task.progress.is_complete()
        && task.status == TaskStatus::InProgress
        && mission.definition.completes_itself()
    {
        task = complete_itself(work, user, listed, task, event, full_before)?;
    }
    work.put_task(task.clone());
    Ok(Some(task))
}

/// The open task that an event moves, and the mission as that task has it: of several, which different editions of a
/// mission may leave, the one that was started first.
fn running<'a>(
    work: &mut Work<'a>,
    user: &User,
    current: &LoadedMission,
    event: &ActivityEvent,
) -> Result<Option<(Task, &'a LoadedMission)>, Halt> {
    let participation = work.participation((user.id, current.mission.id))?;
    let mut found: Option<(Task, &LoadedMission)> = None;
    for id in participation.iter().flat_map(Participation::open_tasks) {
        let Some(task) = work.task((user.id, id))?.filter(|task| task.status.is_open()) else {
            continue;
        };
        let (task, listed) = brought_up(work, user, task)?;
        if listed.mission.definition.is_moved_by(event)
            && task.period == period_at(work, user, listed, event.time)
            && found
                .as_ref()
                .is_none_or(|(first, _)| task.started_at < first.started_at)
        {
            found = Some((task, listed));
        }
    }
    Ok(found)
}

/// Whether an event starts a task where none is open.
fn starts(current: &LoadedMission, event: &ActivityEvent) -> bool {
    let mission = &current.mission;
    mission.definition.auto_start && mission.definition.is_moved_by(event) && mission.is_open_at(event.time)
}

fn begin(
    work: &mut Work<'_>,
    user: &mut User,
    current: &LoadedMission,
    event: &ActivityEvent,
) -> Result<Task, Halt> {
    may_start(work, user, current, event.time)?;
    let period = period_at(work, user, current, event.time);
    let participation = work
        .participation((user.id, current.mission.id))?
        .unwrap_or_default();
    let mut inquiry = Inquiry::of_start(work, current, user, &participation, period, event.time);
    inquiry.event = Some(event);
    inquiry.eligible()?;
    Ok(open(work, user, current, participation, period, event.time))
}

/// The task as it would be had the event come in its turn; `None` where there was none yet. An event of before the
/// start begins a task that begins by itself so much earlier; of one that the user started it does not know. Clocks
/// differ: what lies before the start by no more than an event may be ahead is taken for the start.
fn as_of(
    work: &Work<'_>,
    listed: &LoadedMission,
    participation: &Participation,
    task: Task,
    event: &ActivityEvent,
) -> Result<Option<Task>, Rejection> {
    if event.time >= task.started_at {
        return Ok(Some(task));
    }
    if listed.mission.definition.auto_start {
        no_cooldown(listed, participation, event.time)?;
        return Ok(Some(Task {
            started_at: event.time,
            ..task
        }));
    }
    let by_another_clock = task.started_at - event.time <= work.book().settings.late_window.ahead;
    Ok(by_another_clock.then_some(task))
}

/// Completes a task whose progress is full. Where the budget is spent it stays open, with its progress.
fn complete_itself(
    work: &mut Work<'_>,
    user: &User,
    listed: &LoadedMission,
    task: Task,
    event: &ActivityEvent,
    full_before: bool,
) -> Result<Task, Halt> {
    let participation = work
        .participation((user.id, listed.mission.id))?
        .unwrap_or_default();
    // Whichever event is told last, the latest completes it.
    let at = task.progress.last_updated().max(task.started_at).max(event.time);
    let mut inquiry = Inquiry::of_task(work, listed, user, &task, &participation, at);
    inquiry.event = Some(event);
    let patch = inquiry.reward()?;
    match rewards::earn(work, &task, &listed.mission, patch, RewardStatus::Pending, at) {
        Ok(reward) => Ok(finish(work, listed, task, participation, reward.id, at)),
        Err(Halt::Rejected(Rejection::BudgetExhausted)) if !full_before => Ok(task),
        Err(halt) => Err(halt),
    }
}
