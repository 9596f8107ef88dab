//! Kept sums on SQLite.

use super::{SqliteOptions, SqliteStore, TestStore, test_store as make};

const MIGRATION: &str = include_str!("../../../../migrations/sqlite/0011_scores.sql");
const STREAKS: &str = include_str!("../../../../migrations/sqlite/0022_streak_counts.sql");

async fn test_store() -> Option<TestStore> {
    Some(make().await)
}

async fn another(test_store: &TestStore) -> SqliteStore {
    SqliteStore::open(&test_store.url, SqliteOptions::default())
        .await
        .unwrap()
}

async fn run(test_store: &TestStore, sql: &str) {
    use std::str::FromStr as _;

    use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

    let options = SqliteConnectOptions::from_str(&test_store.url).unwrap();
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
}

include!("../../tests/sums.rs");
