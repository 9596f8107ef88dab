//! A wallet in a process of its own: the ledger that a server embeds, on a database of its own, fed through the broker.

use std::{process::ExitCode, sync::Arc, time::Duration};

use mission_core::system::SystemClock;
use tokio_util::sync::CancellationToken;

use super::{StartError, health_checks::HealthChecks, listener::Listener, start::run_until_signalled};
use crate::{
    amqp::{Broker, ConnectionRole, WalletQueue},
    config::{ReadyRequires, WalletSettings},
    http::{self, HttpSettings},
    neighbours::Neighbours,
    telemetry,
};

/// Books what comes out of the wallet's queue until a signal says to stop. Answers 0 after an orderly end, 1 after a
/// failure.
#[must_use]
pub fn run_wallet(settings: WalletSettings) -> ExitCode {
    let log = settings.log.clone();
    run_until_signalled(&log, None, Duration::ZERO, |draining, stop| {
        consume(settings, draining, stop)
    })
}

async fn consume(
    settings: WalletSettings,
    draining: CancellationToken,
    stop: CancellationToken,
) -> Result<(), StartError> {
    let metrics = telemetry::install_metrics();
    let limits = HttpSettings::default();
    let listener = Listener::open(
        &settings.listen,
        None,
        &limits,
        metrics.clone(),
        &stop,
        settings.shutdown_timeout,
    );
    let listener = listener.await?;
    let Some(storage) = listener.storage(&settings.database, &stop).await? else {
        return Ok(());
    };
    let (broker, broker_task) = Broker::start(settings.broker, ConnectionRole::Wallet)?;
    broker.first_try().await;
    let probe = Arc::new(HealthChecks {
        queries: Arc::clone(&storage.queries),
        writes: storage.writes.clone(),
        redis: None,
        broker: Some(broker.clone()),
        neighbours: Neighbours::default(),
        required: ReadyRequires::All,
        queues: None,
        draining,
    });
    listener.serve(http::health_router(probe, metrics));
    let address = listener.address();
    tracing::info!(%address, database = %settings.database.url, queue = settings.queue, "the wallet is ready");
    WalletQueue::new(
        storage.durable_wallet.clone(),
        settings.queue,
        Arc::new(SystemClock),
    )
    .run(&broker, &stop)
    .await;
    listener.close().await;
    broker.close();
    // A panic there is told by itself.
    let _ = broker_task.await;
    storage.close().await;
    Ok(())
}
