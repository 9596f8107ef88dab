//! The bus over RabbitMQ: events as persistent messages, each confirmed by the broker.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Confirmation, message::BasicReturnMessage, options::BasicPublishOptions,
    types::ShortString,
};
use mission_core::ports::{
    bus::{Bus, OutboxEvent, PublishError},
    store::Root,
};
use tokio::time::{Instant, timeout};

use super::{
    Broker,
    broker::Session,
    topology::{CLOUD_EVENT, EVENTS_EXCHANGE, PERSISTENT, is_mandatory},
};
use crate::outbox::envelope;

/// How many messages may wait for their confirmation at once.
const WINDOW: usize = 500;
/// How long one call goes on to publish; what is left then was not tried.
const PUBLISH_TIME: Duration = Duration::from_millis(1500);
/// How long all confirmations of one call may take. A lease of outbox shards must hold longer.
const CONFIRM_TIME: Duration = Duration::from_secs(3);

/// Publishes to the topic exchange [`EVENTS_EXCHANGE`].
///
/// An event leaves once the one before it on its root is confirmed, so that neither a lost connection nor a refusal
/// changes their order. What moves points is `mandatory`: without a queue that takes it, it comes back.
pub struct AmqpBus {
    broker: Broker,
    source: String,
}

type Results = Mutex<Vec<Option<Result<(), PublishError>>>>;

/// The state of one call of `publish`, shared between the roots.
struct PublishBatch<'e> {
    events: &'e [OutboxEvent],
    session: &'e Session,
    source: &'e str,
    /// When no more is published.
    until: Instant,
    results: Results,
    /// Ids of messages that came back because no queue took them.
    returned: Mutex<HashSet<String>>,
}

impl AmqpBus {
    /// A bus on which events carry this CloudEvents `source`.
    #[must_use]
    pub fn new(broker: Broker, source: impl Into<String>) -> Self {
        AmqpBus {
            broker,
            source: source.into(),
        }
    }
}

#[async_trait]
impl Bus for AmqpBus {
    async fn publish(&self, events: &[OutboxEvent]) -> Vec<Result<(), PublishError>> {
        let session = match self.broker.session() {
            Ok(session) => session,
            Err(reason) => return vec![Err(PublishError::Away { reason }); events.len()],
        };
        let publishing = PublishBatch {
            events,
            session: &session,
            source: &self.source,
            until: Instant::now() + PUBLISH_TIME,
            results: Mutex::new(vec![None; events.len()]),
            returned: Mutex::default(),
        };
        let all = futures_util::stream::iter(positions_by_root(events))
            .for_each_concurrent(WINDOW, |places| publishing.publish_root(places));
        let in_time = timeout(CONFIRM_TIME, all).await.is_ok();
        if !in_time {
            // What is on its way may arrive or not: only a new connection can tell.
            session.lost.cancel();
        }
        let results = publishing
            .results
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let answer = |result: Option<_>| match result {
            Some(result) => result,
            None if in_time => Err(PublishError::Untried),
            None => Err(PublishError::Away {
                reason: format!("the broker confirmed nothing within {CONFIRM_TIME:?}"),
            }),
        };
        results.into_iter().map(answer).collect()
    }
}

/// The positions of the events of each root, in order.
fn positions_by_root(events: &[OutboxEvent]) -> Vec<Vec<usize>> {
    let mut number_of: HashMap<Root, usize> = HashMap::new();
    let mut roots: Vec<Vec<usize>> = Vec::new();
    for (place, event) in events.iter().enumerate() {
        let number = *number_of.entry(event.root).or_insert(roots.len());
        match roots.get_mut(number) {
            Some(places) => places.push(place),
            None => roots.push(vec![place]),
        }
    }
    roots
}

fn deferred(event: &OutboxEvent, reason: impl Into<String>) -> PublishError {
    PublishError::Deferred {
        id: event.event.id,
        reason: reason.into(),
    }
}

fn away(error: &lapin::Error) -> PublishError {
    PublishError::Away {
        reason: error.to_string(),
    }
}

impl PublishBatch<'_> {
    /// Publishes the events of one root, one after the other, until one is not taken or the time is over.
    async fn publish_root(&self, places: Vec<usize>) {
        let mut places = places.into_iter();
        for place in places.by_ref() {
            let Some(event) = self.events.get(place) else {
                continue;
            };
            if event.event.event.kind().is_live_only() {
                self.put(place, Ok(()));
                continue;
            }
            if Instant::now() >= self.until {
                return;
            }
            let result = self.one(event).await;
            let failure = result.clone().err();
            self.put(place, result);
            if let Some(failure) = failure {
                if matches!(failure, PublishError::Away { .. }) {
                    for later in places {
                        self.put(later, Err(failure.clone()));
                    }
                }
                return;
            }
        }
    }

    fn put(&self, place: usize, result: Result<(), PublishError>) {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = results.get_mut(place) {
            *slot = Some(result);
        }
    }

    async fn one(&self, event: &OutboxEvent) -> Result<(), PublishError> {
        let began = Instant::now();
        let id = event.event.id.to_string();
        let cloud_event = envelope(event, self.source)?;
        let body = serde_json::to_vec(&cloud_event).map_err(|error| PublishError::Refused {
            id: event.event.id,
            reason: error.to_string(),
        })?;
        let payload = &event.event.event;
        let mut properties = BasicProperties::default()
            .with_content_type(CLOUD_EVENT.into())
            .with_delivery_mode(PERSISTENT)
            .with_message_id(id.as_str().into())
            .with_type(payload.event_type().into())
            .with_app_id("mission-server".into())
            .with_timestamp(u64::try_from(payload.occurred_at().timestamp()).unwrap_or_default());
        if let Some(Ok(id)) = event.correlation_id.as_deref().map(ShortString::try_new) {
            properties = properties.with_correlation_id(id);
        }
        let key = payload.routing_key();
        let options = BasicPublishOptions {
            mandatory: is_mandatory(key),
            ..BasicPublishOptions::default()
        };
        let channel = &self.session.channel;
        let published = channel.basic_publish(EVENTS_EXCHANGE.into(), key.into(), options, &body, properties);
        let confirmation = published.await.map_err(|error| away(&error))?;
        let confirmation = confirmation.await.map_err(|error| away(&error))?;
        metrics::histogram!("mission_broker_confirm_seconds").record(began.elapsed());
        let taken = match confirmation {
            Confirmation::Ack(message) => {
                self.note_returned(message);
                true
            }
            Confirmation::Nack(message) => {
                self.note_returned(message);
                false
            }
            Confirmation::NotRequested => false,
        };
        // The client hands a message that came back to whichever confirmation it sees next, which may be another's: that
        // one was woken before this, and has been looked at when this goes on.
        tokio::task::yield_now().await;
        let returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        if returned.contains(&id) {
            return Err(deferred(event, format!("no queue takes `{key}`")));
        }
        if taken {
            Ok(())
        } else {
            Err(deferred(event, "the broker could not take it"))
        }
    }

    fn note_returned(&self, message: Option<BasicReturnMessage>) {
        let id = message.and_then(|message| message.delivery.properties.message_id().clone());
        if let Some(id) = id {
            let mut returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
            returned.insert(id.to_string());
        }
    }
}
