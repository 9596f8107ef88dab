use chrono::Duration;

use super::{
    WholeStore,
    bench::{Bench, noon},
};
use crate::{
    EventId,
    engine::OutboundEvent,
    ports::{
        bus::{Backlog, Outgoing},
        store::{Change, Root},
    },
    testing::user,
};

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn waiting<S: WholeStore>(bench: &Bench<'_, S>, limit: usize) -> Vec<Outgoing> {
    bench.store.waiting(limit).await.expect("`waiting` must answer")
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn sent<S: WholeStore>(bench: &Bench<'_, S>, entries: &[i64]) {
    bench
        .store
        .sent(entries, noon())
        .await
        .expect("`sent` must be noted");
}

/// A change with as many entries as there are numbers, each with so many events.
fn telling<S: WholeStore>(
    bench: &Bench<'_, S>,
    who: u64,
    version: u64,
    counts: &[usize],
) -> (Change, Vec<OutboundEvent>) {
    let mut change = bench.change(user(who), version);
    change.journal.clear();
    for (n, count) in (0..).zip(counts) {
        let mut entry = bench.entry(Root::User(user(who)), noon() + Duration::seconds(n));
        entry.request.signals.correlation_id = Some(format!("request {n} of {who}"));
        entry.events = (0..*count).map(|_| bench.event(user(who))).collect();
        change.journal.push(entry);
    }
    let events = change
        .journal
        .iter()
        .flat_map(|entry| entry.events.clone())
        .collect();
    (change, events)
}

fn ids(events: &[Outgoing], who: u64) -> Vec<EventId> {
    let of_user = events.iter().filter(|event| event.root == Root::User(user(who)));
    of_user.map(|event| event.event.id).collect()
}

pub(super) async fn events_wait_in_the_order_of_the_journal<S: WholeStore>(bench: &Bench<'_, S>) {
    let (first, mut told) = telling(bench, 1, 0, &[2, 0, 1]);
    let (other, told_of_other) = telling(bench, 2, 0, &[1, 1]);
    let (second, more) = telling(bench, 1, 1, &[1, 3]);
    bench.commit(&[first.clone(), other]).await;
    bench.committed(&second).await;
    told.extend(more);

    let events = waiting(bench, 100).await;
    let expected: Vec<EventId> = told.iter().map(|event| event.id).collect();
    assert_eq!(
        ids(&events, 1),
        expected,
        "a root's events leave in the order of its journal"
    );
    let expected: Vec<EventId> = told_of_other.iter().map(|event| event.id).collect();
    assert_eq!(ids(&events, 2), expected);
    for event in &events {
        assert!(
            told.contains(&event.event) || told_of_other.contains(&event.event),
            "an event comes out as it went in"
        );
    }
    for who in [1, 2] {
        let positions: Vec<_> = events
            .iter()
            .filter(|event| event.root == Root::User(user(who)))
            .map(|event| event.position)
            .collect();
        assert!(
            positions.is_sorted_by(|a, b| a < b),
            "positions rise along a root's events: {positions:?}"
        );
    }
    let last = events.iter().rfind(|event| event.event == told[2]);
    assert_eq!(
        last.map(|event| (
            event.correlation_id.clone(),
            event.recorded_at,
            event.position.event
        )),
        Some((
            Some("request 2 of 1".to_owned()),
            noon() + Duration::seconds(2),
            0
        )),
        "an event knows its request, its time and its place in the entry"
    );
}

pub(super) async fn entries_without_events_do_not_wait<S: WholeStore>(bench: &Bench<'_, S>) {
    let (silent, _) = telling(bench, 1, 0, &[0, 0]);
    bench.committed(&silent).await;
    assert_eq!(waiting(bench, 10).await, []);
}

pub(super) async fn whole_entries_wait_even_beyond_the_limit<S: WholeStore>(bench: &Bench<'_, S>) {
    let (change, events) = telling(bench, 1, 0, &[3, 2]);
    bench.committed(&change).await;
    let first: Vec<_> = waiting(bench, 1).await.into_iter().map(|out| out.event).collect();
    assert_eq!(
        first,
        events[..3],
        "an entry is never torn, and the oldest come first"
    );
    assert_eq!(waiting(bench, 4).await.len(), 5);
}

pub(super) async fn sent_entries_wait_no_more<S: WholeStore>(bench: &Bench<'_, S>) {
    let (change, events) = telling(bench, 1, 0, &[2, 1, 1]);
    bench.committed(&change).await;
    let entries: Vec<i64> = waiting(bench, 10)
        .await
        .iter()
        .map(|out| out.position.entry)
        .collect();
    sent(bench, &[entries[0], entries[3]]).await;
    let left: Vec<_> = waiting(bench, 10)
        .await
        .into_iter()
        .map(|out| out.event)
        .collect();
    assert_eq!(
        left,
        events[2..3],
        "what was sent waits no more, whatever the order"
    );
    sent(bench, &[entries[0]]).await;
    sent(bench, &[]).await;
    assert_eq!(
        waiting(bench, 10).await.len(),
        1,
        "noting it again changes nothing"
    );
    sent(bench, &[entries[2]]).await;
    assert_eq!(waiting(bench, 10).await, []);
}

pub(super) async fn a_conflict_tells_nobody<S: WholeStore>(bench: &Bench<'_, S>) {
    bench.committed(&bench.change(user(1), 0)).await;
    let (stale, _) = telling(bench, 1, 0, &[1]);
    bench.refused(&stale, "a stale version is a conflict").await;
    assert_eq!(waiting(bench, 10).await, []);
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
pub(super) async fn the_backlog_counts_entries_and_knows_the_oldest<S: WholeStore>(bench: &Bench<'_, S>) {
    let backlog = async || bench.store.backlog().await.expect("`backlog` must answer");
    assert_eq!(
        backlog().await,
        Backlog::default(),
        "an empty outbox has no backlog"
    );
    let (change, _) = telling(bench, 1, 0, &[0, 2, 1]);
    bench.committed(&change).await;
    let expected = |entries, seconds| Backlog {
        entries,
        oldest: Some(noon() + Duration::seconds(seconds)),
    };
    assert_eq!(backlog().await, expected(2, 1));
    let first = waiting(bench, 1).await[0].position.entry;
    sent(bench, &[first]).await;
    assert_eq!(backlog().await, expected(1, 2));
}
