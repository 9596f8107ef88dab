//! The embedded wallet: a ledger that listens to events as any consumer would.
//!
//! Every grant moves points from the issuer to its holder, every revocation moves them back: one row under the grant's id
//! that is both sides of the booking, booked once however often the event comes. After an erasure the holder's rows lie in
//! one anonymous account, so that all sums stay.

#[cfg(feature = "server")]
mod cached;
mod order;
#[cfg(feature = "postgres")]
mod postgres;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{
    RewardId, UserId, event::CloudEvent, points::total_from_millionths, ports::store::StoreError,
};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{
    outbox::Subscriber,
    store::{record::instant, row::SqlRow},
};
pub use order::{Booking, BookingKind, LedgerCommand, UnreadableEvent};
#[cfg(feature = "server")]
pub(crate) use sql::LedgerDatabase;

/// One booking in a user's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct LedgerEntry {
    /// The reward whose points moved.
    pub grant_id: RewardId,
    /// Which way.
    pub kind: BookingKind,
    /// What it added to the account; negative for a revocation.
    #[serde(with = "mission_core::points::exact")]
    #[cfg_attr(feature = "server", schema(value_type = f64))]
    pub amount: Decimal,
    /// The currency of the points.
    pub currency: String,
    /// When the points moved.
    pub booked_at: DateTime<Utc>,
}

/// A store of bookings.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Carries out orders, in order and all at once; what was booked before is not booked again.
    ///
    /// # Errors
    /// When nothing was carried out.
    async fn carry_out(&self, orders: &[LedgerCommand]) -> Result<(), StoreError>;

    /// What a user's account holds.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    async fn balance(&self, user: UserId) -> Result<Decimal, StoreError>;

    /// A user's bookings, oldest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    async fn entries(&self, user: UserId) -> Result<Vec<LedgerEntry>, StoreError>;
}

/// The wallet: a ledger that is fed by events. Clones share it.
#[derive(Clone)]
pub struct Wallet {
    ledger: Arc<dyn Ledger>,
}

impl Wallet {
    /// A wallet over a ledger.
    #[must_use]
    pub fn new(ledger: impl Ledger + 'static) -> Self {
        Wallet {
            ledger: Arc::new(ledger),
        }
    }

    /// The same wallet, with balances kept for half a second. A booking of this process is seen at once.
    #[cfg(feature = "server")]
    #[must_use]
    pub fn cached(self) -> Self {
        Wallet::new(cached::CachedLedger::over(self.ledger))
    }

    /// Carries out orders, in order and all at once; what was booked before is not booked again.
    ///
    /// # Errors
    /// When nothing was carried out.
    pub async fn book(&self, orders: &[LedgerCommand]) -> Result<(), StoreError> {
        self.ledger.carry_out(orders).await
    }

    /// What a user's account holds: a moment behind the engine's own sum.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn balance(&self, user: UserId) -> Result<Decimal, StoreError> {
        self.ledger.balance(user).await
    }

    /// A user's bookings, oldest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn entries(&self, user: UserId) -> Result<Vec<LedgerEntry>, StoreError> {
        self.ledger.entries(user).await
    }
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wallet").finish_non_exhaustive()
    }
}

#[async_trait]
impl Subscriber for Wallet {
    async fn handle(&self, events: &[CloudEvent]) -> Result<(), StoreError> {
        let orders: Vec<LedgerCommand> = events
            .iter()
            .filter_map(|event| LedgerCommand::of(event).transpose())
            .collect::<Result<_, UnreadableEvent>>()
            .map_err(|error| StoreError::Refused(error.to_string()))?;
        if orders.is_empty() {
            return Ok(());
        }
        self.book(&orders).await
    }
}

/// A booking out of its columns: grant, kind, amount, currency, time.
fn ledger_entry(row: &impl SqlRow) -> Result<LedgerEntry, StoreError> {
    Ok(LedgerEntry {
        grant_id: row.id(0)?.into(),
        kind: match row.text(1)? {
            "grant" => BookingKind::Grant,
            _ => BookingKind::Revocation,
        },
        amount: total_from_millionths(row.number(2)?),
        currency: row.text(3)?.to_owned(),
        booked_at: instant(row.number(4)?)?,
    })
}
