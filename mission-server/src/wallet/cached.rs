//! A ledger whose balances are kept for a moment.

use std::sync::Arc;

use async_trait::async_trait;
use mission_core::{UserId, ports::store::StoreError};
use rust_decimal::Decimal;

use super::{Ledger, LedgerCommand, LedgerEntry};
use crate::{local_cache::LocalCache, write_times::WriteTimes};

/// Users whose balances are kept.
const USERS: u64 = 50_000;

pub(super) struct CachedLedger {
    ledger: Arc<dyn Ledger>,
    balances: LocalCache<UserId, Decimal>,
    written: WriteTimes,
}

impl CachedLedger {
    pub(super) fn over(ledger: Arc<dyn Ledger>) -> Self {
        CachedLedger {
            ledger,
            balances: LocalCache::new(USERS),
            written: WriteTimes::default(),
        }
    }
}

#[async_trait]
impl Ledger for CachedLedger {
    async fn carry_out(&self, orders: &[LedgerCommand]) -> Result<(), StoreError> {
        let done = self.ledger.carry_out(orders).await;
        // Where it failed, some may still be written.
        for order in orders {
            self.written.note(order.user());
        }
        done
    }

    async fn balance(&self, user: UserId) -> Result<Decimal, StoreError> {
        let written = || self.written.last(user);
        let found = self
            .balances
            .get_or_read(user, written, || self.ledger.balance(user))
            .await?;
        Ok(**found)
    }

    async fn entries(&self, user: UserId) -> Result<Vec<LedgerEntry>, StoreError> {
        self.ledger.entries(user).await
    }
}
