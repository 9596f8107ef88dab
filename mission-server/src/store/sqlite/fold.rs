//! Folds noted activity into the scores of boards and the counts of hours.

use mission_core::ports::store::StoreError;

use super::connection::{Database, unavailable};
use crate::store::{
    database::Durability,
    row::SqlRow,
    sql_builder::SqlBuilder,
    sums::{FOLDED_AT_ONCE, activity_by_hour},
};

const COUNTS: &str = concat!(
    "INSERT INTO activity_counts AS kept ",
    activity_by_hour!("zeroblob(16)", "activity WHERE id <= ? AND kind <> 8"),
    ";"
);

/// How much each user's points on each board change.
const MOVES: &str = "CREATE TEMP TABLE IF NOT EXISTS score_moves
        (board INTEGER, user_id BLOB, delta INTEGER, PRIMARY KEY (board, user_id)) STRICT, WITHOUT ROWID;
    INSERT INTO score_moves (board, user_id, delta) SELECT board, user_id, sum(micros) FROM (
        WITH moved AS (SELECT user_id, times * micros AS micros,
            (at - ((at % 86400000000) + 86400000000) % 86400000000) / 86400000000 AS day
            FROM activity WHERE id <= ? AND user_id IS NOT NULL)
        SELECT 0 AS board, user_id, micros FROM moved
        UNION ALL SELECT unixepoch(day * 86400, 'unixepoch', 'start of month') / 86400 * 4 + 1, user_id, micros FROM moved
        UNION ALL SELECT (day - ((day + 3) % 7 + 7) % 7) * 4 + 2, user_id, micros FROM moved)
    GROUP BY board, user_id HAVING sum(micros) <> 0;";

/// Takes those whose points change out of the counts, or puts them back.
macro_rules! score_counts {
    ($times:literal) => {
        concat!(
            "INSERT INTO score_counts AS kept (board, width, bucket, users)
            SELECT board, width, points >> width, sum(",
            $times,
            ") FROM score_moves JOIN scores USING (board, user_id)
                CROSS JOIN (SELECT 30 AS width UNION ALL SELECT 25 UNION ALL SELECT 20)
            WHERE points <> 0 GROUP BY board, width, points >> width
            ON CONFLICT (board, width, bucket) DO UPDATE SET users = kept.users + excluded.users;"
        )
    };
}

const SCORES: &str = concat!(
    score_counts!("-1"),
    "INSERT INTO scores AS kept (board, user_id, points) SELECT board, user_id, delta FROM score_moves WHERE TRUE
        ON CONFLICT (board, user_id) DO UPDATE SET points = kept.points + excluded.points;",
    score_counts!("1"),
    "DELETE FROM scores WHERE points = 0 AND (board, user_id) IN (SELECT board, user_id FROM score_moves);
    DELETE FROM score_moves;"
);

/// Folds the first rows, and answers how many.
pub(super) async fn fold(database: &Database) -> Result<u64, StoreError> {
    let mut guard = database.lock_writer().await?;
    let mut first = SqlBuilder::new("SELECT max(id), count(*) FROM (SELECT id FROM activity ORDER BY id");
    first.limit(FOLDED_AT_ONCE).then(")");
    let rows = guard.read(first).await.map_err(unavailable)?;
    let Some(row) = rows.first() else {
        return Ok(0);
    };
    let Some(last) = row.optional_number(0)? else {
        return Ok(0);
    };
    let count = row.count(1)?;
    let mut script = SqlBuilder::new("BEGIN IMMEDIATE;");
    script
        .then(COUNTS)
        .bind(last)
        .then(MOVES)
        .bind(last)
        .then(SCORES)
        .then("DELETE FROM activity WHERE id <= ?;")
        .bind(last)
        .then("COMMIT;");
    guard
        .write(Durability::Relaxed, script)
        .await
        .map_err(unavailable)?;
    guard.finished();
    Ok(count)
}
