//! What an auditor finds.

use std::fmt;

/// What the product promises, as far as a simulation can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarantee {
    /// A command takes effect once, however often it is asked for.
    OneEffect,
    /// Nothing is answered that is not durable, and one key gives one answer.
    DurableAnswer,
    /// An inbound event that was taken is applied.
    NoEventLost,
    /// A mission has counted each event once.
    EventsCounted,
    /// Streaks, and what they earn, are as the naive model says.
    StreakAsModelled,
    /// One reward a source; each granted at most once, and told exactly then.
    OneGrant,
    /// What is held is granted by the approval of a second person alone, and each review is decided once.
    HeldUntilApproved,
    /// A user's points are the sum of their claimed rewards.
    PointsAddUp,
    /// Tasks are clamped, complete with full progress alone, and one is open at a time.
    TaskSound,
    /// No budget is overspent, and what is in use is what the rewards say.
    BudgetKept,
    /// The events of a root arrive in the order of their commits.
    OrderKept,
    /// Only the relay that holds the lease sends the events of a root.
    OneSender,
    /// The wallet books each grant once, and no other.
    WalletExact,
    /// Of an erased user nothing is left, and nothing is added.
    Erasure,
    /// When the faults have stopped everything is answered, sent and booked, and all copies agree.
    Convergence,
}

/// A guarantee that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub guarantee: Guarantee,
    /// What was seen.
    pub seen: String,
}

impl Violation {
    pub(super) fn new(guarantee: Guarantee, seen: impl Into<String>) -> Self {
        Violation {
            guarantee,
            seen: seen.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.guarantee, self.seen)
    }
}

/// Checks a promise, and describes only what does not hold.
pub(super) fn ensure(
    holds: bool,
    guarantee: Guarantee,
    seen: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if holds {
        Ok(())
    } else {
        Err(Violation::new(guarantee, seen()))
    }
}
