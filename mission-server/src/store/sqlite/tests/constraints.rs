//! Constraints that hold without any check.

use mission_core::{
    ports::store::{Claim, CommitOutcome::Committed, Store},
    testing::{date, user},
};

use super::{
    super::SqliteStore,
    block_on,
    builders::{change, day, fresh, reward},
    test_store,
};
use crate::store::sql_builder::SqlBuilder;

async fn sql(store: &SqliteStore, statement: &'static str) -> Result<(), sqlx::Error> {
    let mut turn = store.database.lock_writer().await.unwrap();
    turn.read(SqlBuilder::new(statement)).await.map(|_| ())
}

#[test]
fn the_schema_refuses_what_a_faulty_writer_would_do() {
    block_on(async {
        let test_store = test_store().await;
        let store = &test_store.store;
        let mut full = change(1, 0);
        let (day, reward) = (day("2026-01-05"), reward(1, fresh()));
        full.write_set
            .writes
            .check_in_day
            .insert((user(1), date("2026-01-05")), Some(day));
        full.write_set
            .writes
            .reward
            .insert((user(1), reward.id), Some(reward));
        full.write_set.claims.insert(Claim::Policy, fresh());
        assert_eq!(store.commit(&[full]).await.unwrap(), [Committed]);
        for (statement, why) in [
            (
                "INSERT INTO rewards SELECT user_id, x'01', reward_type, source_id, mission_id, status, total_micros,
                    claimed_at, expires_at, data, revoked_at FROM rewards",
                "UNIQUE constraint failed: rewards.reward_type, rewards.source_id",
            ),
            (
                "INSERT INTO check_in_days SELECT user_id, date, x'01', checked_in_at, data FROM check_in_days",
                "UNIQUE constraint failed: check_in_days.user_id, check_in_days.date",
            ),
            (
                "INSERT INTO claims SELECT * FROM claims",
                "UNIQUE constraint failed: claims.kind, claims.key",
            ),
            (
                "INSERT INTO journal (root_kind, root_id, recorded_at, name, caller, command)
                    SELECT root_kind, root_id, recorded_at, name, caller, command FROM journal",
                "UNIQUE constraint failed: journal.caller, journal.command",
            ),
            ("UPDATE users SET version = version + 2", "version conflict"),
            ("UPDATE users SET version = version", "version conflict"),
            (
                "INSERT INTO users (user_id, version) VALUES (x'02', 2)",
                "version conflict",
            ),
            ("DELETE FROM users", "FOREIGN KEY constraint failed"),
            (
                "UPDATE rewards SET total_micros = 'many'",
                "cannot store TEXT value in INTEGER column",
            ),
        ] {
            let refused = sql(store, statement).await.unwrap_err().to_string();
            assert!(refused.contains(why), "{statement}: {refused}");
        }
    });
}
