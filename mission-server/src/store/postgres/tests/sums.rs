//! Kept sums on PostgreSQL.

use crate::store::{row::SqlRow as _, sql_builder::SqlBuilder};

use super::{PostgresStore, TestStore, options, test_store};

const MIGRATION: &str = include_str!("../../../../migrations/postgres/0011_scores.sql");
const STREAKS: &str = include_str!("../../../../migrations/postgres/0022_streak_counts.sql");

async fn another(test_store: &TestStore) -> PostgresStore {
    PostgresStore::open(&test_store.schema.url, options())
        .await
        .unwrap()
}

async fn run(test_store: &TestStore, sql: &str) {
    test_store.schema.run(sql);
}

include!("../../tests/sums.rs");

/// Else whoever looks for the first note walks over all that were folded.
#[test]
fn folding_much_has_its_notes_vacuumed() {
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        let vacuums = || async {
            let count = SqlBuilder::new(
                "SELECT pg_stat_get_vacuum_count(to_regclass('activity')) + 0 * length(pg_stat_clear_snapshot()::text)",
            );
            let rows = test_store.store.database.run(count).await.unwrap();
            rows[0].number(0).unwrap()
        };
        let note =
            "INSERT INTO activity (kind, times, at) SELECT 3, 1, n FROM generate_series(1, 12000) AS n";
        run(&test_store, note).await;
        test_store.store.fold_activity().await;
        assert_eq!(vacuums().await, 0);
        run(&test_store, note).await;
        test_store.store.fold_activity().await;
        for _ in 0..100 {
            if vacuums().await > 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("the notes were not vacuumed");
    });
}
