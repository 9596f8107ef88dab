//! The usual designs of a check-in, for the load program to measure beside the product: a transaction of five statements
//! a request, and one statement (a chain of CTEs) a request, behind the same HTTP stack and the same token check.
//!
//! ```text
//! load-baseline transaction|cte DATABASE_URL
//! ```

#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::{error::Error, str::FromStr, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    routing::post,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{
    PgPool, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::Uuid;

/// The days since 1970 on which everybody checks in; the day itself does not matter.
const TODAY: i64 = 20_000;

enum Design {
    Transaction(PgPool),
    Cte(PgPool),
    SqliteTransaction(SqlitePool),
}

struct Service {
    design: Design,
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [design, url] = &arguments[..] else {
        return Err("give a design (`transaction` or `cte`) and the address of a database".into());
    };
    let secret = std::env::var("MISSION_JWT_SECRET")?;
    let design = match (design.as_str(), url.starts_with("sqlite:")) {
        ("transaction", true) => Design::SqliteTransaction(sqlite(url).await?),
        ("transaction", false) => Design::Transaction(postgres(url).await?),
        ("cte", false) => Design::Cte(postgres(url).await?),
        (other, _) => return Err(format!("there is no design `{other}` for `{url}`").into()),
    };
    let service = Service {
        design,
        key: DecodingKey::from_secret(secret.as_bytes()),
        validation: Validation::new(Algorithm::HS256),
    };
    let app = Router::new()
        .route("/api/v1/checkin", post(check_in))
        .with_state(Arc::new(service));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn postgres(url: &str) -> Result<PgPool, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .min_connections(16)
        .test_before_acquire(false)
        .connect(url)
        .await?;
    let tables =
        "CREATE TABLE users (user_id uuid PRIMARY KEY, streak bigint NOT NULL, longest bigint NOT NULL,
            last_day bigint NOT NULL, total bigint NOT NULL, updated_at timestamptz NOT NULL);
        CREATE TABLE days (user_id uuid, day bigint, streak bigint NOT NULL, PRIMARY KEY (user_id, day));
        CREATE TABLE rewards (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id uuid NOT NULL,
            source text NOT NULL, points bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
        CREATE INDEX rewards_by_user ON rewards (user_id);
        CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL,
            payload jsonb NOT NULL, sent_at timestamptz);";
    sqlx::raw_sql(tables).execute(&pool).await?;
    Ok(pool)
}

async fn sqlite(url: &str) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    let tables = "CREATE TABLE users (user_id BLOB PRIMARY KEY, streak INTEGER, longest INTEGER, last_day INTEGER,
            total INTEGER, updated_at TEXT) WITHOUT ROWID;
        CREATE TABLE days (user_id BLOB, day INTEGER, streak INTEGER, PRIMARY KEY (user_id, day)) WITHOUT ROWID;
        CREATE TABLE rewards (id INTEGER PRIMARY KEY, user_id BLOB, source TEXT, points INTEGER, created_at TEXT);
        CREATE INDEX rewards_by_user ON rewards (user_id);
        CREATE TABLE outbox (id INTEGER PRIMARY KEY, topic TEXT, payload TEXT, sent_at TEXT);";
    sqlx::raw_sql(tables).execute(&pool).await?;
    Ok(pool)
}

async fn check_in(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer "));
    let claims = decode::<Claims>(token.unwrap_or_default(), &service.key, &service.validation)
        .map_err(|_| StatusCode::UNAUTHORIZED)?;
    let user = claims.claims.sub;
    let streak = match &service.design {
        Design::Transaction(pool) => transaction(pool, user).await,
        Design::Cte(pool) => cte(pool, user).await,
        Design::SqliteTransaction(pool) => sqlite_transaction(pool, user).await,
    };
    match streak {
        Ok(Some(streak)) => Ok(Json(
            json!({"streak": streak, "points": "10", "checked_in": true}),
        )),
        Ok(None) => Err(StatusCode::CONFLICT),
        Err(error) => {
            eprintln!("{error}");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// The streak after a visit today, and the longest; `None` where there was one already.
fn next_streak(known: Option<(i64, i64, i64)>) -> Option<(i64, i64)> {
    match known {
        Some((_, _, last_day)) if last_day >= TODAY => None,
        Some((streak, longest, last_day)) if last_day == TODAY - 1 => {
            Some((streak + 1, longest.max(streak + 1)))
        }
        Some((_, longest, _)) => Some((1, longest.max(1))),
        None => Some((1, 1)),
    }
}

async fn transaction(pool: &PgPool, user: Uuid) -> Result<Option<i64>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let known = sqlx::query_as("SELECT streak, longest, last_day FROM users WHERE user_id = $1 FOR UPDATE")
        .bind(user)
        .fetch_optional(&mut *transaction)
        .await?;
    let Some((streak, longest)) = next_streak(known) else {
        return Ok(None);
    };
    sqlx::query(
        "INSERT INTO users VALUES ($1, $2, $3, $4, 1, now()) ON CONFLICT (user_id) DO UPDATE SET
            streak = $2, longest = $3, last_day = $4, total = users.total + 1, updated_at = now()",
    )
    .bind(user)
    .bind(streak)
    .bind(longest)
    .bind(TODAY)
    .execute(&mut *transaction)
    .await?;
    sqlx::query("INSERT INTO days VALUES ($1, $2, $3)")
        .bind(user)
        .bind(TODAY)
        .bind(streak)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("INSERT INTO rewards (user_id, source, points) VALUES ($1, 'check_in', 10)")
        .bind(user)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO outbox (topic, payload) VALUES ('checked_in',
            jsonb_build_object('user_id', $1::uuid, 'streak', $2::bigint, 'points', 10))",
    )
    .bind(user)
    .bind(streak)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some(streak))
}

async fn cte(pool: &PgPool, user: Uuid) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "WITH visit AS (INSERT INTO users AS u VALUES ($1, 1, 1, $2, 1, now())
            ON CONFLICT (user_id) DO UPDATE SET
                streak = CASE WHEN u.last_day = $2 - 1 THEN u.streak + 1 ELSE 1 END,
                longest = greatest(u.longest, CASE WHEN u.last_day = $2 - 1 THEN u.streak + 1 ELSE 1 END),
                last_day = $2, total = u.total + 1, updated_at = now()
            WHERE u.last_day < $2 RETURNING user_id, streak),
        day AS (INSERT INTO days SELECT user_id, $2, streak FROM visit),
        reward AS (INSERT INTO rewards (user_id, source, points) SELECT user_id, 'check_in', 10 FROM visit),
        event AS (INSERT INTO outbox (topic, payload) SELECT 'checked_in',
            jsonb_build_object('user_id', user_id, 'streak', streak, 'points', 10) FROM visit)
        SELECT streak FROM visit",
    )
    .bind(user)
    .bind(TODAY)
    .fetch_optional(pool)
    .await
}

async fn sqlite_transaction(pool: &SqlitePool, user: Uuid) -> Result<Option<i64>, sqlx::Error> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let known = sqlx::query_as("SELECT streak, longest, last_day FROM users WHERE user_id = ?")
        .bind(user)
        .fetch_optional(&mut *transaction)
        .await?;
    let Some((streak, longest)) = next_streak(known) else {
        return Ok(None);
    };
    sqlx::query(
        "INSERT INTO users VALUES (?1, ?2, ?3, ?4, 1, datetime('now')) ON CONFLICT (user_id) DO UPDATE SET
            streak = ?2, longest = ?3, last_day = ?4, total = total + 1, updated_at = datetime('now')",
    )
    .bind(user)
    .bind(streak)
    .bind(longest)
    .bind(TODAY)
    .execute(&mut *transaction)
    .await?;
    sqlx::query("INSERT INTO days VALUES (?, ?, ?)")
        .bind(user)
        .bind(TODAY)
        .bind(streak)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO rewards (user_id, source, points, created_at) VALUES (?, 'check_in', 10, datetime('now'))",
    )
    .bind(user)
    .execute(&mut *transaction)
    .await?;
    sqlx::query("INSERT INTO outbox (topic, payload) VALUES ('checked_in', ?)")
        .bind(json!({"user_id": user, "streak": streak, "points": 10}).to_string())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Some(streak))
}
