//! Rings and their members, in the same SQL for every database.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{
    FraudRingId, UserId, engine::AuditEntry, ports::store::StoreError, reward::Reward, serde_name, user::User,
};
use uuid::Uuid;

use super::{
    database::{Durability, SqlDatabase, SqlStore},
    record::{from_json, instant, to_json, unavailable},
    row::SqlRow,
    sql_builder::SqlBuilder,
};
use crate::rings::{Earned, RingMember, RingStatus, RingStore, StoredRing};

const RING: &str = "SELECT id, version, status, work, found_at, last_seen_at, data,
    (SELECT count(*) FROM ring_members m WHERE m.ring_id = rings.id) FROM rings";

#[async_trait]
impl<D: SqlDatabase> RingStore for SqlStore<D> {
    async fn begin_search(&self, now: DateTime<Utc>, before: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut write = SqlBuilder::new(
            "UPDATE counters SET value = ? WHERE name = 'rings_looked_for' AND value <= ? RETURNING value",
        );
        write.bind(now.timestamp_micros()).bind(before.timestamp_micros());
        Ok(!self.database.write(Durability::Relaxed, write).await?.is_empty())
    }

    async fn users_after(
        &self,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<(UserId, Option<User>)>, StoreError> {
        let mut query = SqlBuilder::new("SELECT user_id, data FROM users WHERE user_id > ? ORDER BY user_id")
            .with(after.0);
        query.limit(limit);
        let rows = self.database.read(query).await?;
        rows.iter()
            .map(|row| {
                let user = row.optional_text(1)?.map(from_json).transpose()?;
                Ok((row.id(0)?.into(), user))
            })
            .collect()
    }

    async fn check_ins_of(
        &self,
        users: &[Uuid],
        since: DateTime<Utc>,
    ) -> Result<Vec<(UserId, DateTime<Utc>)>, StoreError> {
        let mut query = SqlBuilder::new("SELECT user_id, checked_in_at FROM check_in_days WHERE user_id ");
        query.then(D::DIALECT.is_any_id).bind(users.to_vec());
        query
            .then(" AND checked_in_at > ?")
            .bind(since.timestamp_micros());
        let rows = self.database.read(query).await?;
        rows.iter()
            .map(|row| Ok((row.id(0)?.into(), instant(row.number(1)?)?)))
            .collect()
    }

    async fn earned_by(&self, users: &[Uuid]) -> Result<Vec<Earned>, StoreError> {
        let mut query = SqlBuilder::new("SELECT data FROM rewards WHERE user_id ");
        query.then(D::DIALECT.is_any_id).bind(users.to_vec());
        let rows = self.database.read(query).await?;
        rows.iter()
            .map(|row| {
                let reward: Reward = from_json(row.text(0)?)?;
                Ok(Earned {
                    user: reward.user_id,
                    reward_type: reward.reward_type,
                    source: reward.source_id,
                    at: reward.earned_at,
                })
            })
            .collect()
    }

    async fn memberships(&self, users: &[Uuid]) -> Result<Vec<(FraudRingId, UserId)>, StoreError> {
        let mut query = SqlBuilder::new("SELECT ring_id, user_id FROM ring_members WHERE user_id ");
        query.then(D::DIALECT.is_any_id).bind(users.to_vec());
        let rows = self.database.read(query).await?;
        rows.iter()
            .map(|row| Ok((row.id(0)?.into(), row.id(1)?.into())))
            .collect()
    }

    async fn add_ring(&self, ring: &StoredRing) -> Result<(), StoreError> {
        let mut write = SqlBuilder::new(
            "INSERT INTO rings (id, version, status, found_at, last_seen_at, data) VALUES (?, 1, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET last_seen_at = excluded.last_seen_at",
        );
        write
            .bind(ring.id.0)
            .bind(serde_name(ring.status))
            .bind(ring.found_at.timestamp_micros())
            .bind(ring.last_seen_at.timestamp_micros())
            .bind(to_json(&ring.record)?);
        self.database.write(Durability::Full, write).await.map(drop)
    }

    async fn change_ring(&self, ring: &StoredRing) -> Result<bool, StoreError> {
        let mut write = SqlBuilder::new(
            "UPDATE rings SET version = version + 1, status = ?, work = ?, last_seen_at = ?, data = ?
            WHERE id = ? AND version = ? RETURNING id",
        );
        write
            .bind(serde_name(ring.status))
            .bind(ring.work.map(serde_name))
            .bind(ring.last_seen_at.timestamp_micros())
            .bind(to_json(&ring.record)?)
            .bind(ring.id.0)
            .bind(ring.version);
        Ok(!self.database.write(Durability::Full, write).await?.is_empty())
    }

    async fn add_members(&self, ring: FraudRingId, members: &[RingMember]) -> Result<(), StoreError> {
        // Databases bound the values of a statement.
        for members in members.chunks(1_000) {
            let mut write = SqlBuilder::new(
                "INSERT INTO ring_members (ring_id, user_id, invited_by, created_at, added_at) VALUES ",
            );
            for (n, member) in members.iter().enumerate() {
                write.then(if n == 0 { "" } else { ", " }).then("(?, ?, ?, ?, ?)");
                write
                    .bind(ring.0)
                    .bind(member.user_id.0)
                    .bind(member.invited_by.map(|user| user.0))
                    .bind(member.created_at.timestamp_micros())
                    .bind(member.added_at.timestamp_micros());
            }
            // Who invited somebody is told later than that they are there.
            write.then(
                " ON CONFLICT (ring_id, user_id) DO UPDATE SET invited_by = excluded.invited_by
                WHERE excluded.invited_by IS NOT NULL AND ring_members.invited_by IS NULL",
            );
            self.database.write(Durability::Full, write).await?;
        }
        Ok(())
    }

    async fn tidy_rings(&self) -> Result<(), StoreError> {
        // Who was erased while rings were looked for.
        for sql in [
            "DELETE FROM ring_members WHERE EXISTS
                (SELECT 1 FROM users u WHERE u.user_id = ring_members.user_id AND u.data LIKE '%\"erased_at\":%')",
            "UPDATE ring_members SET invited_by = NULL WHERE invited_by IS NOT NULL AND EXISTS
                (SELECT 1 FROM users u WHERE u.user_id = ring_members.invited_by AND u.data LIKE '%\"erased_at\":%')",
            "DELETE FROM rings WHERE NOT EXISTS (SELECT 1 FROM ring_members m WHERE m.ring_id = rings.id)",
        ] {
            self.database.write(Durability::Full, SqlBuilder::new(sql)).await?;
        }
        Ok(())
    }

    async fn ring(&self, id: FraudRingId) -> Result<Option<StoredRing>, StoreError> {
        let mut query = SqlBuilder::new(RING);
        query.then(" WHERE id = ?").bind(id.0);
        let rows = self.database.read(query).await?;
        rows.first().map(ring).transpose()
    }

    async fn rings(
        &self,
        status: RingStatus,
        before: Option<(DateTime<Utc>, FraudRingId)>,
        limit: usize,
    ) -> Result<Vec<StoredRing>, StoreError> {
        let mut query = SqlBuilder::new(RING);
        query.then(" WHERE status = ?").bind(serde_name(status));
        if let Some((at, id)) = before {
            let at = at.timestamp_micros();
            query.then(" AND (found_at < ? OR found_at = ? AND id < ?)");
            query.bind(at).bind(at).bind(id.0);
        }
        query.then(" ORDER BY found_at DESC, id DESC").limit(limit);
        let rows = self.database.read(query).await?;
        rows.iter().map(ring).collect()
    }

    async fn members(
        &self,
        ring: FraudRingId,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<RingMember>, StoreError> {
        let mut query = SqlBuilder::new(
            "SELECT user_id, invited_by, created_at, added_at FROM ring_members
            WHERE ring_id = ? AND user_id > ? ORDER BY user_id",
        );
        query.bind(ring.0).bind(after.0).limit(limit);
        let rows = self.database.read(query).await?;
        rows.iter()
            .map(|row| {
                Ok(RingMember {
                    user_id: row.id(0)?.into(),
                    invited_by: row.optional_id(1)?.map(UserId),
                    created_at: instant(row.number(2)?)?,
                    added_at: instant(row.number(3)?)?,
                })
            })
            .collect()
    }

    async fn rings_of(&self, user: UserId) -> Result<Vec<StoredRing>, StoreError> {
        let mut query = SqlBuilder::new(RING);
        query
            .then(" WHERE id IN (SELECT ring_id FROM ring_members WHERE user_id = ?) ORDER BY found_at, id")
            .bind(user.0);
        let rows = self.database.read(query).await?;
        rows.iter().map(ring).collect()
    }

    async fn rings_at_work(&self, limit: usize) -> Result<Vec<StoredRing>, StoreError> {
        let mut query = SqlBuilder::new(RING);
        query.then(" WHERE work IS NOT NULL ORDER BY id").limit(limit);
        let rows = self.database.read(query).await?;
        rows.iter().map(ring).collect()
    }

    async fn members_at_work(
        &self,
        ring: FraudRingId,
        decided_at: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let mut query = SqlBuilder::new(
            "SELECT user_id FROM ring_members WHERE ring_id = ? AND done_for <> ? ORDER BY user_id",
        );
        query
            .bind(ring.0)
            .bind(decided_at.timestamp_micros())
            .limit(limit);
        let rows = self.database.read(query).await?;
        rows.iter().map(|row| Ok(row.id(0)?.into())).collect()
    }

    async fn note_done(
        &self,
        ring: FraudRingId,
        member: UserId,
        decided_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut write =
            SqlBuilder::new("UPDATE ring_members SET done_for = ? WHERE ring_id = ? AND user_id = ?");
        write
            .bind(decided_at.timestamp_micros())
            .bind(ring.0)
            .bind(member.0);
        self.database.write(Durability::Full, write).await.map(drop)
    }

    async fn add_ring_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        super::webhooks::add_audit(&self.database, entry).await
    }
}

fn ring<R: SqlRow>(row: &R) -> Result<StoredRing, StoreError> {
    let named = |text: &str| serde_json::from_value(text.into()).map_err(unavailable);
    Ok(StoredRing {
        id: row.id(0)?.into(),
        version: row.number(1)?,
        status: serde_json::from_value(row.text(2)?.into()).map_err(unavailable)?,
        work: row.optional_text(3)?.map(named).transpose()?,
        found_at: instant(row.number(4)?)?,
        last_seen_at: instant(row.number(5)?)?,
        record: from_json(row.text(6)?)?,
        members: row.count(7)?,
    })
}
