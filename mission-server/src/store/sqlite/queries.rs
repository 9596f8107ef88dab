//! Queries: lists and lookups, on the readers.

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
use sqlx::{
    Sqlite, SqliteExecutor,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use super::{SqliteStore, connection::unavailable, load::ResultRow, rows::Rows};
use crate::store::record::{days, from_json, instant, journal_record, to_json};

type Sql = Query<'static, Sqlite, SqliteArguments<'static>>;

/// An id as a blob.
pub(super) fn blob(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn limit_of<K>(page: &Page<K>) -> i64 {
    i64::try_from(page.limit).unwrap_or(i64::MAX)
}

/// The records in the first column.
async fn records<V: DeserializeOwned>(on: impl SqliteExecutor<'_>, query: Sql) -> Result<Vec<V>, StoreError> {
    let rows: Vec<SqliteRow> = query.fetch_all(on).await.map_err(unavailable)?;
    rows.iter().map(|row| from_json(ResultRow(row).get(0)?)).collect()
}

async fn record<V: DeserializeOwned>(
    on: impl SqliteExecutor<'_>,
    query: Sql,
) -> Result<Option<V>, StoreError> {
    let row: Option<SqliteRow> = query.fetch_optional(on).await.map_err(unavailable)?;
    match row {
        Some(row) => ResultRow(&row).get::<Option<&str>>(0)?.map(from_json).transpose(),
        None => Ok(None),
    }
}

#[async_trait]
impl Queries for SqliteStore {
    async fn catalog_records(&self) -> Result<CatalogRecords, StoreError> {
        let mut moment = self.database.readers().begin().await.map_err(unavailable)?;
        let version = catalog_version(&mut *moment).await?;
        let missions = sqlx::query("SELECT data FROM missions WHERE data IS NOT NULL ORDER BY id");
        let packs = sqlx::query("SELECT data FROM packs WHERE data IS NOT NULL ORDER BY id");
        Ok(CatalogRecords {
            version,
            missions: records(&mut *moment, missions).await?,
            packs: records(&mut *moment, packs).await?,
        })
    }

    async fn catalog_version(&self) -> Result<u64, StoreError> {
        catalog_version(self.database.readers()).await
    }

    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        record(self.database.readers(), user_by_id(user)).await
    }

    async fn invite_owner(&self, code: &InviteCode) -> Result<Option<UserId>, StoreError> {
        let (kind, key) = Claim::InviteCode(code.clone()).storage_key();
        let row = sqlx::query("SELECT hex(holder) FROM claims WHERE kind = ? AND key = ?")
            .bind(kind)
            .bind(key.into_bytes())
            .fetch_optional(self.database.readers())
            .await
            .map_err(unavailable)?;
        row.map(|row| Ok(ResultRow(&row).id(0)?.into())).transpose()
    }

    async fn task(&self, user: UserId, task: TaskId) -> Result<Option<Task>, StoreError> {
        let query = sqlx::query("SELECT data FROM tasks WHERE user_id = ? AND id = ?")
            .bind(blob(user.0))
            .bind(blob(task.0));
        record(self.database.readers(), query).await
    }

    async fn tasks(
        &self,
        user: UserId,
        filter: TaskFilter,
        page: Page<TaskId>,
    ) -> Result<Vec<Task>, StoreError> {
        let query = sqlx::query(
            "SELECT data FROM tasks WHERE user_id = ?1 AND (?2 IS NULL OR status = ?2)
                AND (?3 IS NULL OR mission_id = ?3) AND (?4 IS NULL OR id < ?4)
            ORDER BY id DESC LIMIT ?5",
        )
        .bind(blob(user.0))
        .bind(filter.status.map(serde_name))
        .bind(filter.mission.map(|id| blob(id.0)))
        .bind(page.after.map(|id| blob(id.0)))
        .bind(limit_of(&page));
        records(self.database.readers(), query).await
    }

    async fn rewards(
        &self,
        user: UserId,
        status: Option<RewardStatus>,
        page: Page<RewardId>,
    ) -> Result<Vec<Reward>, StoreError> {
        let query = sqlx::query(
            "SELECT data FROM rewards WHERE user_id = ?1 AND (?2 IS NULL OR status = ?2)
                AND (?3 IS NULL OR id < ?3)
            ORDER BY id DESC LIMIT ?4",
        )
        .bind(blob(user.0))
        .bind(status.map(serde_name))
        .bind(page.after.map(|id| blob(id.0)))
        .bind(limit_of(&page));
        records(self.database.readers(), query).await
    }

    async fn reward(&self, reward: RewardId) -> Result<Option<Reward>, StoreError> {
        let query = sqlx::query("SELECT data FROM rewards WHERE id = ?").bind(blob(reward.0));
        record(self.database.readers(), query).await
    }

    async fn check_in_days(
        &self,
        user: UserId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<CheckInDay>, StoreError> {
        let query = sqlx::query(
            "SELECT data FROM check_in_days WHERE user_id = ? AND date BETWEEN ? AND ? ORDER BY date",
        )
        .bind(blob(user.0))
        .bind(days(from))
        .bind(days(to));
        records(self.database.readers(), query).await
    }

    async fn review(&self, review: ReviewId) -> Result<Option<Review>, StoreError> {
        let query = sqlx::query("SELECT data FROM reviews WHERE id = ?").bind(blob(review.0));
        record(self.database.readers(), query).await
    }

    async fn reviews(&self, filter: ReviewFilter, page: Page<ReviewId>) -> Result<Vec<Review>, StoreError> {
        // Each form has an index of its own.
        let sql = match (filter.user, filter.status) {
            (Some(_), _) => {
                "SELECT data FROM reviews WHERE user_id = ?4 AND (?1 IS NULL OR status = ?1)
                    AND (?2 IS NULL OR id > ?2) ORDER BY id LIMIT ?3"
            }
            (None, Some(_)) => {
                "SELECT data FROM reviews WHERE status = ?1 AND ?4 IS NULL AND (?2 IS NULL OR id > ?2)
                    ORDER BY id LIMIT ?3"
            }
            (None, None) => {
                "SELECT data FROM reviews WHERE ?1 IS NULL AND ?4 IS NULL AND (?2 IS NULL OR id > ?2)
                    ORDER BY id LIMIT ?3"
            }
        };
        let query = sqlx::query(sql)
            .bind(filter.status.map(serde_name))
            .bind(page.after.map(|id| blob(id.0)))
            .bind(limit_of(&page))
            .bind(filter.user.map(|id| blob(id.0)));
        records(self.database.readers(), query).await
    }

    async fn device_users(&self, device: &DeviceHash) -> Result<BTreeMap<UserId, DateTime<Utc>>, StoreError> {
        let rows = sqlx::query(
            "SELECT hex(user_id), seen_at FROM sightings WHERE device = ? ORDER BY seen_at DESC LIMIT 50",
        )
        .bind(device.as_str().to_owned())
        .fetch_all(self.database.readers())
        .await
        .map_err(unavailable)?;
        let seen = |row: &SqliteRow| Ok((ResultRow(row).id(0)?.into(), instant(ResultRow(row).get(1)?)?));
        rows.iter().map(seen).collect()
    }

    async fn friends(&self, user: UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
        let rows = sqlx::query(
            "SELECT hex(friend_id) FROM friendships WHERE user_id = ? AND are_friends ORDER BY friend_id LIMIT ?",
        )
        .bind(blob(user.0))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(self.database.readers())
        .await
        .map_err(unavailable)?;
        rows.iter().map(|row| Ok(ResultRow(row).id(0)?.into())).collect()
    }

    async fn near_copies(&self, hash: PerceptualHash) -> Result<Vec<Picture>, StoreError> {
        let bands: Vec<i64> = hash.bands().collect();
        let rows = sqlx::query(
            "SELECT DISTINCT hex(p.file_id), hex(p.user_id), hex(p.task_id), p.hash
            FROM json_each(?) band CROSS JOIN pictures p ON p.band = band.value AND p.file_id >= coalesce(
                (SELECT file_id FROM pictures WHERE band = band.value ORDER BY file_id DESC LIMIT 1 OFFSET ? - 1), x'')",
        )
        .bind(to_json(&bands)?)
        .bind(PerceptualHash::NEWEST)
        .fetch_all(self.database.readers())
        .await
        .map_err(unavailable)?;
        let seen = |row: &SqliteRow| {
            Ok(Picture {
                file: FileId(ResultRow(row).id(0)?),
                user: ResultRow(row).id(1)?.into(),
                task: ResultRow(row).id(2)?.into(),
                hash: PerceptualHash(ResultRow(row).get::<i64>(3)?.cast_unsigned()),
            })
        };
        let pictures: Result<Vec<Picture>, StoreError> = rows.iter().map(seen).collect();
        Ok(pictures?
            .into_iter()
            .filter(|picture| picture.hash.is_near(hash))
            .collect())
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
        let rows = sqlx::query(
            "SELECT * FROM (SELECT hex(user_id), 'task', hex(id) FROM tasks
                WHERE status = 'in_progress' AND due_at <= ?1 ORDER BY due_at LIMIT ?2)
            UNION ALL SELECT * FROM (SELECT hex(user_id), 'reward', hex(id) FROM rewards
                WHERE status = 'pending' AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        )
        .bind(now.timestamp_micros())
        .bind(i64::try_from(limit.saturating_mul(4)).unwrap_or(i64::MAX))
        .fetch_all(self.database.readers())
        .await
        .map_err(unavailable)?;
        let mut due: BTreeMap<UserId, DueExpiry> = BTreeMap::new();
        for row in &rows {
            let row = ResultRow(row);
            let user = row.id(0)?.into();
            let of_user = due.entry(user).or_insert_with(|| DueExpiry {
                user,
                tasks: Vec::new(),
                rewards: Vec::new(),
            });
            match row.get::<&str>(1)? {
                "task" => of_user.tasks.push(row.id(2)?.into()),
                _ => of_user.rewards.push(row.id(2)?.into()),
            }
        }
        Ok(due.into_values().take(limit).collect())
    }

    async fn audit(&self, filter: &AuditFilter, page: Page<Uuid>) -> Result<Vec<AuditEntry>, StoreError> {
        let mut query = sqlx::QueryBuilder::new("SELECT data FROM audit WHERE TRUE");
        if let Some(actor) = filter.actor {
            query.push(" AND actor = ").push_bind(blob(actor.0));
        }
        if !filter.subjects.is_empty() {
            query.push(" AND (FALSE");
            for subject in &filter.subjects {
                query.push(" OR subject = ").push_bind(subject.clone());
                if let Ok(user) = subject.parse() {
                    query.push(" OR user_id = ").push_bind(blob(user));
                }
            }
            query.push(")");
        }
        if let Some(from) = filter.from {
            query
                .push(" AND recorded_at >= ")
                .push_bind(from.timestamp_micros());
        }
        if let Some(to) = filter.to {
            query.push(" AND recorded_at < ").push_bind(to.timestamp_micros());
        }
        if let Some(after) = page.after {
            query.push(" AND id < ").push_bind(blob(after));
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(limit_of(&page));
        let rows: Vec<SqliteRow> = query
            .build()
            .fetch_all(self.database.readers())
            .await
            .map_err(unavailable)?;
        rows.iter().map(|row| from_json(ResultRow(row).get(0)?)).collect()
    }

    async fn journal(
        &self,
        of: Option<UserId>,
        page: Page<JournalPosition>,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        // The request names a task or reward under the command's own name.
        let mut query = sqlx::QueryBuilder::new(
            "SELECT hex(j.root_id), j.number, j.recorded_at, j.request, hex(coalesce(t.mission_id, r.mission_id))
            FROM journal j
            LEFT JOIN tasks t ON t.user_id = j.root_id
                AND t.id = unhex(j.request->>('$[0].' || j.name || '.task'), '-')
            LEFT JOIN rewards r ON r.user_id = j.root_id
                AND r.id = unhex(j.request->>('$[0].' || j.name || '.reward'), '-')
            WHERE j.root_kind = 'user' AND j.request IS NOT NULL AND j.answer LIKE '{\"Ok\":%'",
        );
        if let Some(user) = of {
            query.push(" AND j.root_id = ").push_bind(blob(user.0));
        }
        if let Some(after) = page.after {
            query
                .push(" AND (j.root_id, j.number) > (")
                .push_bind(blob(after.user.0));
            query.push(", ").push_bind(after.number).push(")");
        }
        query
            .push(" ORDER BY j.root_id, j.number LIMIT ")
            .push_bind(limit_of(&page));
        let rows: Vec<SqliteRow> = query
            .build()
            .fetch_all(self.database.readers())
            .await
            .map_err(unavailable)?;
        let record = |row: &SqliteRow| {
            let row = ResultRow(row);
            let position = JournalPosition {
                user: row.id(0)?.into(),
                number: row.get(1)?,
            };
            let mission = row.get::<&str>(4)?;
            let mission = (!mission.is_empty()).then(|| row.id(4)).transpose()?;
            journal_record(position, row.get(2)?, row.get(3)?, mission.map(Into::into))
        };
        rows.iter().map(record).collect()
    }

    async fn receipt(&self, key: ReceiptKey) -> Result<Option<Receipt>, StoreError> {
        let keys = ReadSet {
            receipts: [key].into(),
            ..ReadSet::default()
        };
        Ok(self.load(&keys).await?.receipts.remove(&key).flatten())
    }

    async fn open_tasks(&self, missions: &[MissionId]) -> Result<BTreeMap<MissionId, u64>, StoreError> {
        let mut asked = Rows::default();
        for mission in missions {
            asked.row().id(mission.0);
        }
        // Each mission is looked up in the index of open tasks, and in nothing else.
        let rows = sqlx::query(
            "SELECT hex(mission_id), count(*) FROM json_each(?) CROSS JOIN tasks ON mission_id = unhex(value->>0)
                WHERE status IN ('in_progress', 'pending_review') GROUP BY mission_id",
        )
        .bind(asked.into_text())
        .fetch_all(self.database.readers())
        .await
        .map_err(unavailable)?;
        let counted = |row: &SqliteRow| {
            let count = u64::try_from(ResultRow(row).get::<i64>(1)?).map_err(unavailable)?;
            Ok((ResultRow(row).id(0)?.into(), count))
        };
        rows.iter().map(counted).collect()
    }

    async fn export(&self, user: UserId) -> Result<UserExport, StoreError> {
        let of_user = |sql: &'static str| sqlx::query(sql).bind(blob(user.0));
        let mut moment = self.database.readers().begin().await.map_err(unavailable)?;
        let tasks = of_user("SELECT data FROM tasks WHERE user_id = ? ORDER BY id");
        let rewards = of_user("SELECT data FROM rewards WHERE user_id = ? ORDER BY id");
        let days = of_user("SELECT data FROM check_in_days WHERE user_id = ? ORDER BY date");
        let reviews = of_user("SELECT data FROM reviews WHERE user_id = ? ORDER BY id");
        let participations =
            of_user("SELECT hex(mission_id), data FROM participations WHERE user_id = ? ORDER BY mission_id");
        Ok(UserExport {
            user: record(&mut *moment, user_by_id(user)).await?,
            tasks: records(&mut *moment, tasks).await?,
            rewards: records(&mut *moment, rewards).await?,
            check_in_days: records(&mut *moment, days).await?,
            reviews: records(&mut *moment, reviews).await?,
            participations: participations
                .fetch_all(&mut *moment)
                .await
                .map_err(unavailable)?
                .iter()
                .map(|row| Ok((ResultRow(row).id(0)?.into(), from_json(ResultRow(row).get(1)?)?)))
                .collect::<Result<_, StoreError>>()?,
        })
    }
}

fn user_by_id(user: UserId) -> Sql {
    sqlx::query("SELECT data FROM users WHERE id = ?").bind(blob(user.0))
}

async fn catalog_version(on: impl SqliteExecutor<'_>) -> Result<u64, StoreError> {
    let row = sqlx::query("SELECT value FROM counters WHERE name = 'catalogue'");
    let row: SqliteRow = row.fetch_one(on).await.map_err(unavailable)?;
    u64::try_from(ResultRow(&row).get::<i64>(0)?).map_err(unavailable)
}
