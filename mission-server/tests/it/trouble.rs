//! When the database stands in the way: refusals that ask to come again, and nothing half done.

use std::str::FromStr;

use serde_json::{Value, json};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::support::Server;

/// A connection of somebody else to the server's file; `None` where the server has no file.
async fn beside(server: &Server) -> Option<SqliteConnection> {
    let options = SqliteConnectOptions::from_str(server.database()).ok()?;
    Some(options.connect().await.unwrap())
}

async fn run(database: &mut SqliteConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(database).await.unwrap();
}

#[tokio::test]
async fn who_loses_every_race_is_asked_to_come_again() {
    let server = Server::start().await;
    let Some(mut database) = beside(&server).await else {
        return;
    };
    let user = server.user();
    server.set_clock("2026-01-05T10:00:00Z").await;
    user.post("/checkin", Value::Null).await.ok(200);
    server.set_clock("2026-01-06T10:00:00Z").await;
    // Every write of a user's root now meets a row that is there already, as if another server had been faster.
    run(
        &mut database,
        "CREATE TRIGGER faster BEFORE UPDATE ON users
         BEGIN INSERT INTO counters (name, value) VALUES ('catalogue', 0); END",
    )
    .await;
    let answer = user.post("/checkin", Value::Null).await;
    answer.refused(503, "busy");
    assert_eq!(answer.headers["retry-after"], "1");
    run(&mut database, "DROP TRIGGER faster").await;
    let day = user.post("/checkin", Value::Null).await.ok(200);
    assert_eq!(day["total_check_ins"], 2);
}

#[tokio::test]
async fn a_command_that_cannot_be_written_changes_nothing() {
    let server = Server::start().await;
    let Some(mut database) = beside(&server).await else {
        return;
    };
    let user = server.user();
    run(
        &mut database,
        "CREATE TRIGGER broken BEFORE INSERT ON rewards
         BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END",
    )
    .await;
    let answer = user.post("/checkin", Value::Null).await;
    answer.refused(503, "unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
    assert!(
        !answer.body.to_string().contains("fire"),
        "what failed is for the log"
    );
    run(&mut database, "DROP TRIGGER broken").await;
    let calendar = user.get("/checkin").await.ok(200);
    assert_eq!(calendar["total_check_ins"], 0);
    assert_eq!(user.get("/rewards").await.ok(200)["items"], json!([]));
    user.post("/checkin", Value::Null).await.ok(200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered() {
    let server = Server::with(&[("MISSION_HTTP_REQUEST_TIMEOUT", "200ms")]).await;
    let Some(mut database) = beside(&server).await else {
        return;
    };
    let user = server.user().header("idempotency-key", "the-same");
    run(&mut database, "BEGIN IMMEDIATE").await;
    let answer = user.post("/checkin", Value::Null).await;
    answer.refused(503, "timeout");
    assert_eq!(answer.headers["retry-after"], "1");
    run(&mut database, "ROLLBACK").await;
    // What became of it is found out by the same key: carried out once, whenever that was.
    let mut answer = user.post("/checkin", Value::Null).await;
    while answer.status == 409 {
        answer.refused(409, "idempotency_in_progress");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        answer = user.post("/checkin", Value::Null).await;
    }
    assert_eq!(answer.ok(200)["total_check_ins"], 1);
}
