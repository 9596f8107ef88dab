//! What was answered has happened, once, and is answered alike again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{PoisonError, atomic::Ordering},
};

use fastrand::Rng;
use futures_util::StreamExt as _;
use serde_json::Value;
use uuid::Uuid;

use super::Check;
use crate::{
    Result,
    client::{Client, Done, Outcomes},
    facts::Facts,
    load_state::{Kind, State},
    missions::BUDGET,
};

/// How many commands are given again at most.
const MOST_REPLAYED: usize = 2000;
/// How many of them at the same time.
const AT_ONCE: usize = 16;

/// What can be looked up in the databases.
pub(super) fn all(state: &State, facts: &Facts) -> Vec<Check> {
    vec![
        answered(state, facts),
        once(facts),
        erased(state, facts),
        budget(state, facts),
    ]
}

/// The keys that a command may have left: its own, or for a list of events that of each part.
fn commands_of(done: &Done) -> Vec<(Uuid, Uuid)> {
    let caller = done.call.caller;
    let whole = Uuid::new_v5(&caller, done.key.to_string().as_bytes());
    let parts = match &done.call.body {
        Some(Value::Array(events)) => events.len(),
        _ => 0,
    };
    if parts == 0 {
        return vec![(caller, whole)];
    }
    (0..parts)
        .map(|part| (caller, Uuid::new_v5(&whole, &part.to_be_bytes())))
        .collect()
}

fn is_about_erased(state: &State, done: &Done) -> bool {
    done.call.user.is_some_and(|user| state.erased.contains(&user))
}

/// Of an erased user the answers are forgotten, and what was done without a change has left nothing.
fn answered(state: &State, facts: &Facts) -> Check {
    let entries = facts.journal.iter().filter_map(|entry| entry.command);
    let kept: BTreeSet<(Uuid, Uuid)> = entries.collect();
    let mut looked_at = 0;
    let mut missing = Vec::new();
    for done in state.done.iter().filter(|done| done.is_ok()) {
        looked_at += 1;
        for command in commands_of(done) {
            let is_there = kept.contains(&command) || facts.receipts.contains(&command);
            if !is_there && !is_about_erased(state, done) {
                missing.push(format!(
                    "{} {} under key {} ({:?})",
                    done.call.method, done.call.path, done.key, done.call.user
                ));
            }
        }
    }
    Check::new(
        format!("{looked_at} commands that were answered are in the database"),
        missing,
    )
}

/// A key is carried out once. An erasure forgets the keys: one whose answer was lost may be carried out again after it,
/// and is ignored then.
fn once(facts: &Facts) -> Check {
    let mut times: BTreeMap<_, Vec<(i64, &str, Uuid)>> = BTreeMap::new();
    let done = facts.journal.iter().filter(|entry| !entry.refused);
    for entry in done.filter(|entry| !facts.erased.contains(&entry.root)) {
        if let Some(command) = entry.command {
            let place = (entry.number, entry.name.as_str(), entry.root);
            times.entry(command).or_default().push(place);
        }
    }
    let keys = times.len();
    let twice = times.into_iter().filter(|(_, entries)| entries.len() > 1);
    let twice = twice
        .map(|(command, entries)| format!("{command:?} in the entries {entries:?}"))
        .collect();
    Check::new(format!("{keys} keys were carried out once"), twice)
}

/// Whoever was to be erased is, and nothing of them is left.
fn erased(state: &State, facts: &Facts) -> Check {
    let still = state.erased.iter().filter(|user| !facts.erased.contains(user));
    let mut failures: Vec<String> = still.map(|user| format!("{user} is still there")).collect();
    let left = facts
        .rewards
        .iter()
        .filter(|reward| facts.erased.contains(&reward.user));
    failures.extend(left.map(|reward| format!("reward {} of {} is still there", reward.id, reward.user)));
    Check::new(format!("{} users are erased", state.erased.len()), failures)
}

fn budget(state: &State, facts: &Facts) -> Check {
    let mission = state
        .missions
        .get(&Kind::Scarce)
        .and_then(|id| id.parse::<Uuid>().ok());
    let given = mission
        .and_then(|mission| facts.budgets.get(&mission))
        .copied()
        .unwrap_or_default();
    let over = (given > BUDGET).then(|| format!("{given} grants were given"));
    Check::new(
        format!("a budget of {BUDGET} grants gave {given}"),
        over.into_iter().collect(),
    )
}

/// Gives a part of the commands again, each with its key. A refusal is remembered as well.
pub(crate) async fn replays(state: &State, client: &Client, random: &mut Rng) -> Result<Check> {
    let decided = |done: &&Done| (done.is_ok() || done.status == 400) && !is_about_erased(state, done);
    let mut all: Vec<&Done> = state.done.iter().filter(decided).collect();
    random.shuffle(&mut all);
    all.truncate(MOST_REPLAYED);
    let count = all.len();
    let asked = all.into_iter().map(|done| {
        let mut random = random.fork();
        async move {
            let again = client.answer(&mut random, &done.call, done.key).await?;
            let same = again.status == done.status && told(&again.body) == told(&done.body) && again.replayed;
            Ok((!same).then(|| {
                format!(
                    "{} {} under key {}: first {} {}, then {} {} (replayed: {})",
                    done.call.method,
                    done.call.path,
                    done.key,
                    done.status,
                    done.body,
                    again.status,
                    again.body,
                    again.replayed
                )
            }))
        }
    });
    let answers: Vec<Result<Option<String>>> = futures_util::stream::iter(asked)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut differences = Vec::new();
    for answer in answers {
        differences.extend(answer?);
    }
    Ok(Check::new(
        format!("{count} keys that were given again got the same answer"),
        differences,
    ))
}

/// Whatever went wrong, a command that could not be carried out was answered 503 with the time to come again.
pub(crate) fn unavailable(outcomes: &Outcomes) -> Check {
    let wrong = outcomes.wrong.lock().unwrap_or_else(PoisonError::into_inner);
    Check::new(
        format!(
            "{} answers said to come again, and no other failure was told",
            outcomes.unavailable.load(Ordering::Relaxed)
        ),
        wrong.clone(),
    )
}

/// A body without what belongs to the single request.
fn told(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(body) = body.as_object_mut() {
        body.remove("correlation_id");
    }
    body
}
