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

use super::{
    database::SqlDatabase,
    record::{instant, limit_of, unavailable},
    row::SqlRow,
    sql_builder::SqlBuilder,
};

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
    "WITH bounds AS (SELECT ? AS since, ? AS until, ? AS width, ? AS mission)
    SELECT start, CAST(sum(started) AS bigint), CAST(sum(completed) AS bigint), CAST(sum(check_ins) AS bigint),
        CAST(sum(claims) AS bigint), CAST(sum(points) AS bigint), CAST(sum(verifications) AS bigint),
        CAST(sum(verified) AS bigint) FROM (",
    source!(
        "started_at",
        "1 AS started, 0 AS completed, 0 AS check_ins, 0 AS claims, CAST(0 AS bigint) AS points, 0 AS verifications,
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
        "0, 0, 0, 0, 0, 1, CAST(is_valid AS int)",
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
fn sums<D: SqlDatabase>(range: TimeRange, among: Option<&[UserId]>) -> SqlBuilder {
    let (from, to) = bounds(range);
    let mut query = SqlBuilder::new(
        "WITH sums AS (SELECT user_id, CAST(sum(total_micros) AS bigint) AS points FROM rewards
        WHERE status = 'claimed' AND claimed_at >= ? AND claimed_at < ?",
    );
    query.bind(from).bind(to);
    if let Some(among) = among {
        let ids: Vec<Uuid> = among.iter().map(|user| user.0).collect();
        query.then(" AND user_id ").then(D::DIALECT.is_any_id).bind(ids);
    }
    query.then(" GROUP BY user_id HAVING sum(total_micros) <> 0) ");
    query
}

/// The first users of a leaderboard.
pub(super) async fn leaders<D: SqlDatabase>(
    database: &D,
    range: TimeRange,
    among: Option<&[UserId]>,
    limit: usize,
) -> Result<Vec<LeaderboardRow>, StoreError> {
    let mut query = sums::<D>(range, among);
    query
        .then(
            "SELECT rank() OVER (ORDER BY points DESC), user_id, points FROM sums
            ORDER BY points DESC, user_id LIMIT ?",
        )
        .bind(limit_of(limit));
    let rows = database.read(query).await?;
    rows.iter()
        .map(|row| {
            Ok(LeaderboardRow {
                rank: row.count(0)?,
                user_id: row.id(1)?.into(),
                points: total_from_millionths(row.number(2)?),
            })
        })
        .collect()
}

/// One user's place on a leaderboard.
pub(super) async fn place_among_leaders<D: SqlDatabase>(
    database: &D,
    range: TimeRange,
    among: Option<&[UserId]>,
    user: UserId,
) -> Result<LeaderboardRow, StoreError> {
    let (from, to) = bounds(range);
    let mut query = sums::<D>(range, among);
    query
        .then(
            ", own AS (SELECT CAST(coalesce(sum(total_micros), 0) AS bigint) AS points FROM rewards
                WHERE user_id = ? AND status = 'claimed' AND claimed_at >= ? AND claimed_at < ?)
            SELECT (SELECT count(*) FROM sums WHERE sums.points > own.points), own.points FROM own",
        )
        .bind(user.0)
        .bind(from)
        .bind(to);
    let rows = database.read(query).await?;
    let row = rows.first().ok_or_else(|| unavailable("a sum has no row"))?;
    Ok(LeaderboardRow {
        rank: 1 + row.count(0)?,
        user_id: user,
        points: total_from_millionths(row.number(1)?),
    })
}

/// What happened, by bucket.
pub(super) async fn series<D: SqlDatabase>(
    database: &D,
    range: TimeRange,
    bucket: Bucket,
    mission: Option<MissionId>,
) -> Result<Vec<AnalyticsRow>, StoreError> {
    let (from, to) = bounds(range);
    let seconds: i64 = match bucket {
        Bucket::Hour => 3_600,
        Bucket::Day => 86_400,
    };
    let query = SqlBuilder::new(SERIES)
        .with(from)
        .with(to)
        .with(seconds * 1_000_000)
        .with(mission.map(|id| id.0));
    let rows = database.read(query).await?;
    rows.iter()
        .map(|row| {
            Ok(AnalyticsRow {
                start: instant(row.number(0)?)?,
                started: row.count(1)?,
                completed: row.count(2)?,
                check_ins: row.count(3)?,
                claims: row.count(4)?,
                points: total_from_millionths(row.number(5)?),
                verifications: row.count(6)?,
                verified: row.count(7)?,
            })
        })
        .collect()
}

fn bounds(range: TimeRange) -> (i64, i64) {
    let micros = |at: DateTime<Utc>| at.timestamp_micros();
    (range.from.map_or(i64::MIN, micros), micros(range.to))
}
