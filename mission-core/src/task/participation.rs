//! What one user has done with one mission, over all its periods.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    TaskId,
    check_in::Zone,
    mission::{Period, ShadowComparison},
};

/// One user's history with one mission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participation {
    /// Completed tasks, ever.
    pub completions: u32,
    /// When the last one was completed.
    pub last_completed_at: Option<DateTime<Utc>>,
    /// From start to completion, as far as a cooldown still asks for it, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The periods that still matter.
    pub periods: BTreeMap<Period, PeriodState>,
    /// Of a shadow mission: what it would have done, beside what the mission did that it is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ShadowComparison>,
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

/// A stretch of time in which one or more attempts were made, with no room for another between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When the first was started.
    pub started_at: DateTime<Utc>,
    /// When the last was completed.
    pub completed_at: DateTime<Utc>,
}

/// Beyond it the oldest two attempts become one, which can refuse a start between them but never grant one.
const MOST_ATTEMPTS: usize = 64;

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

    /// Whether the user has completed the mission in a stretch of local time, as far as is remembered.
    #[must_use]
    pub fn has_completed_in(&self, window: Period, zone: Zone) -> bool {
        let (Some(first), Some(next)) = (window.first_date(), window.next_start()) else {
            return self.has_completed();
        };
        let holds = |date: NaiveDate| first <= date && date < next;
        let in_periods = self.periods.iter().any(|(period, state)| {
            let inside = *period == window || matches!(period, Period::Day(date) if holds(*date));
            inside && state.completions > 0
        });
        in_periods || self.last_completed_at.is_some_and(|last| holds(zone.date(last)))
    }

    /// When a start is possible again, if a cooldown stands against one at an instant: of a completion before it, or,
    /// where a late event tells of the instant, of an attempt that was made soon after it.
    #[must_use]
    pub fn cooldown_until(&self, cooldown_seconds: u32, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A late event lies before the last completion; without a cooldown that must not stop it.
        if cooldown_seconds == 0 {
            return None;
        }
        let cooldown = Duration::seconds(i64::from(cooldown_seconds));
        // Records of before attempts were kept have the last completion alone.
        let last = self.last_completed_at.map(|last| Attempt {
            started_at: last,
            completed_at: last,
        });
        let mut until = at;
        for attempt in self.attempts.iter().copied().chain(last) {
            let over = attempt.completed_at.checked_add_signed(cooldown)?;
            if until < over && attempt.started_at - until < cooldown {
                until = over;
            }
        }
        (until > at).then_some(until)
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

    /// Moves an open task to another period, where an edit of its mission took it along.
    pub(crate) fn moved(&mut self, task: TaskId, from: Period, to: Period) {
        let Some(before) = self
            .periods
            .get_mut(&from)
            .filter(|state| state.open_task == Some(task))
        else {
            return;
        };
        before.open_task = None;
        let touched_at = before.touched_at;
        let state = self.periods.entry(to).or_default();
        state.open_task.get_or_insert(task);
        state.touched_at = state.touched_at.max(touched_at);
    }

    /// The open tasks, in the order of their periods.
    pub(crate) fn open_tasks(&self) -> impl Iterator<Item = TaskId> {
        self.periods.values().filter_map(|state| state.open_task)
    }

    pub(crate) fn closed(&mut self, period: Period, task: TaskId) {
        if let Some(state) = self.periods.get_mut(&period)
            && state.open_task == Some(task)
        {
            state.open_task = None;
        }
    }

    /// Takes a completion back: it no longer counts, and no cooldown runs from it.
    pub(crate) fn given_back(
        &mut self,
        period: Period,
        started_at: DateTime<Utc>,
        completed_at: Option<DateTime<Utc>>,
    ) {
        if let Some(state) = self.periods.get_mut(&period) {
            state.completions = state.completions.saturating_sub(1);
        }
        self.completions = self.completions.saturating_sub(1);
        // Of attempts that have become one, none can be told from the others: their cooldown stays.
        self.attempts
            .retain(|known| (known.started_at, Some(known.completed_at)) != (started_at, completed_at));
        if self.last_completed_at == completed_at {
            self.last_completed_at = self.attempts.last().map(|last| last.completed_at);
        }
    }

    /// Counts a completion. With a cooldown the attempt is kept for as long as an event may still tell of a time near
    /// it: until `forget_before`.
    pub(crate) fn completed(
        &mut self,
        period: Period,
        task: TaskId,
        attempt: Attempt,
        cooldown_seconds: u32,
        forget_before: DateTime<Utc>,
    ) {
        self.closed(period, task);
        self.periods.entry(period).or_default().completions += 1;
        self.completions += 1;
        self.last_completed_at = self.last_completed_at.max(Some(attempt.completed_at));
        if cooldown_seconds == 0 {
            self.attempts.clear();
            return;
        }
        let cooldown = Duration::seconds(i64::from(cooldown_seconds));
        let place = self
            .attempts
            .partition_point(|known| known.started_at <= attempt.started_at);
        self.attempts.insert(place, attempt);
        self.attempts
            .retain(|known| forget_before - known.completed_at < cooldown);
        self.attempts.dedup_by(|later, earlier| {
            // Another attempt would have to keep away from both.
            let leaves_no_room = later.started_at - earlier.completed_at < cooldown * 2;
            if leaves_no_room {
                earlier.completed_at = earlier.completed_at.max(later.completed_at);
            }
            leaves_no_room
        });
        if self.attempts.len() > MOST_ATTEMPTS {
            let oldest = self.attempts.remove(0);
            self.attempts[0].started_at = oldest.started_at;
        }
    }
}
