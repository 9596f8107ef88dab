//! A wallet that is fed through the broker.

use std::sync::Arc;

use async_trait::async_trait;
use lapin::{Error, message::Delivery};
use mission_core::ports::clock::Clock;
use tokio_util::sync::CancellationToken;

use super::{
    Broker,
    broker::Session,
    consumer::{self, Handler, wait_after},
    failed_delivery,
};
use crate::{
    cloud_event,
    wallet::{LedgerCommand, Wallet},
};

/// Consumes the wallet's queue. Every grant is booked once, however often it is delivered; a batch is acknowledged after it
/// is booked.
pub struct WalletQueue {
    wallet: Wallet,
    queue: String,
    clock: Arc<dyn Clock>,
}

impl WalletQueue {
    /// A wallet behind a queue.
    #[must_use]
    pub fn new(wallet: Wallet, queue: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        WalletQueue {
            wallet,
            queue: queue.into(),
            clock,
        }
    }

    /// Consumes until told to stop.
    pub async fn run(&self, broker: &Broker, stop: &CancellationToken) {
        consumer::consume(broker, &self.queue, self, stop).await;
    }

    /// Books, and again for as long as the ledger is away; `false` where the server stops before that.
    async fn book(&self, orders: &[LedgerCommand], stop: &CancellationToken) -> bool {
        let mut tries = 0;
        while let Err(error) = self.wallet.book(orders).await {
            if tries == 0 {
                tracing::warn!(%error, "nothing can be booked at the moment; it is tried again");
            }
            tries += 1;
            let waited = stop.run_until_cancelled(tokio::time::sleep(wait_after(tries)));
            if waited.await.is_none() {
                return false;
            }
        }
        true
    }
}

#[async_trait]
impl Handler for WalletQueue {
    async fn handle(
        &self,
        session: &Session,
        batch: &[Delivery],
        stop: &CancellationToken,
    ) -> Result<bool, Error> {
        let mut orders = Vec::with_capacity(batch.len());
        let mut dead = Vec::new();
        for delivery in batch {
            match order(&delivery.data) {
                Ok(order) => orders.extend(order),
                Err(reason) => dead.push((delivery, reason)),
            }
        }
        if !orders.is_empty() && !self.book(&orders, stop).await {
            return Ok(false);
        }
        let queue = format!("{}.dead", self.queue);
        let now = self.clock.now();
        for (delivery, reason) in &dead {
            failed_delivery::dead_letter(session, &queue, delivery, reason, now).await?;
        }
        let booked = (batch.len() - dead.len()) as u64;
        metrics::counter!("mission_wallet_messages_total", "outcome" => "booked").increment(booked);
        metrics::counter!("mission_wallet_messages_total", "outcome" => "dead").increment(dead.len() as u64);
        Ok(true)
    }
}

/// What a message asks of the ledger, if anything.
fn order(body: &[u8]) -> Result<Option<LedgerCommand>, String> {
    let body = serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
    let event = cloud_event::read(body).map_err(|(pointer, message)| format!("`{pointer}` {message}"))?;
    LedgerCommand::of(&event).map_err(|error| error.to_string())
}
