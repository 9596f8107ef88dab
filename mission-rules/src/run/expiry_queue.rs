//! What will expire, soonest first: tasks that end, rewards that nobody claims.

use std::{cmp::Reverse, collections::BinaryHeap};

use chrono::{DateTime, Utc};
use mission_core::{RewardId, TaskId, UserId};

/// An item that can expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ExpiringItem {
    Task(TaskId),
    Reward(RewardId),
}

/// An expiry check with its time. Whether something is still due then, the record tells.
pub(super) type ScheduledExpiry = (DateTime<Utc>, UserId, ExpiringItem);

/// Scheduled expiry checks, earliest first; those of one instant in the order of users, tasks before rewards.
#[derive(Debug, Default)]
pub(super) struct ExpiryQueue(BinaryHeap<Reverse<ScheduledExpiry>>);

impl ExpiryQueue {
    pub(super) fn push(&mut self, due: ScheduledExpiry) {
        self.0.push(Reverse(due));
    }

    /// The next look that is to be taken at a moment or before it.
    pub(super) fn pop_until(&mut self, now: DateTime<Utc>) -> Option<ScheduledExpiry> {
        let Reverse((at, ..)) = self.0.peek()?;
        if *at > now {
            return None;
        }
        self.0.pop().map(|Reverse(due)| due)
    }
}
