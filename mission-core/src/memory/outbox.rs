//! What waits to be sent, and what is parked.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::tables::Tables;
use crate::{
    EventId,
    ports::{
        bus::{Backlog, OutboxEvent, OutboxPosition, ParkRequest, ParkedEvent},
        store::{JournalEntry, Root},
    },
};

impl Tables {
    /// Without a time: whether parked or not.
    pub(super) fn waiting(&self, limit: usize, now: Option<DateTime<Utc>>) -> Vec<OutboxEvent> {
        let may_leave = |root: &Root| match (self.parked.get(root), now) {
            (Some(parked), Some(now)) => parked.last.retry_at <= now,
            _ => true,
        };
        let mut waiting = Vec::new();
        for (&number, entry) in self.outbox.iter().filter(|(_, entry)| may_leave(&entry.root)) {
            if waiting.len() >= limit {
                break;
            }
            waiting.extend(self.events_of(number, entry));
        }
        waiting
    }

    fn events_of<'e>(
        &self,
        number: i64,
        entry: &'e JournalEntry,
    ) -> impl Iterator<Item = OutboxEvent> + use<'e> {
        let parked = self.parked.get(&entry.root);
        let attempts = parked.filter(|parked| parked.last.entry == number);
        let attempts = attempts.map_or(0, |parked| parked.attempts);
        entry
            .events
            .iter()
            .enumerate()
            .map(move |(n, event)| OutboxEvent {
                position: OutboxPosition {
                    entry: number,
                    event: n,
                },
                root: entry.root,
                event: event.clone(),
                correlation_id: entry.request.signals.correlation_id.clone(),
                recorded_at: entry.request.at,
                attempts,
            })
    }

    pub(super) fn sent(&mut self, entries: &[i64]) {
        let sent: BTreeSet<&i64> = entries.iter().collect();
        self.outbox.retain(|number, _| !sent.contains(number));
        self.parked.retain(|_, parked| !sent.contains(&parked.last.entry));
    }

    pub(super) fn park(&mut self, events: &[ParkRequest]) {
        for event in events {
            let before = self.parked.get(&event.root);
            let before = before.filter(|before| before.last.entry == event.entry);
            let parked = ParkedEvent {
                attempts: before.map_or(0, |before| before.attempts) + 1,
                since: before.map_or(event.at, |before| before.since),
                behind: 0,
                last: event.clone(),
            };
            self.parked.insert(event.root, parked);
        }
    }

    pub(super) fn parked(&self, after: Option<i64>, limit: usize) -> Vec<ParkedEvent> {
        let mut parked: Vec<ParkedEvent> = self.parked.values().cloned().collect();
        parked.sort_by_key(|parked| parked.last.entry);
        parked.retain(|parked| after.is_none_or(|after| parked.last.entry > after));
        parked.truncate(limit);
        for parked in &mut parked {
            let later = self.outbox.range(parked.last.entry + 1..);
            parked.behind = later.filter(|(_, entry)| entry.root == parked.last.root).count() as u64;
        }
        parked
    }

    pub(super) fn retry_parked(&mut self, event: Option<EventId>, now: DateTime<Utc>) -> u64 {
        let asked_for = |parked: &&mut ParkedEvent| event.is_none_or(|event| parked.last.event == event);
        let mut count = 0;
        for parked in self.parked.values_mut().filter(asked_for) {
            parked.last.retry_at = now;
            count += 1;
        }
        count
    }

    pub(super) fn backlog(&self) -> Backlog {
        Backlog {
            entries: self.outbox.len() as u64,
            oldest: self.outbox.values().map(|entry| entry.request.at).min(),
            parked: self.parked.len() as u64,
        }
    }
}
