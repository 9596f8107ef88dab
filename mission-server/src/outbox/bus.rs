//! The bus within the process: hands events to subscribers as a broker would.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use mission_core::{
    event::CloudEvent,
    ports::{
        bus::{Bus, Outgoing, PublishError},
        store::Root,
    },
};

use super::envelope;

/// Takes events as they are on the wire. The same event may come again.
#[async_trait]
pub trait Subscriber: Send + Sync {
    /// Takes all of these events, or none.
    ///
    /// # Errors
    /// Why they could not be taken; they will come again.
    async fn handle(&self, events: &[CloudEvent]) -> Result<(), String>;
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
    async fn publish(&self, events: &[Outgoing]) -> Vec<Result<(), PublishError>> {
        let envelopes: Result<Vec<CloudEvent>, String> =
            events.iter().map(|event| envelope(event, &self.source)).collect();
        let mut failures: Vec<Option<String>> = vec![None; events.len()];
        match envelopes {
            Err(why) => failures.fill(Some(why)),
            Ok(envelopes) => {
                for subscriber in &self.subscribers {
                    if subscriber.handle(&envelopes).await.is_err() {
                        one_by_one(subscriber.as_ref(), events, &envelopes, &mut failures).await;
                    }
                }
            }
        }
        let results = events.iter().zip(failures);
        results
            .map(|(event, failure)| match failure {
                None => Ok(()),
                Some(reason) => Err(PublishError::Refused {
                    id: event.event.id,
                    reason,
                }),
            })
            .collect()
    }
}

/// Finds out which events a subscriber does not take; what comes after such a one on its root is held back.
async fn one_by_one(
    subscriber: &dyn Subscriber,
    events: &[Outgoing],
    envelopes: &[CloudEvent],
    failures: &mut [Option<String>],
) {
    let mut stuck: HashSet<Root> = HashSet::new();
    for ((event, envelope), failure) in events.iter().zip(envelopes).zip(failures) {
        if stuck.contains(&event.root) {
            failure.get_or_insert_with(|| "an earlier event of the same root was not taken".to_owned());
        } else if let Err(why) = subscriber.handle(std::slice::from_ref(envelope)).await {
            stuck.insert(event.root);
            failure.get_or_insert(why);
        }
    }
}
