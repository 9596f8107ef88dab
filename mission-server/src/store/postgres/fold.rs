//! Folds noted activity into the scores of boards, the counts of hours and those of streaks.

use mission_core::ports::store::StoreError;

use super::connection::{Database, failure};
use crate::store::{
    database::Durability,
    row::SqlRow,
    sql_builder::SqlBuilder,
    sums::{FOLDED_AT_ONCE, activity_by_hour},
};

/// One process at a time, so that no two wait for each other in a circle.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7521962890171954)";

/// What is taken out of the notes is folded in the same statement. All sums are changed by what is added, never set, so
/// that it does not matter what was seen of them.
const TAKE: &str = "WITH taken AS (DELETE FROM activity WHERE id IN (SELECT id FROM activity ORDER BY id";
const FOLD: &str = concat!(
    ")
        RETURNING kind, times, at, mission_id, user_id, micros),
    counted AS (INSERT INTO activity_counts AS kept ",
    activity_by_hour!(
        "'00000000-0000-0000-0000-000000000000'::uuid",
        "taken WHERE kind <> 8"
    ),
    "),
    days AS (SELECT user_id, times * micros AS micros,
            ((at - ((at % 86400000000) + 86400000000) % 86400000000) / 86400000000)::int AS day
        FROM taken WHERE user_id IS NOT NULL),
    moved AS (SELECT board, user_id, sum(micros)::bigint AS delta FROM (
            SELECT user_id, micros, unnest(ARRAY[0,
                (date_trunc('month', date '1970-01-01' + day)::date - date '1970-01-01') * 4 + 1,
                (day - ((day + 3) % 7 + 7) % 7) * 4 + 2])::bigint AS board FROM days) AS on_boards
        GROUP BY board, user_id HAVING sum(micros) <> 0),
    scored AS (INSERT INTO scores AS kept (board, user_id, points)
        SELECT board, user_id, delta FROM moved ORDER BY board, user_id
        ON CONFLICT (board, user_id) DO UPDATE SET points = kept.points + excluded.points
        RETURNING board, user_id, points),
    steps AS (SELECT board, points AS after, points - delta AS before FROM scored JOIN moved USING (board, user_id)),
    ranked AS (INSERT INTO score_counts AS kept (board, width, bucket, users)
        SELECT board, width, bucket, sum(users) FROM (
            SELECT board, width, after >> width AS bucket, 1 AS users FROM steps, (VALUES (30), (25), (20)) AS w (width)
                WHERE after <> 0
            UNION ALL SELECT board, width, before >> width, -1 FROM steps, (VALUES (30), (25), (20)) AS w (width)
                WHERE before <> 0) AS steps_of_counts
        GROUP BY board, width, bucket HAVING sum(users) <> 0 ORDER BY board, width, bucket
        ON CONFLICT (board, width, bucket) DO UPDATE SET users = kept.users + excluded.users)
    SELECT count(*) FROM taken"
);

/// The same of streaks.
const TAKE_STREAKS: &str =
    "WITH taken AS (DELETE FROM streak_notes WHERE id IN (SELECT id FROM streak_notes ORDER BY id";
const FOLD_STREAKS: &str = ") RETURNING dates, lengths, users, returned),
    counted AS (INSERT INTO streak_counts AS kept (date, length, users, returned)
        SELECT date, length, sum(one.users), sum(one.returned)
        FROM taken, unnest(taken.dates, taken.lengths, taken.users, taken.returned) AS one (date, length, users, returned)
        GROUP BY date, length ORDER BY date, length
        ON CONFLICT (date, length) DO UPDATE SET users = kept.users + excluded.users,
            returned = kept.returned + excluded.returned)
    SELECT count(*) FROM taken";

/// Folds the first rows, and answers how many.
pub(super) async fn fold(database: &Database) -> Result<u64, StoreError> {
    let failed = |error: sqlx::Error| failure(&error);
    let mut transaction = database.begin(Durability::Relaxed).await.map_err(failed)?;
    transaction.run(SqlBuilder::new(LOCK)).await.map_err(failed)?;
    let mut fold = SqlBuilder::new(TAKE);
    fold.limit(FOLDED_AT_ONCE).then(FOLD);
    let rows = transaction.run(fold).await.map_err(failed)?;
    let empty = SqlBuilder::new("DELETE FROM scores WHERE points = 0");
    transaction.run(empty).await.map_err(failed)?;
    let mut streaks = SqlBuilder::new(TAKE_STREAKS);
    streaks.limit(FOLDED_AT_ONCE).then(FOLD_STREAKS);
    let streak_rows = transaction.run(streaks).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    let folded = rows.first().map_or(Ok(0), |row| row.count(0))?;
    let streaks = streak_rows.first().map_or(Ok(0), |row| row.count(0))?;
    database.activity.removed(database, folded).await;
    database.streak_notes.removed(database, streaks).await;
    Ok(folded)
}
