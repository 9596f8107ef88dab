use chrono::{DateTime, Duration, Utc};
use rust_decimal::Decimal;

use super::{
    WholeStore, records,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    MissionId, UserId,
    check_in::CheckInDay,
    ports::{
        queries::{ActivityCounts, Board, Bucket, CountedMissions, LeaderboardRow, TimeRange},
        store::StoreError,
    },
    reward::{Reward, RewardAmount, RewardStatus},
    task::{Task, TaskStatus, Verification, VerificationMethod},
    testing::{at, date, mission_id, points, user},
};

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
fn answered<T>(result: Result<T, StoreError>) -> T {
    result.expect("a query must answer")
}

const EVER: TimeRange = TimeRange {
    from: None,
    to: DateTime::<Utc>::MAX_UTC,
};

fn row(rank: u64, who: u64, points: &str) -> LeaderboardRow {
    LeaderboardRow {
        rank,
        user_id: user(who),
        points: crate::testing::points(points).get(),
    }
}

async fn claimed<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
    who: UserId,
    amount: (&str, &str),
    when: DateTime<Utc>,
    mission: Option<MissionId>,
) -> Reward {
    let reward = Reward {
        amount: RewardAmount::new(points(amount.0), points(amount.1)),
        mission_id: mission,
        status: RewardStatus::Claimed,
        claimed_at: Some(when),
        ..records::reward(who, fixture.fresh(), 0, when)
    };
    fixture
        .settle(who, |change| records::write_reward(change, reward.clone()))
        .await;
    reward
}

pub(super) async fn a_leaderboard_ranks_by_points<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    for (who, points) in [(5, "10"), (3, "7.5"), (4, "20"), (2, "10"), (1, "0.000001")] {
        claimed(fixture, user(who), (points, "0"), noon(), None).await;
    }
    claimed(fixture, user(3), ("2", "0.5"), noon(), None).await;
    // Neither of these is a claim that stands.
    let revoked = claimed(fixture, user(4), ("1000", "0"), noon(), None).await;
    let revoked = Reward {
        status: RewardStatus::Revoked,
        ..revoked
    };
    fixture
        .settle(user(4), |change| records::write_reward(change, revoked))
        .await;
    let pending = records::reward(user(1), fixture.fresh(), 1000, noon());
    fixture
        .settle(user(1), |change| records::write_reward(change, pending))
        .await;

    let expected = [
        row(1, 4, "20"),
        row(2, 2, "10"),
        row(2, 3, "10"),
        row(2, 5, "10"),
        row(5, 1, "0.000001"),
    ];
    let board = |limit| fixture.store.leaderboard(Board::all_time(), None, limit);
    assert_eq!(
        answered(board(10).await),
        expected,
        "equal points share a rank, in the order of ids; the next rank counts them all"
    );
    assert_eq!(answered(board(3).await), expected[..3]);
    for row in expected {
        let own = fixture
            .store
            .leaderboard_row(Board::all_time(), None, row.user_id)
            .await;
        assert_eq!(answered(own), row, "a row alone is the row of the board");
    }
}

pub(super) async fn a_leaderboard_keeps_to_its_span_and_users<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    // A Monday; the month before ends within its week.
    let (begin, end) = (at("2026-06-01T00:00:00Z"), at("2026-06-08T00:00:00Z"));
    let instant = Duration::milliseconds(1);
    claimed(fixture, user(1), ("1", "0"), begin - instant, None).await;
    claimed(fixture, user(1), ("2", "0"), begin, None).await;
    claimed(fixture, user(2), ("4", "0"), end - instant, None).await;
    claimed(fixture, user(2), ("8", "0"), end, None).await;
    claimed(fixture, user(3), ("16", "0"), begin, None).await;
    claimed(fixture, user(3), ("32", "0"), at("2026-07-01T00:00:00Z"), None).await;
    claimed(
        fixture,
        user(4),
        ("64", "0"),
        at("1969-12-28T23:59:59.999Z"),
        None,
    )
    .await;

    let week = Board::week_of(begin);
    let board = answered(fixture.store.leaderboard(week, None, 10).await);
    assert_eq!(board, [row(1, 3, "16"), row(2, 2, "4"), row(3, 1, "2")]);
    let month = answered(fixture.store.leaderboard(Board::month_of(begin), None, 10).await);
    assert_eq!(month, [row(1, 3, "16"), row(2, 2, "12"), row(3, 1, "2")]);
    let before = answered(
        fixture
            .store
            .leaderboard(Board::month_of(begin - instant), None, 10)
            .await,
    );
    assert_eq!(before, [row(1, 1, "1")]);
    for ancient in [
        Board::week_of(at("1969-12-22T00:00:00Z")),
        Board::month_of(at("1969-12-01T00:00:00Z")),
    ] {
        let board = fixture.store.leaderboard(ancient, None, 10).await;
        assert_eq!(answered(board), [row(1, 4, "64")], "before 1970 too");
    }
    let ever = answered(fixture.store.leaderboard(Board::all_time(), None, 2).await);
    assert_eq!(ever, [row(1, 4, "64"), row(2, 3, "48")]);
    let among = [user(2), user(1), user(7)];
    let board = answered(fixture.store.leaderboard(week, Some(&among), 10).await);
    assert_eq!(
        board,
        [row(1, 2, "4"), row(2, 1, "2")],
        "ranks count among the users asked for"
    );
    assert_eq!(
        answered(fixture.store.leaderboard(week, Some(&[]), 10).await),
        [],
        "among nobody there is nobody"
    );
    let own = fixture.store.leaderboard_row(week, Some(&among), user(1)).await;
    assert_eq!(answered(own), row(2, 1, "2"));
}

/// Ranks over scores of every size, as they rise and fall, beside those that are counted one by one.
pub(super) async fn ranks_are_exact_over_scores_of_all_sizes<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    const AMOUNTS: [&str; 12] = [
        "0.000001",
        "0.000002",
        "0.5",
        "1",
        "1.048575",
        "1.048576",
        "1.048577",
        "50",
        "1073.741823",
        "1073.741824",
        "99999",
        "250000.25",
    ];
    let mut rewards = Vec::new();
    for (who, amount) in (1..).zip(AMOUNTS.iter().chain(&AMOUNTS[3..])) {
        rewards.push(claimed(fixture, user(who), (amount, "0"), noon(), None).await);
    }
    claimed(fixture, user(3), ("1073.75", "0"), noon(), None).await;
    let check = async || {
        let rows = answered(fixture.store.leaderboard(Board::all_time(), None, 200).await);
        for row in &rows {
            let ahead = rows.iter().filter(|other| other.points > row.points).count();
            assert_eq!(row.rank, 1 + ahead as u64, "{row:?}");
            let alone = fixture
                .store
                .leaderboard_row(Board::all_time(), None, row.user_id)
                .await;
            assert_eq!(answered(alone), *row);
        }
        rows.len()
    };
    assert_eq!(check().await, rewards.len());
    for reward in rewards.iter().step_by(4) {
        let revoked = Reward {
            status: RewardStatus::Revoked,
            ..reward.clone()
        };
        fixture
            .settle(reward.user_id, |change| records::write_reward(change, revoked))
            .await;
    }
    assert_eq!(check().await, rewards.len() - rewards.len().div_ceil(4));
}

pub(super) async fn a_leaderboard_takes_thousands_of_users<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    claimed(fixture, user(4_000), ("2", "0"), noon(), None).await;
    claimed(fixture, user(2), ("1", "0"), noon(), None).await;
    claimed(fixture, user(5_001), ("8", "0"), noon(), None).await;
    let among: Vec<UserId> = (1..=5_000).rev().map(user).collect();
    let board = fixture
        .store
        .leaderboard(Board::all_time(), Some(&among), 10)
        .await;
    assert_eq!(answered(board), [row(1, 4_000, "2"), row(2, 2, "1")]);
    let own = fixture
        .store
        .leaderboard_row(Board::all_time(), Some(&among), user(2))
        .await;
    assert_eq!(answered(own), row(2, 2, "1"));
}

pub(super) async fn nobody_is_missing_from_a_leaderboard<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let own = fixture
        .store
        .leaderboard_row(Board::all_time(), None, user(9))
        .await;
    assert_eq!(
        answered(own),
        row(1, 9, "0"),
        "the only one on an empty board is the first"
    );
    claimed(fixture, user(1), ("2", "0"), noon(), None).await;
    claimed(fixture, user(2), ("2", "0"), noon(), None).await;
    let own = fixture
        .store
        .leaderboard_row(Board::all_time(), None, user(9))
        .await;
    assert_eq!(answered(own), row(3, 9, "0"), "without points one comes last");
    let among = [user(1)];
    let own = fixture
        .store
        .leaderboard_row(Board::all_time(), Some(&among), user(9))
        .await;
    assert_eq!(answered(own), row(2, 9, "0"));
}

fn judged(valid: bool, when: DateTime<Utc>) -> Option<Verification> {
    Some(Verification {
        is_valid: valid,
        failure_reason: None,
        method: VerificationMethod::Automatic,
        verified_by: None,
        verified_at: when,
    })
}

/// What analytics count: around midnight, of two missions and of none.
async fn busy_night<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let (evening, night) = (at("2026-01-05T23:59:59.999Z"), at("2026-01-06T00:00:00Z"));
    let task = |mission, started_at| records::task(user(1), fixture.fresh(), mission_id(mission), started_at);
    let tasks = [
        task(1, evening),
        Task {
            status: TaskStatus::Completed,
            completed_at: Some(night),
            verification: judged(true, night),
            ..task(1, evening)
        },
        Task {
            verification: judged(false, night),
            status: TaskStatus::Rejected,
            ..task(2, evening)
        },
        // A reviewer has not judged this one yet.
        Task {
            verification: judged(false, night),
            status: TaskStatus::PendingReview,
            ..task(2, night)
        },
    ];
    for task in tasks {
        fixture
            .settle(user(1), |change| records::write_task(change, task))
            .await;
    }
    claimed(fixture, user(1), ("2.5", "0.25"), evening, Some(mission_id(1))).await;
    claimed(
        fixture,
        user(2),
        ("1", "0"),
        night + Duration::hours(1),
        Some(mission_id(2)),
    )
    .await;
    claimed(fixture, user(2), ("10", "1"), night, None).await;
    for (who, date_text, when) in [(1, "2026-01-05", evening), (2, "2026-01-06", night)] {
        let day = records::day(fixture.fresh(), date(date_text), when);
        fixture
            .settle(user(who), |change| {
                records::write_day(change, user(who), day);
            })
            .await;
    }
    let pending = records::reward(user(1), fixture.fresh(), 500, night);
    fixture
        .settle(user(1), |change| records::write_reward(change, pending))
        .await;
}

/// What happened within the bucket that begins then.
fn counts(
    start: &str,
    tasks: [u64; 2],
    rest: [u64; 2],
    points: Decimal,
    judged: [u64; 2],
) -> (DateTime<Utc>, ActivityCounts) {
    let counts = ActivityCounts {
        started: tasks[0],
        completed: tasks[1],
        check_ins: rest[0],
        claims: rest[1],
        points,
        verifications: judged[0],
        verified: judged[1],
    };
    (at(start), counts)
}

pub(super) async fn analytics_count_by_hour_and_day<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let series = async |bucket| answered(fixture.store.analytics(EVER, bucket, CountedMissions::ALL).await);
    assert_eq!(
        series(Bucket::Day).await,
        [].into(),
        "buckets without anything are left out"
    );
    busy_night(fixture).await;
    let evening = |start| counts(start, [3, 0], [1, 1], Decimal::new(275, 2), [0, 0]);
    assert_eq!(
        series(Bucket::Hour).await,
        [
            evening("2026-01-05T23:00:00Z"),
            counts("2026-01-06T00:00:00Z", [1, 1], [1, 1], 11.into(), [2, 1]),
            counts("2026-01-06T01:00:00Z", [0, 0], [0, 1], 1.into(), [0, 0]),
        ]
        .into()
    );
    assert_eq!(
        series(Bucket::Day).await,
        [
            evening("2026-01-05T00:00:00Z"),
            counts("2026-01-06T00:00:00Z", [1, 1], [1, 2], 12.into(), [2, 1]),
        ]
        .into()
    );
}

pub(super) async fn a_revoked_reward_is_negative_in_its_own_bucket<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    let (evening, morning) = (at("2026-01-05T22:00:00Z"), at("2026-01-06T08:00:00Z"));
    let granted = claimed(fixture, user(1), ("2.5", "0.5"), evening, Some(mission_id(1))).await;
    let never_granted = records::reward(user(1), fixture.fresh(), 70, evening);
    for reward in [granted, never_granted] {
        let revoked = Reward {
            status: RewardStatus::Revoked,
            revoked_at: Some(morning),
            ..reward
        };
        fixture
            .settle(user(1), |change| records::write_reward(change, revoked.clone()))
            .await;
    }
    let expected = [
        counts("2026-01-05T00:00:00Z", [0, 0], [0, 1], 3.into(), [0, 0]),
        counts("2026-01-06T00:00:00Z", [0, 0], [0, 0], (-3).into(), [0, 0]),
    ];
    for mission in [None, Some(mission_id(1))] {
        let series = fixture.store.analytics(EVER, Bucket::Day, mission.into()).await;
        assert_eq!(answered(series), expected.clone().into());
    }
}

pub(super) async fn a_task_that_began_earlier_counts_there<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let task = records::task(
        user(1),
        fixture.fresh(),
        mission_id(1),
        at("2026-01-06T08:00:00Z"),
    );
    let earlier = Task {
        started_at: at("2026-01-05T08:00:00Z"),
        ..task.clone()
    };
    for task in [task, earlier] {
        fixture
            .settle(user(1), |change| records::write_task(change, task.clone()))
            .await;
    }
    let series = fixture
        .store
        .analytics(EVER, Bucket::Day, CountedMissions::ALL)
        .await;
    let expected = counts("2026-01-05T00:00:00Z", [1, 0], [0, 0], 0.into(), [0, 0]);
    assert_eq!(answered(series), [expected].into());
}

/// Checks users in: who, on which date of January 2026, with which streak, kept over how many dates.
async fn streaks_of<S: WholeStore>(fixture: &StoreFixture<'_, S>, days: &[(u64, u32, u32, u32)]) {
    for (who, day, streak, dates_between) in days.iter().copied() {
        let date = date(&format!("2026-01-{day:02}"));
        let day = CheckInDay {
            streak,
            dates_between,
            ..records::day(fixture.fresh(), date, noon())
        };
        fixture
            .settle(user(who), |change| records::write_day(change, user(who), day))
            .await;
    }
}

async fn streaks_between<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
    first: &str,
    last: &str,
) -> Vec<(String, u32, u64, u64)> {
    let counts = answered(fixture.store.streak_counts(date(first), date(last)).await);
    let counts = counts.into_iter();
    counts
        .map(|((date, length), counts)| (date.to_string(), length, counts.users, counts.returned))
        .collect()
}

pub(super) async fn streaks_are_counted_by_date_and_length<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let days = [
        (1, 5, 1, 0),
        (2, 5, 1, 0),
        (3, 5, 6, 0),
        (1, 6, 2, 0),
        (3, 6, 7, 0),
        // Kept over a date that was missed.
        (2, 7, 2, 1),
        (1, 7, 3, 0),
        (4, 7, 366, 0),
        (5, 7, 367, 0),
        (6, 7, 4000, 0),
    ];
    streaks_of(fixture, &days).await;
    let fifth = [("2026-01-05", 1, 2, 0), ("2026-01-05", 6, 1, 1)];
    let sixth = [("2026-01-06", 2, 1, 1), ("2026-01-06", 7, 1, 1)];
    let seventh = [
        ("2026-01-07", 2, 1, 0),
        ("2026-01-07", 3, 1, 1),
        ("2026-01-07", 366, 1, 1),
        ("2026-01-07", 367, 2, 2),
    ];
    let named = |rows: &[(&str, u32, u64, u64)]| {
        let rows = rows.iter();
        rows.map(|(date, length, users, returned)| ((*date).to_owned(), *length, *users, *returned))
            .collect::<Vec<_>>()
    };
    let all = named(&[&fifth[..], &sixth, &seventh].concat());
    assert_eq!(streaks_between(fixture, "2026-01-05", "2026-01-07").await, all);
    let of_one = streaks_between(fixture, "2026-01-06", "2026-01-06").await;
    assert_eq!(of_one, named(&sixth), "both dates count");
    assert_eq!(streaks_between(fixture, "2026-01-08", "2026-02-08").await, []);
    for who in [user(1), user(6)] {
        let version = fixture.version(crate::ports::store::Root::User(who)).await;
        let mut erasure = fixture.change_of(crate::user::User::tombstone(who, noon()), version);
        erasure.write_set.erasures.insert(who);
        fixture.committed(&erasure).await;
    }
    let after = streaks_between(fixture, "2026-01-05", "2026-01-07").await;
    assert_eq!(after, all, "an erasure leaves them");
}

pub(super) async fn an_erasure_leaves_the_sums<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    busy_night(fixture).await;
    let series = async |bucket, mission: Option<MissionId>| {
        answered(fixture.store.analytics(EVER, bucket, mission.into()).await)
    };
    let mut before = Vec::new();
    for mission in [None, Some(mission_id(1)), Some(mission_id(2))] {
        before.push(series(Bucket::Hour, mission).await);
    }
    for who in [user(1), user(2)] {
        let version = fixture.version(crate::ports::store::Root::User(who)).await;
        let mut erasure = fixture.change_of(crate::user::User::tombstone(who, noon()), version);
        erasure.write_set.erasures.insert(who);
        fixture.committed(&erasure).await;
    }
    let mut after = Vec::new();
    for mission in [None, Some(mission_id(1)), Some(mission_id(2))] {
        after.push(series(Bucket::Hour, mission).await);
    }
    assert_eq!(before, after);
    let leaders = fixture.store.leaderboard(Board::all_time(), None, 10).await;
    assert_eq!(answered(leaders), [], "sums, not persons");
}

pub(super) async fn open_tasks_are_counted_by_mission<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let task = |mission| records::task(user(1), fixture.fresh(), mission_id(mission), noon());
    let of = |status| Task { status, ..task(1) };
    let tasks = [
        of(TaskStatus::InProgress),
        of(TaskStatus::PendingReview),
        of(TaskStatus::Completed),
        of(TaskStatus::Rejected),
        of(TaskStatus::Expired),
        task(2),
        task(3),
    ];
    for task in tasks {
        fixture
            .settle(user(1), |change| records::write_task(change, task))
            .await;
    }
    let asked = [mission_id(1), mission_id(3), mission_id(4)];
    let open = answered(fixture.store.open_tasks(&asked).await);
    assert_eq!(open, [(mission_id(1), 2), (mission_id(3), 1)].into());
    assert_eq!(answered(fixture.store.open_tasks(&[]).await), [].into());
}

pub(super) async fn analytics_keep_to_their_range_and_mission<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    busy_night(fixture).await;
    let (midnight, one) = (at("2026-01-06T00:00:00Z"), at("2026-01-06T01:00:00Z"));
    let range = TimeRange {
        from: Some(midnight),
        to: one,
    };
    let series = fixture
        .store
        .analytics(range, Bucket::Day, CountedMissions::ALL)
        .await;
    assert_eq!(
        answered(series),
        [counts("2026-01-06T00:00:00Z", [1, 1], [1, 1], 11.into(), [2, 1])].into(),
        "from the first instant, up to the last"
    );
    let series = fixture
        .store
        .analytics(EVER, Bucket::Day, CountedMissions::One(mission_id(2)))
        .await;
    assert_eq!(
        answered(series),
        [
            counts("2026-01-05T00:00:00Z", [1, 0], [0, 0], 0.into(), [0, 0]),
            counts("2026-01-06T00:00:00Z", [1, 0], [0, 1], 1.into(), [1, 0]),
        ]
        .into(),
        "of one mission, without check-ins"
    );
    let other = CountedMissions::One(mission_id(3));
    assert_eq!(
        answered(fixture.store.analytics(EVER, Bucket::Hour, other).await),
        [].into()
    );
    let all = answered(
        fixture
            .store
            .analytics(EVER, Bucket::Day, CountedMissions::ALL)
            .await,
    );
    let hidden = [mission_id(2), mission_id(3)];
    let but = fixture
        .store
        .analytics(EVER, Bucket::Day, CountedMissions::AllBut(&hidden));
    let mut sums = answered(but.await);
    let of_hidden = fixture
        .store
        .analytics(EVER, Bucket::Day, CountedMissions::One(mission_id(2)));
    for (day, counts) in answered(of_hidden.await) {
        *sums.entry(day).or_default() += counts;
    }
    assert_eq!(sums, all, "of all but some, with check-ins");
}

pub(super) async fn analytics_by_mission_are_the_sums_of_each<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    assert_eq!(
        answered(fixture.store.analytics_by_mission(EVER).await),
        [].into()
    );
    busy_night(fixture).await;
    let midnight = at("2026-01-06T00:00:00Z");
    let ranges = [
        EVER,
        TimeRange {
            from: Some(midnight),
            ..EVER
        },
        TimeRange {
            from: None,
            to: midnight,
        },
    ];
    for range in ranges {
        let sums = answered(fixture.store.analytics_by_mission(range).await);
        assert!(!sums.is_empty());
        for mission in (1..=4).map(mission_id) {
            let days = fixture
                .store
                .analytics(range, Bucket::Day, CountedMissions::One(mission))
                .await;
            let mut sum = ActivityCounts::default();
            for day in answered(days).into_values() {
                sum += day;
            }
            assert_eq!(sums.get(&mission).cloned().unwrap_or_default(), sum, "{mission}");
        }
    }
}

pub(super) async fn refused_evidence_counts_among_what_was_judged<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    let hour = |n| at("2026-01-05T23:00:00Z") + Duration::hours(n);
    for refused in [
        vec![((hour(0), mission_id(1)), 2), ((hour(1), mission_id(1)), 1)],
        vec![((hour(0), mission_id(1)), 1), ((hour(0), mission_id(2)), 1)],
    ] {
        fixture
            .settle(user(1), |change| {
                change.write_set.refused_evidence.extend(refused);
            })
            .await;
    }
    let task = Task {
        verification: judged(true, hour(0)),
        ..records::task(user(1), fixture.fresh(), mission_id(1), hour(-24))
    };
    fixture
        .settle(user(1), |change| records::write_task(change, task))
        .await;
    let from = TimeRange {
        from: Some(hour(0)),
        ..EVER
    };
    let judged = async |mission: Option<MissionId>| {
        let hours = answered(fixture.store.analytics(from, Bucket::Hour, mission.into()).await);
        let counts = hours
            .iter()
            .map(|(start, counts)| (*start, counts.verifications, counts.verified));
        counts.collect::<Vec<_>>()
    };
    assert_eq!(judged(None).await, [(hour(0), 5, 1), (hour(1), 1, 0)]);
    assert_eq!(judged(Some(mission_id(2))).await, [(hour(0), 1, 0)]);
}
