//! The whole contract on other layouts: tables divided by hash, and a pooler in between.

use std::{cell::Cell, str::FromStr};

use mission_core::testing::contract;
use sqlx::postgres::PgConnectOptions;

use super::{
    super::{PostgresOptions, PostgresStore},
    options,
};
use crate::{
    services::{self, Schema},
    store::{sql_builder::SqlBuilder, tests::block_on},
};

/// Runs every case, each on empty tables of one schema, which is faster than a schema a case.
async fn hold_to_the_contract(store: &PostgresStore) {
    let cases = Cell::new(0);
    contract::run_all(async || {
        cases.set(cases.get() + 1);
        for sql in [
            "DELETE FROM users",
            "DELETE FROM missions",
            "DELETE FROM packs",
            "DELETE FROM tasks",
            "DELETE FROM participations",
            "DELETE FROM rewards",
            "DELETE FROM reward_sources",
            "DELETE FROM reviews",
            "DELETE FROM check_in_days",
            "DELETE FROM sightings",
            "DELETE FROM friendships",
            "DELETE FROM pictures",
            "DELETE FROM claims",
            "DELETE FROM budgets",
            "DELETE FROM receipts",
            "DELETE FROM activity",
            "DELETE FROM activity_counts",
            "DELETE FROM scores",
            "DELETE FROM score_counts",
            "DELETE FROM streak_counts",
            "DELETE FROM streak_notes",
            "DELETE FROM audit",
            "DELETE FROM journal",
            "DELETE FROM outbox_entries",
            "DELETE FROM outbox_parked",
            "UPDATE counters SET value = 0",
        ] {
            store.database.run(SqlBuilder::new(sql)).await.unwrap();
        }
        store.clone()
    })
    .await;
    assert_eq!(cases.get(), contract::CASES.len());
}

#[test]
fn the_contract_holds_on_tables_divided_by_the_hash_of_the_user() {
    let Some(schema) = Schema::create() else { return };
    block_on(async {
        let store = PostgresStore::open(&schema.url, options()).await.unwrap();
        let divide = include_str!("../../../../migrations/postgres-partitioned.sql");
        schema.run(&format!("SET mission.partitions = '4'; {divide}"));
        // Once more: what is divided is left alone.
        schema.run(divide);
        let divided = "SELECT 1 FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
            WHERE c.relnamespace = current_schema()::regnamespace AND p.partstrat = 'h'";
        let divided = store.database.run(SqlBuilder::new(divided)).await.unwrap();
        assert_eq!(divided.len(), 14, "all tables of users are divided by hash");
        let views = "SELECT 1 FROM pg_views WHERE schemaname = current_schema() AND viewname LIKE 'v\\_%'";
        let views = store.database.run(SqlBuilder::new(views)).await.unwrap();
        assert_eq!(views.len(), 7, "the views for reports read the divided tables");
        hold_to_the_contract(&store).await;
        store.close().await;
        // A server that starts finds nothing to do.
        let again = PostgresStore::open(&schema.url, options()).await.unwrap();
        again.ping().await.unwrap();
    });
}

#[test]
fn the_contract_holds_without_named_statements() {
    let Some(schema) = Schema::create() else { return };
    block_on(async {
        let store = PostgresStore::open(&schema.url, unnamed()).await.unwrap();
        hold_to_the_contract(&store).await;
        let named = store
            .database
            .run(SqlBuilder::new("SELECT name FROM pg_prepared_statements"));
        assert_eq!(named.await.unwrap().len(), 0, "nothing stays on a connection");
    });
}

#[test]
fn the_contract_holds_behind_pgbouncer_in_transaction_mode() {
    let Some(schema) = Schema::create() else { return };
    let Some(url) = pgbouncer(&schema) else {
        services::left_out("PgBouncer is not installed; what is behind it was not tested");
        return;
    };
    block_on(async {
        // It lets no options of a connection through.
        drop(PostgresStore::open(&url, options()).await.unwrap());
        let opening = (0..4).map(|_| PostgresStore::open(&url, unnamed()));
        let stores = futures_util::future::join_all(opening).await;
        let stores: Vec<_> = stores.into_iter().map(Result::unwrap).collect();
        hold_to_the_contract(&stores[0]).await;
    });
}

fn unnamed() -> PostgresOptions {
    PostgresOptions {
        connections: 12,
        prepared_statements: false,
        ..options()
    }
}

/// Starts a PgBouncer with fewer connections than its clients have; `None` where it is not installed.
fn pgbouncer(schema: &Schema) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let program = places
        .find(|place| place.join("pgbouncer").exists())?
        .join("pgbouncer");
    let server = PgConnectOptions::from_str(schema.server).unwrap();
    let password = url::Url::parse(schema.server)
        .ok()
        .and_then(|url| url.password().map(|password| format!("password={password}")))
        .unwrap_or_default();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let folder = tempfile::tempdir().unwrap().keep();
    let settings = format!(
        "[databases]\nmission = host={} port={} dbname={} user={} {password} connect_query='SET search_path={}'\n\
        [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
        pool_mode = transaction\ndefault_pool_size = 3\nserver_reset_query =\n",
        server.get_host(),
        server.get_port(),
        server.get_database().unwrap_or("postgres"),
        server.get_username(),
        schema.name,
    );
    let file = folder.join("pgbouncer.ini");
    std::fs::write(&file, settings).unwrap();
    let mut command = services::as_nobody_special(&folder)?;
    command.extend([program.into(), file.into()]);
    services::run_beside(&folder, command);
    services::wait_for_port(port).then(|| format!("postgres://anybody@127.0.0.1:{port}/mission"))
}
