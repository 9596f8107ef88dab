//! Queries: lists and lookups, each one statement and so one moment of the database.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use mission_core::{
    FileId, MissionId, PackId, ReviewId, RewardId, TaskId, UserId,
    check_in::CheckInDay,
    engine::{AuditEntry, PackRecord, ReadSet, Receipt, ReceiptKey},
    fraud::{DeviceHash, Review},
    mission::{BudgetUse, ShadowComparison},
    ports::{
        queries::{
            ActivityCounts, Assignee, AuditFilter, Board, Bucket, CatalogRecords, CountedMissions,
            DeviceUsers, DueExpiry, JournalPosition, JournalRecord, LeaderboardRow, PackVersion, Page,
            Queries, ReviewFilter, StreakCounts, TaskFilter, TimeRange, UserExport,
        },
        store::{Claim, Picture, Store as _, StoreError},
    },
    reward::{Reward, RewardStatus},
    serde_name,
    task::{Participation, PerceptualHash, Task},
    user::{InviteCode, User},
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    database::{SqlDatabase, SqlStore},
    record::{days, from_json, instant, journal_record, unavailable},
    row::SqlRow,
    sql_builder::SqlBuilder,
    sums,
};

/// The records in the first column.
async fn records<V: DeserializeOwned>(
    database: &impl SqlDatabase,
    query: SqlBuilder,
) -> Result<Vec<V>, StoreError> {
    let rows = database.read(query).await?;
    rows.iter().map(|row| from_json(row.text(0)?)).collect()
}

async fn record<V: DeserializeOwned>(
    database: &impl SqlDatabase,
    query: SqlBuilder,
) -> Result<Option<V>, StoreError> {
    match database.read(query).await?.first() {
        Some(row) => row.optional_text(0)?.map(from_json).transpose(),
        None => Ok(None),
    }
}

/// Leaves rows of some missions out.
pub(super) fn none_of<D: SqlDatabase>(query: &mut SqlBuilder, missions: &[MissionId]) {
    if !missions.is_empty() {
        let ids: Vec<Uuid> = missions.iter().map(|mission| mission.0).collect();
        query
            .then(" AND NOT mission_id ")
            .then(D::DIALECT.is_any_id)
            .bind(ids);
    }
}

/// Which reviews, oldest first.
pub(super) fn reviews_query(filter: ReviewFilter, page: Page<ReviewId>) -> SqlBuilder {
    let mut query = SqlBuilder::new("SELECT data FROM reviews WHERE TRUE");
    if let Some(user) = filter.user {
        query.then(" AND user_id = ?").bind(user.0);
    }
    match filter.assigned {
        Some((Assignee::Reviewer(reviewer), at)) => {
            query.then(" AND assigned_to = ? AND assigned_until > ?");
            query.bind(reviewer.0).bind(at.timestamp_micros());
        }
        Some((Assignee::Nobody, at)) => {
            query.then(" AND (assigned_until IS NULL OR assigned_until <= ?)");
            query.bind(at.timestamp_micros());
        }
        None => {}
    }
    // Those of one user or reviewer are few: they are found by that, not among all of a status or kind.
    let is_narrow = filter.user.is_some() || matches!(filter.assigned, Some((Assignee::Reviewer(_), _)));
    if let Some(status) = filter.status {
        query.then(if is_narrow {
            " AND status || '' = ?"
        } else {
            " AND status = ?"
        });
        query.bind(serde_name(status));
    }
    if let Some(kind) = filter.kind {
        query.then(if is_narrow {
            " AND kind || '' = ?"
        } else {
            " AND kind = ?"
        });
        query.bind(serde_name(kind));
    }
    if let Some(after) = page.after {
        query.then(" AND id > ?").bind(after.0);
    }
    query.then(" ORDER BY id").limit(page.limit);
    query
}

#[async_trait]
impl<D: SqlDatabase> Queries for SqlStore<D> {
    async fn catalog_records(&self) -> Result<CatalogRecords, StoreError> {
        let query = SqlBuilder::new(
            "SELECT CAST(0 AS bigint) AS part, value, CAST(NULL AS text), CAST(NULL AS uuid) AS id FROM counters
                WHERE name = 'catalogue'
            UNION ALL SELECT 1, 0, data, id FROM missions WHERE data IS NOT NULL
            UNION ALL SELECT 2, 0, data, id FROM packs WHERE data IS NOT NULL ORDER BY part, id",
        );
        let mut catalog = CatalogRecords::default();
        for row in &self.database.read(query).await? {
            match row.number(0)? {
                0 => catalog.version = row.count(1)?,
                1 => catalog.missions.push(from_json(row.text(2)?)?),
                _ => catalog.packs.push(from_json(row.text(2)?)?),
            }
        }
        Ok(catalog)
    }

    async fn catalog_version(&self) -> Result<u64, StoreError> {
        let query = SqlBuilder::new("SELECT value FROM counters WHERE name = 'catalogue'");
        let rows = self.database.read(query).await?;
        let row = rows.first();
        row.ok_or_else(|| unavailable("the catalog has no version"))?
            .count(0)
    }

    async fn pack(&self, pack: PackId, version: Option<u64>) -> Result<Option<PackRecord>, StoreError> {
        let query = match version {
            Some(version) => {
                SqlBuilder::new("SELECT data FROM pack_versions WHERE pack_id = ? AND version = ?")
                    .with(pack.0)
                    .with(i64::try_from(version).unwrap_or(i64::MAX))
            }
            None => SqlBuilder::new("SELECT data FROM packs WHERE id = ?").with(pack.0),
        };
        record(&self.database, query).await
    }

    async fn pack_versions(&self, pack: PackId) -> Result<Vec<PackVersion>, StoreError> {
        let query = SqlBuilder::new(
            "SELECT version, updated_at FROM pack_versions WHERE pack_id = ? ORDER BY version DESC",
        );
        let rows = self.database.read(query.with(pack.0)).await?;
        let versions = rows.iter().map(|row| {
            Ok(PackVersion {
                version: row.count(0)?,
                updated_at: row.text(1)?.parse().map_err(unavailable)?,
            })
        });
        versions.collect()
    }

    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        let query = SqlBuilder::new("SELECT data FROM users WHERE user_id = ?");
        record(&self.database, query.with(user.0)).await
    }

    async fn invite_owner(&self, code: &InviteCode) -> Result<Option<UserId>, StoreError> {
        let (kind, key) = Claim::InviteCode(code.clone()).storage_key();
        let query = SqlBuilder::new("SELECT holder FROM claims WHERE kind = ? AND key = ?");
        let rows = self
            .database
            .read(query.with(kind).with(key.into_bytes()))
            .await?;
        rows.first().map(|row| Ok(row.id(0)?.into())).transpose()
    }

    async fn task(&self, user: UserId, task: TaskId) -> Result<Option<Task>, StoreError> {
        let query = SqlBuilder::new("SELECT data FROM tasks WHERE user_id = ? AND id = ?");
        record(&self.database, query.with(user.0).with(task.0)).await
    }

    async fn tasks(
        &self,
        user: UserId,
        filter: TaskFilter<'_>,
        page: Page<TaskId>,
    ) -> Result<Vec<Task>, StoreError> {
        let mut query = SqlBuilder::new("SELECT data FROM tasks WHERE user_id = ?").with(user.0);
        if let Some(status) = filter.status {
            query.then(" AND status = ?").bind(serde_name(status));
        }
        if let Some(mission) = filter.mission {
            query.then(" AND mission_id = ?").bind(mission.0);
        }
        none_of::<D>(&mut query, filter.hidden);
        if let Some(after) = page.after {
            query.then(" AND id < ?").bind(after.0);
        }
        query.then(" ORDER BY id DESC").limit(page.limit);
        records(&self.database, query).await
    }

    async fn rewards(
        &self,
        user: UserId,
        status: Option<RewardStatus>,
        page: Page<RewardId>,
    ) -> Result<Vec<Reward>, StoreError> {
        let mut query = SqlBuilder::new("SELECT data FROM rewards WHERE user_id = ?").with(user.0);
        if let Some(status) = status {
            query.then(" AND status = ?").bind(serde_name(status));
        }
        if let Some(after) = page.after {
            query.then(" AND id < ?").bind(after.0);
        }
        query.then(" ORDER BY id DESC").limit(page.limit);
        records(&self.database, query).await
    }

    async fn reward(&self, reward: RewardId) -> Result<Option<Reward>, StoreError> {
        let query = SqlBuilder::new("SELECT data FROM rewards WHERE id = ?");
        record(&self.database, query.with(reward.0)).await
    }

    async fn check_in_days(
        &self,
        user: UserId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<CheckInDay>, StoreError> {
        let query = SqlBuilder::new(
            "SELECT data FROM check_in_days WHERE user_id = ? AND date BETWEEN ? AND ? ORDER BY date",
        );
        records(&self.database, query.with(user.0).with(days(from)).with(days(to))).await
    }

    async fn review(&self, review: ReviewId) -> Result<Option<Review>, StoreError> {
        let query = SqlBuilder::new("SELECT data FROM reviews WHERE id = ?");
        record(&self.database, query.with(review.0)).await
    }

    async fn reviews(&self, filter: ReviewFilter, page: Page<ReviewId>) -> Result<Vec<Review>, StoreError> {
        records(&self.database, reviews_query(filter, page)).await
    }

    async fn device_users(&self, devices: &[DeviceHash]) -> Result<DeviceUsers, StoreError> {
        let mut users = DeviceUsers::new();
        if devices.is_empty() {
            return Ok(users);
        }
        let mut query = SqlBuilder::new("");
        for (place, device) in devices.iter().enumerate() {
            query.then(if place == 0 { "" } else { " UNION ALL " });
            query.then(
                "SELECT * FROM (SELECT device, user_id, seen_at FROM sightings
                    WHERE device = ? ORDER BY seen_at DESC LIMIT 50) AS latest",
            );
            query.bind(device.as_str());
        }
        for row in &self.database.read(query).await? {
            let named = row.text(0)?;
            if let Some(device) = devices.iter().find(|device| device.as_str() == named) {
                let seen = instant(row.number(2)?)?;
                let of_device = users.entry(device.clone()).or_default();
                of_device.insert(row.id(1)?.into(), seen);
            }
        }
        Ok(users)
    }

    async fn friends(&self, user: UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
        let query = SqlBuilder::new(
            "SELECT friend_id FROM friendships WHERE user_id = ? AND are_friends ORDER BY friend_id",
        );
        let mut query = query.with(user.0);
        query.limit(limit);
        let rows = self.database.read(query).await?;
        rows.iter().map(|row| Ok(row.id(0)?.into())).collect()
    }

    async fn near_copies(&self, hash: PerceptualHash) -> Result<Vec<Picture>, StoreError> {
        let bands: Vec<i64> = hash.bands().collect();
        let query = SqlBuilder::new(D::DIALECT.newest_of_bands)
            .with(bands)
            .with(i64::from(PerceptualHash::NEWEST));
        let mut near = Vec::new();
        for row in &self.database.read(query).await? {
            let picture = Picture {
                file: FileId(row.id(0)?),
                user: row.id(1)?.into(),
                task: row.id(2)?.into(),
                hash: PerceptualHash(row.number(3)?.cast_unsigned()),
            };
            if picture.hash.is_near(hash) {
                near.push(picture);
            }
        }
        Ok(near)
    }

    async fn leaderboard(
        &self,
        board: Board,
        among: Option<&[UserId]>,
        limit: usize,
    ) -> Result<Vec<LeaderboardRow>, StoreError> {
        self.fold_activity().await;
        sums::leaders(&self.database, board, among, limit).await
    }

    async fn leaderboard_row(
        &self,
        board: Board,
        among: Option<&[UserId]>,
        user: UserId,
    ) -> Result<LeaderboardRow, StoreError> {
        // One look where nothing waits to be folded, which is nearly always.
        let (row, is_folded) = sums::own_row(&self.database, board, among, user).await?;
        if is_folded {
            return Ok(row);
        }
        self.fold_activity().await;
        Ok(sums::own_row(&self.database, board, among, user).await?.0)
    }

    async fn analytics(
        &self,
        range: TimeRange,
        bucket: Bucket,
        missions: CountedMissions<'_>,
    ) -> Result<BTreeMap<DateTime<Utc>, ActivityCounts>, StoreError> {
        self.fold_activity().await;
        sums::series(&self.database, range, bucket, missions).await
    }

    async fn analytics_by_mission(
        &self,
        range: TimeRange,
    ) -> Result<BTreeMap<MissionId, ActivityCounts>, StoreError> {
        self.fold_activity().await;
        sums::by_mission(&self.database, range).await
    }

    async fn streak_counts(
        &self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<BTreeMap<(NaiveDate, u32), StreakCounts>, StoreError> {
        sums::streaks(&self.database, first, last).await
    }

    async fn due_expiries(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueExpiry>, StoreError> {
        // The longest due come first. A user who has more than fits is asked for again once these are written down.
        let (now, most) = (now.timestamp_micros(), limit.saturating_mul(4));
        let mut query = SqlBuilder::new(
            "SELECT * FROM (SELECT user_id, CAST(0 AS bigint), id FROM tasks
                WHERE status = 'in_progress' AND due_at <= ? ORDER BY due_at",
        )
        .with(now);
        query.limit(most).then(
            ") AS due_tasks
            UNION ALL SELECT * FROM (SELECT user_id, CAST(1 AS bigint), id FROM rewards
                WHERE status = 'pending' AND expires_at <= ? ORDER BY expires_at",
        );
        query.bind(now).limit(most).then(") AS due_rewards");
        let mut due: BTreeMap<UserId, DueExpiry> = BTreeMap::new();
        for row in &self.database.read(query).await? {
            let user = row.id(0)?.into();
            let of_user = due.entry(user).or_insert_with(|| DueExpiry {
                user,
                tasks: Vec::new(),
                rewards: Vec::new(),
            });
            let id = row.id(2)?;
            match row.number(1)? {
                0 => of_user.tasks.push(id.into()),
                _ => of_user.rewards.push(id.into()),
            }
        }
        Ok(due.into_values().take(limit).collect())
    }

    async fn audit(&self, filter: &AuditFilter, page: Page<Uuid>) -> Result<Vec<AuditEntry>, StoreError> {
        let mut query = SqlBuilder::new("SELECT data FROM audit WHERE TRUE");
        if let Some(actor) = filter.actor {
            query.then(" AND actor = ?").bind(actor.0);
        }
        for (place, subject) in filter.subjects.iter().enumerate() {
            query.then(if place == 0 {
                " AND (subject = ?"
            } else {
                " OR subject = ?"
            });
            query.bind(subject.as_str());
            if let Ok(user) = subject.parse::<Uuid>() {
                query.then(" OR user_id = ?").bind(user);
            }
        }
        if !filter.subjects.is_empty() {
            query.then(")");
        }
        if let Some(from) = filter.from {
            query.then(" AND recorded_at >= ?").bind(from.timestamp_micros());
        }
        if let Some(to) = filter.to {
            query.then(" AND recorded_at < ?").bind(to.timestamp_micros());
        }
        if let Some(after) = page.after {
            query.then(" AND id < ?").bind(after);
        }
        query.then(" ORDER BY id DESC").limit(page.limit);
        records(&self.database, query).await
    }

    async fn journal(
        &self,
        of: Option<UserId>,
        page: Page<JournalPosition>,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        let mut query = SqlBuilder::new(D::DIALECT.accepted_commands);
        if let Some(user) = of {
            query.then(" AND j.root_id = ?").bind(user.0);
        }
        if let Some(after) = page.after {
            query
                .then(" AND (j.root_id, j.number) > (?, ?)")
                .bind(after.user.0)
                .bind(after.number);
        }
        query.then(" ORDER BY j.root_id, j.number").limit(page.limit);
        let rows = self.database.read(query).await?;
        rows.iter().map(journal_record).collect()
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
        let mut query = SqlBuilder::new(
            "SELECT mission_id, count(*) FROM tasks WHERE status IN ('in_progress', 'pending_review')
                AND mission_id ",
        );
        query
            .then(D::DIALECT.is_any_id)
            .bind(ids)
            .then(" GROUP BY mission_id");
        let rows = self.database.read(query).await?;
        rows.iter()
            .map(|row| Ok((row.id(0)?.into(), row.count(1)?)))
            .collect()
    }

    async fn budget_uses(
        &self,
        missions: &[MissionId],
    ) -> Result<BTreeMap<MissionId, BudgetUse>, StoreError> {
        let keys = ReadSet {
            budgets: missions.iter().copied().collect(),
            ..ReadSet::default()
        };
        let mut uses = self.load(&keys).await?.budgets;
        uses.retain(|_, used| *used != BudgetUse::default());
        Ok(uses)
    }

    async fn shadow_comparisons(
        &self,
        mission: MissionId,
        page: Page<UserId>,
    ) -> Result<Vec<(UserId, ShadowComparison)>, StoreError> {
        let mut query =
            SqlBuilder::new("SELECT user_id, data FROM participations WHERE is_shadow AND mission_id = ?");
        query.bind(mission.0);
        if let Some(after) = page.after {
            query.then(" AND user_id > ?").bind(after.0);
        }
        query.then(" ORDER BY user_id").limit(page.limit);
        let mut compared = Vec::new();
        for row in &self.database.read(query).await? {
            let participation: Participation = from_json(row.text(1)?)?;
            let user = row.id(0)?.into();
            compared.extend(participation.comparison.map(|comparison| (user, comparison)));
        }
        Ok(compared)
    }

    async fn export(&self, user: UserId) -> Result<UserExport, StoreError> {
        let mut query = SqlBuilder::new(
            "SELECT CAST(0 AS bigint) AS part, CAST(NULL AS uuid) AS id, CAST(0 AS bigint) AS date, data FROM users
                WHERE user_id = ?
            UNION ALL SELECT 1, id, 0, data FROM tasks WHERE user_id = ?
            UNION ALL SELECT 2, id, 0, data FROM rewards WHERE user_id = ?
            UNION ALL SELECT 3, NULL, date, data FROM check_in_days WHERE user_id = ?
            UNION ALL SELECT 4, id, 0, data FROM reviews WHERE user_id = ?
            UNION ALL SELECT 5, mission_id, 0, data FROM participations WHERE user_id = ?
            ORDER BY part, id, date",
        );
        for _ in 0..6 {
            query.bind(user.0);
        }
        let mut export = UserExport::default();
        for row in &self.database.read(query).await? {
            let Some(data) = row.optional_text(3)? else {
                continue;
            };
            match row.number(0)? {
                0 => export.user = from_json(data)?,
                1 => export.tasks.push(from_json(data)?),
                2 => export.rewards.push(from_json(data)?),
                3 => export.check_in_days.push(from_json(data)?),
                4 => export.reviews.push(from_json(data)?),
                _ => export.participations.push((row.id(1)?.into(), from_json(data)?)),
            }
        }
        Ok(export)
    }
}
