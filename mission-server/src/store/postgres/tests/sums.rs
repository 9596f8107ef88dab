//! Kept sums on PostgreSQL.

use super::{PostgresStore, TestStore, options, test_store};

const MIGRATION: &str = include_str!("../../../../migrations/postgres/0011_scores.sql");

async fn another(test_store: &TestStore) -> PostgresStore {
    PostgresStore::open(&test_store.schema.url, options())
        .await
        .unwrap()
}

async fn run(test_store: &TestStore, sql: &str) {
    test_store.schema.run(sql);
}

include!("../../tests/sums.rs");
