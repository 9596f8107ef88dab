//! What one user has done with one mission, over all its periods.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::{TaskId, mission::Period};

/// One user's history with one mission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participation {
    /// Completed tasks, ever.
    pub completions: u32,
    /// When the last one was completed; cooldowns count from it.
    pub last_completed_at: Option<DateTime<Utc>>,
    /// The periods that still matter.
    pub periods: BTreeMap<Period, PeriodState>,
}

/// One user's tasks of one mission in one period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodState {
    /// Completed tasks.
    pub completions: u32,
    /// The task that is open.
    pub open_task: Option<TaskId>,
    /// When a task was last started here; old periods without an open task are forgotten by it.
    pub touched_at: Option<DateTime<Utc>>,
}

/// Longer than any period and any late window: after it, a period without an open task is forgotten.
const MEMORY: Duration = Duration::days(120);

impl Participation {
    /// What is known of a period.
    #[must_use]
    pub fn period(&self, period: Period) -> PeriodState {
        self.periods.get(&period).cloned().unwrap_or_default()
    }

    /// Whether the user has ever completed the mission.
    #[must_use]
    pub fn has_completed(&self) -> bool {
        self.completions > 0
    }

    /// When a cooldown is over, if one is running at an instant.
    #[must_use]
    pub fn cooldown_until(&self, cooldown_seconds: u32, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A late event lies before the last completion; without a cooldown that must not stop it.
        if cooldown_seconds == 0 {
            return None;
        }
        let until = self
            .last_completed_at?
            .checked_add_signed(Duration::seconds(i64::from(cooldown_seconds)))?;
        (at < until).then_some(until)
    }

    pub(crate) fn opened(&mut self, period: Period, task: TaskId, at: DateTime<Utc>) {
        self.periods.retain(|known, state| {
            *known == Period::Ever
                || state.open_task.is_some()
                || state.touched_at.is_some_and(|touched| at - touched < MEMORY)
        });
        let state = self.periods.entry(period).or_default();
        state.open_task = Some(task);
        state.touched_at = Some(at);
    }

    pub(crate) fn closed(&mut self, period: Period, task: TaskId) {
        if let Some(state) = self.periods.get_mut(&period)
            && state.open_task == Some(task)
        {
            state.open_task = None;
        }
    }

    pub(crate) fn completed(&mut self, period: Period, task: TaskId, at: DateTime<Utc>) {
        self.closed(period, task);
        self.periods.entry(period).or_default().completions += 1;
        self.completions += 1;
        self.last_completed_at = self.last_completed_at.max(Some(at));
    }
}
