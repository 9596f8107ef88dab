//! The broker, as far as the settings name one: a connection by which events leave, and one by which messages come.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::{EngineHost, jobs::Jobs};
use crate::{
    amqp::{Broker, BrokerError, BrokerSettings, ConnectionRole, DeadLetters, Inbound},
    rule_health::RuleHealth,
};

/// The connections to the broker, for publishing and for consuming.
pub(super) struct BrokerConnections {
    pub(super) events: Broker,
    pub(super) messages: Broker,
    tasks: [JoinHandle<()>; 2],
}

impl BrokerConnections {
    pub(super) fn start(settings: &BrokerSettings) -> Result<Self, BrokerError> {
        let (events, events_task) = Broker::start(settings.clone(), ConnectionRole::Publish)?;
        let (messages, messages_task) = Broker::start(settings.clone(), ConnectionRole::Consume)?;
        Ok(BrokerConnections {
            events,
            messages,
            tasks: [events_task, messages_task],
        })
    }

    /// Waits until the broker was tried to be reached, or for a moment: what is declared in it is there before the server
    /// is ready, where that can be.
    pub(super) async fn first_try(&self) {
        tokio::join!(self.events.first_try(), self.messages.first_try());
    }

    /// Takes messages for as long as the jobs run.
    pub(super) fn consume(
        &self,
        core: &EngineHost,
        rule_health: Arc<RuleHealth>,
        keeps_names: bool,
        jobs: &Jobs,
    ) {
        let queries = Arc::clone(&core.queries);
        let inbound = Inbound::new(core.engine.clone(), queries, rule_health, keeps_names);
        let (messages, stop) = (self.messages.clone(), jobs.stopping());
        jobs.run(async move { inbound.run(&messages, &stop).await });
    }

    /// What could not be taken.
    pub(super) fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(self.messages.clone())
    }

    /// Ends both connections in order.
    pub(super) async fn close(self) {
        self.events.close();
        self.messages.close();
        for task in self.tasks {
            // A panic there is told by itself.
            let _ = task.await;
        }
    }
}
