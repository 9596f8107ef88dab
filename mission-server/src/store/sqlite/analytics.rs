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

use super::{SqliteStore, connection::unavailable, load::ResultRow, queries::blob, rows::Rows};
use crate::store::record::instant;

/// Sums by user, bound to the range and, in the second form, to some users.
macro_rules! ranking {
    ($among:literal, $then:literal) => {
        concat!(
            "WITH sums AS (SELECT user_id, sum(total_micros) AS points FROM rewards
            WHERE status = 'claimed' AND claimed_at >= ?1 AND claimed_at < ?2 AND ",
            $among,
            " GROUP BY user_id HAVING points <> 0) ",
            $then
        )
    };
}

const LEADERS: &str = ranking!(
    "?3 IS NULL",
    "SELECT rank() OVER (ORDER BY points DESC), hex(user_id), points FROM sums
    ORDER BY points DESC, user_id LIMIT ?4"
);
const LEADERS_AMONG: &str = ranking!(
    "user_id IN (SELECT unhex(value->>0) FROM json_each(?3))",
    "SELECT rank() OVER (ORDER BY points DESC), hex(user_id), points FROM sums
    ORDER BY points DESC, user_id LIMIT ?4"
);
const AHEAD: &str = ranking!("?3 IS NULL", "SELECT count(*) FROM sums WHERE points > ?4");
const AHEAD_AMONG: &str = ranking!(
    "user_id IN (SELECT unhex(value->>0) FROM json_each(?3))",
    "SELECT count(*) FROM sums WHERE points > ?4"
);
const OWN: &str = "SELECT coalesce(sum(total_micros), 0) FROM rewards
    WHERE user_id = ?3 AND status = 'claimed' AND claimed_at >= ?1 AND claimed_at < ?2";

/// The beginning of the bucket that holds an instant: rounded down, before 1970 too.
macro_rules! bucket {
    ($column:literal) => {
        concat!($column, " - ((", $column, " % ?3) + ?3) % ?3")
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
            " FROM ",
            $from,
            " AND ",
            $column,
            " >= ?1 AND ",
            $column,
            " < ?2"
        )
    };
}

const SERIES: &str = concat!(
    "SELECT start, sum(started), sum(completed), sum(check_ins), sum(claims), sum(points), sum(verifications),
        sum(verified) FROM (",
    source!(
        "started_at",
        "1 AS started, 0 AS completed, 0 AS check_ins, 0 AS claims, 0 AS points, 0 AS verifications, 0 AS verified",
        "tasks WHERE (?4 IS NULL OR mission_id = ?4)"
    ),
    " UNION ALL ",
    source!(
        "completed_at",
        "0, 1, 0, 0, 0, 0, 0",
        "tasks WHERE (?4 IS NULL OR mission_id = ?4)"
    ),
    " UNION ALL ",
    source!("checked_in_at", "0, 0, 1, 0, 0, 0, 0", "check_in_days WHERE ?4 IS NULL"),
    " UNION ALL ",
    source!(
        "claimed_at",
        "0, 0, 0, 1, total_micros, 0, 0",
        "rewards WHERE (?4 IS NULL OR mission_id = ?4)"
    ),
    " UNION ALL ",
    // What still waits for a reviewer was not judged yet.
    source!(
        "verified_at",
        "0, 0, 0, 0, 0, 1, is_valid",
        "tasks WHERE (?4 IS NULL OR mission_id = ?4) AND (is_valid OR status <> 'pending_review')"
    ),
    " UNION ALL ",
    source!(
        "revoked_at",
        "0, 0, 0, 0, -total_micros, 0, 0",
        "rewards WHERE (?4 IS NULL OR mission_id = ?4)"
    ),
    " UNION ALL ",
    source!(
        "hour",
        "started, completed, check_ins, claims, points_micros, verifications, verified",
        "activity_counts WHERE (?4 IS NULL OR mission_id = ?4)"
    ),
    ") GROUP BY start ORDER BY start"
);

impl SqliteStore {
    pub(super) async fn leaders(
        &self,
        range: TimeRange,
        among: Option<&[UserId]>,
        limit: usize,
    ) -> Result<Vec<LeaderboardRow>, StoreError> {
        let (from, to) = bounds(range);
        let rows = sqlx::query(if among.is_some() { LEADERS_AMONG } else { LEADERS })
            .bind(from)
            .bind(to)
            .bind(among.map(text_of))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(self.database.readers())
            .await
            .map_err(unavailable)?;
        rows.iter()
            .map(|row| {
                let row = ResultRow(row);
                Ok(LeaderboardRow {
                    rank: count(&row, 0)?,
                    user_id: row.id(1)?.into(),
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
        let mut moment = self.database.readers().begin().await.map_err(unavailable)?;
        let own = sqlx::query(OWN).bind(from).bind(to).bind(blob(user.0));
        let own = own.fetch_one(&mut *moment).await.map_err(unavailable)?;
        let points: i64 = ResultRow(&own).get(0)?;
        let ahead = sqlx::query(if among.is_some() { AHEAD_AMONG } else { AHEAD })
            .bind(from)
            .bind(to)
            .bind(among.map(text_of))
            .bind(points)
            .fetch_one(&mut *moment)
            .await
            .map_err(unavailable)?;
        Ok(LeaderboardRow {
            rank: 1 + count(&ResultRow(&ahead), 0)?,
            user_id: user,
            points: total_from_millionths(points),
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
        let rows = sqlx::query(SERIES)
            .bind(from)
            .bind(to)
            .bind(seconds * 1_000_000)
            .bind(mission.map(|id| blob(id.0)))
            .fetch_all(self.database.readers())
            .await
            .map_err(unavailable)?;
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

fn text_of(users: &[UserId]) -> String {
    let mut rows = Rows::default();
    for user in users {
        rows.row().id(user.0);
    }
    rows.into_text()
}

fn count(row: &ResultRow<'_>, column: usize) -> Result<u64, StoreError> {
    u64::try_from(row.get::<i64>(column)?).map_err(unavailable)
}
