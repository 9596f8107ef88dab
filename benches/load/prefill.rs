//! Users who have claimed rewards before anything is measured, written past the server into its tables.

use chrono::{DateTime, NaiveDate, Utc};
use mission_core::{
    CheckInDayId, Percent, Points, RewardId, UserId,
    check_in::{CheckInDay, Earned},
    reward::{Reward, RewardAmount, RewardStatus, RewardType},
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{Result, backend::Database, schema::Schema};

/// Points of a user with a number: whole ones up to 9,999, as daily rewards give.
const POINTS: &str = "((i * 7919) % 10000) * 1000000";

/// A day ago, in the order of the numbers: older weeks and months are soon removed.
fn claimed() -> String {
    let day_ago = Utc::now() - chrono::Duration::days(1);
    format!("{} + i", day_ago.timestamp_micros())
}

/// How often is looked whether the server is done with its sums.
const FOLDING: std::time::Duration = std::time::Duration::from_millis(200);
/// Ids in the record that each row replaces by its own.
const MARKS: [Uuid; 3] = [Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3)];
/// What the ids of users, rewards and their sources begin with; those of users are [`crate::client::user`]'s.
const PREFIXES: [&str; 3] = ["01900000", "01900001", "01900002"];

/// The record of a reward, with marks for its ids.
fn record() -> Result<String> {
    let claimed = DateTime::<Utc>::from_timestamp_micros(1_780_000_000_000_000);
    let [user, id, source_id] = MARKS;
    let reward = Reward {
        id: RewardId(id),
        user_id: UserId(user),
        source_id,
        mission_version: None,
        stage: None,
        withheld: Points::ZERO,
        caps: Vec::new(),
        revoked_at: None,
        mission_id: None,
        is_budgeted: false,
        reward_type: RewardType::CheckInDaily,
        status: RewardStatus::Claimed,
        amount: RewardAmount::new(10.into(), 0.into()),
        experience_points: 0,
        mining_boost_percent: Percent::ZERO,
        badge_id: None,
        earned_at: claimed.unwrap_or_default(),
        claimed_at: claimed,
        expires_at: None,
    };
    Ok(serde_json::to_string(&reward)?)
}

/// In November 2026, by the second.
const CHECKED_IN: &str = "1793491200000000 + ((i * 7919) % 2592000) * 1000000";

/// Gives so many users one check-in each, somewhere in thirty days.
pub(crate) fn prefill_check_ins(database: &Database, users: u32) -> Result<()> {
    let day = CheckInDay {
        id: CheckInDayId(Uuid::nil()),
        date: NaiveDate::default(),
        streak: 1,
        earned: Earned::default(),
        freezes_used: 0,
        dates_between: 0,
        checked_in_at: DateTime::default(),
    };
    let record = serde_json::to_string(&day)?;
    match database {
        Database::File(folder) => in_sqlite(
            folder,
            &format!(
                "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF;
                WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {users})
                INSERT INTO check_in_days (user_id, date, id, checked_in_at, data)
                SELECT unhex(printf('%032x', i)), 20000, unhex(printf('%032x', i)), {CHECKED_IN}, '{record}' FROM s;"
            ),
        ),
        Database::Schema(schema) => in_postgres(
            schema,
            &format!(
                "INSERT INTO check_in_days (user_id, date, id, checked_in_at, data)
                SELECT lpad(to_hex(i), 32, '0')::uuid, 20000, lpad(to_hex(i), 32, '0')::uuid, {CHECKED_IN}, '{record}'
                FROM generate_series(1, {users}::bigint) AS s (i);"
            ),
        ),
    }
}

/// SQL of a row's record: the marks are replaced by what `id` makes of their prefixes.
fn with_ids(record: &str, id: impl Fn(&str) -> String) -> String {
    let replaced = |sql, (mark, prefix): (Uuid, &str)| format!("replace({sql}, '{mark}', {})", id(prefix));
    MARKS
        .into_iter()
        .zip(PREFIXES)
        .fold(format!("'{record}'"), replaced)
}

/// Gives so many users one claimed reward each.
pub(crate) fn prefill(database: &Database, users: u32) -> Result<()> {
    let claimed_at = claimed();
    match database {
        Database::File(folder) => {
            let text = |prefix: &str| format!("('{prefix}-0000-7000-8000-' || printf('%012x', i))");
            let [user, reward, source] = PREFIXES.map(|prefix| format!("unhex({}, '-')", text(prefix)));
            let data = with_ids(&record()?, text);
            in_sqlite(
                folder,
                &format!(
                    "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF;
                    WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {users})
                    INSERT INTO rewards (user_id, id, reward_type, source_id, status, total_micros, claimed_at, data)
                    SELECT {user}, {reward}, 'check_in_daily', {source}, 'claimed', {POINTS}, {claimed_at}, {data} FROM s;"
                ),
            )
        }
        Database::Schema(schema) => {
            let text = |prefix: &str| format!("('{prefix}-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))");
            let [user, reward, source] = PREFIXES.map(|prefix| format!("{}::uuid", text(prefix)));
            let data = with_ids(&record()?, text);
            in_postgres(
                schema,
                &format!(
                    "INSERT INTO rewards (user_id, id, reward_type, source_id, status, total_micros, claimed_at, data)
                    SELECT {user}, {reward}, 'check_in_daily', {source}, 'claimed', {POINTS}, {claimed_at}, {data}
                    FROM generate_series(1, {users}::bigint) AS s (i);"
                ),
            )
        }
    }
}

/// Runs SQL, and waits until the server has folded what was noted into its sums.
fn in_sqlite(folder: &TempDir, sql: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let options = SqliteConnectOptions::new()
            .filename(Database::file(folder))
            .busy_timeout(std::time::Duration::from_secs(60));
        let mut connection = SqliteConnection::connect_with(&options).await?;
        sqlx::raw_sql(sql).execute(&mut connection).await?;
        while !sqlx::query("SELECT 1 FROM activity LIMIT 1")
            .fetch_all(&mut connection)
            .await?
            .is_empty()
        {
            tokio::time::sleep(FOLDING).await;
        }
        Ok(connection.close().await?)
    })
}

/// The same.
fn in_postgres(schema: &Schema, sql: &str) -> Result<()> {
    schema.run(sql)?;
    while schema.has_rows("SELECT 1 FROM activity LIMIT 1")? {
        std::thread::sleep(FOLDING);
    }
    // A database that grew to this size has been looked through and cleaned on the way.
    schema.run("VACUUM ANALYZE")
}
