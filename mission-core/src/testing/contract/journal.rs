use chrono::Duration;

use super::{
    WholeStore, records,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    MissionId, UserId,
    engine::{ClaimReward, ClaimTask, Command, Rejection, StartTask},
    ports::{
        queries::{JournalPosition, JournalRecord, Page},
        store::{JournalEntry, Root},
    },
    testing::{mission_id, user, zone},
    user::User,
};

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn journal<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
    of: Option<UserId>,
    after: Option<JournalPosition>,
    limit: usize,
) -> Vec<JournalRecord> {
    let found = fixture.store.journal(of, Page { limit, after }).await;
    found.expect("`journal` must answer")
}

/// Commits a command of a user's as if it had been carried out `minutes` after noon.
async fn carry_out<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
    who: UserId,
    command: impl Into<Command>,
    minutes: i64,
) {
    let mut entry: JournalEntry = fixture.entry(Root::User(who), noon() + Duration::minutes(minutes));
    entry.request.command = command.into();
    entry.request.signals.zone = Some(zone("Asia/Tokyo"));
    fixture.settle(who, |change| change.journal = vec![entry]).await;
}

fn start(who: UserId, number: u64) -> StartTask {
    StartTask {
        user: who,
        mission: mission_id(number),
    }
}

pub(super) async fn the_journal_lists_what_was_carried_out_user_by_user<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    carry_out(fixture, user(2), start(user(2), 1), 0).await;
    carry_out(fixture, user(1), start(user(1), 2), 1).await;
    carry_out(fixture, user(2), start(user(2), 3), 2).await;
    let mut refused = fixture.entry(Root::User(user(1)), noon());
    refused.answer = Err(Rejection::AlreadyCheckedIn);
    fixture
        .settle(user(1), |change| change.journal = vec![refused])
        .await;
    let mission = Root::Mission(mission_id(9));
    let elsewhere = fixture.entry(mission, noon());
    fixture
        .settle(user(1), |change| change.journal = vec![elsewhere])
        .await;

    let all = journal(fixture, None, None, 100).await;
    let told: Vec<_> = all
        .iter()
        .map(|record| (record.position.user, record.at, record.command.clone()))
        .collect();
    let minute = |n| noon() + Duration::minutes(n);
    assert_eq!(
        told,
        [
            (user(1), minute(1), start(user(1), 2).into()),
            (user(2), minute(0), start(user(2), 1).into()),
            (user(2), minute(2), start(user(2), 3).into()),
        ]
    );
    assert!(all.iter().all(|record| record.zone == Some(zone("Asia/Tokyo"))));
    assert_eq!(journal(fixture, Some(user(1)), None, 100).await, all[..1]);
    assert_eq!(journal(fixture, None, None, 2).await, all[..2]);
    assert_eq!(journal(fixture, None, Some(all[0].position), 1).await, all[1..2]);
    assert_eq!(journal(fixture, None, Some(all[1].position), 9).await, all[2..]);
    assert_eq!(
        journal(fixture, Some(user(2)), Some(all[1].position), 9).await,
        all[2..]
    );
    assert_eq!(journal(fixture, None, Some(all[2].position), 9).await, []);
}

pub(super) async fn the_journal_knows_the_missions_of_tasks_and_rewards<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    let (who, id) = (user(1), fixture.fresh());
    fixture
        .settle(who, |change| {
            records::write_task(change, records::task(who, id, mission_id(4), noon()));
            let mut reward = records::reward(who, id, 50, noon());
            reward.mission_id = Some(mission_id(5));
            records::write_reward(change, reward);
            change.journal.clear();
        })
        .await;
    let claim = |task| ClaimTask { user: who, task };
    carry_out(fixture, who, claim(id.into()), 1).await;
    carry_out(fixture, who, claim(fixture.fresh().into()), 2).await;
    let reward = ClaimReward {
        user: who,
        reward: id.into(),
    };
    carry_out(fixture, who, reward, 3).await;
    let missions: Vec<Option<MissionId>> = journal(fixture, None, None, 9)
        .await
        .iter()
        .map(|record| record.mission)
        .collect();
    assert_eq!(missions, [Some(mission_id(4)), None, Some(mission_id(5))]);
}

pub(super) async fn the_journal_forgets_the_erased<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    for who in [user(1), user(2)] {
        carry_out(fixture, who, start(who, 1), 0).await;
    }
    let version = fixture.version(Root::User(user(1))).await;
    let mut erasure = fixture.change_of(User::tombstone(user(1), noon()), version);
    erasure.write_set.erasures.insert(user(1));
    fixture.committed(&erasure).await;
    let left = journal(fixture, None, None, 9).await;
    let commands: Vec<&Command> = left
        .iter()
        .filter(|record| matches!(record.command, Command::StartTask(_)))
        .map(|record| &record.command)
        .collect();
    assert_eq!(commands, [&Command::from(start(user(2), 1))]);
}
