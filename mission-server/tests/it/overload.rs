//! More than the server can do: what is admitted is answered, the rest is refused at once, and operators get through.

use std::{
    io::{Read, Write},
    net::TcpStream,
    str::FromStr,
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::support::{Client, Server, event};

/// A server's database while it takes no writes.
enum Stalled {
    File(SqliteConnection),
    Schema(PgConnection),
}

impl Stalled {
    /// Lets nothing be written from now on. Reading goes on.
    async fn database_of(server: &Server) -> Stalled {
        if let Ok(options) = SqliteConnectOptions::from_str(server.database()) {
            let mut file = options.connect().await.unwrap();
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut file).await.unwrap();
            return Stalled::File(file);
        }
        let mut schema = PgConnection::connect(server.database()).await.unwrap();
        let lock = "BEGIN; LOCK TABLE users IN SHARE MODE";
        sqlx::raw_sql(lock).execute(&mut schema).await.unwrap();
        Stalled::Schema(schema)
    }

    async fn release(self) {
        match self {
            Stalled::File(file) => file.close().await.unwrap(),
            Stalled::Schema(schema) => schema.close().await.unwrap(),
        }
    }
}

/// The value of a metric of requests of a kind.
async fn of_kind(server: &Server, metric: &str, kind: &str) -> u32 {
    let line = format!("mission_http_requests_{metric}{{kind=\"{kind}\"}} ");
    let text = server.metrics().await;
    let value = text.lines().find_map(|of| of.strip_prefix(&line));
    value.unwrap_or_else(|| panic!("no {line}")).parse().unwrap()
}

async fn until_in_flight(server: &Server, kind: &str, requests: u32) {
    while of_kind(server, "in_flight", kind).await != requests {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sends bytes on a connection of their own.
fn send(server: &Server, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    stream
}

/// What comes until the server closes the connection.
async fn answer(mut stream: TcpStream) -> String {
    let reading = move || {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    tokio::task::spawn_blocking(reading).await.unwrap()
}

fn head(client: &Client<'_>, route: &str, more: &str) -> String {
    let token = &client.token;
    format!(
        "POST /api/v1/{route} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nconnection: close\r\n{more}\r\n\r\n"
    )
}

#[tokio::test]
async fn beyond_its_limit_users_are_refused_at_once_and_operators_get_through() {
    const LIMIT: u32 = 16;
    let server = Server::with(&[("MISSION_HTTP_MAX_REQUESTS", "16")]).await;
    let admin = server.admin();
    let now = "2026-01-05T10:00:00Z";
    server.set_clock(now).await;
    let stalled = Stalled::database_of(&server).await;
    let admitted: Vec<Client<'_>> = (0..LIMIT).map(|_| server.user()).collect();
    let late: Vec<Client<'_>> = (0..20).map(|_| server.user()).collect();
    let watched = event(admitted[0].user, "video.watched", now, json!({}));
    let check_ins = join_all(admitted.iter().map(|user| user.post("/checkin", Value::Null)));
    let events = async {
        until_in_flight(&server, "users", LIMIT).await;
        admin.post("/events", watched.clone()).await
    };
    let meanwhile = async {
        until_in_flight(&server, "events", 1).await;
        for user in &late {
            for refused in [user.post("/checkin", Value::Null).await, user.get("/me").await] {
                refused.refused(503, "busy");
                assert_eq!(refused.headers["retry-after"], "1");
            }
        }
        // The body was not asked for.
        let unsent = head(&late[0], "checkin", "expect: 100-continue\r\ncontent-length: 2");
        let refused = answer(send(&server, &unsent)).await;
        assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
        admin.post("/events", watched.clone()).await.refused(503, "busy");
        for path in ["/health/live", "/health/ready", "/health"] {
            assert_eq!(admin.get(path).await.status, 200, "{path}");
        }
        admin.get("/reviews").await.ok(200);
        server
            .client(admin.user, json!({"permissions": ["analytics:read"]}))
            .get("/analytics?from=2026-01-05T00:00:00Z&to=2026-01-06T00:00:00Z")
            .await
            .ok(200);
        assert_eq!(of_kind(&server, "in_flight", "users").await, LIMIT);
        assert_eq!(of_kind(&server, "max", "users").await, LIMIT);
        assert_eq!(of_kind(&server, "shed_total", "users").await, 41);
        assert_eq!(of_kind(&server, "shed_total", "operators").await, 0);
        stalled.release().await;
    };
    let (answers, events, ()) = tokio::join!(check_ins, events, meanwhile);
    for day in answers {
        assert_eq!(day.ok(200)["total_check_ins"], 1);
    }
    events.ok(200);
    for user in &admitted {
        user.post("/checkin", Value::Null)
            .await
            .refused(400, "already_checked_in");
    }
    for user in &late {
        let day = user.post("/checkin", Value::Null).await.ok(200);
        assert_eq!(day["total_check_ins"], 1, "what was refused was not carried out");
    }
    until_in_flight(&server, "users", 0).await;
    until_in_flight(&server, "events", 0).await;
}

#[tokio::test]
async fn streams_have_a_limit_of_their_own_and_hold_no_request_up() {
    let server = Server::with(&[
        ("MISSION_HTTP_MAX_REQUESTS", "1"),
        ("MISSION_HTTP_MAX_CONNECTIONS", "4"),
    ])
    .await;
    let user = server.user();
    let follow = async || {
        let url = format!("{}/api/v1/stream", server.url);
        server
            .http
            .get(url)
            .bearer_auth(&user.token)
            .send()
            .await
            .unwrap()
    };
    let streams = [follow().await, follow().await];
    assert!(streams.iter().all(|stream| stream.status() == 200));
    assert_eq!(of_kind(&server, "in_flight", "streams").await, 2);
    user.get("/stream").await.refused(503, "busy");
    user.get("/me").await.ok(200);
    drop(streams);
    until_in_flight(&server, "streams", 0).await;
    assert_eq!(follow().await.status(), 200);
}

#[tokio::test]
async fn whoever_holds_connections_open_keeps_nobody_out() {
    let server = Server::with(&[("MISSION_HTTP_MAX_CONNECTIONS", "16")]).await;
    let health = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    // One is the client's that has waited until the server was ready. The last two are kept for a request each.
    let mut idle: Vec<TcpStream> = (0..13).map(|_| send(&server, "")).collect();
    for _ in 0..4 {
        let answer = answer(send(&server, health)).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    idle.extend((0..2).map(|_| send(&server, "")));
    // Once there is room again the server would keep it open.
    let waiting = send(
        &server,
        "GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    idle.clear();
    let answer = answer(waiting).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_to_its_end_is_given_up() {
    let server = Server::with(&[("MISSION_HTTP_BODY_TIMEOUT", "100ms")]).await;
    let half = head(&server.admin(), "events", "content-length: 100");
    let answer = answer(send(&server, &format!("{half}{{\"specversion\""))).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("\"incomplete_body\""), "{answer}");
    until_in_flight(&server, "events", 0).await;
}
