//! A deterministic simulator: a whole deployment in one thread, out of one seed.
//!
//! Some instances of the real [engine](crate::engine::Engine), each with the real [writer](crate::engine::Writer), work on
//! one real [memory store](crate::memory::MemoryStore); a relay each, a broker and a wallet are modelled as the server has
//! them. A [`Schedule`] says beforehand what happens: who asks for what, when the database comes to which operation and what
//! becomes of it, which messages are lost, delayed, doubled or overtaken, who crashes, how clocks jump. Nothing else decides
//! what happens, so a schedule always ends the same way. An auditor looks at every commit, answer, delivery and booking, and
//! knows what must be so; after the faults everything must converge.
//!
//! ```
//! use mission_core::testing::simulation::{Mutation, Schedule};
//! assert!(Schedule::from_seed(7).run(None).is_ok());
//! // A guarantee that is broken on purpose is noticed.
//! let broken = Some(Mutation::VersionCheckOff);
//! assert!((0..1_000).any(|seed| Schedule::from_seed(seed).run(broken).is_err()));
//! ```

mod auditor;
mod database;
mod deployment;
mod instance;
mod missions;
mod mutation;
mod relay;
mod requests;
mod schedule;
mod shrink;
mod summary;
mod users;
mod violation;
mod wallet;

use std::fmt;

pub use mutation::Mutation;
pub use schedule::{Action, DatabaseOutcome, PublishOutcome, Schedule, Step, Transport};
pub use summary::Summary;
pub use violation::{Guarantee, Violation};

impl Schedule {
    /// Plays the schedule, then lets everything go its way without faults, and looks whether all agree.
    ///
    /// # Errors
    /// With the first guarantee that did not hold.
    pub fn run(&self, mutation: Option<Mutation>) -> Result<Summary, Violation> {
        deployment::Deployment::play(self, mutation, false).0
    }

    /// What happens in it, a line an event, up to where a guarantee does not hold.
    #[must_use]
    pub fn trace(&self, mutation: Option<Mutation>) -> Vec<String> {
        deployment::Deployment::play(self, mutation, true).1
    }
}

/// A seed on which a guarantee did not hold, with the shortest schedule that still shows it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The guarantee that was broken on purpose, if one was.
    pub mutation: Option<Mutation>,
    /// What was found.
    pub violation: Violation,
    /// The schedule, without all that is not needed to show it.
    pub shrunk: Schedule,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.seed)?;
        if let Some(mutation) = self.mutation {
            write!(f, ", broken on purpose: {}", mutation.name())?;
        }
        writeln!(f, "\n{}", self.violation)?;
        writeln!(f, "{} steps are left of it:", self.shrunk.steps.len())?;
        for step in &self.shrunk.steps {
            writeln!(f, "    {step:?}")?;
        }
        writeln!(f, "and this is what happens:")?;
        for line in self.shrunk.trace(self.mutation) {
            writeln!(f, "    {line}")?;
        }
        write!(
            f,
            "again: cargo run -p mission-core --features testing --example simulate -- --seed {}",
            self.seed
        )?;
        match self.mutation {
            Some(mutation) => write!(f, " --mutation {}", mutation.name()),
            None => Ok(()),
        }
    }
}

/// Plays the schedule of a seed; one that fails is shrunk.
///
/// # Errors
/// With the seed, what did not hold, and how little is needed to see it.
pub fn check_seed(seed: u64, mutation: Option<Mutation>) -> Result<Summary, Box<Failure>> {
    let schedule = Schedule::from_seed(seed);
    schedule.run(mutation).map_err(|violation| {
        let shrunk = schedule.shrink(mutation, violation.guarantee);
        let seen = shrunk.run(mutation).err();
        Box::new(Failure {
            seed,
            mutation,
            violation: seen.unwrap_or(violation),
            shrunk,
        })
    })
}
