//! A wallet in a process of its own: the ledger that a server embeds, on a database of its own, fed through the broker.

use std::{process::ExitCode, sync::Arc, time::Duration};

use mission_core::system::SystemClock;
use tokio_util::sync::CancellationToken;

use super::{StartError, front::Front, probes::Probes, start::run_life};
use crate::{
    amqp::{Broker, Purpose, WalletQueue},
    config::{ReadyRequires, WalletSettings},
    http,
    neighbours::Neighbours,
    telemetry,
};

/// Books what comes out of the wallet's queue until a signal says to stop. Answers 0 after an orderly end, 1 after a
/// failure.
#[must_use]
pub fn run_wallet(settings: WalletSettings) -> ExitCode {
    let log = settings.log.clone();
    run_life(&log, Duration::ZERO, |draining, stop| {
        live(settings, draining, stop)
    })
}

async fn live(
    settings: WalletSettings,
    draining: CancellationToken,
    stop: CancellationToken,
) -> Result<(), StartError> {
    let metrics = telemetry::install_metrics();
    let front = Front::open(
        &settings.listen,
        metrics.clone(),
        &stop,
        settings.shutdown_timeout,
    );
    let front = front.await?;
    let Some(storage) = front.storage(&settings.database, &stop).await? else {
        return Ok(());
    };
    let (broker, broker_task) = Broker::start(settings.broker, Purpose::Wallet)?;
    broker.first_try().await;
    let probe = Arc::new(Probes {
        queries: Arc::clone(&storage.queries),
        writes: storage.writes.clone(),
        redis: None,
        broker: Some(broker.clone()),
        neighbours: Neighbours::default(),
        required: ReadyRequires::All,
        queues: None,
        draining,
    });
    front.serve(http::health_router(probe, metrics));
    let address = front.address();
    tracing::info!(%address, database = %settings.database.url, queue = settings.queue, "the wallet is ready");
    WalletQueue::new(storage.wallet.clone(), settings.queue, Arc::new(SystemClock))
        .run(&broker, &stop)
        .await;
    front.close().await;
    broker.close();
    // A panic there is told by itself.
    let _ = broker_task.await;
    storage.close().await;
    Ok(())
}
