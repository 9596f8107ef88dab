//! Rules that failed in a run, each place with how often.

use std::collections::{BTreeMap, btree_map::Entry};

use mission_core::{
    engine::Catalog,
    mission::MissionCode,
    ports::rules::{FailureKind, Hook, MissionRuleFailure},
};
use serde::{Serialize, Serializer};

/// The rules that failed in a run, by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedRules(BTreeMap<RuleLocation, FailureCount>);

/// The location of a failed rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RuleLocation {
    mission: MissionCode,
    file: Option<String>,
    line: Option<u32>,
    hook: Hook,
    kind: FailureKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FailureCount {
    count: u64,
    /// When it failed first, and why.
    first: u64,
    message: String,
}

/// One place at which a rule failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedRule<'f> {
    /// The mission's code.
    pub mission: &'f MissionCode,
    /// Its script in the pack.
    pub file: Option<&'f str>,
    /// The line in it, from 1, where it is known.
    pub line: Option<u32>,
    /// The hook.
    pub hook: Hook,
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// How often it failed there.
    pub count: u64,
    /// Why, the first time.
    pub message: &'f str,
}

impl FailedRules {
    /// Counts one failure of a mission of a catalog, which knows its script's file. `moment` is its place in the run.
    pub(crate) fn note(&mut self, fault: &MissionRuleFailure, catalog: &Catalog, moment: u64) {
        let listed = catalog.mission(fault.mission_id);
        let place = RuleLocation {
            mission: fault.mission.clone(),
            file: listed.and_then(|listed| listed.mission.definition.rules_script.clone()),
            line: fault.line,
            hook: fault.hook,
            kind: fault.kind,
        };
        let failures = self.0.entry(place).or_insert_with(|| FailureCount {
            count: 0,
            first: moment,
            message: fault.message.clone(),
        });
        failures.count += 1;
    }

    /// Takes in the failures of another part of the run.
    pub(crate) fn merge(&mut self, more: FailedRules) {
        for (place, more) in more.0 {
            match self.0.entry(place) {
                Entry::Vacant(free) => drop(free.insert(more)),
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    let count = known.count + more.count;
                    if more.first < known.first {
                        *known = more;
                    }
                    known.count = count;
                }
            }
        }
    }

    /// Whether no rule failed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many failures there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().map(|failures| failures.count).sum()
    }

    /// Each place, by mission, file and line.
    pub fn iter(&self) -> impl Iterator<Item = FailedRule<'_>> {
        self.0.iter().map(|(place, failures)| FailedRule {
            mission: &place.mission,
            file: place.file.as_deref(),
            line: place.line,
            hook: place.hook,
            kind: place.kind,
            count: failures.count,
            message: &failures.message,
        })
    }
}

impl Serialize for FailedRules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl std::fmt::Display for FailedRule<'_> {
    /// ``rules/watch.rhai:3: `progress` of `watch-3-videos` failed 12 times: …``
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file.unwrap_or("the script"))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        let times = if self.count == 1 { "time" } else { "times" };
        write!(
            f,
            ": `{}` of `{}` failed {} {times}: {}",
            self.hook, self.mission, self.count, self.message
        )
    }
}
