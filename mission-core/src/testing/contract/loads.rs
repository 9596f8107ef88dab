use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{
    WholeStore, records,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    CommandId, ReviewId, RewardId, TaskId,
    engine::{LoadedRecords, ReadSet, ReceiptKey, pack_id},
    fraud::DeviceHash,
    mission::BudgetUse,
    ports::store::{Claim, Root, Version},
    task::Participation,
    testing::{active, date, definition, mission_id, user},
};

/// Keys of every kind, of things below user 1, mission 1 and a pack.
fn keys_of_every_kind(id: Uuid) -> ReadSet {
    let mut keys = ReadSet {
        roots: BTreeSet::from([Root::User(user(2)), Root::Mission(mission_id(2))]),
        claims: BTreeSet::from([Claim::Policy, Claim::Evidence([7; 32])]),
        budgets: BTreeSet::from([mission_id(1)]),
        devices: BTreeSet::from([DeviceHash::of("phone")]),
        receipts: BTreeSet::from([ReceiptKey {
            caller: id,
            command: CommandId(id),
        }]),
        ..ReadSet::default()
    };
    let records = &mut keys.records;
    records.user.insert(user(1));
    records.task.insert((user(1), TaskId(id)));
    records.participation.insert((user(1), mission_id(1)));
    records.reward.insert((user(1), RewardId(id)));
    records.review.insert((user(1), ReviewId(id)));
    records.check_in_day.insert((user(1), date("2026-01-05")));
    records.mission.insert(mission_id(1));
    records.pack.insert(pack_id("starter"));
    keys
}

pub(super) async fn a_load_answers_every_key_that_was_asked<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let id = fixture.fresh();
    let keys = keys_of_every_kind(id);
    let loaded = fixture.load(keys.clone()).await;
    let roots: BTreeMap<Root, Version> = keys
        .all_roots()
        .into_iter()
        .map(|root| (root, Version(0)))
        .collect();
    assert_eq!(
        loaded.versions, roots,
        "every root that is named, or holds a record that is, is at version 0 while it does not exist"
    );
    assert_eq!(
        loaded.records,
        keys.records.pick(&crate::engine::Records::default()),
        "every record that does not exist is answered with `None`"
    );
    let nobody: BTreeMap<Claim, Option<Uuid>> = keys.claims.into_iter().map(|claim| (claim, None)).collect();
    assert_eq!(
        loaded.claims, nobody,
        "a claim that nobody holds is answered with `None`"
    );
    assert_eq!(
        loaded.budgets,
        BTreeMap::from([(mission_id(1), BudgetUse::default())]),
        "nothing is in use of a budget that nobody has touched"
    );
    assert_eq!(
        loaded.devices,
        BTreeMap::from([(DeviceHash::of("phone"), BTreeMap::new())]),
        "nobody came with a device that nobody named"
    );
    assert_eq!(
        loaded.receipts.into_values().collect::<Vec<_>>(),
        [None],
        "a receipt that was never given is answered with `None`"
    );
}

pub(super) async fn a_load_shows_what_was_written<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let id = fixture.fresh();
    let mut change = fixture.change(user(1), 0);
    change.expected.insert(Root::Mission(mission_id(1)), Version(0));
    change.expected.insert(Root::Pack(pack_id("starter")), Version(0));
    records::write_task(&mut change, records::task(user(1), id, mission_id(1), noon()));
    records::write_reward(&mut change, records::reward(user(1), id, 50, noon()));
    records::write_review(&mut change, records::review(user(1), id, noon()));
    records::write_day(&mut change, user(1), records::day(id, date("2026-01-05"), noon()));
    let writes = &mut change.write_set.writes;
    let mut participation = Participation::default();
    participation.opened(crate::mission::Period::Ever, TaskId(id), noon());
    writes
        .participation
        .insert((user(1), mission_id(1)), Some(participation));
    let mission = active(1, definition("one"));
    writes.mission.insert(mission.id, Some(mission));
    let pack = records::pack("starter", noon());
    writes.pack.insert(pack.id, Some(pack));
    change
        .write_set
        .claims
        .insert(Claim::MissionCode(definition("one").code), mission_id(1).0);
    fixture.committed(&change).await;

    let loaded = fixture.load(keys_of_every_kind(id)).await;
    assert_eq!(
        loaded.records, change.write_set.writes,
        "records of every kind come back"
    );
    for root in change.expected.keys() {
        assert_eq!(
            loaded.versions.get(root),
            Some(&Version(1)),
            "{root:?} was changed once"
        );
    }
}

pub(super) async fn a_load_of_nothing_is_empty<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    fixture.committed(&fixture.change(user(1), 0)).await;
    assert_eq!(fixture.load(ReadSet::default()).await, LoadedRecords::default());
}
