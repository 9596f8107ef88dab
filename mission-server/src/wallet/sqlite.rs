//! The ledger in the same SQLite file as the store.

use async_trait::async_trait;
use mission_core::{UserId, points::total_from_millionths, ports::store::StoreError, serde_name};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Booking, Ledger, LedgerCommand, LedgerEntry, Wallet, ledger_entry};
use crate::store::{
    database::{Durability, SqlDatabase as _},
    row::SqlRow,
    sql_builder::SqlBuilder,
    sqlite::{Database, Rows, SqliteStore, failure},
};

impl SqliteStore {
    /// The embedded wallet, in the same file as the outbox: a power loss takes the note that an event was sent with its booking, so
    /// that it is sent once more.
    #[must_use]
    pub fn wallet(&self) -> Wallet {
        self.wallet_with(Durability::Relaxed)
    }

    /// A wallet whose events come from elsewhere: what it has taken survives a power loss.
    #[must_use]
    pub fn durable_wallet(&self) -> Wallet {
        self.wallet_with(Durability::Full)
    }

    fn wallet_with(&self, durability: Durability) -> Wallet {
        Wallet::new(SqliteLedger {
            database: self.database.clone(),
            durability,
        })
    }
}

/// The one account of all who were erased.
const ERASED: Uuid = Uuid::nil();

struct SqliteLedger {
    database: Database,
    durability: Durability,
}

const BOOK: &str = "INSERT INTO wallet_entries (user_id, grant_id, kind, amount_micros, currency, booked_at)
    SELECT CASE WHEN EXISTS (SELECT 1 FROM wallet_erasures WHERE user_id = unhex(value->>2)) THEN ? ELSE unhex(value->>2) END,
        unhex(value->>0), value->>1, value->>3, value->>4, value->>5
    FROM json_each(?) WHERE TRUE ON CONFLICT (user_id, grant_id, kind) DO NOTHING;";
const CLOSE_ACCOUNTS: &str = "INSERT INTO wallet_erasures (user_id, erased_at)
    SELECT unhex(value->>0), value->>1 FROM json_each(?) WHERE TRUE ON CONFLICT (user_id) DO NOTHING;";
const MOVE_ENTRIES: &str = "UPDATE wallet_entries SET user_id = ?
    WHERE user_id IN (SELECT unhex(value->>0) FROM json_each(?));";

/// Consecutive commands of one kind, ready to be bound.
enum CommandRun {
    Book(Rows),
    Forget(Rows),
}

impl CommandRun {
    fn add_to(self, script: &mut SqlBuilder) {
        match self {
            CommandRun::Book(rows) => {
                script.then(BOOK).bind(ERASED).bind(rows.into_text());
            }
            CommandRun::Forget(rows) => {
                let users = rows.into_text();
                script.then(CLOSE_ACCOUNTS).bind(users.clone());
                script.then(MOVE_ENTRIES).bind(ERASED).bind(users);
            }
        }
    }
}

fn runs(orders: &[LedgerCommand]) -> Result<Vec<CommandRun>, StoreError> {
    let mut runs: Vec<CommandRun> = Vec::new();
    for order in orders {
        match order {
            LedgerCommand::Book(booking) => {
                if !matches!(runs.last(), Some(CommandRun::Book(_))) {
                    runs.push(CommandRun::Book(Rows::default()));
                }
                if let Some(CommandRun::Book(rows)) = runs.last_mut() {
                    booking_row(rows, booking)?;
                }
            }
            LedgerCommand::Forget { user, at } => {
                if !matches!(runs.last(), Some(CommandRun::Forget(_))) {
                    runs.push(CommandRun::Forget(Rows::default()));
                }
                if let Some(CommandRun::Forget(rows)) = runs.last_mut() {
                    rows.row().id(user.0).instant(*at);
                }
            }
        }
    }
    Ok(runs)
}

fn booking_row(rows: &mut Rows, booking: &Booking) -> Result<(), StoreError> {
    rows.row()
        .id(booking.grant.0)
        .text(&serde_name(booking.kind))
        .id(booking.user.0)
        .number(booking.signed_micros()?)
        .text(&booking.currency)
        .instant(booking.at);
    Ok(())
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn carry_out(&self, orders: &[LedgerCommand]) -> Result<(), StoreError> {
        let mut script = SqlBuilder::new("BEGIN IMMEDIATE;");
        for run in runs(orders)? {
            run.add_to(&mut script);
        }
        script.then("COMMIT;");
        let mut turn = self.database.lock_writer().await?;
        let written = turn.write(self.durability, script).await;
        written.map_err(|error| failure(&error))?;
        turn.finished();
        Ok(())
    }

    async fn balance(&self, user: UserId) -> Result<Decimal, StoreError> {
        let query = SqlBuilder::new(
            "SELECT coalesce(sum(amount_micros), 0) FROM wallet_entries WHERE user_id = ? AND user_id <> ?",
        );
        let rows = self.database.read(query.with(user.0).with(ERASED)).await?;
        let sum = rows.first().map_or(Ok(0), |row| row.number(0))?;
        Ok(total_from_millionths(sum))
    }

    async fn entries(&self, user: UserId) -> Result<Vec<LedgerEntry>, StoreError> {
        let query = SqlBuilder::new(
            "SELECT grant_id, kind, amount_micros, currency, booked_at FROM wallet_entries
            WHERE user_id = ? AND user_id <> ? ORDER BY number",
        );
        let rows = self.database.read(query.with(user.0).with(ERASED)).await?;
        rows.iter().map(ledger_entry).collect()
    }
}
