//! Webhooks and their deliveries, in the same SQL for every database.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{EventId, UserId, engine::AuditEntry, ports::store::StoreError};
use uuid::Uuid;

use super::{
    database::{Durability, SqlDatabase, SqlStore},
    record::{from_json, instant, to_json},
    row::SqlRow,
    sql_builder::SqlBuilder,
};
use crate::webhooks::{
    Attempt, Delivery, DeliveryStatus, DueDelivery, NewDelivery, Webhook, WebhookDefinition, WebhookStore,
};

/// Whose the deliveries are that still have to leave of users who were erased. They go once they are over.
const ERASED: Uuid = Uuid::nil();

#[async_trait]
impl<D: SqlDatabase> WebhookStore for SqlStore<D> {
    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        let query = SqlBuilder::new(
            "SELECT id, data, failing_since, disabled_at, disabled_reason FROM webhooks ORDER BY id",
        );
        let rows = self.database.read(query).await?;
        rows.iter().map(webhook).collect()
    }

    async fn put_webhook(&self, id: Uuid, definition: &WebhookDefinition) -> Result<(), StoreError> {
        let mut write = SqlBuilder::new(
            "INSERT INTO webhooks (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE
            SET data = excluded.data, failing_since = NULL, disabled_at = NULL, disabled_reason = NULL",
        );
        write.bind(id).bind(to_json(definition)?);
        self.database.write(Durability::Full, write).await.map(drop)
    }

    async fn remove_webhook(&self, id: Uuid) -> Result<bool, StoreError> {
        let webhook = SqlBuilder::new("DELETE FROM webhooks WHERE id = ? RETURNING id").with(id);
        let gone = self.database.write(Durability::Full, webhook).await?;
        let deliveries = SqlBuilder::new("DELETE FROM webhook_deliveries WHERE webhook_id = ?").with(id);
        self.database.write(Durability::Relaxed, deliveries).await?;
        Ok(!gone.is_empty())
    }

    async fn disable_webhook(&self, id: Uuid, at: DateTime<Utc>, reason: &str) -> Result<bool, StoreError> {
        let mut write = SqlBuilder::new(
            "UPDATE webhooks SET disabled_at = ?, disabled_reason = ? WHERE id = ? AND disabled_at IS NULL RETURNING id",
        );
        write.bind(at.timestamp_micros()).bind(reason).bind(id);
        Ok(!self.database.write(Durability::Full, write).await?.is_empty())
    }

    async fn add_deliveries(&self, deliveries: &[NewDelivery], at: DateTime<Utc>) -> Result<(), StoreError> {
        let at = at.timestamp_micros();
        let mut write = SqlBuilder::new(
            "INSERT INTO webhook_deliveries
            (webhook_id, event_id, event_type, user_id, body, status, attempts, created_at, next_at) VALUES ",
        );
        for (n, delivery) in deliveries.iter().enumerate() {
            write.then(if n == 0 { "" } else { ", " });
            write.then("(?, ?, ?, ?, ?, 'waiting', 0, ?, ?)");
            write.bind(delivery.webhook).bind(delivery.event.0);
            write.bind(delivery.event_type.as_str()).bind(delivery.user.0);
            write.bind(delivery.body.as_str()).bind(at).bind(at);
        }
        write.then(" ON CONFLICT (webhook_id, event_id) DO NOTHING");
        // The outbox notes the events as sent only after this.
        self.database.write(Durability::Relaxed, write).await.map(drop)
    }

    async fn due_deliveries(
        &self,
        now: DateTime<Utc>,
        again_at: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let now = now.timestamp_micros();
        let mut look = SqlBuilder::new(
            "SELECT 1 FROM webhook_deliveries WHERE status = 'waiting' AND next_at <= ? LIMIT 1",
        );
        look.bind(now);
        if self.database.read(look).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut take = SqlBuilder::new(
            "UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = ?
            WHERE status = 'waiting' AND next_at <= ? AND (webhook_id, event_id) IN
                (SELECT d.webhook_id, d.event_id FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
                WHERE d.status = 'waiting' AND d.next_at <= ? AND w.disabled_at IS NULL ORDER BY d.next_at",
        );
        take.bind(again_at.timestamp_micros()).bind(now).bind(now);
        take.limit(limit)
            .then(") RETURNING webhook_id, event_id, body, attempts, created_at");
        let rows = self.database.write(Durability::Relaxed, take).await?;
        rows.iter().map(due_delivery).collect()
    }

    async fn note_attempt(&self, webhook: Uuid, event: EventId, attempt: &Attempt) -> Result<(), StoreError> {
        let status = match (&attempt.error, attempt.next_at) {
            (None, _) => "delivered",
            (Some(_), Some(_)) => "waiting",
            (Some(_), None) => "failed",
        };
        let at = attempt.at.timestamp_micros();
        let mut note = SqlBuilder::new(
            "UPDATE webhook_deliveries SET status = ?, next_at = ?, tried_at = ?, answer = ?, error = ?
            WHERE webhook_id = ? AND event_id = ? RETURNING user_id",
        );
        note.bind(status)
            .bind(attempt.next_at.map_or(at, |next| next.timestamp_micros()))
            .bind(at)
            .bind(attempt.response_status.map(i64::from))
            .bind(attempt.error.clone())
            .bind(webhook)
            .bind(event.0);
        let noted = self.database.write(Durability::Relaxed, note).await?;
        let of = noted.first().map(|row| row.id(0)).transpose()?;
        if of == Some(ERASED) {
            let mut delete = SqlBuilder::new(
                "DELETE FROM webhook_deliveries WHERE webhook_id = ? AND event_id = ? AND status <> 'waiting'",
            );
            delete.bind(webhook).bind(event.0);
            self.database.write(Durability::Relaxed, delete).await?;
        }
        let mut health = if attempt.error.is_none() {
            SqlBuilder::new("UPDATE webhooks SET failing_since = NULL WHERE failing_since IS NOT NULL")
        } else {
            SqlBuilder::new("UPDATE webhooks SET failing_since = ?").with(at)
        };
        if attempt.error.is_some() {
            health.then(" WHERE failing_since IS NULL");
        }
        health.then(" AND id = ?").bind(webhook);
        self.database.write(Durability::Relaxed, health).await.map(drop)
    }

    async fn deliveries(
        &self,
        webhook: Uuid,
        before: Option<(DateTime<Utc>, EventId)>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut query = SqlBuilder::new(
            "SELECT event_id, event_type, status, attempts, created_at, tried_at, next_at, answer, error
            FROM webhook_deliveries WHERE webhook_id = ?",
        );
        query.bind(webhook);
        if let Some((at, event)) = before {
            let at = at.timestamp_micros();
            query.then(" AND (created_at < ? OR created_at = ? AND event_id < ?)");
            query.bind(at).bind(at).bind(event.0);
        }
        query
            .then(" ORDER BY created_at DESC, event_id DESC")
            .limit(limit);
        let rows = self.database.read(query).await?;
        rows.iter().map(delivery).collect()
    }

    async fn redeliver(&self, webhook: Uuid, event: EventId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut write = SqlBuilder::new(
            "UPDATE webhook_deliveries SET status = 'waiting', attempts = 0, next_at = ?
            WHERE webhook_id = ? AND event_id = ? RETURNING event_id",
        );
        write.bind(now.timestamp_micros()).bind(webhook).bind(event.0);
        Ok(!self.database.write(Durability::Full, write).await?.is_empty())
    }

    async fn add_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        add_audit(&self.database, entry).await
    }

    async fn forget_user(&self, user: UserId) -> Result<(), StoreError> {
        let mut leave = SqlBuilder::new(
            "UPDATE webhook_deliveries SET user_id = ? WHERE status = 'waiting' AND user_id = ?",
        );
        leave.bind(ERASED).bind(user.0);
        self.database.write(Durability::Full, leave).await?;
        let delete = SqlBuilder::new("DELETE FROM webhook_deliveries WHERE user_id = ?").with(user.0);
        self.database.write(Durability::Full, delete).await.map(drop)
    }

    async fn prune_deliveries(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let delete = SqlBuilder::new(
            "DELETE FROM webhook_deliveries WHERE status <> 'waiting' AND created_at < ? RETURNING event_id",
        );
        let delete = delete.with(before.timestamp_micros());
        Ok(self.database.write(Durability::Relaxed, delete).await?.len() as u64)
    }
}

fn webhook(row: &impl SqlRow) -> Result<Webhook, StoreError> {
    let reason = row.optional_text(4)?.unwrap_or_default().to_owned();
    Ok(Webhook {
        id: row.id(0)?,
        definition: from_json(row.text(1)?)?,
        failing_since: row.optional_number(2)?.map(instant).transpose()?,
        disabled: row
            .optional_number(3)?
            .map(instant)
            .transpose()?
            .map(|at| (at, reason)),
    })
}

fn due_delivery(row: &impl SqlRow) -> Result<DueDelivery, StoreError> {
    Ok(DueDelivery {
        webhook: row.id(0)?,
        event: EventId(row.id(1)?),
        body: row.text(2)?.to_owned(),
        attempts: u32::try_from(row.number(3)?).unwrap_or(u32::MAX),
        created_at: instant(row.number(4)?)?,
    })
}

fn delivery(row: &impl SqlRow) -> Result<Delivery, StoreError> {
    let status = match row.text(2)? {
        "delivered" => DeliveryStatus::Delivered,
        "failed" => DeliveryStatus::Failed,
        _ => DeliveryStatus::Waiting,
    };
    let next = instant(row.number(6)?)?;
    Ok(Delivery {
        id: EventId(row.id(0)?),
        event_type: row.text(1)?.to_owned(),
        status,
        attempts: u32::try_from(row.number(3)?).unwrap_or(u32::MAX),
        created_at: instant(row.number(4)?)?,
        last_attempt_at: row.optional_number(5)?.map(instant).transpose()?,
        next_attempt_at: (status == DeliveryStatus::Waiting).then_some(next),
        response_status: row
            .optional_number(7)?
            .and_then(|answer| u16::try_from(answer).ok()),
        error: row.optional_text(8)?.map(str::to_owned),
    })
}

/// Writes down what an operator has changed by no command of the engine.
pub(super) async fn add_audit(database: &impl SqlDatabase, entry: &AuditEntry) -> Result<(), StoreError> {
    let mut write = SqlBuilder::new(
        "INSERT INTO audit (id, recorded_at, actor, subject, user_id, data) VALUES (?, ?, ?, ?, ?, ?)",
    );
    write
        .bind(entry.id)
        .bind(entry.at.timestamp_micros())
        .bind(entry.actor.map(|actor| actor.0))
        .bind(entry.subject.as_str())
        .bind(entry.user_id.map(|user| user.0))
        .bind(to_json(entry)?);
    database.write(Durability::Full, write).await.map(drop)
}
