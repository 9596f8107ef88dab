//! How far an event, or what the user reports, brings a task, and what it earns on the way to its target.

use chrono::{DateTime, Utc};

use super::{RuleEvaluation, Task, participation_of};
use crate::{
    decision::{CompiledMission, DecisionContext, Interrupt, Rejection},
    event::ActivityEvent,
    mission::{Counting, MAX_REMEMBERED},
    reward::{
        RewardStatus,
        decide::{self as rewards, Earning},
    },
    task::Tally,
    user::User,
};

/// The task after an event that adds so much. The same progress and tally where the event does not count.
pub(crate) fn after_event(
    cx: &DecisionContext<'_>,
    user: &User,
    compiled: &CompiledMission,
    task: Task,
    event: &ActivityEvent,
    amount: u64,
) -> Task {
    let mut task = task;
    if amount == 0 {
        return task;
    }
    let definition = &compiled.mission.definition;
    if let Some(rule) = &definition.streak {
        let zone = user.zone_at(event.time, cx.catalog().check_in.default_zone());
        task.tally
            .periods
            .insert(rule.period.number_of(zone.date(event.time)));
        while task.tally.periods.len() as u64 > 2 * MAX_REMEMBERED {
            task.tally.periods.pop_first();
        }
        let (longest, _) = task.tally.runs(rule);
        task.progress = task.progress.raised_to(longest.into(), event.time);
        return task;
    }
    match &definition.count {
        Counting::Distinct(path) => {
            let value = event.field(path).as_ref().and_then(Tally::key_of);
            task.tally.distinct.extend(value);
            let different = task.tally.distinct.len() as u64;
            task.progress = task.progress.raised_to(different, event.time);
        }
        Counting::Events => {
            let trigger = definition.trigger.on(&event.event_type);
            if let Some(path) = trigger
                .filter(|trigger| trigger.reverses.is_some())
                .and_then(|trigger| trigger.key.as_ref())
                && let Some(key) = event.field(path).as_ref().and_then(Tally::key_of)
                && (task.tally.by_key.len() as u64) < MAX_REMEMBERED
            {
                // No more than what is still open is counted, so no more can be taken back.
                let counted = amount.min(task.progress.target().saturating_sub(task.progress.current()));
                task.tally.by_key.insert(key, counted);
            }
            task.progress = task.progress.advanced_by(amount, event.time);
        }
    }
    task
}

/// Earns what the stages pay that a task's progress has reached before its target. Where the budget is spent the stage waits
/// for the next progress.
pub(crate) fn earn_stages(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    compiled: &CompiledMission,
    task: Task,
    event: Option<&ActivityEvent>,
    at: DateTime<Utc>,
) -> Result<Task, Interrupt> {
    let stages = compiled.mission.definition.stages_on_the_way();
    let mut task = task;
    while let Some(stage) = stages
        .get(task.stages as usize)
        .filter(|stage| stage.at <= task.progress.current())
    {
        let number = task.stages + 1;
        let participation = participation_of(cx, &task)?;
        let mut evaluation = RuleEvaluation::of_task(cx, compiled, user, &task, &participation, at)?;
        evaluation.event = event;
        evaluation.task.stage = number;
        evaluation.offer = &stage.reward;
        let patch = evaluation.reward()?;
        let earning = Earning {
            task: &task,
            mission: &compiled.mission,
            stage: Some(number),
            offer: &stage.reward,
            patch,
            status: RewardStatus::Pending,
            at,
        };
        match rewards::earn(cx, user, earning) {
            Ok(reward) => {
                task.note_earned(&reward);
                task.stages = number;
            }
            Err(Interrupt::Rejected(Rejection::BudgetExhausted)) => break,
            Err(halt) => return Err(halt),
        }
    }
    Ok(task)
}
