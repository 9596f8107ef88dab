//! How the database plans what commands do, and what it keeps.

use mission_core::{engine::ReadSet, testing::user};

use super::test_store;
use crate::store::{
    database::{Durability, SqlDatabase as _},
    load_query::LoadQuery,
    postgres::{batch::BatchStatement, load},
    row::SqlRow as _,
    sql_builder::SqlBuilder,
    tests::{
        block_on,
        builders::{change, day, fresh, reward},
    },
};

/// The plan that a statement gets while every table is empty is the one that it keeps.
#[test]
fn commands_look_up_keys_on_a_new_database_too() {
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        let mut change = change(1, 1);
        let (reward, day) = (reward(1, fresh()), day("2026-01-05"));
        let writes = &mut change.write_set.writes;
        writes.reward.insert((user(1), reward.id), Some(reward));
        writes.check_in_day.insert((user(1), day.date), Some(day));
        let mut keys = ReadSet::default();
        keys.roots.extend(change.expected.keys().copied());
        let records = &mut keys.records;
        records
            .check_in_day
            .extend(change.write_set.writes.check_in_day.keys().copied());
        records
            .reward
            .extend(change.write_set.writes.reward.keys().copied());
        for statement in [
            load::statement(&LoadQuery::of(&keys)).unwrap(),
            BatchStatement::of([&change], true)
                .unwrap()
                .into_statement()
                .unwrap(),
        ] {
            let (sql, values) = statement.into_parts();
            let mut explained = SqlBuilder::new("EXPLAIN ");
            explained.name(&sql);
            for value in values {
                explained.bind(value);
            }
            let rows = test_store.store.database.run(explained).await.unwrap();
            let plan: Vec<&str> = rows.iter().map(|row| row.text(0).unwrap()).collect();
            let plan = plan.join("\n");
            assert!(plan.contains("Index"), "{plan}");
            assert!(!plan.contains("Seq Scan"), "{plan}");
            assert!(!plan.contains("JIT"), "{plan}");
        }
    });
}

/// Commands and wallets of their own wait for the disk; what may be done once more does not.
#[test]
fn only_what_may_be_done_once_more_is_relaxed() {
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        let database = &test_store.store.database;
        for (durability, expected) in [(Durability::Full, "on"), (Durability::Relaxed, "off")] {
            let setting = SqlBuilder::new("SELECT current_setting('synchronous_commit')");
            let rows = database.write(durability, setting.clone()).await.unwrap();
            assert_eq!(rows[0].text(0).unwrap(), expected);
            let mut transaction = database.begin(durability).await.unwrap();
            let rows = transaction.run(setting).await.unwrap();
            assert_eq!(rows[0].text(0).unwrap(), expected);
            transaction.commit().await.unwrap();
        }
    });
}
