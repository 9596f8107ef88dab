use std::collections::BTreeSet;

use super::{
    WholeStore, records,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    CommandId, UserId,
    engine::{ReadSet, ReceiptKey},
    fraud::DeviceHash,
    ports::{queries::UserExport, store::Change},
    task::Participation,
    testing::{date, mission_id, user},
    user::User,
};

async fn live<S: WholeStore>(fixture: &StoreFixture<'_, S>, who: UserId) {
    let id = fixture.fresh();
    fixture
        .settle(who, |change| {
            records::write_task(change, records::task(who, id, mission_id(1), noon()));
            records::write_reward(change, records::reward(who, id, 50, noon()));
            records::write_review(change, records::review(who, id, noon()));
            records::write_day(change, who, records::day(id, date("2026-01-05"), noon()));
            change
                .write_set
                .writes
                .participation
                .insert((who, mission_id(1)), Some(Participation::default()));
            change
                .write_set
                .sightings
                .insert((DeviceHash::of("phone"), who), noon());
        })
        .await;
}

/// What the engine writes for an erasure: everything goes, a tombstone stays.
fn erasing<S: WholeStore>(fixture: &StoreFixture<'_, S>, who: UserId, version: u64) -> Change {
    let mut change = fixture.change_of(User::tombstone(who, noon()), version);
    change.write_set.erasures.insert(who);
    change
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn export<S: WholeStore>(fixture: &StoreFixture<'_, S>, who: UserId) -> UserExport {
    fixture.store.export(who).await.expect("`export` must answer")
}

async fn users_of_phone<S: WholeStore>(fixture: &StoreFixture<'_, S>) -> Vec<UserId> {
    let phone = DeviceHash::of("phone");
    let keys = ReadSet {
        devices: BTreeSet::from([phone.clone()]),
        ..ReadSet::default()
    };
    fixture.load(keys).await.devices[&phone].keys().copied().collect()
}

pub(super) async fn an_erasure_removes_every_record<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    live(fixture, user(1)).await;
    fixture.committed(&erasing(fixture, user(1), 1)).await;
    let tombstone = UserExport {
        user: Some(User::tombstone(user(1), noon())),
        ..UserExport::default()
    };
    assert_eq!(
        export(fixture, user(1)).await,
        tombstone,
        "a tombstone is all that stays"
    );
    assert_eq!(users_of_phone(fixture).await, [], "devices forget the user too");
    // The root goes on: what was read before the erasure is stale.
    fixture
        .refused(&fixture.change(user(1), 0), "the id stays taken")
        .await;
    fixture
        .committed(&fixture.change_of(User::tombstone(user(1), noon()), 2))
        .await;
}

pub(super) async fn an_erasure_leaves_others_alone<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    live(fixture, user(1)).await;
    live(fixture, user(2)).await;
    let before = export(fixture, user(2)).await;
    fixture.committed(&erasing(fixture, user(1), 1)).await;
    assert_eq!(export(fixture, user(2)).await, before);
    assert_eq!(users_of_phone(fixture).await, [user(2)]);
}

pub(super) async fn an_erasure_forgets_what_the_journal_says<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    // A key of the user's own, and one under which a service wrote about the user.
    let keys = [user(1).0, user(9).0].map(|caller| ReceiptKey {
        caller,
        command: CommandId(fixture.fresh()),
    });
    for (version, key) in keys.iter().enumerate() {
        let mut change = fixture.change(user(1), version as u64);
        change.journal[0].request.receipt = *key;
        change.journal[0].request.keyed = true;
        fixture.committed(&change).await;
    }
    fixture.committed(&erasing(fixture, user(1), 2)).await;
    let loaded = fixture
        .load(ReadSet {
            receipts: keys.into(),
            ..ReadSet::default()
        })
        .await;
    assert!(
        loaded.receipts.values().all(Option::is_none),
        "no remembered answer tells of an erased user"
    );
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
pub(super) async fn unsent_events_of_the_erased_still_leave<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let mut change = fixture.change(user(1), 0);
    let granted = fixture.event(user(1));
    change.journal[0].events.push(granted.clone());
    fixture.committed(&change).await;
    let mut erasure = erasing(fixture, user(1), 1);
    let erased = fixture.event(user(1));
    erasure.journal[0].events.push(erased.clone());
    fixture.committed(&erasure).await;
    let waiting = fixture
        .store
        .waiting(10, noon())
        .await
        .expect("`waiting` must answer");
    let events: Vec<_> = waiting.into_iter().map(|out| out.event).collect();
    assert_eq!(
        events,
        [granted, erased],
        "what was granted before an erasure still leaves, in order"
    );
}
