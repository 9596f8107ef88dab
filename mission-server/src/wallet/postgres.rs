//! The ledger in the same PostgreSQL database as the store.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mission_core::{ports::store::StoreError, serde_name};
use uuid::Uuid;

use super::{
    LedgerCommand,
    sql::{ERASED, LedgerDatabase},
};
use crate::store::{
    database::Durability,
    postgres::{Database, Kind, Rows, Transaction, failure},
    record::unavailable,
    sql_builder::SqlBuilder,
};

/// Nobody is erased while others book: a booking after an erasure has to see it.
const LOCK_TO_BOOK: &str = "SELECT pg_advisory_xact_lock_shared(7521962890171955)";
const LOCK_TO_ERASE: &str = "SELECT pg_advisory_xact_lock(7521962890171955)";

const BOOK: &str = "INSERT INTO wallet_entries (user_id, grant_id, kind, amount_micros, currency, booked_at)
    SELECT coalesce(erased.account, k.user_id), k.grant_id, k.kind, k.amount, k.currency, k.booked_at FROM ";
const BOOKED: &str = " AS k(place, grant_id, kind, user_id, amount, currency, booked_at)
    LEFT JOIN LATERAL (SELECT ?::uuid AS account FROM wallet_erasures e WHERE e.user_id = k.user_id) AS erased ON TRUE
    ORDER BY k.place ON CONFLICT (user_id, grant_id, kind) DO NOTHING";

const CLOSE_ACCOUNTS: &str =
    "INSERT INTO wallet_erasures (user_id, erased_at) SELECT k.id, k.erased_at FROM ";
const CLOSED: &str = " AS k(id, erased_at) ORDER BY k.id ON CONFLICT (user_id) DO NOTHING";
const MOVE_ENTRIES: &str = "WITH moved AS (DELETE FROM wallet_entries WHERE user_id = ANY(?) RETURNING *)
    INSERT INTO wallet_entries (user_id, grant_id, kind, number, amount_micros, currency, booked_at)
    SELECT ?, grant_id, kind, number, amount_micros, currency, booked_at FROM moved";

/// Consecutive commands of one kind, ready to be bound.
enum CommandRun {
    Book(Rows),
    Forget(BTreeMap<Uuid, DateTime<Utc>>),
}

impl CommandRun {
    async fn carry_out(self, work: &mut Transaction) -> Result<(), StoreError> {
        match self {
            CommandRun::Book(rows) => {
                let mut book = SqlBuilder::new(BOOK);
                book.rows(rows)?.then(BOOKED).bind(ERASED);
                run(work, book).await
            }
            CommandRun::Forget(users) => {
                let mut accounts = Rows::of(&[Kind::Id, Kind::Number]);
                for (user, at) in &users {
                    accounts.row().id(*user).instant(*at);
                }
                let mut close = SqlBuilder::new(CLOSE_ACCOUNTS);
                close.rows(accounts)?.then(CLOSED);
                run(work, close).await?;
                let users = users.into_keys().collect::<Vec<_>>();
                run(work, SqlBuilder::new(MOVE_ENTRIES).with(users).with(ERASED)).await
            }
        }
    }
}

async fn run(work: &mut Transaction, statement: SqlBuilder) -> Result<(), StoreError> {
    work.run(statement).await.map_err(|error| failure(&error))?;
    Ok(())
}

fn runs(orders: &[LedgerCommand]) -> Result<Vec<CommandRun>, StoreError> {
    let mut runs: Vec<CommandRun> = Vec::new();
    for (place, order) in (0_i64..).zip(orders) {
        match order {
            LedgerCommand::Book(booking) => {
                if !matches!(runs.last(), Some(CommandRun::Book(_))) {
                    runs.push(CommandRun::Book(Rows::of(&[
                        Kind::Number,
                        Kind::Id,
                        Kind::Text,
                        Kind::Id,
                        Kind::Number,
                        Kind::Text,
                        Kind::Number,
                    ])));
                }
                if let Some(CommandRun::Book(rows)) = runs.last_mut() {
                    let row = rows.row().number(place).id(booking.grant.0);
                    row.text(serde_name(booking.kind))
                        .id(booking.user.0)
                        .number(booking.signed_micros()?)
                        .text(&*booking.currency)
                        .instant(booking.at);
                }
            }
            LedgerCommand::Forget { user, at } => {
                if !matches!(runs.last(), Some(CommandRun::Forget(_))) {
                    runs.push(CommandRun::Forget(BTreeMap::new()));
                }
                if let Some(CommandRun::Forget(users)) = runs.last_mut() {
                    users.entry(user.0).or_insert(*at);
                }
            }
        }
    }
    Ok(runs)
}

impl LedgerDatabase for Database {
    async fn carry_out(&self, durability: Durability, orders: &[LedgerCommand]) -> Result<(), StoreError> {
        let runs = runs(orders)?;
        let mut work = self.begin(durability).await.map_err(unavailable)?;
        let erases = runs.iter().any(|run| matches!(run, CommandRun::Forget(_)));
        run(
            &mut work,
            SqlBuilder::new(if erases { LOCK_TO_ERASE } else { LOCK_TO_BOOK }),
        )
        .await?;
        for run in runs {
            run.carry_out(&mut work).await?;
        }
        work.commit().await.map_err(unavailable)
    }
}
