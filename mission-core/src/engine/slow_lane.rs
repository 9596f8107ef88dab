//! Which commands go into the slow lane, and whose commands are in it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Catalog, Command, CompiledMission, Snapshot};
use crate::{MissionId, ReviewId, TaskId, UserId, decision::Root, fraud::ReviewSubject};

/// Whether a command may have to wait for a script that has shown itself slow, as far as what is loaded tells.
pub(super) fn needs_slow_lane(command: &Command, view: Snapshot<'_>, catalog: &Catalog) -> bool {
    let of_mission = |id: MissionId| catalog.mission(id).is_some_and(CompiledMission::is_slow);
    let of_task = |user: UserId, task: TaskId| {
        let task = view.task(&(user, task)).ok().flatten();
        task.is_some_and(|task| of_mission(task.mission_id))
    };
    let of_review = |user: UserId, review: ReviewId| {
        let review = view.review(&(user, review)).ok().flatten();
        match review.map(|review| &review.subject) {
            Some(ReviewSubject::Evidence { task } | ReviewSubject::Upload { task, .. }) => {
                of_task(user, *task)
            }
            _ => false,
        }
    };
    match command {
        Command::StartTask(c) => of_mission(c.mission),
        Command::ReportProgress(c) => of_task(c.user, c.task),
        Command::SubmitEvidence(c) => of_task(c.user, c.task),
        Command::CompleteTask(c) => of_task(c.user, c.task),
        Command::ApplyEvent(c) => catalog
            .probably_concerned_by(&c.event)
            .any(CompiledMission::is_slow),
        Command::DecideReview(c) => of_review(c.user, c.review),
        Command::TimeOutReview(c) => of_review(c.user, c.review),
        _ => false,
    }
}

/// The users with commands in the slow lane. While one of a user's is there, all of the user's later ones have to follow
/// it, or it would overtake.
#[derive(Debug, Default)]
pub(super) struct SlowLaneUsers {
    commands: Mutex<HashMap<Root, usize>>,
}

impl SlowLaneUsers {
    /// Counts a command of a root until the answer is dropped.
    pub(super) fn enter(self: &Arc<Self>, root: Root) -> SlowCommand {
        *self.lock().entry(root).or_default() += 1;
        SlowCommand {
            root,
            lane: Arc::clone(self),
        }
    }

    pub(super) fn contains(&self, root: Root) -> bool {
        self.lock().contains_key(&root)
    }

    pub(super) fn commands(&self) -> usize {
        self.lock().values().sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Root, usize>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one command in the slow lane until it is dropped.
#[derive(Debug)]
pub(super) struct SlowCommand {
    root: Root,
    lane: Arc<SlowLaneUsers>,
}

impl Drop for SlowCommand {
    fn drop(&mut self) {
        let mut commands = self.lane.lock();
        if let Some(count) = commands.get_mut(&self.root) {
            *count -= 1;
            if *count == 0 {
                commands.remove(&self.root);
            }
        }
    }
}
