//! Everything that was written down has left, in order.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Check;
use crate::{facts::Facts, recorder::Seen};

/// All about events.
pub(super) fn all(facts: &Facts, seen: &Seen) -> Vec<Check> {
    let unsent = (facts.unsent > 0).then(|| format!("{} entries wait", facts.unsent));
    let waiting = facts.waiting.iter().filter(|(_, count)| **count > 0);
    let waiting = waiting
        .map(|(queue, count)| format!("{queue} has {count} messages"))
        .collect();
    vec![
        Check::new("the outbox is empty", unsent.into_iter().collect()),
        Check::new(
            "the queues are empty, and nothing was too much for the wallet",
            waiting,
        ),
        complete(facts, seen),
        in_order(facts, seen),
    ]
}

fn complete(facts: &Facts, seen: &Seen) -> Check {
    let written = facts.journal.iter().flat_map(|entry| &entry.events);
    let written: BTreeMap<Uuid, &str> = written
        .map(|event| (event.id.0, event.event.event_type()))
        .collect();
    let came: BTreeSet<Uuid> = seen.order.iter().copied().collect();
    let missing = written.iter().filter(|(id, _)| !came.contains(id));
    let mut failures: Vec<String> = missing
        .map(|(id, kind)| format!("{kind} {id} never came"))
        .collect();
    let unknown = came.iter().filter(|id| !written.contains_key(id));
    failures.extend(unknown.map(|id| format!("{id} came, and nobody wrote it down")));
    failures.extend(seen.unreadable.iter().map(|body| format!("no event: {body}")));
    Check::new(
        format!(
            "{} events came, in {} deliveries, and no others",
            written.len(),
            seen.deliveries
        ),
        failures,
    )
}

/// The first sights of each root's events are in the order of its journal.
fn in_order(facts: &Facts, seen: &Seen) -> Check {
    let places: BTreeMap<Uuid, usize> = seen
        .order
        .iter()
        .enumerate()
        .map(|(place, id)| (*id, place))
        .collect();
    let mut roots: BTreeSet<Uuid> = BTreeSet::new();
    let mut last: Option<(Uuid, usize, Uuid)> = None;
    let mut failures = Vec::new();
    // The entries are sorted by root and number.
    for entry in &facts.journal {
        for event in &entry.events {
            roots.insert(entry.root);
            let Some(place) = places.get(&event.id.0) else {
                continue;
            };
            if let Some((root, before, earlier)) = last
                && root == entry.root
                && before > *place
            {
                failures.push(format!(
                    "of {root}, {} (entry {}) came before {earlier}, which was written earlier",
                    event.id, entry.number
                ));
            }
            last = Some((entry.root, *place, event.id.0));
        }
    }
    Check::new(
        format!("the events of {} users came in order", roots.len()),
        failures,
    )
}
