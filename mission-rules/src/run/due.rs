//! What will expire, soonest first: tasks that end, rewards that nobody claims.

use std::{cmp::Reverse, collections::BinaryHeap};

use chrono::{DateTime, Utc};
use mission_core::{RewardId, TaskId, UserId};

/// What may expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Expiring {
    Task(TaskId),
    Reward(RewardId),
}

/// One look that is to be taken, and when. Whether something is still due then, the record tells.
pub(super) type Due = (DateTime<Utc>, UserId, Expiring);

/// Looks to be taken, the earliest first; those of one moment in the order of users, tasks before rewards.
#[derive(Debug, Default)]
pub(super) struct DueQueue(BinaryHeap<Reverse<Due>>);

impl DueQueue {
    pub(super) fn push(&mut self, due: Due) {
        self.0.push(Reverse(due));
    }

    /// The next look that is to be taken at a moment or before it.
    pub(super) fn pop_until(&mut self, now: DateTime<Utc>) -> Option<Due> {
        let Reverse((at, ..)) = self.0.peek()?;
        if *at > now {
            return None;
        }
        self.0.pop().map(|Reverse(due)| due)
    }
}
