//! Queries: lists and lookups, each one statement and so one moment of the database.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use mission_core::{
    FileId, MissionId, ReviewId, RewardId, TaskId, UserId,
    check_in::CheckInDay,
    engine::{AuditEntry, ReadSet, Receipt, ReceiptKey},
    fraud::{DeviceHash, Review},
    ports::{
        queries::{
            AnalyticsRow, AuditFilter, Bucket, CatalogRecords, DueExpiry, JournalPosition, JournalRecord,
            LeaderboardRow, Page, Queries, ReviewFilter, TaskFilter, TimeRange, UserExport,
        },
        store::{Claim, Picture, Store as _, StoreError},
    },
    reward::{Reward, RewardStatus},
    serde_name,
    task::{PerceptualHash, Task},
    user::{InviteCode, User},
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{PostgresStore, load::ResultRow, sql_builder::SqlBuilder};
use crate::store::record::{days, from_json, instant, journal_record, unavailable};

fn limit_of<K>(page: &Page<K>) -> i64 {
    i64::try_from(page.limit).unwrap_or(i64::MAX)
}

impl PostgresStore {
    /// The records in the first column.
    async fn records<V: DeserializeOwned>(
        &self,
        script: impl Fn() -> Result<SqlBuilder, StoreError> + Send,
    ) -> Result<Vec<V>, StoreError> {
        let rows = self.database.read(script).await?;
        rows.iter().map(|row| from_json(ResultRow(row).get(0)?)).collect()
    }

    async fn record<V: DeserializeOwned>(
        &self,
        script: impl Fn() -> Result<SqlBuilder, StoreError> + Send,
    ) -> Result<Option<V>, StoreError> {
        let rows = self.database.read(script).await?;
        match rows.first() {
            Some(row) => ResultRow(row).get::<Option<&str>>(0)?.map(from_json).transpose(),
            None => Ok(None),
        }
    }
}

/// A statement with one id, or with two.
fn by_id(sql: &'static str, id: Uuid) -> Result<SqlBuilder, StoreError> {
    let mut script = SqlBuilder::new(sql);
    script.bind(id)?;
    Ok(script)
}

#[async_trait]
impl Queries for PostgresStore {
    async fn catalog_records(&self) -> Result<CatalogRecords, StoreError> {
        let rows = self.database.read(|| {
            Ok(SqlBuilder::new(
                "SELECT 0 AS part, value, NULL::text, NULL::uuid AS id FROM counters WHERE name = 'catalogue'
                UNION ALL SELECT 1, 0, data, id FROM missions WHERE data IS NOT NULL
                UNION ALL SELECT 2, 0, data, id FROM packs WHERE data IS NOT NULL ORDER BY part, id",
            ))
        });
        let mut catalog = CatalogRecords::default();
        for row in &rows.await? {
            let row = ResultRow(row);
            match row.get::<i32>(0)? {
                0 => catalog.version = u64::try_from(row.get::<i64>(1)?).map_err(unavailable)?,
                1 => catalog.missions.push(from_json(row.get(2)?)?),
                _ => catalog.packs.push(from_json(row.get(2)?)?),
            }
        }
        Ok(catalog)
    }

    async fn catalog_version(&self) -> Result<u64, StoreError> {
        let sql = "SELECT value FROM counters WHERE name = 'catalogue'";
        let rows = self.database.read(|| Ok(SqlBuilder::new(sql))).await?;
        let row = rows
            .first()
            .ok_or_else(|| unavailable("the catalog has no version"))?;
        u64::try_from(ResultRow(row).get::<i64>(0)?).map_err(unavailable)
    }

    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.record(|| by_id("SELECT data FROM users WHERE user_id = ?", user.0))
            .await
    }

    async fn invite_owner(&self, code: &InviteCode) -> Result<Option<UserId>, StoreError> {
        let (kind, key) = Claim::InviteCode(code.clone()).storage_key();
        let rows = self.database.read(|| {
            let mut script = SqlBuilder::new("SELECT holder FROM claims WHERE kind = ? AND key = ?");
            script.bind(kind)?.bind(key.clone().into_bytes())?;
            Ok(script)
        });
        let rows = rows.await?;
        rows.first()
            .map(|row| Ok(ResultRow(row).get::<Uuid>(0)?.into()))
            .transpose()
    }

    async fn task(&self, user: UserId, task: TaskId) -> Result<Option<Task>, StoreError> {
        self.record(|| {
            let mut script = SqlBuilder::new("SELECT data FROM tasks WHERE user_id = ? AND id = ?");
            script.bind(user.0)?.bind(task.0)?;
            Ok(script)
        })
        .await
    }

    async fn tasks(
        &self,
        user: UserId,
        filter: TaskFilter,
        page: Page<TaskId>,
    ) -> Result<Vec<Task>, StoreError> {
        self.records(|| {
            let mut script = SqlBuilder::new("SELECT data FROM tasks WHERE user_id = ?");
            script.bind(user.0)?;
            if let Some(status) = filter.status {
                script.then(" AND status = ?").bind(serde_name(status))?;
            }
            if let Some(mission) = filter.mission {
                script.then(" AND mission_id = ?").bind(mission.0)?;
            }
            if let Some(after) = page.after {
                script.then(" AND id < ?").bind(after.0)?;
            }
            script.then(" ORDER BY id DESC LIMIT ?").bind(limit_of(&page))?;
            Ok(script)
        })
        .await
    }

    async fn rewards(
        &self,
        user: UserId,
        status: Option<RewardStatus>,
        page: Page<RewardId>,
    ) -> Result<Vec<Reward>, StoreError> {
        self.records(|| {
            let mut script = SqlBuilder::new("SELECT data FROM rewards WHERE user_id = ?");
            script.bind(user.0)?;
            if let Some(status) = status {
                script.then(" AND status = ?").bind(serde_name(status))?;
            }
            if let Some(after) = page.after {
                script.then(" AND id < ?").bind(after.0)?;
            }
            script.then(" ORDER BY id DESC LIMIT ?").bind(limit_of(&page))?;
            Ok(script)
        })
        .await
    }

    async fn reward(&self, reward: RewardId) -> Result<Option<Reward>, StoreError> {
        self.record(|| by_id("SELECT data FROM rewards WHERE id = ?", reward.0))
            .await
    }

    async fn check_in_days(
        &self,
        user: UserId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<CheckInDay>, StoreError> {
        self.records(|| {
            let mut script = SqlBuilder::new(
                "SELECT data FROM check_in_days WHERE user_id = ? AND date BETWEEN ? AND ? ORDER BY date",
            );
            script.bind(user.0)?.bind(days(from))?.bind(days(to))?;
            Ok(script)
        })
        .await
    }

    async fn review(&self, review: ReviewId) -> Result<Option<Review>, StoreError> {
        self.record(|| by_id("SELECT data FROM reviews WHERE id = ?", review.0))
            .await
    }

    async fn device_users(&self, device: &DeviceHash) -> Result<BTreeMap<UserId, DateTime<Utc>>, StoreError> {
        let rows = self.database.read(|| {
            let mut script = SqlBuilder::new(
                "SELECT user_id, seen_at FROM sightings WHERE device = ? ORDER BY seen_at DESC LIMIT 50",
            );
            script.bind(device.as_str().to_owned())?;
            Ok(script)
        });
        let rows = rows.await?;
        let seen = |row| {
            Ok((
                ResultRow(row).get::<Uuid>(0)?.into(),
                instant(ResultRow(row).get(1)?)?,
            ))
        };
        rows.iter().map(seen).collect()
    }

    async fn friends(&self, user: UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
        let rows = self.database.read(|| {
            let mut script = SqlBuilder::new(
                "SELECT friend_id FROM friendships WHERE user_id = ? AND are_friends ORDER BY friend_id LIMIT ?",
            );
            script.bind(user.0)?.bind(i64::try_from(limit).unwrap_or(i64::MAX))?;
            Ok(script)
        });
        let rows = rows.await?;
        rows.iter()
            .map(|row| Ok(ResultRow(row).get::<Uuid>(0)?.into()))
            .collect()
    }

    async fn near_copies(&self, hash: PerceptualHash) -> Result<Vec<Picture>, StoreError> {
        let rows = self.database.read(|| {
            let mut script = SqlBuilder::new(
                "SELECT DISTINCT newest.* FROM unnest(?) bands (band) CROSS JOIN LATERAL (
                    SELECT file_id, user_id, task_id, hash FROM pictures WHERE band = bands.band
                    ORDER BY file_id DESC LIMIT ?) newest",
            );
            script.bind(hash.bands().collect::<Vec<i64>>())?;
            script.bind(i64::from(PerceptualHash::NEWEST))?;
            Ok(script)
        });
        let rows = rows.await?;
        let seen = |row| {
            let found = ResultRow(row);
            Ok(Picture {
                file: FileId(found.get(0)?),
                user: found.get::<Uuid>(1)?.into(),
                task: found.get::<Uuid>(2)?.into(),
                hash: PerceptualHash(found.get::<i64>(3)?.cast_unsigned()),
            })
        };
        let pictures: Result<Vec<Picture>, StoreError> = rows.iter().map(seen).collect();
        Ok(pictures?
            .into_iter()
            .filter(|picture| picture.hash.is_near(hash))
            .collect())
    }

    async fn reviews(&self, filter: ReviewFilter, page: Page<ReviewId>) -> Result<Vec<Review>, StoreError> {
        self.records(|| {
            let mut script = SqlBuilder::new("SELECT data FROM reviews WHERE TRUE");
            if let Some(user) = filter.user {
                script.then(" AND user_id = ?").bind(user.0)?;
            }
            if let Some(status) = filter.status {
                script.then(" AND status = ?").bind(serde_name(status))?;
            }
            if let Some(after) = page.after {
                script.then(" AND id > ?").bind(after.0)?;
            }
            script.then(" ORDER BY id LIMIT ?").bind(limit_of(&page))?;
            Ok(script)
        })
        .await
    }

    async fn leaderboard(
        &self,
        range: TimeRange,
        among: Option<&[UserId]>,
        limit: usize,
    ) -> Result<Vec<LeaderboardRow>, StoreError> {
        self.leaders(range, among, limit).await
    }

    async fn leaderboard_row(
        &self,
        range: TimeRange,
        among: Option<&[UserId]>,
        user: UserId,
    ) -> Result<LeaderboardRow, StoreError> {
        self.place_among_leaders(range, among, user).await
    }

    async fn analytics(
        &self,
        range: TimeRange,
        bucket: Bucket,
        mission: Option<MissionId>,
    ) -> Result<Vec<AnalyticsRow>, StoreError> {
        self.series(range, bucket, mission).await
    }

    async fn due_expiries(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueExpiry>, StoreError> {
        // The longest due come first. A user who has more than fits is asked for again once these are written down.
        let most = i64::try_from(limit.saturating_mul(4)).unwrap_or(i64::MAX);
        let rows = self.database.read(|| {
            let mut script = SqlBuilder::new(
                "(SELECT user_id, TRUE, id FROM tasks WHERE status = 'in_progress' AND due_at <= ?
                    ORDER BY due_at LIMIT ?)
                UNION ALL (SELECT user_id, FALSE, id FROM rewards WHERE status = 'pending' AND expires_at <= ?
                    ORDER BY expires_at LIMIT ?)",
            );
            let now = now.timestamp_micros();
            script.bind(now)?.bind(most)?.bind(now)?.bind(most)?;
            Ok(script)
        });
        let mut due: BTreeMap<UserId, DueExpiry> = BTreeMap::new();
        for row in &rows.await? {
            let row = ResultRow(row);
            let user = row.get::<Uuid>(0)?.into();
            let of_user = due.entry(user).or_insert_with(|| DueExpiry {
                user,
                tasks: Vec::new(),
                rewards: Vec::new(),
            });
            let id: Uuid = row.get(2)?;
            if row.get(1)? {
                of_user.tasks.push(id.into());
            } else {
                of_user.rewards.push(id.into());
            }
        }
        Ok(due.into_values().take(limit).collect())
    }

    async fn audit(&self, filter: &AuditFilter, page: Page<Uuid>) -> Result<Vec<AuditEntry>, StoreError> {
        self.records(|| {
            let mut script = SqlBuilder::new("SELECT data FROM audit WHERE TRUE");
            if let Some(actor) = filter.actor {
                script.then(" AND actor = ?").bind(actor.0)?;
            }
            if !filter.subjects.is_empty() {
                let users: Vec<Uuid> = filter.subjects.iter().filter_map(|id| id.parse().ok()).collect();
                script.then(" AND (user_id = ANY(?)").bind(users)?;
                for subject in &filter.subjects {
                    script.then(" OR subject = ?").bind(subject.clone())?;
                }
                script.then(")");
            }
            if let Some(from) = filter.from {
                script
                    .then(" AND recorded_at >= ?")
                    .bind(from.timestamp_micros())?;
            }
            if let Some(to) = filter.to {
                script.then(" AND recorded_at < ?").bind(to.timestamp_micros())?;
            }
            if let Some(after) = page.after {
                script.then(" AND id < ?").bind(after)?;
            }
            script.then(" ORDER BY id DESC LIMIT ?").bind(limit_of(&page))?;
            Ok(script)
        })
        .await
    }

    async fn journal(
        &self,
        of: Option<UserId>,
        page: Page<JournalPosition>,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        let rows = self.database.read(|| {
            // The request names a task or reward under the command's own name.
            let mut script = SqlBuilder::new(
                "SELECT j.root_id, j.number, j.recorded_at, j.request, coalesce(t.mission_id, r.mission_id)
                FROM journal j
                LEFT JOIN tasks t ON t.user_id = j.root_id
                    AND t.id = (j.request::jsonb #>> ARRAY['0', j.name, 'task'])::uuid
                LEFT JOIN rewards r ON r.user_id = j.root_id
                    AND r.id = (j.request::jsonb #>> ARRAY['0', j.name, 'reward'])::uuid
                WHERE j.root_kind = 'user' AND j.request IS NOT NULL AND j.refusal IS NULL",
            );
            if let Some(user) = of {
                script.then(" AND j.root_id = ?").bind(user.0)?;
            }
            if let Some(after) = page.after {
                script
                    .then(" AND (j.root_id, j.number) > (?, ?)")
                    .bind(after.user.0)?
                    .bind(after.number)?;
            }
            script
                .then(" ORDER BY j.root_id, j.number LIMIT ?")
                .bind(limit_of(&page))?;
            Ok(script)
        });
        let record = |row| {
            let row = ResultRow(row);
            let position = JournalPosition {
                user: row.get::<Uuid>(0)?.into(),
                number: row.get(1)?,
            };
            let mission = row.get::<Option<Uuid>>(4)?.map(Into::into);
            journal_record(position, row.get(2)?, row.get(3)?, mission)
        };
        rows.await?.iter().map(record).collect()
    }

    async fn receipt(&self, key: ReceiptKey) -> Result<Option<Receipt>, StoreError> {
        let keys = ReadSet {
            receipts: [key].into(),
            ..ReadSet::default()
        };
        Ok(self.load(&keys).await?.receipts.remove(&key).flatten())
    }

    async fn open_tasks(&self, missions: &[MissionId]) -> Result<BTreeMap<MissionId, u64>, StoreError> {
        let ids: Vec<Uuid> = missions.iter().map(|mission| mission.0).collect();
        let rows = self.database.read(|| {
            let mut script = SqlBuilder::new(
                "SELECT mission_id, count(*) FROM tasks
                    WHERE status IN ('in_progress', 'pending_review') AND mission_id = ANY(?) GROUP BY mission_id",
            );
            script.bind(ids.clone())?;
            Ok(script)
        });
        let mut open = BTreeMap::new();
        for row in &rows.await? {
            let count = u64::try_from(ResultRow(row).get::<i64>(1)?).map_err(unavailable)?;
            open.insert(ResultRow(row).get::<Uuid>(0)?.into(), count);
        }
        Ok(open)
    }

    async fn export(&self, user: UserId) -> Result<UserExport, StoreError> {
        let rows = self.database.read(|| {
            let mut script = SqlBuilder::new(
                "SELECT 0 AS part, NULL::uuid AS id, 0::bigint AS date, data FROM users WHERE user_id = ?
                UNION ALL SELECT 1, id, 0, data FROM tasks WHERE user_id = ?
                UNION ALL SELECT 2, id, 0, data FROM rewards WHERE user_id = ?
                UNION ALL SELECT 3, NULL, date, data FROM check_in_days WHERE user_id = ?
                UNION ALL SELECT 4, id, 0, data FROM reviews WHERE user_id = ?
                UNION ALL SELECT 5, mission_id, 0, data FROM participations WHERE user_id = ?
                ORDER BY part, id, date",
            );
            for _ in 0..6 {
                script.bind(user.0)?;
            }
            Ok(script)
        });
        let mut export = UserExport::default();
        for row in &rows.await? {
            let row = ResultRow(row);
            let Some(data) = row.get::<Option<&str>>(3)? else {
                continue;
            };
            match row.get::<i32>(0)? {
                0 => export.user = from_json(data)?,
                1 => export.tasks.push(from_json(data)?),
                2 => export.rewards.push(from_json(data)?),
                3 => export.check_in_days.push(from_json(data)?),
                4 => export.reviews.push(from_json(data)?),
                _ => {
                    let mission = row.get::<Uuid>(1)?.into();
                    export.participations.push((mission, from_json(data)?));
                }
            }
        }
        Ok(export)
    }
}
