//! The bus within the process: hands events to subscribers as a broker would.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use mission_core::{
    event::CloudEvent,
    ports::{
        bus::{Bus, OutboxEvent, PublishError},
        store::{Root, StoreError},
    },
};

use super::envelope;

/// How many events a subscriber is given together at most: one that writes them down must not hold up commands for long.
const TOGETHER: usize = 512;

/// Takes events as they are on the wire. The same event may come again.
#[async_trait]
pub trait Subscriber: Send + Sync {
    /// Takes all of these events, or none.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where one of them cannot be taken as it is, [`StoreError::Unavailable`] where none can be
    /// for now: they will come again.
    async fn handle(&self, events: &[CloudEvent]) -> Result<(), StoreError>;
}

/// A bus whose receiving sides are in the same process.
#[derive(Clone)]
pub struct InProcessBus {
    source: String,
    subscribers: Vec<Arc<dyn Subscriber>>,
}

impl InProcessBus {
    /// A bus on which events carry this CloudEvents `source`.
    #[must_use]
    pub fn new(source: impl Into<String>) -> Self {
        InProcessBus {
            source: source.into(),
            subscribers: Vec::new(),
        }
    }

    /// Adds a subscriber, which gets every event.
    #[must_use]
    pub fn with(mut self, subscriber: Arc<dyn Subscriber>) -> Self {
        self.subscribers.push(subscriber);
        self
    }
}

#[async_trait]
impl Bus for InProcessBus {
    async fn publish(&self, events: &[OutboxEvent]) -> Vec<Result<(), PublishError>> {
        let mut results: Vec<Result<(), PublishError>> = vec![Ok(()); events.len()];
        let envelopes: Result<Vec<CloudEvent>, PublishError> =
            events.iter().map(|event| envelope(event, &self.source)).collect();
        let envelopes = match envelopes {
            Ok(envelopes) => envelopes,
            Err(error) => {
                results.fill(Err(error));
                return results;
            }
        };
        let parts = events.chunks(TOGETHER).zip(envelopes.chunks(TOGETHER));
        for ((events, envelopes), results) in parts.zip(results.chunks_mut(TOGETHER)) {
            for subscriber in &self.subscribers {
                deliver(subscriber.as_ref(), events, envelopes, results).await;
            }
        }
        results
    }
}

/// Gives events to a subscriber.
async fn deliver(
    subscriber: &dyn Subscriber,
    events: &[OutboxEvent],
    envelopes: &[CloudEvent],
    results: &mut [Result<(), PublishError>],
) {
    match subscriber.handle(envelopes).await {
        Ok(()) => {}
        Err(StoreError::Unavailable(reason)) => results.fill(Err(PublishError::Away { reason })),
        Err(StoreError::Refused(_)) => one_by_one(subscriber, events, envelopes, results).await,
    }
}

/// Finds out which events a subscriber does not take; what comes after such a one on its root is not tried.
async fn one_by_one(
    subscriber: &dyn Subscriber,
    events: &[OutboxEvent],
    envelopes: &[CloudEvent],
    results: &mut [Result<(), PublishError>],
) {
    let mut stuck: HashSet<Root> = HashSet::new();
    for ((event, envelope), result) in events.iter().zip(envelopes).zip(results) {
        let outcome = if stuck.contains(&event.root) {
            Err(PublishError::Untried)
        } else {
            match subscriber.handle(std::slice::from_ref(envelope)).await {
                Ok(()) => Ok(()),
                Err(StoreError::Refused(reason)) => Err(PublishError::Refused {
                    id: event.event.id,
                    reason,
                }),
                Err(StoreError::Unavailable(reason)) => Err(PublishError::Away { reason }),
            }
        };
        if outcome.is_err() {
            stuck.insert(event.root);
        }
        if result.is_ok() {
            *result = outcome;
        }
    }
}
