//! Queries that sum: leaderboards and analytics. The indices hold all that they read.

use chrono::{DateTime, Utc};
use mission_core::{
    MissionId, UserId,
    points::total_from_millionths,
    ports::{
        queries::{AnalyticsRow, Bucket, LeaderboardRow, TimeRange},
        store::StoreError,
    },
};
use uuid::Uuid;

use super::{PostgresStore, load::ResultRow, sql_builder::SqlBuilder};
use crate::store::record::{instant, unavailable};

/// The beginning of the bucket that holds an instant: rounded down, before 1970 too.
macro_rules! bucket {
    ($column:literal) => {
        concat!(
            $column,
            " - ((",
            $column,
            " % bounds.width) + bounds.width) % bounds.width"
        )
    };
}

/// The rows of one source: where, and the counts, of which those that are left out are 0.
macro_rules! source {
    ($column:literal, $counts:literal, $from:literal) => {
        concat!(
            "SELECT ",
            bucket!($column),
            " AS start, ",
            $counts,
            " FROM bounds, ",
            $from,
            " AND ",
            $column,
            " >= bounds.since AND ",
            $column,
            " < bounds.until"
        )
    };
}

const SERIES: &str = concat!(
    "WITH bounds AS (SELECT ?::bigint AS since, ?::bigint AS until, ?::bigint AS width, ?::uuid AS mission)
    SELECT start, sum(started)::bigint, sum(completed)::bigint, sum(check_ins)::bigint, sum(claims)::bigint,
        sum(points)::bigint, sum(verifications)::bigint, sum(verified)::bigint FROM (",
    source!(
        "started_at",
        "1 AS started, 0 AS completed, 0 AS check_ins, 0 AS claims, 0::bigint AS points, 0 AS verifications,
            0 AS verified",
        "tasks WHERE (mission IS NULL OR mission_id = mission)"
    ),
    " UNION ALL ",
    source!(
        "completed_at",
        "0, 1, 0, 0, 0, 0, 0",
        "tasks WHERE (mission IS NULL OR mission_id = mission)"
    ),
    " UNION ALL ",
    source!(
        "checked_in_at",
        "0, 0, 1, 0, 0, 0, 0",
        "check_in_days WHERE mission IS NULL"
    ),
    " UNION ALL ",
    source!(
        "claimed_at",
        "0, 0, 0, 1, total_micros, 0, 0",
        "rewards WHERE (mission IS NULL OR mission_id = mission)"
    ),
    " UNION ALL ",
    // What still waits for a reviewer was not judged yet.
    source!(
        "verified_at",
        "0, 0, 0, 0, 0, 1, is_valid::int",
        "tasks WHERE (mission IS NULL OR mission_id = mission) AND (is_valid OR status <> 'pending_review')"
    ),
    " UNION ALL ",
    source!(
        "revoked_at",
        "0, 0, 0, 0, -total_micros, 0, 0",
        "rewards WHERE (mission IS NULL OR mission_id = mission)"
    ),
    " UNION ALL ",
    source!(
        "hour",
        "started, completed, check_ins, claims, points_micros, verifications, verified",
        "activity_counts WHERE (mission IS NULL OR mission_id = mission)"
    ),
    ") AS happened GROUP BY start ORDER BY start"
);

/// Sums by user within a range, of some users where they are named.
fn sums(range: TimeRange, among: Option<&[UserId]>) -> Result<SqlBuilder, StoreError> {
    let (from, to) = bounds(range);
    let mut script = SqlBuilder::new(
        "WITH sums AS (SELECT user_id, sum(total_micros)::bigint AS points FROM rewards
        WHERE status = 'claimed' AND claimed_at >= ? AND claimed_at < ?",
    );
    script.bind(from)?.bind(to)?;
    if let Some(among) = among {
        let ids: Vec<Uuid> = among.iter().map(|user| user.0).collect();
        script.then(" AND user_id = ANY(?)").bind(ids)?;
    }
    script.then(" GROUP BY user_id HAVING sum(total_micros) <> 0) ");
    Ok(script)
}

impl PostgresStore {
    pub(super) async fn leaders(
        &self,
        range: TimeRange,
        among: Option<&[UserId]>,
        limit: usize,
    ) -> Result<Vec<LeaderboardRow>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.database.read(|| {
            let mut script = sums(range, among)?;
            script
                .then(
                    "SELECT rank() OVER (ORDER BY points DESC), user_id, points FROM sums
                    ORDER BY points DESC, user_id LIMIT ?",
                )
                .bind(limit)?;
            Ok(script)
        });
        let rows = rows.await?;
        rows.iter()
            .map(|row| {
                let row = ResultRow(row);
                Ok(LeaderboardRow {
                    rank: count(&row, 0)?,
                    user_id: row.get::<Uuid>(1)?.into(),
                    points: total_from_millionths(row.get(2)?),
                })
            })
            .collect()
    }

    pub(super) async fn place_among_leaders(
        &self,
        range: TimeRange,
        among: Option<&[UserId]>,
        user: UserId,
    ) -> Result<LeaderboardRow, StoreError> {
        let (from, to) = bounds(range);
        let rows = self.database.read(|| {
            let mut script = sums(range, among)?;
            script
                .then(
                    ", own AS (SELECT coalesce(sum(total_micros), 0)::bigint AS points FROM rewards
                        WHERE user_id = ? AND status = 'claimed' AND claimed_at >= ? AND claimed_at < ?)
                    SELECT (SELECT count(*) FROM sums WHERE sums.points > own.points), own.points FROM own",
                )
                .bind(user.0)?
                .bind(from)?
                .bind(to)?;
            Ok(script)
        });
        let rows = rows.await?;
        let row = rows.first().ok_or_else(|| unavailable("a sum has no row"))?;
        let row = ResultRow(row);
        Ok(LeaderboardRow {
            rank: 1 + count(&row, 0)?,
            user_id: user,
            points: total_from_millionths(row.get(1)?),
        })
    }

    pub(super) async fn series(
        &self,
        range: TimeRange,
        bucket: Bucket,
        mission: Option<MissionId>,
    ) -> Result<Vec<AnalyticsRow>, StoreError> {
        let (from, to) = bounds(range);
        let seconds: i64 = match bucket {
            Bucket::Hour => 3_600,
            Bucket::Day => 86_400,
        };
        let rows = self.database.read(|| {
            let mut script = SqlBuilder::new(SERIES);
            script
                .bind(from)?
                .bind(to)?
                .bind(seconds * 1_000_000)?
                .bind(mission.map(|id| id.0))?;
            Ok(script)
        });
        let rows = rows.await?;
        rows.iter()
            .map(|row| {
                let row = ResultRow(row);
                Ok(AnalyticsRow {
                    start: instant(row.get(0)?)?,
                    started: count(&row, 1)?,
                    completed: count(&row, 2)?,
                    check_ins: count(&row, 3)?,
                    claims: count(&row, 4)?,
                    points: total_from_millionths(row.get(5)?),
                    verifications: count(&row, 6)?,
                    verified: count(&row, 7)?,
                })
            })
            .collect()
    }
}

fn bounds(range: TimeRange) -> (i64, i64) {
    let micros = |at: DateTime<Utc>| at.timestamp_micros();
    (range.from.map_or(i64::MIN, micros), micros(range.to))
}

fn count(row: &ResultRow<'_>, column: usize) -> Result<u64, StoreError> {
    u64::try_from(row.get::<i64>(column)?).map_err(unavailable)
}
