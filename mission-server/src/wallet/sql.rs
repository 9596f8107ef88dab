//! The ledger in a SQL database, what is the same in every one.

use async_trait::async_trait;
use mission_core::{UserId, points::total_from_millionths, ports::store::StoreError};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Ledger, LedgerCommand, LedgerEntry, Wallet, ledger_entry};
use crate::store::{
    SqlStore,
    database::{Durability, SqlDatabase},
    row::SqlRow,
    sql_builder::SqlBuilder,
};

/// The one account of all who were erased.
pub(super) const ERASED: Uuid = Uuid::nil();

/// A database that keeps bookings.
pub(crate) trait LedgerDatabase: SqlDatabase {
    /// Carries out orders, in order and all at once; what was booked before is not booked again.
    fn carry_out(
        &self,
        durability: Durability,
        orders: &[LedgerCommand],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

struct SqlLedger<D> {
    database: D,
    durability: Durability,
}

#[allow(
    private_bounds,
    reason = "what a database offers the ledger is nobody else's business"
)]
impl<D: LedgerDatabase> SqlStore<D> {
    /// The embedded wallet, in the same database as the outbox: a power loss takes the note that an event was sent with its
    /// booking, so that it is sent once more.
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
        Wallet::new(SqlLedger {
            database: self.database.clone(),
            durability,
        })
    }
}

#[async_trait]
impl<D: LedgerDatabase> Ledger for SqlLedger<D> {
    async fn carry_out(&self, orders: &[LedgerCommand]) -> Result<(), StoreError> {
        self.database.carry_out(self.durability, orders).await
    }

    async fn balance(&self, user: UserId) -> Result<Decimal, StoreError> {
        let query = SqlBuilder::new(
            "SELECT CAST(coalesce(sum(amount_micros), 0) AS bigint) FROM wallet_entries
            WHERE user_id = ? AND user_id <> ?",
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
