//! The way of events from the outbox to the embedded wallet and, where there is one, to the broker, for as long as the
//! server runs and a little longer.

use std::{sync::Arc, time::Duration};

use mission_core::ports::{bus::Bus, clock::Clock};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use super::Storage;
use crate::{
    amqp::{AmqpBus, Broker},
    feed::EventFeed,
    outbox::{FanOut, InProcessBus, Relay, RelayOptions, SOURCE},
    webhooks::WebhookFanOut,
};

/// The task that runs the outbox relay.
pub(super) struct OutboxWorker {
    task: JoinHandle<Relay>,
    stop: CancellationToken,
}

impl OutboxWorker {
    pub(super) fn start(
        storage: &Storage,
        clock: Arc<dyn Clock>,
        broker: Option<&Broker>,
        webhooks: Arc<WebhookFanOut>,
        feed: Arc<EventFeed>,
    ) -> Self {
        let wallet = InProcessBus::new(SOURCE)
            .with(Arc::new(storage.wallet.clone()))
            .with(webhooks)
            .with(feed);
        let bus: Arc<dyn Bus> = match broker {
            None => Arc::new(wallet),
            Some(broker) => {
                let broker = AmqpBus::new(broker.clone(), SOURCE);
                Arc::new(FanOut::new(vec![Arc::new(wallet), Arc::new(broker)]))
            }
        };
        let (outbox, notify) = (Arc::clone(&storage.outbox), Arc::clone(&storage.outbox_notify));
        let mut relay = Relay::new(outbox, bus, clock, notify, RelayOptions::default());
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let task = tokio::spawn(async move {
            relay.run(&stopping).await;
            relay
        });
        OutboxWorker { task, stop }
    }

    /// Comes back only if the relay ends by itself, which it must not.
    pub(super) async fn error(&mut self) -> String {
        ended((&mut self.task).await)
    }

    /// Lets all leave that waits, for so long at most.
    pub(super) async fn flush(self, patience: Duration) {
        self.stop.cancel();
        match self.task.await {
            Ok(mut relay) => {
                if let Err(waiting) = relay.flush(patience).await {
                    tracing::warn!(
                        waiting,
                        "events were still waiting when the time to stop was over; they leave after the next start"
                    );
                }
            }
            Err(panic) => tracing::error!(%panic, "the relay has failed; events leave after the next start"),
        }
    }
}

fn ended(outcome: Result<Relay, JoinError>) -> String {
    outcome.map_or_else(|panic| panic.to_string(), |_| "it ended by itself".to_owned())
}
