//! A leaderboard among 5,000 friends against one of all users, on the stores that the server uses.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use mission_core::{
    UserId,
    ports::queries::{Board, Queries},
};
use mission_server::store::{
    postgres::{PostgresOptions, PostgresStore},
    sqlite::{SqliteOptions, SqliteStore},
};
use sqlx::{Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use uuid::Uuid;

use crate::{Options, Result, millis, percentile};

/// As many as the server takes.
const FRIENDS: usize = 5_000;
/// Rows of a page.
const LIMIT: usize = 50;

/// Measures, and prints a line a database.
pub(crate) async fn measure(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("friends.db").display());
    let store = SqliteStore::open(&url, SqliteOptions::default()).await?;
    // There are no users behind these rewards.
    let unchecked = SqliteConnectOptions::from_str(&url)?.foreign_keys(false);
    let mut database = SqliteConnection::connect_with(&unchecked).await?;
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO rewards (user_id, id, reward_type, source_id, status, total_micros, claimed_at, data)
        SELECT randomblob(16), randomblob(16), 'MISSION_COMPLETE', randomblob(16), 'claimed',
            abs(random()) % 1000000000, 1767225600000000 + i, '{}' FROM n",
    )
    .bind(options.users)
    .execute(&mut database)
    .await?;
    sqlx::query("ANALYZE").execute(&mut database).await?;
    let ids: Vec<Vec<u8>> = sqlx::query_scalar("SELECT user_id FROM rewards ORDER BY id LIMIT ?")
        .bind(i64::try_from(FRIENDS)?)
        .fetch_all(&mut database)
        .await?;
    let friends = ids
        .iter()
        .map(|id| Ok(UserId(Uuid::from_slice(id)?)))
        .collect::<Result<Vec<_>>>()?;
    compare("SQLite", &store, &friends, options).await?;
    if let Some(url) = &options.postgres {
        on_postgres(url, options).await?;
    }
    Ok(())
}

async fn on_postgres(url: &str, options: &Options) -> Result<()> {
    let name = format!("mission_friends_{}", Uuid::new_v4().simple());
    let mut database = PgConnection::connect(url).await?;
    sqlx::raw_sql(&format!("CREATE SCHEMA {name}"))
        .execute(&mut database)
        .await?;
    let joint = if url.contains('?') { '&' } else { '?' };
    let own = format!("{url}{joint}options=-csearch_path%3D{name}");
    let store = PostgresStore::open(&own, PostgresOptions::default()).await?;
    let mut inside = PgConnection::connect(&own).await?;
    sqlx::query(
        "INSERT INTO rewards (user_id, id, reward_type, source_id, status, total_micros, claimed_at, data)
        SELECT gen_random_uuid(), gen_random_uuid(), 'MISSION_COMPLETE', gen_random_uuid(), 'claimed',
            floor(random() * 1000000000)::bigint, 1767225600000000 + i, '{}' FROM generate_series(1, $1::bigint) i",
    )
    .bind(i64::from(options.users))
    .execute(&mut inside)
    .await?;
    sqlx::raw_sql("VACUUM ANALYZE rewards")
        .execute(&mut inside)
        .await?;
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT user_id FROM rewards ORDER BY id LIMIT $1")
        .bind(i64::try_from(FRIENDS)?)
        .fetch_all(&mut inside)
        .await?;
    let friends: Vec<UserId> = ids.into_iter().map(UserId).collect();
    let compared = compare("PostgreSQL", &store, &friends, options).await;
    sqlx::raw_sql(&format!("DROP SCHEMA {name} CASCADE"))
        .execute(&mut database)
        .await?;
    compared
}

async fn compare(name: &str, store: &dyn Queries, friends: &[UserId], options: &Options) -> Result<()> {
    let me = *friends.first().ok_or("nobody has friends")?;
    let (mut of_all, mut of_friends) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        // As the route does: the page and the caller's own row.
        let began = Instant::now();
        store.leaderboard(Board::all_time(), None, LIMIT).await?;
        store.leaderboard_row(Board::all_time(), None, me).await?;
        of_all.push(began.elapsed());
        let began = Instant::now();
        let rows = store
            .leaderboard(Board::all_time(), Some(friends), friends.len())
            .await?;
        of_friends.push(began.elapsed());
        if rows.len() != friends.len() {
            return Err(format!("{} of {} friends have a rank", rows.len(), friends.len()).into());
        }
    }
    let median = |times: &mut Vec<Duration>| millis(percentile(times, 50));
    let (all, friends) = (median(&mut of_all), median(&mut of_friends));
    println!(
        "{name}: among {FRIENDS} friends of {} users {friends:.1} ms, among all {all:.1} ms: {:.2}",
        options.users,
        friends / all
    );
    Ok(())
}
