use std::sync::Arc;

use chrono::Timelike as _;
use mission_core::{
    CommandId, MissionId, UserId,
    engine::{
        CatalogBuilder, CheckIn, ClaimTask, Command, CommandOutcome, CompleteTask, CreateMission,
        MoveMission, ReceiptKey, ReportProgress, Request, RevokeReward, Settings, Signals, StartTask,
        UpdateMission, run, start,
    },
    mission::{BaseReward, Budget, Definition, Frequency, StatusTransition, Trigger},
    ports::{bus::Outbox, clock::Ids as _, queries::Queries, store::Store},
    testing::{CountingIds, at, definition, mission_id, user},
};
use mission_rules::{Limits, Scripts, StoppedStopwatch};

use super::*;
use crate::{outbox::Subscriber as _, store::tests::block_on, wallet::Wallet};

/// A server without a wire: commands go through the engine, events to the wallet.
struct Deployment<S> {
    store: S,
    wallet: Wallet,
    scripts: Scripts,
    ids: CountingIds,
    now: DateTime<Utc>,
}

impl<S: Store + Queries + Outbox> Deployment<S> {
    fn new(store: S, wallet: Wallet) -> Self {
        Deployment {
            store,
            wallet,
            scripts: scripts(),
            ids: CountingIds::starting_at(1),
            now: at("2026-01-05T10:00:00Z"),
        }
    }

    async fn when(&mut self, command: impl Into<Command>) {
        let records = self.store.catalog_records().await.unwrap();
        let catalog = CatalogBuilder::new(&self.scripts, Settings::default())
            .records(records)
            .build();
        self.now += chrono::Duration::minutes(1);
        let unkeyed = Request::unkeyed(command, CommandId(self.ids.next()), self.now, Signals::default());
        // Every second caller names a key.
        let keyed = self.now.minute().is_multiple_of(2);
        let receipt = ReceiptKey {
            caller: if keyed { user(8).0 } else { unkeyed.receipt.caller },
            ..unkeyed.receipt
        };
        let request = Request {
            keyed,
            receipt,
            ..unkeyed
        };
        let settled = run(&self.store, start(vec![request], Arc::new(catalog), false)).await;
        for (request, outcome) in settled {
            let is_done = matches!(&outcome, CommandOutcome::Answered { answer: Ok(_), .. });
            assert!(is_done, "{:?}: {outcome:?}", request.command);
        }
    }

    async fn do_mission(&mut self, who: UserId, mission: MissionId, claims: bool) {
        self.when(StartTask { user: who, mission }).await;
        let export = self.store.export(who).await.unwrap();
        let task = export.tasks.iter().max_by_key(|task| task.started_at).unwrap().id;
        self.when(ReportProgress {
            user: who,
            task,
            value: 1,
        })
        .await;
        self.when(CompleteTask { user: who, task }).await;
        if claims {
            self.when(ClaimTask { user: who, task }).await;
        }
    }

    async fn deliver(&self) {
        let waiting = self.store.waiting(10_000, self.now).await.unwrap();
        for waiting in waiting {
            let event = waiting
                .event
                .event
                .to_cloud_event(waiting.event.id, "/test", None)
                .unwrap();
            self.wallet.handle(&[event]).await.unwrap();
            self.store
                .sent(&[waiting.position.entry], self.now)
                .await
                .unwrap();
        }
    }

    /// Check-ins, a mission with a script and a budget, in two versions, claims, and a revocation.
    async fn live(&mut self) {
        let mission = mission_id(1);
        self.when(CreateMission {
            mission,
            definition: offer("50"),
        })
        .await;
        let asked = StatusTransition::Activate;
        self.when(MoveMission {
            mission,
            asked,
            expected_version: None,
        })
        .await;
        for who in 1..=4 {
            self.when(CheckIn { user: user(who) }).await;
            self.do_mission(user(who), mission, who != 2).await;
        }
        let definition = offer("70.5");
        self.when(UpdateMission {
            mission,
            definition,
            expected_version: None,
        })
        .await;
        self.do_mission(user(1), mission, true).await;
        let export = self.store.export(user(3)).await.unwrap();
        let reward = export
            .rewards
            .iter()
            .find(|reward| reward.mission_id.is_some())
            .unwrap()
            .id;
        let reason = "a mistake".to_owned();
        self.when(RevokeReward {
            user: user(3),
            reward,
            operator: user(9),
            reason,
            reopens: false,
            needs_approval: false,
        })
        .await;
        self.deliver().await;
        // What is told now still waits for the wallet.
        self.do_mission(user(4), mission, true).await;
    }
}

impl<S: Store + Queries + Outbox> Deployment<S> {
    /// A shadow mission that one completion moves.
    async fn try_out(&mut self) {
        let mission = mission_id(2);
        let definition = Definition {
            shadow: true,
            shadow_of: "read-it".parse().ok(),
            auto_start: true,
            trigger: Trigger::on("mission.completed").into(),
            frequency: Frequency::Unlimited,
            ..definition("tried-out")
        };
        self.when(CreateMission { mission, definition }).await;
        self.when(MoveMission {
            mission,
            asked: StatusTransition::Activate,
            expected_version: None,
        })
        .await;
        self.do_mission(user(1), mission_id(1), false).await;
    }
}

fn scripts() -> Scripts {
    Scripts::new(Limits::default(), Arc::new(StoppedStopwatch))
}

/// A mission that pays what it offers, and a bonus by its script.
fn offer(points: &str) -> Definition {
    Definition {
        frequency: Frequency::Unlimited,
        reward: BaseReward {
            points: mission_core::testing::points(points),
            experience_points: 7,
            ..BaseReward::default()
        },
        budget: Some(Budget {
            max_points: None,
            max_grants: Some(100),
        }),
        script: Some(
            "fn reward(ctx) { #{ points: ctx.mission.reward.points * 2, bonus_points: 5 } }".to_owned(),
        ),
        ..definition("read-it")
    }
}

async fn audited(url: &str) -> (AuditReport, Vec<Deviation>) {
    let mut deviations = Vec::new();
    let listener = AuditListener {
        deviation: &mut |deviation| deviations.push(deviation),
        progress: &mut |_| {},
    };
    let options = AuditOptions {
        now: at("2026-01-06T00:00:00Z"),
        late_window: LateWindow::default(),
        compiler: &scripts(),
    };
    let report = audit(url, options, listener).await.unwrap();
    (report, deviations)
}

/// What is found, in short.
fn kinds(deviations: &[Deviation]) -> Vec<DeviationKind> {
    let mut kinds: Vec<DeviationKind> = deviations.iter().map(|deviation| deviation.kind).collect();
    kinds.sort_unstable();
    kinds
}

macro_rules! suite {
    ($database:ident) => {
        mod $database {
            use super::*;

            #[test]
            fn an_honest_database_passes() {
                block_on(async {
                    let Some((test_store, url)) = deployment().await else { return };
                    let (report, deviations) = audited(&url).await;
                    assert_eq!(deviations, []);
                    assert_eq!((report.users, report.rewards, report.grants), (4, 10, 9));
                    assert_eq!(report.recounted, report.rewards, "every reward is computed again");
                    assert_eq!(report.bookings, 9, "eight grants and a revocation");
                    assert_eq!(report.unchecked, [(Unchecked::BookingsWaiting, 1)].into());
                    test_store.store.fold_activity().await;
                    assert_eq!(audited(&url).await.1, [], "folded or not");
                    let later = at("2026-01-07T00:00:00Z");
                    assert!(test_store.store.housekeeping(later).await.unwrap().receipts > 0);
                    let (again, deviations) = audited(&url).await;
                    assert_eq!(deviations, []);
                    assert_eq!(again, report, "without the receipts as with them");
                });
            }

            #[test]
            fn a_shadow_mission_is_held_to_its_tasks() {
                block_on(async {
                    let Some((test_store, url)) = deployment().await else { return };
                    let store = test_store.store.clone();
                    let mut later = Deployment {
                        ids: CountingIds::starting_at(1_000),
                        now: at("2026-01-05T12:00:00Z"),
                        ..Deployment::new(store.clone(), store.wallet())
                    };
                    later.try_out().await;
                    let (report, deviations) = audited(&url).await;
                    assert_eq!(deviations, []);
                    assert_eq!((report.rewards, report.recounted), (11, 11), "it has granted nothing");
                    change(&test_store, &url, "UPDATE budgets SET grants = grants - 1 WHERE grants = 1").await;
                    assert_eq!(kinds(&audited(&url).await.1), [DeviationKind::BudgetUse]);
                });
            }

            /// Changes one thing by hand, and holds what is found to what is expected.
            fn after(sql: &[&str], expected: &[DeviationKind]) -> Option<Vec<Deviation>> {
                block_on(async {
                    let (test_store, url) = deployment().await?;
                    test_store.store.fold_activity().await;
                    for sql in sql {
                        change(&test_store, &url, sql).await;
                    }
                    let (report, deviations) = audited(&url).await;
                    let mut expected = expected.to_vec();
                    expected.sort_unstable();
                    assert_eq!(kinds(&deviations), expected, "{sql:?}: {deviations:#?}");
                    assert_eq!(report.deviations.values().sum::<u64>(), deviations.len() as u64);
                    Some(deviations)
                })
            }

            #[test]
            fn a_booking_that_is_missing_or_wrong() {
                use DeviationKind::{BookingAmount, BookingMissing, BookingNotDue, BookingUnknown};
                let one_grant = "(SELECT min(number) FROM wallet_entries WHERE kind = 'grant' AND amount_micros > 100000000)";
                let found = after(&[&format!("DELETE FROM wallet_entries WHERE number = {one_grant}")], &[BookingMissing]);
                if let Some([missing]) = found.as_deref() {
                    assert_eq!(missing.expected, "a grant of 105");
                    assert_eq!(missing.mission, Some(mission_id(1)));
                    assert_eq!(missing.command.as_ref().unwrap().name, "ClaimTask");
                    assert!(missing.user.is_some() && missing.reward.is_some());
                }
                after(
                    &[&format!("UPDATE wallet_entries SET amount_micros = amount_micros + 1 WHERE number = {one_grant}")],
                    &[BookingAmount],
                );
                after(&["DELETE FROM wallet_entries WHERE kind = 'revocation'"], &[BookingMissing]);
                after(
                    &["UPDATE wallet_entries SET grant_id = user_id WHERE kind = 'revocation'"],
                    &[BookingMissing, BookingUnknown],
                );
                after(
                    &[&format!(
                        "INSERT INTO wallet_entries (number, user_id, grant_id, kind, amount_micros, currency, booked_at)
                        SELECT 1000, user_id, grant_id, 'revocation', -amount_micros, currency, booked_at
                        FROM wallet_entries WHERE number = {one_grant} AND NOT EXISTS (SELECT 1 FROM wallet_entries r
                            WHERE r.kind = 'revocation' AND r.grant_id = wallet_entries.grant_id)"
                    )],
                    &[BookingNotDue],
                );
            }

            #[test]
            fn events_that_were_lost_from_the_outbox() {
                after(&["DELETE FROM outbox_entries"], &[DeviationKind::BookingMissing]);
            }

            #[test]
            fn a_reward_of_another_amount() {
                use DeviationKind::{BookingAmount, BudgetUse, RecountAmount, UserPoints};
                // The sums by hour and the scores move along: triggers of the database see to that.
                let found = after(
                    &["UPDATE rewards SET data = replace(data, '\"points\":100,', '\"points\":101,'), total_micros = 106000000
                        WHERE total_micros = 105000000 AND user_id = (SELECT user_id FROM users ORDER BY user_id LIMIT 1)"],
                    &[BookingAmount, BudgetUse, RecountAmount, UserPoints],
                );
                if let Some(found) = found {
                    let recount = found.iter().find(|one| one.kind == RecountAmount).unwrap();
                    assert_eq!(recount.expected, "100 and a bonus of 5 POINTS, 7 experience, claimed");
                    assert_eq!(recount.found, "101 and a bonus of 5 POINTS, 7 experience, claimed");
                    assert_eq!(recount.command.as_ref().unwrap().name, "CompleteTask");
                }
            }

            #[test]
            fn a_reward_whose_columns_say_something_else() {
                after(
                    &["UPDATE rewards SET mission_id = NULL WHERE status = 'pending'"],
                    &[DeviationKind::RewardColumns],
                );
            }

            #[test]
            fn a_grant_that_nobody_asked_for() {
                // The claim goes out of the journal.
                let found = after(
                    &["DELETE FROM journal WHERE name = 'RevokeReward'"],
                    &[DeviationKind::RewardCommand, DeviationKind::RecountAmount],
                );
                if let Some(found) = found {
                    let recount = found.iter().find(|one| one.kind == DeviationKind::RecountAmount).unwrap();
                    assert!(recount.expected.ends_with("claimed") && recount.found.ends_with("revoked"), "{recount:?}");
                }
            }

            #[test]
            fn a_task_that_disagrees_with_its_reward() {
                use DeviationKind::{RewardMissing, RewardSource, TaskClaimed};
                after(
                    &["UPDATE tasks SET data = replace(data, '\"reward_claimed\":false', '\"reward_claimed\":true')
                        WHERE data LIKE '%\"reward_claimed\":false%'"],
                    &[TaskClaimed],
                );
                after(
                    &["UPDATE tasks SET data = replace(data, '\"reward_id\":\"', '\"other\":\"')
                        WHERE data LIKE '%\"reward_claimed\":false%'"],
                    &[RewardMissing, RewardSource],
                );
            }

            #[test]
            fn check_ins_that_disagree() {
                use DeviationKind::{CheckInAmount, UserCheckIns};
                let first = "user_id = (SELECT user_id FROM users ORDER BY user_id LIMIT 1)";
                after(
                    &[&format!("UPDATE check_in_days SET data = replace(data, '\"base\":10', '\"base\":11') WHERE {first}")],
                    &[CheckInAmount],
                );
                after(
                    &[&format!("UPDATE users SET version = version + 1, data = replace(data, '\"total\":1', '\"total\":2') WHERE {first}")],
                    &[UserCheckIns],
                );
            }

            #[test]
            fn sums_of_a_user() {
                use DeviationKind::{UserExperience, UserPoints};
                let first = "user_id = (SELECT user_id FROM users ORDER BY user_id LIMIT 1)";
                let changed = |from: &str, to: &str| {
                    format!("UPDATE users SET version = version + 1, data = replace(data, '{from}', '{to}') WHERE {first}")
                };
                let found = after(&[&changed("\"points\":261", "\"points\":262")], &[UserPoints]);
                if let Some([points]) = found.as_deref() {
                    assert_eq!((points.expected.as_str(), points.found.as_str()), ("261", "262"));
                }
                after(&[&changed("\"experience\":14", "\"experience\":15")], &[UserExperience]);
            }

            #[test]
            fn sums_over_all_users() {
                use DeviationKind::{BudgetUse, HourlySum, Score, ScoreCount, StreakCount};
                let first = "user_id = (SELECT user_id FROM users ORDER BY user_id LIMIT 1)";
                after(&[&format!("UPDATE scores SET points = points + 1 WHERE board = 0 AND {first}")], &[Score]);
                after(
                    &[&format!("DELETE FROM scores WHERE board <> 0 AND board % 4 = 1 AND {first}")],
                    &[Score, ScoreCount, ScoreCount, ScoreCount],
                );
                after(&["UPDATE activity_counts SET claims = claims + 1 WHERE claims > 0 AND check_ins = 0"], &[HourlySum]);
                after(&["DELETE FROM activity_counts WHERE check_ins > 0"], &[HourlySum, HourlySum, HourlySum]);
                after(&["UPDATE streak_counts SET users = users + 1"], &[StreakCount]);
                after(&["DELETE FROM streak_counts"], &[StreakCount]);
                after(&["UPDATE budgets SET grants = grants + 1"], &[BudgetUse]);
            }

            #[test]
            fn a_user_without_a_record() {
                let found = after(
                    &["UPDATE users SET version = version + 1, data = NULL WHERE user_id = (SELECT user_id FROM users ORDER BY user_id LIMIT 1)"],
                    &[DeviationKind::UserMissing],
                );
                if let Some([missing]) = found.as_deref() {
                    assert_eq!(missing.user, Some(user(1)));
                }
            }

            #[test]
            fn what_the_journal_no_longer_has_is_counted() {
                block_on(async {
                    let Some((test_store, url)) = deployment().await else { return };
                    test_store.store.fold_activity().await;
                    change(&test_store, &url, "DELETE FROM journal WHERE name = 'CheckIn' AND root_id = (SELECT user_id FROM users ORDER BY user_id LIMIT 1)").await;
                    change(&test_store, &url, "DELETE FROM journal WHERE name IN ('CreateMission', 'MoveMission')").await;
                    let (report, deviations) = audited(&url).await;
                    assert_eq!(deviations, []);
                    assert_eq!(report.unchecked.get(&Unchecked::RewardsBeforeJournal), Some(&1));
                    assert_eq!(report.unchecked.get(&Unchecked::RewardsBeforeRecount), Some(&3));
                    assert_eq!(report.unchecked.get(&Unchecked::RewardsOfUnknownVersion), Some(&4));
                    assert_eq!(report.recounted, 3, "the other check-ins");
                });
            }
        }
    };
}

#[cfg(feature = "sqlite")]
mod on_sqlite {
    use super::*;
    use crate::store::sqlite::tests::{TestStore, test_store};

    async fn deployment() -> Option<(TestStore, String)> {
        let test_store = test_store().await;
        let store = test_store.store.clone();
        Deployment::new(store.clone(), store.wallet()).live().await;
        let url = test_store.url.clone();
        Some((test_store, url))
    }

    async fn change(_: &TestStore, url: &str, sql: &str) {
        use sqlx::Connection as _;

        let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
        let done = sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        assert!(done.rows_affected() > 0, "{sql}");
    }

    suite!(sqlite);
}

#[cfg(feature = "postgres")]
mod on_postgres {
    use super::*;
    use crate::store::postgres::tests::{TestStore, test_store};

    async fn deployment() -> Option<(TestStore, String)> {
        let test_store = test_store().await?;
        let store = test_store.store.clone();
        Deployment::new(store.clone(), store.wallet()).live().await;
        let url = test_store.schema.url.clone();
        Some((test_store, url))
    }

    async fn change(test_store: &TestStore, _: &str, sql: &str) {
        test_store.schema.run(sql);
    }

    suite!(postgres);
}
