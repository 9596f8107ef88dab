use super::{
    WholeStore, records,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    TaskId,
    engine::ReadSet,
    ports::store::{CommitOutcome, Root, Version},
    testing::{active, definition, mission_id, user},
};

pub(super) async fn versions_start_at_zero_and_rise_by_one<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let root = Root::User(user(1));
    for version in 0..5 {
        assert_eq!(
            fixture.version(root).await,
            version,
            "a root's version is the number of its changes"
        );
        fixture.committed(&fixture.change(user(1), version)).await;
    }
    assert_eq!(fixture.version(root).await, 5);
}

pub(super) async fn a_stale_version_writes_nothing<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    fixture.committed(&fixture.change(user(1), 0)).await;
    fixture.committed(&fixture.change(user(1), 1)).await;
    let id = fixture.fresh();
    let mut stale = fixture.change(user(1), 1);
    records::write_task(&mut stale, records::task(user(1), id, mission_id(1), noon()));
    fixture
        .refused(&stale, "a change on a version that has moved is a conflict")
        .await;
    let mut keys = ReadSet::default();
    keys.records.task.insert((user(1), TaskId(id)));
    let loaded = fixture.load(keys).await;
    assert_eq!(
        loaded.records.task[&(user(1), TaskId(id))],
        None,
        "a conflict writes nothing"
    );
    assert_eq!(
        loaded.versions[&Root::User(user(1))],
        Version(2),
        "a conflict raises no version"
    );
}

pub(super) async fn a_version_ahead_writes_nothing<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    fixture.committed(&fixture.change(user(1), 0)).await;
    fixture
        .refused(
            &fixture.change(user(1), 2),
            "a version that is not there yet is a conflict",
        )
        .await;
    fixture
        .refused(
            &fixture.change(user(2), 1),
            "a root that does not exist is at version 0",
        )
        .await;
    assert_eq!(fixture.version(Root::User(user(2))).await, 0);
}

pub(super) async fn a_root_is_made_once<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    fixture.committed(&fixture.change(user(1), 0)).await;
    fixture
        .refused(
            &fixture.change(user(1), 0),
            "a root that exists cannot be made again",
        )
        .await;
}

pub(super) async fn two_roots_change_together_or_not_at_all<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    fixture.committed(&fixture.change(user(2), 0)).await;
    let mut both = fixture.change(user(1), 0);
    let other = fixture.change(user(2), 0);
    both.expected.extend(other.expected.clone());
    both.write_set.writes.extend(other.write_set.writes.clone());
    fixture
        .refused(&both, "one stale root among two is a conflict of both")
        .await;
    assert_eq!(
        fixture.version(Root::User(user(1))).await,
        0,
        "neither was raised"
    );

    both.expected.insert(Root::User(user(2)), Version(1));
    both.expected.insert(Root::Mission(mission_id(1)), Version(0));
    let mission = active(1, definition("one"));
    both.write_set.writes.mission.insert(mission.id, Some(mission));
    fixture.committed(&both).await;
    assert_eq!(fixture.version(Root::User(user(1))).await, 1);
    assert_eq!(fixture.version(Root::User(user(2))).await, 2);
    assert_eq!(fixture.version(Root::Mission(mission_id(1))).await, 1);
}

pub(super) async fn a_conflict_leaves_its_neighbours_whole<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    fixture.committed(&fixture.change(user(2), 0)).await;
    let mut changes = vec![
        fixture.change(user(1), 0),
        fixture.change(user(2), 0),
        fixture.change(user(3), 0),
    ];
    let ids: Vec<_> = (0..3).map(|_| fixture.fresh()).collect();
    for (n, change) in changes.iter_mut().enumerate() {
        let owner = user(n as u64 + 1);
        records::write_task(change, records::task(owner, ids[n], mission_id(1), noon()));
        change.journal[0].events.push(fixture.event(owner));
    }
    assert_eq!(
        fixture.commit(&changes).await,
        [
            CommitOutcome::Committed,
            CommitOutcome::Conflict,
            CommitOutcome::Committed
        ],
        "each change has a verdict of its own"
    );
    for (n, there) in [(0, true), (1, false), (2, true)] {
        let owner = user(n as u64 + 1);
        let mut keys = ReadSet::default();
        keys.records.task.insert((owner, TaskId(ids[n])));
        let loaded = fixture.load(keys).await;
        assert_eq!(
            loaded.records.task[&(owner, TaskId(ids[n]))].is_some(),
            there,
            "neighbours commit whole"
        );
        assert_eq!(loaded.versions[&Root::User(owner)], Version(1));
    }
}

pub(super) async fn outcomes_come_in_the_order_of_changes<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let odd: Vec<_> = (0..60)
        .filter(|n| n % 3 == 1)
        .map(|n| fixture.change(user(n), 0))
        .collect();
    assert!(
        fixture
            .commit(&odd)
            .await
            .iter()
            .all(|one| *one == CommitOutcome::Committed)
    );
    let all: Vec<_> = (0..60).rev().map(|n| fixture.change(user(n), 0)).collect();
    let expected: Vec<_> = (0..60)
        .rev()
        .map(|n| {
            if n % 3 == 1 {
                CommitOutcome::Conflict
            } else {
                CommitOutcome::Committed
            }
        })
        .collect();
    assert_eq!(fixture.commit(&all).await, expected);
}

pub(super) async fn a_commit_of_nothing_answers_nothing<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    assert_eq!(fixture.commit(&[]).await, []);
}
