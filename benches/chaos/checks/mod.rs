//! What must hold once everything is quiet.

mod audit;
mod commands;
mod events;
mod inbound;
mod points;

pub(crate) use audit::audit;
pub(crate) use commands::{replays, unavailable};
pub(crate) use points::told_alike;

use crate::{facts::Facts, load_state::State, recorder::Seen};

/// How many failures of one check are told.
const MOST_TOLD: usize = 10;

/// A statement that was looked into.
pub(crate) struct Check {
    /// What should hold.
    name: String,
    /// What does not.
    failures: Vec<String>,
}

impl Check {
    /// A statement with everything that contradicts it.
    fn new(name: impl Into<String>, failures: Vec<String>) -> Self {
        Check {
            name: name.into(),
            failures,
        }
    }

    /// Whether it holds.
    pub(crate) fn holds(&self) -> bool {
        self.failures.is_empty()
    }

    /// One line, and the failures below it.
    pub(crate) fn print(&self) {
        if self.holds() {
            println!("ok      {}", self.name);
            return;
        }
        println!("FAILED  {}: {} times", self.name, self.failures.len());
        for failure in self.failures.iter().take(MOST_TOLD) {
            println!("          {failure}");
        }
    }
}

/// Everything that can be said without asking the servers.
pub(crate) fn all(state: &State, facts: &Facts, seen: &Seen, dead: &[String]) -> Vec<Check> {
    let mut checks = commands::all(state, facts);
    checks.extend(events::all(facts, seen));
    checks.extend(points::all(state, facts));
    checks.extend(inbound::all(state, facts, dead));
    checks
}
