// Sums behind leaderboards and analytics. Included by a module that knows how to make a store (`test_store`), how to open
// it once more (`another`) and how to run SQL (`run`).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mission_core::{
    check_in::CheckInDay,
    points::{Points, total_from_millionths},
    ports::{
        queries::{Board, Bucket, CountedMissions, Queries, TimeRange},
        store::{CommitOutcome, Store},
    },
    reward::{Reward, RewardAmount, RewardStatus},
    testing::user,
};
use rust_decimal::Decimal;

use crate::store::tests::{
    block_on,
    builders::{change, day, fresh, noon, reward},
};

const EVER: TimeRange = TimeRange {
    from: None,
    to: DateTime::<Utc>::MAX_UTC,
};

async fn write(store: &impl Store, who: u64, version: u64, rewards: &[Reward]) {
    let mut change = change(who, version);
    for reward in rewards {
        let key = (user(who), reward.id);
        change.write_set.writes.reward.insert(key, Some(reward.clone()));
    }
    assert_eq!(store.commit(&[change]).await.unwrap(), [CommitOutcome::Committed]);
}

/// Holds every row of the board to what was granted, and to the row alone.
async fn check_board(store: &impl Queries, expected: &BTreeMap<u64, Decimal>) {
    let rows = store.leaderboard(Board::all_time(), None, 1_000).await.unwrap();
    let points: BTreeMap<_, _> = rows.iter().map(|row| (row.user_id, row.points)).collect();
    let expected = expected.iter().filter(|(_, points)| !points.is_zero());
    assert_eq!(
        points,
        expected.map(|(who, points)| (user(*who), *points)).collect()
    );
    for row in rows {
        let alone = store.leaderboard_row(Board::all_time(), None, row.user_id).await;
        assert_eq!(alone.unwrap(), row);
    }
}

#[test]
fn each_claim_counts_once_whoever_folds() {
    const USERS: u64 = 12;
    const ROUNDS: u64 = 15;
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        let one = &test_store.store;
        let two = &another(&test_store).await;
        let committing = (1..=USERS).map(|who| async move {
            let store = if who % 2 == 0 { one } else { two };
            let mut earlier: Option<Reward> = None;
            for version in 0..ROUNDS {
                let new = reward(who, fresh());
                // Every third is taken back again with the next.
                let revoked = earlier.take().filter(|_| version % 3 == 2).map(|earlier| Reward {
                    status: RewardStatus::Revoked,
                    revoked_at: Some(noon()),
                    ..earlier
                });
                earlier = Some(new.clone());
                write(
                    store,
                    who,
                    version,
                    &[Some(new), revoked].into_iter().flatten().collect::<Vec<_>>(),
                )
                .await;
            }
        });
        let folding = [one, two].map(|store| async move {
            for _ in 0..ROUNDS {
                store.fold_activity().await;
                tokio::task::yield_now().await;
            }
        });
        tokio::join!(
            futures_util::future::join_all(committing),
            futures_util::future::join_all(folding)
        );
        let standing = Decimal::from((ROUNDS - ROUNDS / 3) * 11);
        for store in [one, two] {
            check_board(store, &(1..=USERS).map(|who| (who, standing)).collect()).await;
        }
        let hours = one
            .analytics(EVER, Bucket::Hour, CountedMissions::ALL)
            .await
            .unwrap();
        let counts: Vec<_> = hours.values().map(|hour| (hour.claims, hour.points)).collect();
        assert_eq!(counts, [(USERS * ROUNDS, standing * Decimal::from(USERS))]);
    });
}

/// Ranks are sums over buckets of three widths: every edge of one, and what is near it.
#[test]
fn a_rank_is_the_same_alone_and_in_the_list() {
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        let store = &test_store.store;
        let edges = [20, 25, 30, 31, 40].map(|width| 1_i64 << width);
        let near = edges.iter().flat_map(|edge| [-1, 0, 0, 1].map(|off| edge + off));
        let within = edges
            .iter()
            .flat_map(|edge| [edge / 3, edge + edge / 3, 5 * edge / 4]);
        let mut board = BTreeMap::new();
        for (who, micros) in (1..).zip(near.chain(within)) {
            let points = total_from_millionths(micros);
            let amount = RewardAmount::new(Points::new(points).unwrap(), Points::ZERO);
            write(
                store,
                who,
                0,
                &[Reward {
                    amount,
                    ..reward(who, fresh())
                }],
            )
            .await;
            board.insert(who, points);
        }
        check_board(store, &board).await;
    });
}

#[test]
fn an_older_database_gets_its_sums_from_its_records() {
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        let store = &test_store.store;
        let first = reward(1, fresh());
        write(store, 1, 0, &[first.clone(), reward(1, fresh())]).await;
        let revoked = Reward {
            status: RewardStatus::Revoked,
            revoked_at: Some(noon()),
            ..first
        };
        write(store, 1, 1, &[revoked]).await;
        let mut change = change(2, 0);
        let own = reward(2, fresh());
        change
            .write_set
            .writes
            .reward
            .insert((user(2), own.id), Some(own));
        let day = day("2026-01-05");
        change
            .write_set
            .writes
            .check_in_day
            .insert((user(2), day.date), Some(day));
        store.commit(&[change]).await.unwrap();
        let series = store
            .analytics(EVER, Bucket::Day, CountedMissions::ALL)
            .await
            .unwrap();

        let begin = MIGRATION.find("INSERT INTO activity").unwrap();
        let end = MIGRATION.find("DROP INDEX").unwrap();
        let forget = "DELETE FROM activity_counts; DELETE FROM scores; DELETE FROM score_counts;";
        run(&test_store, &format!("{forget} {}", &MIGRATION[begin..end])).await;
        let again = &another(&test_store).await;
        check_board(again, &[(1, 11.into()), (2, 11.into())].into()).await;
        assert_eq!(
            again
                .analytics(EVER, Bucket::Day, CountedMissions::ALL)
                .await
                .unwrap(),
            series
        );
    });
}

#[test]
fn an_older_database_gets_its_streaks_from_its_check_ins() {
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        let store = &test_store.store;
        let dates = ["2026-01-05", "2026-01-06", "2026-01-08"];
        for (version, (date, streak)) in (0..).zip(dates.into_iter().zip(1..)) {
            let mut change = change(1, version);
            let day = CheckInDay {
                streak,
                dates_between: u32::from(streak == 3),
                ..day(date)
            };
            change
                .write_set
                .writes
                .check_in_day
                .insert((user(1), day.date), Some(day));
            store.commit(&[change]).await.unwrap();
        }
        let (first, last) = (dates[0].parse().unwrap(), dates[2].parse().unwrap());
        let counted = store.streak_counts(first, last).await.unwrap();
        let returned: Vec<_> = counted.values().map(|counts| (counts.users, counts.returned)).collect();
        assert_eq!(returned, [(1, 0), (1, 1), (1, 0)], "the third was kept over a date");
        store.fold_activity().await;
        assert_eq!(store.streak_counts(first, last).await.unwrap(), counted, "folded or not");

        let begin = STREAKS.find("INSERT INTO streak_counts").unwrap();
        let end = begin + STREAKS[begin..].find(';').unwrap() + 1;
        run(&test_store, &format!("DELETE FROM streak_counts; {}", &STREAKS[begin..end])).await;
        assert_eq!(store.streak_counts(first, last).await.unwrap(), counted);
    });
}

#[test]
fn scores_of_old_weeks_and_months_go() {
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        let store = &test_store.store;
        write(store, 1, 0, &[reward(1, fresh())]).await;
        let boards = [Board::all_time(), Board::month_of(noon()), Board::week_of(noon())];
        let rows = async || {
            let mut rows = Vec::new();
            for board in boards {
                rows.push(store.leaderboard(board, None, 10).await.unwrap().len());
            }
            rows
        };
        assert_eq!(rows().await, [1, 1, 1]);
        let days = chrono::Duration::days;
        assert_eq!(store.housekeeping(noon() + days(65)).await.unwrap().scores, 0);
        assert_eq!(store.housekeeping(noon() + days(90)).await.unwrap().scores, 2);
        assert_eq!(rows().await, [1, 0, 0]);
    });
}
