//! What a simulation came to.

use std::{fmt, ops::AddAssign};

/// What a simulation came to, for whoever wants to see that something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What was asked for.
    pub requests: usize,
    /// Changes that were committed.
    pub commits: usize,
    /// Crashes of instances.
    pub crashes: usize,
    /// Messages that arrived at the wallet.
    pub deliveries: usize,
    /// Bookings of the wallet.
    pub bookings: usize,
    /// Changes against which a version, a claim, a budget or a receipt stood.
    pub conflicts: usize,
    /// Answers that were given before.
    pub replays: usize,
    /// Completions for which no budget was left.
    pub exhausted: usize,
    /// Reviews that were decided.
    pub reviews: usize,
    /// Users that were erased.
    pub erasures: usize,
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Summary) {
        self.requests += other.requests;
        self.commits += other.commits;
        self.crashes += other.crashes;
        self.deliveries += other.deliveries;
        self.bookings += other.bookings;
        self.conflicts += other.conflicts;
        self.replays += other.replays;
        self.exhausted += other.exhausted;
        self.reviews += other.reviews;
        self.erasures += other.erasures;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests, {} commits, {} conflicts, {} replays, {} crashes, {} deliveries, {} bookings, {} times no budget left, {} reviews decided, {} erasures",
            self.requests,
            self.commits,
            self.conflicts,
            self.replays,
            self.crashes,
            self.deliveries,
            self.bookings,
            self.exhausted,
            self.reviews,
            self.erasures,
        )
    }
}
