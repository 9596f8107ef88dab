//! Sums that are kept: leaderboards and analytics.
//!
//! What happens is noted in the table `activity` within the commit, and folded behind it into the scores of boards and
//! the counts of hours. Whoever reads has what was noted before folded first, so that no answer lags behind.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use mission_core::{
    MissionId, UserId,
    points::total_from_millionths,
    ports::{
        queries::{
            ActivityCounts, Board, BoardSpan, Bucket, CountedMissions, LeaderboardRow, StreakCounts,
            TimeRange,
        },
        store::StoreError,
    },
};
use uuid::Uuid;

use super::{
    database::{Durability, SqlDatabase, delete_in_parts},
    queries::none_of,
    record::{days, instant},
    row::SqlRow,
    sql_builder::SqlBuilder,
};

/// Noted rows that one transaction folds, so that commits wait for milliseconds at most.
pub(super) const FOLDED_AT_ONCE: usize = 1_000;

/// The rows of `activity_counts` that noted rows add, and how they are added. The nil id stands for no mission.
macro_rules! activity_by_hour {
    ($nil:literal, $from:literal) => {
        concat!(
            "(hour, mission_id, started, completed, check_ins, claims, points_micros, verifications, verified)
            SELECT at - ((at % 3600000000) + 3600000000) % 3600000000 AS hour, coalesce(mission_id, ",
            $nil,
            ") AS mission,
                sum(CASE WHEN kind = 1 THEN times ELSE 0 END), sum(CASE WHEN kind = 2 THEN times ELSE 0 END),
                sum(CASE WHEN kind = 3 THEN times ELSE 0 END), sum(CASE WHEN kind = 4 THEN times ELSE 0 END),
                sum(CASE kind WHEN 4 THEN times * micros WHEN 5 THEN -times * micros ELSE 0 END),
                sum(CASE WHEN kind IN (6, 7) THEN times ELSE 0 END), sum(CASE WHEN kind = 7 THEN times ELSE 0 END)
            FROM ",
            $from,
            " GROUP BY hour, mission ORDER BY hour, mission
            ON CONFLICT (hour, mission_id) DO UPDATE SET started = kept.started + excluded.started,
                completed = kept.completed + excluded.completed, check_ins = kept.check_ins + excluded.check_ins,
                claims = kept.claims + excluded.claims, points_micros = kept.points_micros + excluded.points_micros,
                verifications = kept.verifications + excluded.verifications,
                verified = kept.verified + excluded.verified"
        )
    };
}
pub(super) use activity_by_hour;

/// The number under which a board is kept.
pub(crate) fn key(board: Board) -> i64 {
    let first_day = board.first_day().map_or(0, days);
    match board.span() {
        BoardSpan::AllTime => 0,
        BoardSpan::Month => first_day * 4 + 1,
        BoardSpan::Week => first_day * 4 + 2,
    }
}

/// The first users of a board.
pub(super) async fn leaders<D: SqlDatabase>(
    database: &D,
    board: Board,
    among: Option<&[UserId]>,
    limit: usize,
) -> Result<Vec<LeaderboardRow>, StoreError> {
    let mut query = SqlBuilder::new("SELECT user_id, points FROM scores WHERE board = ? AND points <> 0")
        .with(key(board));
    if let Some(among) = among {
        let ids: Vec<Uuid> = among.iter().map(|user| user.0).collect();
        query.then(" AND user_id ").then(D::DIALECT.is_any_id).bind(ids);
    }
    query.then(" ORDER BY points DESC, user_id").limit(limit);
    let rows = database.read(query).await?;
    let mut leaders: Vec<LeaderboardRow> = Vec::with_capacity(rows.len());
    for (place, row) in (1..).zip(&rows) {
        let points = total_from_millionths(row.number(1)?);
        let rank = leaders.last().filter(|before| before.points == points);
        leaders.push(LeaderboardRow {
            rank: rank.map_or(place, |before| before.rank),
            user_id: row.id(0)?.into(),
            points,
        });
    }
    Ok(leaders)
}

/// One user's row of a board, and whether all that was noted is in it.
pub(super) async fn own_row<D: SqlDatabase>(
    database: &D,
    board: Board,
    among: Option<&[UserId]>,
    user: UserId,
) -> Result<(LeaderboardRow, bool), StoreError> {
    let board = key(board);
    let mut query =
        SqlBuilder::new("SELECT own.points, (SELECT CAST(coalesce(sum(ahead.users), 0) AS bigint) FROM (");
    match among {
        Some(among) => {
            let ids: Vec<Uuid> = among.iter().map(|user| user.0).collect();
            query
                .then("SELECT count(*) AS users FROM scores WHERE board = ? AND points > own.points AND points <> 0 AND user_id ")
                .bind(board)
                .then(D::DIALECT.is_any_id)
                .bind(ids);
        }
        None => {
            // Whole buckets of about a thousand points, those of about 33 points in the rest of the own one, those of about one
            // point in the rest of that, and the scores in what is left.
            query
                .then(
                    "SELECT users FROM score_counts WHERE board = ? AND width = 30 AND bucket > own.points >> 30
                    UNION ALL SELECT users FROM score_counts WHERE board = ? AND width = 25
                        AND bucket > own.points >> 25 AND bucket < ((own.points >> 30) + 1) << 5
                    UNION ALL SELECT users FROM score_counts WHERE board = ? AND width = 20
                        AND bucket > own.points >> 20 AND bucket < ((own.points >> 25) + 1) << 5
                    UNION ALL SELECT count(*) FROM scores WHERE board = ? AND points <> 0
                        AND points > own.points AND points < ((own.points >> 20) + 1) << 20",
                )
                .bind(board)
                .bind(board)
                .bind(board)
                .bind(board);
        }
    }
    query
        .then(
            ") AS ahead), (SELECT count(*) FROM (SELECT 1 FROM activity ORDER BY id LIMIT 1) AS noted)
            FROM (SELECT coalesce((SELECT points FROM scores WHERE board = ? AND user_id = ?), 0)
                AS points) AS own",
        )
        .bind(board)
        .bind(user.0);
    let rows = database.read(query).await?;
    let row = rows
        .first()
        .ok_or_else(|| super::record::unavailable("a score has no row"))?;
    let own = LeaderboardRow {
        rank: 1 + row.count(1)?,
        user_id: user,
        points: total_from_millionths(row.number(0)?),
    };
    Ok((own, row.count(2)? == 0))
}

/// The sums of counted rows, from the second column on.
const SUMS: &str =
    "CAST(sum(started) AS bigint), CAST(sum(completed) AS bigint), CAST(sum(check_ins) AS bigint),
    CAST(sum(claims) AS bigint), CAST(sum(points_micros) AS bigint), CAST(sum(verifications) AS bigint),
    CAST(sum(verified) AS bigint) FROM activity_counts WHERE hour >= ? AND hour < ?";

/// The hours of a stretch of time: the first one, and the first one after it.
fn hours(range: TimeRange) -> (i64, i64) {
    const HOUR: i64 = 3_600_000_000;
    let from = range.from.map_or(i64::MIN, |from| {
        let from = from.timestamp_micros();
        from - from.rem_euclid(HOUR)
    });
    (from, range.to.timestamp_micros())
}

fn counts(row: &impl SqlRow) -> Result<ActivityCounts, StoreError> {
    Ok(ActivityCounts {
        started: row.count(1)?,
        completed: row.count(2)?,
        check_ins: row.count(3)?,
        claims: row.count(4)?,
        points: total_from_millionths(row.number(5)?),
        verifications: row.count(6)?,
        verified: row.count(7)?,
    })
}

/// What happened, by bucket.
pub(super) async fn series<D: SqlDatabase>(
    database: &D,
    range: TimeRange,
    bucket: Bucket,
    missions: CountedMissions<'_>,
) -> Result<BTreeMap<DateTime<Utc>, ActivityCounts>, StoreError> {
    let (from, to) = hours(range);
    let mut query = SqlBuilder::new(match bucket {
        Bucket::Hour => "SELECT hour AS start, ",
        Bucket::Day => "SELECT hour - ((hour % 86400000000) + 86400000000) % 86400000000 AS start, ",
    });
    query.then(SUMS).bind(from).bind(to);
    match missions {
        CountedMissions::One(mission) => {
            query.then(" AND mission_id = ?").bind(mission.0);
        }
        CountedMissions::AllBut(hidden) => none_of::<D>(&mut query, hidden),
    }
    query.then(" GROUP BY start");
    let mut series = BTreeMap::new();
    for row in &database.read(query).await? {
        series.insert(instant(row.number(0)?)?, counts(row)?);
    }
    // Where everything was taken back, nothing happened.
    series.retain(|_, counts| *counts != ActivityCounts::default());
    Ok(series)
}

/// What happened with each mission.
pub(super) async fn by_mission<D: SqlDatabase>(
    database: &D,
    range: TimeRange,
) -> Result<BTreeMap<MissionId, ActivityCounts>, StoreError> {
    let (from, to) = hours(range);
    let mut query = SqlBuilder::new("SELECT mission_id, ");
    query.then(SUMS).bind(from).bind(to).then(" GROUP BY mission_id");
    let mut missions = BTreeMap::new();
    for row in &database.read(query).await? {
        missions.insert(MissionId::from(row.id(0)?), counts(row)?);
    }
    // What belongs to no mission is counted under the nil id.
    missions.retain(|mission, counts| !mission.0.is_nil() && *counts != ActivityCounts::default());
    Ok(missions)
}

/// Who checked in on each date, by the length of the streak.
pub(super) async fn streaks<D: SqlDatabase>(
    database: &D,
    first: NaiveDate,
    last: NaiveDate,
) -> Result<BTreeMap<(NaiveDate, u32), StreakCounts>, StoreError> {
    let query =
        SqlBuilder::new("SELECT date, length, users, returned FROM streak_totals WHERE date BETWEEN ? AND ?");
    let rows = database.read(query.with(days(first)).with(days(last))).await?;
    let mut counts = BTreeMap::new();
    for row in &rows {
        let date = NaiveDate::default() + Duration::days(row.number(0)?);
        let length = u32::try_from(row.number(1)?).unwrap_or(u32::MAX);
        let streaks = StreakCounts {
            users: row.count(2)?,
            returned: row.count(3)?,
        };
        counts.insert((date, length), streaks);
    }
    Ok(counts)
}

/// Removes the scores of weeks and months that nobody reads any more, a little at a time.
pub(super) async fn prune(database: &impl SqlDatabase, now: DateTime<Utc>) -> Result<u64, StoreError> {
    const KEPT: chrono::Duration = chrono::Duration::days(70);
    let before = days((now - KEPT).date_naive()) * 4;
    let scores = "DELETE FROM scores WHERE (board, user_id) IN
        (SELECT board, user_id FROM scores WHERE board <> 0 AND board < ? ORDER BY board LIMIT 1000) RETURNING 1";
    let pruned = delete_in_parts(database, scores, before).await?;
    let counts = SqlBuilder::new("DELETE FROM score_counts WHERE board <> 0 AND board < ?");
    database.write(Durability::Relaxed, counts.with(before)).await?;
    Ok(pruned)
}
