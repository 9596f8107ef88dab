//! The relay between a memory outbox and buses that misbehave.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use mission_core::{
    EventId,
    engine::{CheckIn, Engine, EngineBuilder, Signals},
    event::CloudEvent,
    memory::MemoryStore,
    ports::bus::{Backlog, ParkedEvent},
    testing::{CountingIds, FixedClock, at, user},
};

use super::*;
use crate::outbox::{FanOut, InProcessBus, Subscriber};

/// Takes down what comes, but for the users whose events it refuses.
#[derive(Default)]
struct Listener {
    heard: Mutex<Vec<(String, String)>>,
    calls: Mutex<usize>,
    refuses: Mutex<BTreeSet<String>>,
}

impl Listener {
    /// The ids of a user's events in the order in which they were heard.
    fn heard_of(&self, who: u64) -> Vec<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let of_user = heard
            .iter()
            .filter(|(subject, _)| *subject == user(who).to_string());
        of_user.map(|(_, id)| id.clone()).collect()
    }

    fn refuse(&self, who: &[u64]) {
        *self.refuses.lock().unwrap() = who.iter().map(|n| user(*n).to_string()).collect();
    }
}

#[async_trait]
impl Subscriber for Listener {
    async fn handle(&self, events: &[CloudEvent]) -> Result<(), StoreError> {
        let refuses = self.refuses.lock().unwrap();
        let subject = |event: &CloudEvent| event.subject.clone().unwrap_or_default();
        if events.iter().any(|event| refuses.contains(&subject(event))) {
            return Err(StoreError::Refused("not today".to_owned()));
        }
        *self.calls.lock().unwrap() += 1;
        let mut heard = self.heard.lock().unwrap();
        heard.extend(events.iter().map(|event| (subject(event), event.id.clone())));
        Ok(())
    }
}

struct RelayFixture {
    store: MemoryStore,
    engine: Engine,
    clock: FixedClock,
    listener: Arc<Listener>,
    relay: Relay,
}

fn fixture(options: RelayOptions) -> RelayFixture {
    let store = MemoryStore::default();
    let clock = FixedClock::at(at("2026-01-05T10:00:00Z"));
    let (engine, writer) = EngineBuilder::new(store.clone(), clock.clone(), CountingIds::default()).build();
    tokio::spawn(writer.run());
    let listener = Arc::new(Listener::default());
    let bus = InProcessBus::new("/test").with(Arc::clone(&listener) as Arc<dyn Subscriber>);
    let relay = Relay::new(
        Arc::new(store.clone()),
        Arc::new(bus),
        Arc::new(clock.clone()),
        Arc::new(Notify::new()),
        options,
    );
    RelayFixture {
        store,
        engine,
        clock,
        listener,
        relay,
    }
}

impl RelayFixture {
    /// Lets a user check in on a day after the fifth of January; answers the ids of the events that wait by then.
    async fn check_in(&self, who: u64, day: i64) {
        self.clock
            .set(at("2026-01-05T10:00:00Z") + chrono::Duration::days(day));
        let command = CheckIn { user: user(who) };
        self.engine
            .execute(command, Signals::default(), None)
            .await
            .unwrap();
    }

    fn waiting_of(&self, who: u64) -> Vec<String> {
        let waiting = self.store.outbox();
        let of_user = waiting
            .iter()
            .filter(|outgoing| outgoing.root == Root::User(user(who)));
        of_user.map(|outgoing| outgoing.event.id.to_string()).collect()
    }
}

fn quick() -> RelayOptions {
    RelayOptions {
        batch: 3,
        poll: Duration::from_millis(5),
        rest: Duration::ZERO,
        first_back_off: Duration::from_millis(1),
        longest_back_off: Duration::from_millis(4),
        refused_back_off: Duration::from_secs(60),
    }
}

#[tokio::test]
async fn everything_leaves_in_order_whatever_the_batch() {
    let mut fixture = fixture(quick());
    for day in 0..5 {
        for who in 1..=3 {
            fixture.check_in(who, day).await;
        }
    }
    let expected = [
        fixture.waiting_of(1),
        fixture.waiting_of(2),
        fixture.waiting_of(3),
    ];
    assert_eq!(expected[0].len(), 10, "two events a check-in");
    fixture.relay.flush(Duration::from_secs(5)).await.unwrap();
    for (who, expected) in (1..).zip(expected) {
        assert_eq!(fixture.listener.heard_of(who), expected);
    }
    assert_eq!(fixture.store.backlog().await.unwrap().entries, 0);
}

#[tokio::test]
async fn a_refused_event_holds_back_its_own_user_alone() {
    let mut fixture = fixture(quick());
    for day in 0..4 {
        fixture.check_in(1, day).await;
        fixture.check_in(2, day).await;
    }
    let (first, second) = (fixture.waiting_of(1), fixture.waiting_of(2));
    fixture.listener.refuse(&[1]);
    fixture.relay.flush(Duration::from_secs(5)).await.unwrap();
    assert_eq!(fixture.listener.heard_of(1), [""; 0]);
    assert_eq!(fixture.listener.heard_of(2), second, "others go on");
    let parked = fixture.store.parked(None, 10).await.unwrap();
    assert_eq!(parked.len(), 1, "one event of the user is parked: {parked:?}");
    assert_eq!(parked[0].last.event.to_string(), first[0]);
    assert_eq!(parked[0].last.event_type, "RewardClaimedEvent");
    assert_eq!(parked[0].last.reason, "not today");
    assert_eq!((parked[0].attempts, parked[0].behind), (1, 3));
    fixture.listener.refuse(&[]);
    fixture.relay.flush(Duration::from_secs(5)).await.unwrap();
    assert_eq!(fixture.listener.heard_of(1), [""; 0], "its time has not come");
    fixture.clock.set(parked[0].last.retry_at);
    fixture.relay.flush(Duration::from_secs(5)).await.unwrap();
    assert_eq!(
        fixture.listener.heard_of(1),
        first,
        "and it leaves in order once it is taken"
    );
    assert_eq!(fixture.store.parked(None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_running_relay_tries_again_by_itself_and_is_woken() {
    let mut fixture = fixture(RelayOptions {
        poll: Duration::from_secs(3_600),
        refused_back_off: Duration::from_millis(1),
        ..quick()
    });
    let stop = CancellationToken::new();
    fixture.listener.refuse(&[1]);
    fixture.check_in(1, 0).await;
    let expected = fixture.waiting_of(1);
    let notify = Arc::clone(&fixture.relay.notify);
    let (stopping, mut relay) = (
        stop.clone(),
        std::mem::replace(&mut fixture.relay, super::tests::fixture(quick()).relay),
    );
    let running = tokio::spawn(async move { relay.run(&stopping).await });
    tokio::time::sleep(Duration::from_millis(30)).await;
    fixture.listener.refuse(&[]);
    fixture.clock.set(at("2026-01-05T10:00:01Z"));
    until(|| fixture.listener.heard_of(1) == expected).await;
    // Nothing is parked any more: only the word of a commit wakes it within the hour.
    until_idle().await;
    fixture.check_in(1, 1).await;
    notify.notify_one();
    until(|| fixture.listener.heard_of(1).len() == 4).await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn what_comes_after_quiet_leaves_at_once_and_what_comes_while_it_rests_leaves_together() {
    let rest = Duration::from_secs(1);
    let mut fixture = fixture(RelayOptions {
        poll: Duration::from_secs(3_600),
        rest,
        batch: 100,
        ..quick()
    });
    let (stop, begun) = (CancellationToken::new(), Instant::now());
    let (notify, listener, stopping) = (
        Arc::clone(&fixture.relay.notify),
        Arc::clone(&fixture.listener),
        stop.clone(),
    );
    let mut relay = std::mem::replace(&mut fixture.relay, super::tests::fixture(quick()).relay);
    let running = tokio::spawn(async move { relay.run(&stopping).await });
    let calls = || *listener.calls.lock().unwrap();

    fixture.check_in(1, 0).await;
    notify.notify_one();
    until(|| calls() == 1).await;
    assert!(begun.elapsed() < rest, "the first one waits for nothing");
    for who in 2..=4 {
        fixture.check_in(who, 0).await;
        notify.notify_one();
    }
    until(|| !listener.heard_of(4).is_empty()).await;
    assert_eq!(calls(), 2, "all that came while it rested");
    assert!(begun.elapsed() >= rest);
    stop.cancel();
    running.await.unwrap();
}

async fn until_idle() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}

async fn until(done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !done() {
        assert!(Instant::now() < deadline, "it never came");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// An outbox that cannot note what was sent the first time.
struct Forgetful {
    store: MemoryStore,
    failures: Mutex<u32>,
}

#[async_trait]
impl Outbox for Forgetful {
    async fn waiting(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<OutboxEvent>, StoreError> {
        self.store.waiting(limit, now).await
    }

    async fn sent(&self, entries: &[i64], at: DateTime<Utc>) -> Result<(), StoreError> {
        {
            let mut failures = self.failures.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                return Err(StoreError::Unavailable("the disk is away".to_owned()));
            }
        }
        self.store.sent(entries, at).await
    }

    async fn park(&self, events: &[ParkRequest]) -> Result<(), StoreError> {
        self.store.park(events).await
    }

    async fn parked(&self, after: Option<i64>, limit: usize) -> Result<Vec<ParkedEvent>, StoreError> {
        self.store.parked(after, limit).await
    }

    async fn retry_parked(&self, event: Option<EventId>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.store.retry_parked(event, now).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.store.backlog().await
    }
}

#[tokio::test]
async fn what_could_not_be_noted_is_sent_again_with_the_same_ids() {
    let mut fixture = fixture(quick());
    fixture.check_in(1, 0).await;
    let ids = fixture.waiting_of(1);
    fixture.relay.outbox = Arc::new(Forgetful {
        store: fixture.store.clone(),
        failures: Mutex::new(1),
    });
    fixture.relay.flush(Duration::from_secs(5)).await.unwrap();
    assert_eq!(
        fixture.listener.heard_of(1),
        [ids.clone(), ids].concat(),
        "at least once, under stable ids"
    );
}

/// A bus that is away for some calls, after it has taken the first event of each.
struct Absent {
    calls: Mutex<usize>,
    bus: InProcessBus,
}

#[async_trait]
impl Bus for Absent {
    async fn publish(&self, events: &[OutboxEvent]) -> Vec<Result<(), PublishError>> {
        let absent = {
            let mut calls = self.calls.lock().unwrap();
            *calls = calls.saturating_sub(1);
            *calls > 0
        };
        let there = if absent { 1 } else { events.len() };
        let mut answers = self.bus.publish(&events[..there]).await;
        answers.resize(
            events.len(),
            Err(PublishError::Away {
                reason: "gone".to_owned(),
            }),
        );
        answers
    }
}

#[tokio::test]
async fn a_bus_that_is_away_is_tried_again_as_a_whole() {
    let mut fixture = fixture(RelayOptions {
        batch: 100,
        ..quick()
    });
    for day in 0..3 {
        fixture.check_in(1, day).await;
        fixture.check_in(2, day).await;
    }
    let expected = [fixture.waiting_of(1), fixture.waiting_of(2)];
    let listener = Arc::clone(&fixture.listener) as Arc<dyn Subscriber>;
    fixture.relay.bus = Arc::new(Absent {
        calls: Mutex::new(5),
        bus: InProcessBus::new("/test").with(listener),
    });
    let stop = CancellationToken::new();
    let (stopping, mut relay) = (
        stop.clone(),
        std::mem::replace(&mut fixture.relay, super::tests::fixture(quick()).relay),
    );
    let running = tokio::spawn(async move { relay.run(&stopping).await });
    let store = fixture.store.clone();
    until(|| store.outbox().is_empty()).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(
        store.backlog().await.unwrap().parked,
        0,
        "no user is blamed for it"
    );
    for (who, expected) in (1..).zip(expected) {
        let mut heard = fixture.listener.heard_of(who);
        let mut seen = BTreeSet::new();
        heard.retain(|id| seen.insert(id.clone()));
        assert_eq!(heard, expected, "in the order of their first arrival");
    }
}

#[tokio::test]
async fn a_bus_that_is_away_is_not_given_more_and_more() {
    let mut fixture = fixture(quick());
    for who in 0..60 {
        fixture.check_in(who, 0).await;
    }
    let listener = Arc::clone(&fixture.listener) as Arc<dyn Subscriber>;
    fixture.relay.bus = Arc::new(Absent {
        calls: Mutex::new(usize::MAX),
        bus: InProcessBus::new("/test").with(listener),
    });
    for _ in 0..40 {
        assert!(fixture.relay.pass().await.unwrap().away);
    }
    let looked_at = 3 * WIDEST_AWAY;
    assert!(
        fixture.relay.behind <= looked_at,
        "{} > {looked_at}",
        fixture.relay.behind
    );
}

#[tokio::test]
async fn an_event_goes_to_every_bus_and_no_further_than_the_first_that_does_not_take_it() {
    let mut fixture = fixture(quick());
    let second = Arc::new(Listener::default());
    let bus = |listener: &Arc<Listener>| {
        let listener = Arc::clone(listener) as Arc<dyn Subscriber>;
        Arc::new(InProcessBus::new("/test").with(listener)) as Arc<dyn Bus>
    };
    fixture.relay.bus = Arc::new(FanOut::new(vec![bus(&fixture.listener), bus(&second)]));
    fixture.check_in(1, 0).await;
    fixture.check_in(2, 0).await;
    let expected = [fixture.waiting_of(1), fixture.waiting_of(2)];
    fixture.listener.refuse(&[1]);
    fixture.relay.flush(Duration::from_secs(5)).await.unwrap();
    assert_eq!(second.heard_of(1), [""; 0]);
    assert_eq!(second.heard_of(2), expected[1]);
    let ask = async || {
        fixture
            .store
            .retry_parked(None, fixture.clock.now())
            .await
            .unwrap()
    };
    fixture.listener.refuse(&[]);
    second.refuse(&[1]);
    assert_eq!(ask().await, 1);
    fixture.relay.flush(Duration::from_secs(5)).await.unwrap();
    let backlog = fixture.store.backlog().await.unwrap();
    assert_eq!(
        (backlog.entries, backlog.parked),
        (1, 1),
        "it has not left until all have it"
    );
    second.refuse(&[]);
    assert_eq!(ask().await, 1);
    fixture.relay.flush(Duration::from_secs(5)).await.unwrap();
    assert_eq!(second.heard_of(1), expected[0]);
}

/// A bus that says nothing.
struct Silent;

#[async_trait]
impl Bus for Silent {
    async fn publish(&self, _events: &[OutboxEvent]) -> Vec<Result<(), PublishError>> {
        Vec::new()
    }
}

#[tokio::test]
async fn what_one_of_several_buses_says_nothing_of_is_not_taken() {
    let mut fixture = fixture(quick());
    fixture.check_in(1, 0).await;
    fixture.relay.bus = Arc::new(FanOut::new(vec![Arc::new(Silent)]));
    assert_eq!(fixture.relay.flush(Duration::from_millis(20)).await, Err(2));
    assert_eq!(fixture.store.backlog().await.unwrap().entries, 1);
}

/// A bus that takes every other event of what it is given, without a word on the last.
struct Patchy(Mutex<Vec<EventId>>);

#[async_trait]
impl Bus for Patchy {
    async fn publish(&self, events: &[OutboxEvent]) -> Vec<Result<(), PublishError>> {
        let mut taken = self.0.lock().unwrap();
        let answers = events.iter().enumerate().map(|(place, outgoing)| {
            if place % 2 == 0 {
                taken.push(outgoing.event.id);
                Ok(())
            } else {
                Err(PublishError::Refused {
                    id: outgoing.event.id,
                    reason: "odd".to_owned(),
                })
            }
        });
        answers.take(events.len().saturating_sub(1).max(1)).collect()
    }
}

#[tokio::test]
async fn an_entry_is_sent_only_when_all_of_it_was_taken() {
    let mut fixture = fixture(quick());
    fixture.check_in(1, 0).await;
    fixture.relay.bus = Arc::new(Patchy(Mutex::default()));
    assert!(fixture.relay.flush(Duration::from_millis(20)).await.is_err());
    assert_eq!(
        fixture.store.backlog().await.unwrap().entries,
        1,
        "one of two events is never taken, so both will come again"
    );
}

/// A bus that takes nothing of one user for now, and of the others one check-in a call: two events.
struct Slow {
    deferred: u64,
    bus: InProcessBus,
}

#[async_trait]
impl Bus for Slow {
    async fn publish(&self, events: &[OutboxEvent]) -> Vec<Result<(), PublishError>> {
        let mut results = Vec::new();
        let mut room = 2;
        for outgoing in events {
            results.push(if outgoing.root == Root::User(user(self.deferred)) {
                Err(PublishError::Deferred {
                    id: outgoing.event.id,
                    reason: "the queue is full".to_owned(),
                })
            } else if room == 0 {
                Err(PublishError::Untried)
            } else {
                room -= 1;
                let taken = self.bus.publish(std::slice::from_ref(outgoing)).await;
                taken.into_iter().next().unwrap()
            });
        }
        results
    }
}

#[tokio::test]
async fn what_was_not_tried_is_tried_at_once_and_what_was_deferred_waits_longer_each_time() {
    let mut fixture = fixture(RelayOptions {
        first_back_off: Duration::from_secs(1),
        longest_back_off: Duration::from_secs(5),
        batch: 100,
        ..quick()
    });
    for who in 1..=3 {
        fixture.check_in(who, 0).await;
    }
    fixture.relay.bus = Arc::new(Slow {
        deferred: 2,
        bus: InProcessBus::new("/test").with(Arc::clone(&fixture.listener) as Arc<dyn Subscriber>),
    });
    let expected = [fixture.waiting_of(1), fixture.waiting_of(3)];
    let pass = fixture.relay.pass().await.unwrap();
    assert!(pass.more, "there was no time for all: {pass:?}");
    assert_eq!((pass.sent, pass.left, pass.parked), (2, 4, 2));
    let pass = fixture.relay.pass().await.unwrap();
    assert_eq!((pass.sent, pass.left, pass.more), (2, 0, false));
    assert_eq!(
        [fixture.listener.heard_of(1), fixture.listener.heard_of(3)],
        expected
    );
    let mut waits = Vec::new();
    for _ in 0..5 {
        let parked = fixture.store.parked(None, 10).await.unwrap();
        let [parked] = parked.as_slice() else {
            panic!("one event is parked: {parked:?}");
        };
        waits.push((parked.last.retry_at - parked.last.at).as_seconds_f64());
        fixture.clock.set(parked.last.retry_at);
        fixture.relay.pass().await.unwrap();
    }
    for (wait, longest) in waits.iter().zip([1.0, 2.0, 4.0, 5.0, 5.0]) {
        assert!(
            (longest / 2.0..=longest).contains(wait),
            "{wait} s of {longest} s: {waits:?}"
        );
    }
}
