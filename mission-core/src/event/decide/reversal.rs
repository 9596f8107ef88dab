//! Something that was counted is taken back: an order was refunded.

use super::{Effect, counted_claim};
use crate::{
    TaskId,
    decision::{CompiledMission, DecisionContext, Interrupt},
    event::ActivityEvent,
    mission::Trigger,
    reward::{Reward, decide as rewards},
    task::{Task, TaskStatus},
    user::User,
};

/// Takes back what a mission counted under the value that the event has at the trigger's key: once, and never below zero. A
/// task that is open loses the progress, one that is completed its reward; stages that are no longer reached lose theirs.
pub(super) fn reverse(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    current: &CompiledMission,
    trigger: &Trigger,
    event: &ActivityEvent,
) -> Result<Effect, Interrupt> {
    let path = trigger.key.as_deref();
    let Some(claim) = path.and_then(|path| counted_claim(user, current, path, event)) else {
        return Ok(Effect::None);
    };
    let crate::decision::Claim::Counted { key, .. } = &claim else {
        return Ok(Effect::None);
    };
    let Some(holder) = cx.claim_holder(&claim)? else {
        // It is told before what it takes back, which must not count when it comes.
        cx.write_set.claims.insert(claim, uuid::Uuid::nil());
        return Ok(Effect::Noted);
    };
    if holder.is_nil() {
        return Ok(Effect::None);
    }
    let Some(task) = cx.task((user.id, TaskId(holder)))? else {
        return Ok(Effect::None);
    };
    let mut task = task;
    let Some(counted) = task.tally.by_key.remove(key) else {
        return Ok(Effect::None);
    };
    let left = task.progress.current().saturating_sub(counted);
    let reason = format!("reversed by `{}` {}", event.event_type, event.id);
    if counted > 0
        && task.status == TaskStatus::Completed
        && let Some(revoked) = take_back(cx, user, &mut task, None, &reason)?
    {
        rewards::reopen(cx, &revoked)?;
    }
    task.progress = task.progress.lowered_to(left, event.time);
    task.version += 1;
    lower_stages(cx, user, &mut task, &reason)?;
    cx.put_task(task.clone());
    Ok(Effect::Task(Box::new(task)))
}

/// Takes back what the stages paid that are no longer reached.
fn lower_stages(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    task: &mut Task,
    reason: &str,
) -> Result<(), Interrupt> {
    let stages = &cx.mission_of(task)?.mission.definition.stage;
    while let Some(stage) = (task.stages as usize).checked_sub(1).and_then(|n| stages.get(n))
        && stage.at > task.progress.current()
    {
        let number = task.stages;
        take_back(cx, user, task, Some(number), reason)?;
        task.stages -= 1;
    }
    Ok(())
}

/// Takes back what a stage of a task has earned, or without one its completion.
fn take_back(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    task: &mut Task,
    stage: Option<u32>,
    reason: &str,
) -> Result<Option<Reward>, Interrupt> {
    if let Some(would_earn) = &mut task.would_earn {
        let is_wanted = |reward: &Reward| reward.stage.map(|stage| stage.number) == stage;
        let place = would_earn.iter().position(is_wanted);
        let taken = place.map(|place| would_earn.remove(place));
        if let Some(reward) = &taken {
            rewards::return_to_budget(cx, reward);
        }
        return Ok(taken);
    }
    let reward = match stage {
        Some(number) => Some(Reward::id_for_task(TaskId(Reward::source_of_stage(
            task.id, number,
        )))),
        None => task.reward_id,
    };
    let Some(id) = reward else { return Ok(None) };
    Ok(cx
        .reward((user.id, id))?
        .and_then(|reward| rewards::take_back(cx, user, reward, reason)))
}
