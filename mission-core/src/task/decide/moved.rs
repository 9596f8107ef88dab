//! Which tasks a decision moved, for those who follow their user live.

use crate::{
    decision::{CommandContext, OutboundEvent, Snapshot, WriteSet},
    event::{IntegrationEvent, TaskProgressed},
    task::Task,
};

/// One event a task whose progress, target or status is another after a decision; none of shadow missions. A task that
/// begins without progress is told by its start.
pub(crate) fn moved_tasks(
    before: Snapshot<'_>,
    written: &WriteSet,
    context: &CommandContext<'_>,
) -> Vec<OutboundEvent> {
    let tasks = written.writes.task.iter();
    let tasks = tasks.filter_map(|(key, task)| Some((key, task.as_ref()?)));
    let moved = tasks.filter(|(key, task)| {
        let is_shadow = |task: &Task| {
            let mission = context.catalog.mission(task.mission_id);
            mission.is_some_and(|compiled| compiled.mission.definition.shadow)
        };
        // What was written without being read is new.
        let moved = match before.task(key) {
            Ok(Some(earlier)) => {
                let of = |task: &Task| (task.progress.current(), task.progress.target(), task.status);
                of(earlier) != of(task)
            }
            Ok(None) | Err(_) => task.progress.current() > 0 || task.completed_at.is_some(),
        };
        moved && !is_shadow(task)
    });
    moved
        .map(|(_, task)| OutboundEvent {
            id: context.id(&format!("moved {}", task.id)).into(),
            event: IntegrationEvent::TaskProgressed(TaskProgressed {
                task_id: task.id,
                user_id: task.user_id,
                mission_id: task.mission_id,
                progress: task.progress.current(),
                target: task.progress.target(),
                status: task.status,
                moved_at: context.at,
            }),
        })
        .collect()
}
