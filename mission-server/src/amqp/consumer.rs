//! Messages taken out of a queue in batches, over one connection after the other.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use lapin::{
    Error,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio_util::sync::CancellationToken;

use super::{Broker, broker::Session};
use crate::back_off;

/// How many messages are handled together at most.
const BATCH: usize = 256;
/// How many messages the broker sends ahead of their acknowledgement.
const PREFETCH: u16 = 512;
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The wait after the first try, doubled each time after.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Handles messages.
#[async_trait]
pub(super) trait Handler: Send + Sync {
    /// Handles a batch. It is acknowledged when this answers `true`, and comes again where the answer is `false` (the
    /// server stops) or an error.
    async fn handle(
        &self,
        session: &Session,
        batch: &[Delivery],
        stop: &CancellationToken,
    ) -> Result<bool, Error>;
}

/// Consumes a queue until told to stop; what is being handled then is finished.
pub(super) async fn consume(broker: &Broker, queue: &str, handler: &impl Handler, stop: &CancellationToken) {
    while let Some(Some(session)) = stop.run_until_cancelled(broker.next_session()).await {
        if let Err(error) = consume_session(&session, queue, handler, stop).await {
            tracing::warn!(queue, %error, "messages are not taken at the moment; what was not acknowledged comes again");
        }
        // The next connection begins with everything that was not acknowledged.
        session.lost.cancel();
    }
}

async fn consume_session(
    session: &Session,
    queue: &str,
    handler: &impl Handler,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let channel = &session.channel;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel
        .basic_consume(queue.into(), "".into(), options, none)
        .await?;
    let mut batches = consumer.ready_chunks(BATCH);
    while let Some(Some(batch)) = stop.run_until_cancelled(batches.next()).await {
        let batch = batch.into_iter().collect::<Result<Vec<Delivery>, Error>>()?;
        if !handler.handle(session, &batch, stop).await? {
            return Ok(());
        }
        let redelivered = batch.iter().filter(|delivery| delivery.redelivered).count();
        metrics::counter!("mission_inbound_redelivered_total").increment(redelivered as u64);
        if let Some(last) = batch.last() {
            last.ack(BasicAckOptions { multiple: true }).await?;
        }
    }
    Ok(())
}

/// The wait after so many tries.
pub(super) fn wait_after(tries: u32) -> Duration {
    back_off::after(tries, FIRST_WAIT, LONGEST_WAIT)
}
