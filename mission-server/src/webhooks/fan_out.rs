//! From the relay to deliveries: one an event and webhook that wants it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use mission_core::{
    EventId, UserId,
    event::{CloudEvent, IntegrationEventType},
    ports::{clock::Clock, store::StoreError},
};
use tokio::sync::Notify;

use super::{NewDelivery, Webhook, WebhookStore};
use crate::outbox::Subscriber;

/// How long another server's change of the webhooks goes unseen.
const FRESH: Duration = Duration::from_millis(500);

/// Writes deliveries down as events leave.
pub struct WebhookFanOut {
    store: Arc<dyn WebhookStore>,
    clock: Arc<dyn Clock>,
    notify: Arc<Notify>,
    known: Mutex<Option<(Instant, Arc<Vec<Webhook>>)>>,
}

impl WebhookFanOut {
    /// A subscriber that notifies whoever sends when there is something to send.
    #[must_use]
    pub fn new(store: Arc<dyn WebhookStore>, clock: Arc<dyn Clock>, notify: Arc<Notify>) -> Self {
        WebhookFanOut {
            store,
            clock,
            notify,
            known: Mutex::default(),
        }
    }

    /// Looks at the webhooks anew the next time: one of them was changed here.
    pub fn refresh(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn webhooks(&self) -> Result<Arc<Vec<Webhook>>, StoreError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, webhooks)) = known
            && at.elapsed() < FRESH
        {
            return Ok(webhooks);
        }
        let began = Instant::now();
        let webhooks = Arc::new(self.store.webhooks().await?);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((began, Arc::clone(&webhooks)));
        Ok(webhooks)
    }
}

/// What an event's envelope says of it: its id and whose it is.
pub(crate) fn ids(event: &CloudEvent) -> Option<(EventId, UserId)> {
    let user = event.subject.as_deref()?.parse().ok()?;
    Some((EventId(event.id.parse().ok()?), user))
}

/// The envelope as it is sent.
pub(crate) fn body(event: &CloudEvent) -> Result<String, StoreError> {
    serde_json::to_string(event).map_err(|error| StoreError::Refused(error.to_string()))
}

#[async_trait]
impl Subscriber for WebhookFanOut {
    async fn handle(&self, events: &[CloudEvent]) -> Result<(), StoreError> {
        let webhooks = self.webhooks().await?;
        if webhooks.is_empty() {
            return Ok(());
        }
        let mut deliveries = Vec::new();
        let mut erased = Vec::new();
        for event in events {
            let Some((id, user)) = ids(event) else { continue };
            let kind = IntegrationEventType::named(&event.event_type);
            if kind.is_some_and(IntegrationEventType::is_live_only) {
                continue;
            }
            if event.event_type == IntegrationEventType::UserErased.name() {
                erased.push(user);
            }
            for webhook in webhooks.iter().filter(|webhook| webhook.wants(&event.event_type)) {
                deliveries.push(NewDelivery {
                    webhook: webhook.id,
                    event: id,
                    event_type: event.event_type.clone(),
                    user,
                    body: body(event)?,
                });
            }
        }
        if !deliveries.is_empty() {
            self.store.add_deliveries(&deliveries, self.clock.now()).await?;
            self.notify.notify_one();
        }
        for user in erased {
            self.store.forget_user(user).await?;
        }
        Ok(())
    }
}
