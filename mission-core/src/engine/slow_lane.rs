//! Which commands go into the slow lane, and whose commands are in it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Book, Command, LoadedMission, View};
use crate::{MissionId, TaskId, UserId, fraud::ReviewSubject, ports::store::Root};

/// Whether a command may have to wait for a script that has shown itself slow, as far as what is loaded tells.
pub(super) fn may_be_slow(command: &Command, view: View<'_>, book: &Book) -> bool {
    let of_mission = |id: MissionId| book.mission(id).is_some_and(LoadedMission::is_slow);
    let of_task = |user: UserId, task: TaskId| {
        let task = view.task(&(user, task)).ok().flatten();
        task.is_some_and(|task| of_mission(task.mission_id))
    };
    match command {
        Command::StartTask(c) => of_mission(c.mission),
        Command::ReportProgress(c) => of_task(c.user, c.task),
        Command::SubmitEvidence(c) => of_task(c.user, c.task),
        Command::CompleteTask(c) => of_task(c.user, c.task),
        Command::ApplyEvent(c) => book.triggered_by(&c.event.event_type).any(LoadedMission::is_slow),
        Command::DecideReview(c) => {
            let review = view.review(&(c.user, c.review)).ok().flatten();
            match review.map(|review| &review.subject) {
                Some(ReviewSubject::Evidence { task } | ReviewSubject::Upload { task, .. }) => {
                    of_task(c.user, *task)
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whose commands are in the slow lane. While one of a user's is there, all that the user asks later has to follow
/// it, or it would overtake.
#[derive(Debug, Default)]
pub(super) struct Away {
    commands: Mutex<HashMap<Root, usize>>,
}

impl Away {
    /// Counts a command of a root until the answer is dropped.
    pub(super) fn note(self: &Arc<Self>, root: Root) -> Errand {
        *self.lock().entry(root).or_default() += 1;
        Errand {
            root,
            away: Arc::clone(self),
        }
    }

    pub(super) fn holds(&self, root: Root) -> bool {
        self.lock().contains_key(&root)
    }

    pub(super) fn commands(&self) -> usize {
        self.lock().values().sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Root, usize>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command in the slow lane.
#[derive(Debug)]
pub(super) struct Errand {
    root: Root,
    away: Arc<Away>,
}

impl Drop for Errand {
    fn drop(&mut self) {
        let mut commands = self.away.lock();
        if let Some(count) = commands.get_mut(&self.root) {
            *count -= 1;
            if *count == 0 {
                commands.remove(&self.root);
            }
        }
    }
}
