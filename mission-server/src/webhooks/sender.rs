//! Sends deliveries that are due.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use mission_core::ports::{clock::Clock, store::StoreError};
use reqwest::{Response, StatusCode, redirect};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Attempt, DueDelivery, TargetPolicy, Webhook, WebhookDefinition, WebhookStore, retry_after};
use crate::neighbours::{GuardedResolver, deepest};

/// How often somebody looks for what is due again.
const LOOK: Duration = Duration::from_secs(1);
/// How many deliveries are sent at once.
const AT_ONCE: usize = 32;
/// How long a receiver may take to answer.
const ANSWER: Duration = Duration::from_secs(15);
/// How long a delivery is in one process's hands: longer than a try takes.
const LEASE: chrono::Duration = chrono::Duration::seconds(60);
/// How much of a receiver's answer is kept where it refuses.
const KEPT_OF_ANSWER: usize = 200;

/// Sends what is due, until it is stopped.
pub struct WebhookSender {
    store: Arc<dyn WebhookStore>,
    clock: Arc<dyn Clock>,
    notify: Arc<Notify>,
    http: reqwest::Client,
}

impl WebhookSender {
    /// A sender on a clock: that of the machine, whatever time the domain has.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        store: Arc<dyn WebhookStore>,
        clock: Arc<dyn Clock>,
        notify: Arc<Notify>,
        policy: &TargetPolicy,
    ) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .dns_resolver(Arc::new(GuardedResolver(policy.guard())))
            // A redirect could lead where the address itself may not.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .timeout(ANSWER)
            .user_agent(concat!("mission-server/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(WebhookSender {
            store,
            clock,
            notify,
            http,
        })
    }

    /// Sends until it is stopped. What is on its way then is finished, or tried again after a minute.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.send_due().await {
                Ok(sent) if sent >= AT_ONCE => continue,
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "what webhooks are to be told could not be looked for"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.notify.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Sends what is due now; how many deliveries were tried.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn send_due(self: &Arc<Self>) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let due = self.store.due_deliveries(now, now + LEASE, AT_ONCE).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let webhooks: HashMap<Uuid, Webhook> = self
            .store
            .webhooks()
            .await?
            .into_iter()
            .map(|webhook| (webhook.id, webhook))
            .collect();
        let tried = due.len();
        let mut sending = JoinSet::new();
        for delivery in due {
            let Some(webhook) = webhooks.get(&delivery.webhook).cloned() else {
                continue;
            };
            let sender = Arc::clone(self);
            sending.spawn(async move { sender.deliver(&webhook, &delivery).await });
        }
        while let Some(outcome) = sending.join_next().await {
            match outcome {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "what came of a webhook's delivery could not be noted");
                }
                Err(panic) => tracing::error!(%panic, "a webhook's delivery has failed"),
            }
        }
        Ok(tried)
    }

    async fn deliver(&self, webhook: &Webhook, delivery: &DueDelivery) -> Result<(), StoreError> {
        let (response_status, error) = self.post(&webhook.definition, delivery).await;
        let now = self.clock.now();
        let is_taken = error.is_none();
        let is_gone = response_status == Some(StatusCode::GONE.as_u16());
        let wait = retry_after(delivery.attempts, delivery.event).filter(|_| !is_taken && !is_gone);
        let outcome = if is_taken { "delivered" } else { "failed" };
        metrics::counter!("mission_webhook_attempts_total", "outcome" => outcome).increment(1);
        let attempt = Attempt {
            at: now,
            response_status,
            error,
            next_at: wait.map(|wait| now + wait),
        };
        self.store
            .note_attempt(webhook.id, delivery.event, &attempt)
            .await?;
        let reason = if is_gone {
            "the receiver says that it is gone (410)"
        } else if !is_taken && wait.is_none() && fails_since(webhook, delivery) {
            "nothing was taken for three days"
        } else {
            return Ok(());
        };
        if self.store.disable_webhook(webhook.id, now, reason).await? {
            metrics::counter!("mission_webhooks_disabled_total").increment(1);
            tracing::warn!(webhook = %webhook.id, reason, "a webhook was disabled; POST /api/v1/webhooks/{{id}}/enable enables it");
        }
        Ok(())
    }

    /// The status that a receiver answers with, and what is wrong where it does not take the delivery.
    async fn post(
        &self,
        definition: &WebhookDefinition,
        delivery: &DueDelivery,
    ) -> (Option<u16>, Option<String>) {
        let now = self.clock.now();
        let id = delivery.event.to_string();
        let signature = match signatures(definition, &id, now, &delivery.body) {
            Ok(signature) => signature,
            Err(error) => return (None, Some(error)),
        };
        let request = self
            .http
            .post(&definition.url)
            .header("content-type", "application/cloudevents+json")
            .header("webhook-id", id)
            .header("webhook-timestamp", now.timestamp())
            .header("webhook-signature", signature)
            .body(delivery.body.clone());
        match request.send().await {
            Ok(response) if response.status().is_success() => (Some(response.status().as_u16()), None),
            Ok(response) => {
                let status = response.status();
                let said = beginning(response).await;
                (Some(status.as_u16()), Some(format!("answered {status}: {said}")))
            }
            Err(error) if error.is_timeout() => (None, Some("no answer in time".to_owned())),
            // The address may hold a token.
            Err(error) => (None, Some(deepest(&error.without_url()))),
        }
    }
}

/// Signatures by the secret, and by the one before for as long as that holds.
fn signatures(
    definition: &WebhookDefinition,
    id: &str,
    now: DateTime<Utc>,
    body: &str,
) -> Result<String, String> {
    let sign = |secret: &super::WebhookSecret| secret.sign(id, now.timestamp(), body.as_bytes());
    let current = sign(&definition.secret)?;
    match &definition.previous {
        Some((previous, until)) if now < *until => Ok(format!("{current} {}", sign(previous)?)),
        _ => Ok(current),
    }
}

fn fails_since(webhook: &Webhook, delivery: &DueDelivery) -> bool {
    let since = webhook.failing_since;
    since.is_some_and(|since| since <= delivery.created_at + LEASE)
}

/// The beginning of an answer. No more of it is read: it may have no end.
async fn beginning(mut response: Response) -> String {
    let mut read = Vec::new();
    while read.len() < 4 * KEPT_OF_ANSWER
        && let Ok(Some(chunk)) = response.chunk().await
    {
        read.extend_from_slice(&chunk);
    }
    String::from_utf8_lossy(&read)
        .chars()
        .take(KEPT_OF_ANSWER)
        .collect()
}
