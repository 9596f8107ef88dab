//! Webhooks: events told by HTTP to whoever asked for them, signed as Standard Webhooks are, for as long as three days.
//!
//! The relay hands events to [`WebhookFanOut`], which writes one delivery an event and webhook down; the
//! [`WebhookSender`] sends what is due. The id of a delivery is the event's, so one reward has one, however often it is sent.

mod fan_out;
mod schedule;
mod secret;
mod sender;
mod target;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{
    EventId, UserId,
    engine::AuditEntry,
    ports::{clock::Clock, store::StoreError},
};
use tokio::sync::Notify;

use crate::neighbours::ClientError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use fan_out::WebhookFanOut;
pub(crate) use fan_out::{body as envelope_body, ids as envelope_ids};
pub use schedule::{RETRY_DELAYS, retry_after};
pub use secret::WebhookSecret;
pub use sender::WebhookSender;
pub use target::{RefusedTarget, TargetPolicy};

/// A webhook as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// What its maker said.
    pub definition: WebhookDefinition,
    /// Since when nothing was taken; `None` where the last delivery was.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was disabled, and why.
    pub disabled: Option<(DateTime<Utc>, String)>,
}

/// Where a webhook's events go, and how they are signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDefinition {
    /// The address, https.
    pub url: String,
    /// The CloudEvents types that it wants; all where there are none.
    pub events: Vec<String>,
    /// Signs every delivery.
    pub secret: WebhookSecret,
    /// The secret before the last rotation, and until when it signs too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<(WebhookSecret, DateTime<Utc>)>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: UserId,
}

impl Webhook {
    /// Whether events of a type are for it.
    #[must_use]
    pub fn wants(&self, event_type: &str) -> bool {
        let events = &self.definition.events;
        self.disabled.is_none() && (events.is_empty() || events.iter().any(|wanted| wanted == event_type))
    }
}

/// A delivery that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// For whom.
    pub webhook: Uuid,
    /// The event, whose id is the delivery's.
    pub event: EventId,
    /// Its CloudEvents type.
    pub event_type: String,
    /// Whose event it is.
    pub user: UserId,
    /// The CloudEvent as JSON.
    pub body: String,
}

/// A delivery that is due, and in this process's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    /// For whom.
    pub webhook: Uuid,
    /// The event.
    pub event: EventId,
    /// The CloudEvent as JSON.
    pub body: String,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// When it was written down.
    pub created_at: DateTime<Utc>,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Delivery {
    /// The event's id, which is the delivery's and its header `webhook-id`.
    #[schema(value_type = Uuid)]
    pub id: EventId,
    /// The event's CloudEvents type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// When the event came.
    pub created_at: DateTime<Utc>,
    /// When it was tried last.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// When it is tried again by itself.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The status code that it was answered with last.
    pub response_status: Option<u16>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is to be tried, or tried again.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was tried for three days, or its webhook was disabled.
    Failed,
}

/// What came of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub at: DateTime<Utc>,
    /// What it was answered with, if it was answered.
    pub response_status: Option<u16>,
    /// What went wrong; `None` where it was taken.
    pub error: Option<String>,
    /// When it is to be tried again; `None` where it is not.
    pub next_at: Option<DateTime<Utc>>,
}

/// The webhooks of a server.
#[derive(Clone)]
pub struct Webhooks {
    /// Where they are kept.
    pub store: Arc<dyn WebhookStore>,
    /// Which addresses they may have.
    pub policy: TargetPolicy,
    /// What writes their deliveries down.
    pub fan_out: Arc<WebhookFanOut>,
    /// Notified when there is something to send.
    pub notify: Arc<Notify>,
    /// The machine's time.
    pub clock: Arc<dyn Clock>,
}

impl Webhooks {
    /// The webhooks in a store, on the machine's clock: receivers know nothing of the domain's.
    #[must_use]
    pub fn new(store: Arc<dyn WebhookStore>, policy: TargetPolicy, clock: Arc<dyn Clock>) -> Self {
        let notify = Arc::<Notify>::default();
        let fan_out = WebhookFanOut::new(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&notify));
        Webhooks {
            store,
            policy,
            fan_out: Arc::new(fan_out),
            notify,
            clock,
        }
    }

    /// Who sends what is due.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn sender(&self) -> Result<Arc<WebhookSender>, ClientError> {
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let sender = WebhookSender::new(store, clock, Arc::clone(&self.notify), &self.policy)?;
        Ok(Arc::new(sender))
    }
}

/// Keeps webhooks and their deliveries.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// All webhooks, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError>;

    /// Keeps a new webhook, or another definition of a known one; a known one is enabled by it.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn put_webhook(&self, id: Uuid, definition: &WebhookDefinition) -> Result<(), StoreError>;

    /// Removes a webhook with its deliveries; whether there was one.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn remove_webhook(&self, id: Uuid) -> Result<bool, StoreError>;

    /// Sends nothing more to a webhook until it is put again; whether it was enabled.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn disable_webhook(&self, id: Uuid, at: DateTime<Utc>, reason: &str) -> Result<bool, StoreError>;

    /// Writes deliveries down, each once.
    ///
    /// # Errors
    /// When none was written.
    async fn add_deliveries(&self, deliveries: &[NewDelivery], at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Takes deliveries that are due into this process's hands: nobody else sends them before `again_at`.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn due_deliveries(
        &self,
        now: DateTime<Utc>,
        again_at: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<DueDelivery>, StoreError>;

    /// Notes what came of a try.
    ///
    /// # Errors
    /// When it cannot be noted; it is tried again then.
    async fn note_attempt(&self, webhook: Uuid, event: EventId, attempt: &Attempt) -> Result<(), StoreError>;

    /// A webhook's deliveries, the newest first, from before an instant and id on.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn deliveries(
        &self,
        webhook: Uuid,
        before: Option<(DateTime<Utc>, EventId)>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Has a delivery made again; whether there is such a one.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn redeliver(&self, webhook: Uuid, event: EventId, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Adds an entry to the audit.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn add_audit(&self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// Forgets what was delivered of a user who was erased, and whose it is what has not left yet: it goes once it has left
    /// or is given up.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn forget_user(&self, user: UserId) -> Result<(), StoreError>;

    /// Removes deliveries that are over and were written down before an instant; how many.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn prune_deliveries(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;
}
