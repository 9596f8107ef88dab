use chrono::{DateTime, Duration, Utc};

use super::{
    WholeStore,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    EventId,
    engine::OutboundEvent,
    ports::{
        bus::{Backlog, OutboxEvent, ParkRequest, ParkedEvent},
        store::{Change, Root},
    },
    testing::user,
};

async fn waiting<S: WholeStore>(fixture: &StoreFixture<'_, S>, limit: usize) -> Vec<OutboxEvent> {
    waiting_at(fixture, limit, noon()).await
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn waiting_at<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
    limit: usize,
    now: DateTime<Utc>,
) -> Vec<OutboxEvent> {
    let waiting = fixture.store.waiting(limit, now).await;
    waiting.expect("`waiting` must answer")
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn sent<S: WholeStore>(fixture: &StoreFixture<'_, S>, entries: &[i64]) {
    fixture
        .store
        .sent(entries, noon())
        .await
        .expect("`sent` must be noted");
}

/// A change with as many entries as there are numbers, each with so many events.
fn telling<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
    who: u64,
    version: u64,
    counts: &[usize],
) -> (Change, Vec<OutboundEvent>) {
    let mut change = fixture.change(user(who), version);
    change.journal.clear();
    for (n, count) in (0..).zip(counts) {
        let mut entry = fixture.entry(Root::User(user(who)), noon() + Duration::seconds(n));
        entry.request.signals.correlation_id = Some(format!("request {n} of {who}"));
        entry.events = (0..*count).map(|_| fixture.event(user(who))).collect();
        change.journal.push(entry);
    }
    let events = change
        .journal
        .iter()
        .flat_map(|entry| entry.events.clone())
        .collect();
    (change, events)
}

fn ids(events: &[OutboxEvent], who: u64) -> Vec<EventId> {
    let of_user = events.iter().filter(|event| event.root == Root::User(user(who)));
    of_user.map(|event| event.event.id).collect()
}

pub(super) async fn events_wait_in_the_order_of_the_journal<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let (first, mut told) = telling(fixture, 1, 0, &[2, 0, 1]);
    let (other, told_of_other) = telling(fixture, 2, 0, &[1, 1]);
    let (second, more) = telling(fixture, 1, 1, &[1, 3]);
    fixture.commit(&[first.clone(), other]).await;
    fixture.committed(&second).await;
    told.extend(more);

    let events = waiting(fixture, 100).await;
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

pub(super) async fn entries_without_events_do_not_wait<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let (silent, _) = telling(fixture, 1, 0, &[0, 0]);
    fixture.committed(&silent).await;
    assert_eq!(waiting(fixture, 10).await, []);
}

pub(super) async fn whole_entries_wait_even_beyond_the_limit<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let (change, events) = telling(fixture, 1, 0, &[3, 2]);
    fixture.committed(&change).await;
    let first: Vec<_> = waiting(fixture, 1)
        .await
        .into_iter()
        .map(|out| out.event)
        .collect();
    assert_eq!(
        first,
        events[..3],
        "an entry is never torn, and the oldest come first"
    );
    assert_eq!(waiting(fixture, 4).await.len(), 5);
}

pub(super) async fn sent_entries_wait_no_more<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let (change, events) = telling(fixture, 1, 0, &[2, 1, 1]);
    fixture.committed(&change).await;
    let entries: Vec<i64> = waiting(fixture, 10)
        .await
        .iter()
        .map(|out| out.position.entry)
        .collect();
    sent(fixture, &[entries[0], entries[3]]).await;
    let left: Vec<_> = waiting(fixture, 10)
        .await
        .into_iter()
        .map(|out| out.event)
        .collect();
    assert_eq!(
        left,
        events[2..3],
        "what was sent waits no more, whatever the order"
    );
    sent(fixture, &[entries[0]]).await;
    sent(fixture, &[]).await;
    assert_eq!(
        waiting(fixture, 10).await.len(),
        1,
        "noting it again changes nothing"
    );
    sent(fixture, &[entries[2]]).await;
    assert_eq!(waiting(fixture, 10).await, []);
}

pub(super) async fn a_conflict_tells_nobody<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    fixture.committed(&fixture.change(user(1), 0)).await;
    let (stale, _) = telling(fixture, 1, 0, &[1]);
    fixture.refused(&stale, "a stale version is a conflict").await;
    assert_eq!(waiting(fixture, 10).await, []);
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
pub(super) async fn the_backlog_counts_entries_and_knows_the_oldest<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    let backlog = async || fixture.store.backlog().await.expect("`backlog` must answer");
    assert_eq!(
        backlog().await,
        Backlog::default(),
        "an empty outbox has no backlog"
    );
    let (change, _) = telling(fixture, 1, 0, &[0, 2, 1]);
    fixture.committed(&change).await;
    let expected = |entries, seconds| Backlog {
        entries,
        oldest: Some(noon() + Duration::seconds(seconds)),
        parked: 0,
    };
    assert_eq!(backlog().await, expected(2, 1));
    let first = waiting(fixture, 1).await[0].position.entry;
    sent(fixture, &[first]).await;
    assert_eq!(backlog().await, expected(1, 2));
}

fn parking(event: &OutboxEvent, at: DateTime<Utc>, retry_at: DateTime<Utc>) -> ParkRequest {
    ParkRequest {
        entry: event.position.entry,
        root: event.root,
        event: event.event.id,
        event_type: event.event.event.event_type().to_owned(),
        reason: format!("refused at {at}"),
        at,
        retry_at,
    }
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn park<S: WholeStore>(fixture: &StoreFixture<'_, S>, events: &[ParkRequest]) {
    fixture.store.park(events).await.expect("`park` must be noted");
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn parked<S: WholeStore>(fixture: &StoreFixture<'_, S>) -> Vec<ParkedEvent> {
    fixture
        .store
        .parked(None, 100)
        .await
        .expect("`parked` must answer")
}

pub(super) async fn a_parked_event_holds_back_its_root_alone_until_its_time<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    let (change, _) = telling(fixture, 1, 0, &[1, 2]);
    let (other, _) = telling(fixture, 2, 0, &[1]);
    fixture.commit(&[change, other]).await;
    let all = waiting(fixture, 10).await;
    let of_one: Vec<&OutboxEvent> = all
        .iter()
        .filter(|event| event.root == Root::User(user(1)))
        .collect();
    assert!(all.iter().all(|event| event.attempts == 0));
    let later = noon() + Duration::seconds(5);
    let first = parking(of_one[0], noon(), later);
    park(fixture, std::slice::from_ref(&first)).await;
    park(fixture, &[]).await;

    let just_before = waiting_at(fixture, 10, later - Duration::microseconds(1)).await;
    assert_eq!(ids(&just_before, 1), [], "the root waits whole");
    assert_eq!(ids(&just_before, 2).len(), 1, "others pass by");
    assert_eq!(
        parked(fixture).await,
        [ParkedEvent {
            last: first,
            attempts: 1,
            since: noon(),
            behind: 1
        }]
    );
    let in_time = waiting_at(fixture, 10, later).await;
    assert_eq!(ids(&in_time, 1), ids(&all, 1), "in the same order as before");
    let attempts: Vec<u32> = in_time
        .iter()
        .filter(|event| event.root == Root::User(user(1)))
        .map(|event| event.attempts)
        .collect();
    assert_eq!(
        attempts,
        [1, 0, 0],
        "the entry itself was parked, and no later one"
    );

    let again = parking(of_one[0], later, later + Duration::days(1));
    park(fixture, std::slice::from_ref(&again)).await;
    let compiled = parked(fixture).await;
    assert_eq!((compiled[0].attempts, compiled[0].since), (2, noon()));
    assert_eq!(compiled[0].last, again);
    assert_eq!(ids(&waiting_at(fixture, 10, later).await, 1), []);
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
pub(super) async fn a_parked_event_is_tried_again_when_somebody_asks<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    for who in 1..=3 {
        let (change, _) = telling(fixture, who, 0, &[1]);
        fixture.committed(&change).await;
    }
    let all = waiting(fixture, 10).await;
    let events: Vec<ParkRequest> = all
        .iter()
        .map(|event| parking(event, noon(), noon() + Duration::hours(1)))
        .collect();
    park(fixture, &events).await;
    assert_eq!(waiting(fixture, 10).await, []);
    let retry = async |event| {
        fixture
            .store
            .retry_parked(event, noon())
            .await
            .expect("`retry_parked` must answer")
    };
    assert_eq!(
        retry(Some(fixture.event(user(9)).id)).await,
        0,
        "it was never parked"
    );
    assert_eq!(retry(Some(events[1].event)).await, 1);
    let due: Vec<EventId> = waiting(fixture, 10)
        .await
        .iter()
        .map(|event| event.event.id)
        .collect();
    assert_eq!(due, [events[1].event]);
    assert_eq!(parked(fixture).await.len(), 3, "it stays parked until it is sent");
    assert_eq!(retry(None).await, 3);
    assert_eq!(waiting(fixture, 10).await.len(), 3);
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
pub(super) async fn what_was_sent_is_parked_no_more<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    for who in 1..=3 {
        let (change, _) = telling(fixture, who, 0, &[1, 1]);
        fixture.committed(&change).await;
    }
    let all = waiting(fixture, 10).await;
    let firsts: Vec<&OutboxEvent> = (1..=3)
        .filter_map(|who| all.iter().find(|event| event.root == Root::User(user(who))))
        .collect();
    let events: Vec<ParkRequest> = firsts
        .iter()
        .map(|event| parking(event, noon(), noon() + Duration::hours(1)))
        .collect();
    park(fixture, &events).await;
    let backlog = async || fixture.store.backlog().await.expect("`backlog` must answer");
    assert_eq!((backlog().await.entries, backlog().await.parked), (6, 3));
    let compiled = fixture.store.parked(Some(events[0].entry), 1).await;
    let compiled = compiled.expect("`parked` must answer");
    assert_eq!(compiled.len(), 1, "a page after an entry");
    assert_eq!(compiled[0].last, events[1]);

    sent(fixture, &[events[1].entry]).await;
    assert_eq!(backlog().await.parked, 2);
    assert_eq!(
        ids(&waiting(fixture, 10).await, 2).len(),
        1,
        "what waited behind it may leave"
    );
    let left: Vec<EventId> = parked(fixture)
        .await
        .iter()
        .map(|parked| parked.last.event)
        .collect();
    assert_eq!(left, [events[0].event, events[2].event]);
}
