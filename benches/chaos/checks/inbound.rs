//! What came in was acted on once, and what nobody can read was put aside.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::Check;
use crate::{client::Done, facts::Facts, load_state::State};

/// All about what came in.
pub(super) fn all(state: &State, facts: &Facts, dead: &[String]) -> Vec<Check> {
    vec![
        steps(state, facts),
        told_once(state),
        referrals(state, facts),
        registered(state, facts),
        put_aside(state, dead),
    ]
}

/// The counting task of each user who is there has come as far as there are ids.
fn steps(state: &State, facts: &Facts) -> Check {
    let mut expected: BTreeMap<Uuid, u64> = BTreeMap::new();
    for step in &state.steps {
        if !state.erased.contains(&step.user) {
            *expected.entry(step.user).or_default() += 1;
        }
    }
    let sum: u64 = expected.values().sum();
    let none = Vec::new();
    let differ = expected.iter().filter_map(|(user, count)| {
        let found = facts.counted.get(user).unwrap_or(&none);
        (found != &[*count]).then(|| format!("{user} did {count} steps, and its tasks counted {found:?}"))
    });
    let (sent, again) = (state.published, state.duplicates);
    Check::new(
        format!("{sum} steps counted once ({sent} messages, {again} duplicates)"),
        differ.collect(),
    )
}

/// A step is applied in one answer at most; in exactly one where the broker never had it.
fn told_once(state: &State) -> Check {
    let mut applied: BTreeMap<&str, u32> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut answers = 0;
    for done in state.done.iter().filter(|done| done.call.path == "events") {
        if done.call.user.is_some_and(|user| state.erased.contains(&user)) {
            continue;
        }
        for result in results(done) {
            answers += 1;
            match result["status"].as_str() {
                Some("applied") => {
                    let id = result["id"].as_str().unwrap_or_default();
                    *applied.entry(id).or_default() += 1;
                }
                Some("duplicate") => {}
                _ => failures.push(format!("an event was answered {result}")),
            }
        }
    }
    for step in &state.steps {
        let times = applied
            .get(step.id.to_string().as_str())
            .copied()
            .unwrap_or_default();
        let is_erased = state.erased.contains(&step.user);
        if times > 1 || times == 0 && !step.by_broker && !is_erased {
            failures.push(format!(
                "step {} of {} was answered as applied {times} times",
                step.id, step.user
            ));
        }
    }
    Check::new(
        format!("{answers} events over HTTP were applied once, and duplicates told so"),
        failures,
    )
}

fn results(done: &Done) -> &[Value] {
    done.body["results"].as_array().map_or(&[], Vec::as_slice)
}

fn referrals(state: &State, facts: &Facts) -> Check {
    let mut paid: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for reward in facts
        .rewards
        .iter()
        .filter(|reward| reward.kind == "REFERRAL_BONUS")
    {
        paid.entry(reward.source).or_default().push(reward.user);
    }
    let mut failures = Vec::new();
    let mut count = 0;
    for (invitee, inviter) in &state.invitees {
        if state.erased.contains(inviter) {
            continue;
        }
        count += 1;
        let found = paid.get(invitee).map_or(&[] as &[Uuid], Vec::as_slice);
        if found != [*inviter] {
            failures.push(format!(
                "{invitee} was invited by {inviter}, and {found:?} were paid"
            ));
        }
    }
    Check::new(format!("{count} invitees were paid for once"), failures)
}

fn registered(state: &State, facts: &Facts) -> Check {
    let missing = state.registered.iter().filter(|user| !facts.users.contains(user));
    let missing = missing
        .map(|user| format!("{user} was registered, and is not there"))
        .collect();
    Check::new(
        format!("{} registered users are there", state.registered.len()),
        missing,
    )
}

fn put_aside(state: &State, dead: &[String]) -> Check {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    let mut failures = Vec::new();
    for body in dead {
        match state.poison.iter().find(|mark| body.contains(mark.as_str())) {
            Some(mark) => drop(found.insert(mark)),
            None => failures.push(format!("a good message is dead: {body}")),
        }
    }
    let missing = state.poison.iter().filter(|mark| !found.contains(mark.as_str()));
    failures.extend(missing.map(|mark| format!("{mark} was not put aside")));
    Check::new(
        format!(
            "{} messages that nobody can read were put aside, and no others",
            state.poison.len()
        ),
        failures,
    )
}
