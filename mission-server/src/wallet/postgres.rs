//! The ledger in the same PostgreSQL database as the store.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{UserId, points::total_from_millionths, ports::store::StoreError, serde_name};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Ledger, LedgerCommand, LedgerEntry, Wallet, ledger_entry};
use crate::store::{
    database::SqlDatabase as _,
    postgres::{Database, Kind, PostgresStore, Rows, failure},
    record::unavailable,
    row::SqlRow,
    sql_builder::SqlBuilder,
};

impl PostgresStore {
    /// The embedded wallet, in the same database.
    #[must_use]
    pub fn wallet(&self) -> Wallet {
        Wallet::new(PostgresLedger {
            database: self.database.clone(),
        })
    }
}

/// The one account of all who were erased.
const ERASED: Uuid = Uuid::nil();

struct PostgresLedger {
    database: Database,
}

const OPEN_ACCOUNTS: &str = "INSERT INTO wallet_accounts (user_id) SELECT k.id FROM ";
const OPENED: &str = " AS k(id) ORDER BY k.id ON CONFLICT (user_id) DO NOTHING";

/// Nobody can be erased between the look at the accounts and the end of the transaction.
const BOOK: &str = "WITH account AS MATERIALIZED (SELECT user_id, erased_at FROM wallet_accounts
        WHERE user_id = ANY(?) ORDER BY user_id FOR SHARE)
    INSERT INTO wallet_entries (user_id, grant_id, kind, side, amount_micros, currency, booked_at)
    SELECT CASE WHEN account.erased_at IS NULL THEN k.user_id ELSE ? END, k.grant_id, k.kind, s.side,
        s.sign * k.amount, k.currency, k.booked_at FROM ";
const BOOKED: &str = " AS k(place, grant_id, kind, user_id, amount, currency, booked_at)
    JOIN account ON account.user_id = k.user_id
    CROSS JOIN (VALUES ('issuer', -1), ('holder', 1)) AS s(side, sign)
    ORDER BY k.place, s.side ON CONFLICT (user_id, grant_id, kind, side) DO NOTHING";

const CLOSE_ACCOUNTS: &str =
    "INSERT INTO wallet_accounts AS t (user_id, erased_at) SELECT k.id, k.erased_at FROM ";
const CLOSED: &str = " AS k(id, erased_at) ORDER BY k.id
    ON CONFLICT (user_id) DO UPDATE SET erased_at = coalesce(t.erased_at, excluded.erased_at)";
const MOVE_ENTRIES: &str = "WITH moved AS (DELETE FROM wallet_entries WHERE user_id = ANY(?) RETURNING *)
    INSERT INTO wallet_entries (user_id, grant_id, kind, side, number, amount_micros, currency, booked_at)
    SELECT ?, grant_id, kind, side, number, amount_micros, currency, booked_at FROM moved";

/// Consecutive commands of one kind, ready to be bound.
enum CommandRun {
    Book { users: Vec<Uuid>, rows: Rows },
    Forget(BTreeMap<Uuid, DateTime<Utc>>),
}

impl CommandRun {
    fn into_statements(self) -> Result<[SqlBuilder; 2], StoreError> {
        match self {
            CommandRun::Book { mut users, rows } => {
                users.sort_unstable();
                users.dedup();
                let mut accounts = Rows::of(&[Kind::Id]);
                for user in &users {
                    accounts.row().id(*user);
                }
                let mut open = SqlBuilder::new(OPEN_ACCOUNTS);
                open.rows(accounts)?.then(OPENED);
                let mut book = SqlBuilder::new(BOOK);
                book.bind(users).bind(ERASED).rows(rows)?.then(BOOKED);
                Ok([open, book])
            }
            CommandRun::Forget(users) => {
                let mut accounts = Rows::of(&[Kind::Id, Kind::Number]);
                for (user, at) in &users {
                    accounts.row().id(*user).instant(*at);
                }
                let mut close = SqlBuilder::new(CLOSE_ACCOUNTS);
                close.rows(accounts)?.then(CLOSED);
                let entries = SqlBuilder::new(MOVE_ENTRIES)
                    .with(users.into_keys().collect::<Vec<_>>())
                    .with(ERASED);
                Ok([close, entries])
            }
        }
    }
}

fn runs(orders: &[LedgerCommand]) -> Result<Vec<CommandRun>, StoreError> {
    let mut runs: Vec<CommandRun> = Vec::new();
    for (place, order) in (0_i64..).zip(orders) {
        match order {
            LedgerCommand::Book(booking) => {
                if !matches!(runs.last(), Some(CommandRun::Book { .. })) {
                    let kinds = [
                        Kind::Number,
                        Kind::Id,
                        Kind::Text,
                        Kind::Id,
                        Kind::Number,
                        Kind::Text,
                        Kind::Number,
                    ];
                    runs.push(CommandRun::Book {
                        users: Vec::new(),
                        rows: Rows::of(&kinds),
                    });
                }
                if let Some(CommandRun::Book { users, rows }) = runs.last_mut() {
                    users.push(booking.user.0);
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

#[async_trait]
impl Ledger for PostgresLedger {
    async fn carry_out(&self, orders: &[LedgerCommand]) -> Result<(), StoreError> {
        let runs = runs(orders)?;
        let mut work = self.database.begin().await.map_err(unavailable)?;
        for run in runs {
            for statement in run.into_statements()? {
                work.run(statement).await.map_err(|error| failure(&error))?;
            }
        }
        work.commit().await.map_err(unavailable)
    }

    async fn balance(&self, user: UserId) -> Result<Decimal, StoreError> {
        let query = SqlBuilder::new(
            "SELECT coalesce(sum(amount_micros), 0)::bigint FROM wallet_entries
            WHERE user_id = ? AND side = 'holder' AND user_id <> ?",
        );
        let rows = self.database.read(query.with(user.0).with(ERASED)).await?;
        let sum = rows.first().map_or(Ok(0), |row| row.number(0))?;
        Ok(total_from_millionths(sum))
    }

    async fn entries(&self, user: UserId) -> Result<Vec<LedgerEntry>, StoreError> {
        let query = SqlBuilder::new(
            "SELECT grant_id, kind, amount_micros, currency, booked_at FROM wallet_entries
            WHERE user_id = ? AND side = 'holder' AND user_id <> ? ORDER BY number",
        );
        let rows = self.database.read(query.with(user.0).with(ERASED)).await?;
        rows.iter().map(ledger_entry).collect()
    }
}
