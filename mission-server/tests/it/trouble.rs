//! When the database stands in the way: refusals that ask to come again, and nothing half done.

use std::str::FromStr;

use serde_json::{Value, json};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::support::{Home, Server};

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

/// A limit on the size of files, which a process of its own can lift again.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_is_full_is_told_by_health_and_taken_up_again_once_there_is_room() {
    use std::process::Command;

    let folder = tempfile::tempdir().unwrap();
    let mut limited = Command::new("sh");
    // In blocks of 512 bytes. Without the signal the write fails, as on a full disk.
    let script = "trap '' XFSZ; ulimit -S -f 6000; exec \"$0\" \"$@\"";
    limited.args(["-c", script, env!("CARGO_BIN_EXE_mission-server")]);
    let server = Server::of(limited, Home::file_in(folder), &[]).await;
    let mut kept = Vec::new();
    let refused = loop {
        assert!(kept.len() < 5000, "the file never reached its limit");
        let user = server.user();
        let answer = user.post("/checkin", Value::Null).await;
        if answer.status != 200 {
            break answer;
        }
        kept.push(user.user);
    };
    refused.refused(503, "unavailable");
    assert_eq!(refused.headers["retry-after"], "1");
    let anybody = server.user();
    for _ in 0..25 {
        for path in ["/health/ready", "/health"] {
            let health = anybody.get(path).await;
            let database = &health.body["dependencies"][0];
            assert_eq!(
                (health.status, &database["status"], &database["writes"]),
                (503, &json!("down"), &json!("failing")),
                "{health:?}"
            );
            let since: chrono::DateTime<chrono::Utc> = database["since"].as_str().unwrap().parse().unwrap();
            assert!((chrono::Utc::now() - since).num_seconds() < 60);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let reading = anybody.get("/missions").await;
    assert_eq!(reading.status, 200, "what is only read goes on");
    let lifted = Command::new("prlimit")
        .args(["--pid", &server.id().to_string(), "--fsize=unlimited"])
        .status()
        .unwrap();
    assert!(lifted.success());
    let began = std::time::Instant::now();
    loop {
        let health = anybody.get("/health").await;
        if health.status == 200 {
            assert_eq!(health.body["dependencies"][0]["writes"], "ok", "{health:?}");
            break;
        }
        assert!(began.elapsed().as_secs() < 5, "{health:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anybody.post("/checkin", Value::Null).await.ok(200);
    for user in kept {
        let calendar = server.client(user, json!({})).get("/checkin").await.ok(200);
        assert_eq!(calendar["total_check_ins"], 1, "what was answered is kept");
    }
}
