//! The server on PostgreSQL: the whole suite once more, several servers on one database, and a database that is away.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    amqp, process,
    proxy::{Proxy, Way},
    services::{POSTGRES, RABBITMQ, Schema, left_out},
    support::{Answer, Client, Home, Server, WALLET_QUEUE, is_on_services},
};

/// Runs this very suite with every server on PostgreSQL, with a Redis of its own and its events through RabbitMQ where there
/// are such; what is about files and processes alone runs once.
#[test]
fn the_suite_passes_on_postgresql_redis_and_rabbitmq() {
    if is_on_services() || POSTGRES.find().is_none() {
        return;
    }
    let suite = Command::new(std::env::current_exe().unwrap())
        .args([
            "--skip",
            "process::",
            "--skip",
            "postgres::",
            "--skip",
            "redis::",
            "--skip",
            "amqp::",
            "--skip",
            "main_job::",
            "--skip",
            "backup::",
        ])
        .env("MISSION_TEST_DATABASE", "postgres")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&suite.stdout);
    if let Some(url) = RABBITMQ.find() {
        amqp::delete_wallet(url, WALLET_QUEUE);
    }
    assert!(
        suite.status.success(),
        "on PostgreSQL, Redis and RabbitMQ:\n{said}"
    );
    assert!(
        said.contains("test result: ok. ") && !said.contains("ok. 0 passed"),
        "{said}"
    );
}

/// The same user on another server.
fn same<'s>(client: &Client<'_>, server: &'s Server) -> Client<'s> {
    server.client(client.user, json!({"roles": ["admin"]}))
}

#[tokio::test]
async fn two_servers_on_one_database_are_one_service() {
    let Some(schema) = Schema::create() else { return };
    let one = Server::on(Home::in_schema(schema), &[]).await;
    let two = one.second().await;
    let here = one.client(uuid::Uuid::new_v4(), json!({"roles": ["admin"]}));
    let there = same(&here, &two);
    let mission = here
        .mission("together", json!({"reward": {"points": "12.5"}}))
        .await;
    // Another server knows a new mission within a second.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let task = there.start(&mission).await;
    here.post(&format!("/missions/{mission}/start"), Value::Null)
        .await
        .refused(400, "task_already_open");
    here.post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
        .await
        .ok(200);
    there
        .post(&format!("/tasks/{task}/complete"), Value::Null)
        .await
        .ok(200);
    // Both at once: one claims, the other is told so.
    let path = format!("/tasks/{task}/claim");
    let claims = [here.post(&path, Value::Null), there.post(&path, Value::Null)];
    let claims = join_all(claims).await;
    let claimed = claims.iter().filter(|claim| claim.status == 200).count();
    assert_eq!(claimed, 1, "{claims:?}");
    let days = [
        here.post("/checkin", Value::Null),
        there.post("/checkin", Value::Null),
    ];
    let days = join_all(days).await;
    assert_eq!(days.iter().filter(|day| day.status == 200).count(), 1, "{days:?}");
    // Whichever of the two relays it, the wallet gets each grant once.
    for client in [&here, &there] {
        let mut me = Value::Null;
        for _ in 0..100 {
            me = client.get("/me").await.ok(200);
            if me["wallet_points"] == me["points"] {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(
            (&me["points"], &me["wallet_points"]),
            (&json!(22.5), &json!(22.5)),
            "{me}"
        );
    }
}

#[test]
fn without_postgresql_it_lives_is_not_ready_and_gives_up_without_telling_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = process::server(folder.path());
    command
        .env(
            "MISSION_DATABASE_URL",
            "postgres://mission:hunter2@127.0.0.1:1/mission",
        )
        .env("MISSION_DATABASE_CONNECT_TIMEOUT", "2s");
    let server = process::started(&mut command);
    assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
    let health = server.get("/health");
    assert!(
        health.starts_with("HTTP/1.1 503") && health.contains("\"name\":\"database\""),
        "{health}"
    );
    let (status, errors) = server.wait();
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("@127.0.0.1:1/mission")
            && errors.contains("Connection refused")
            && errors.contains("within 2s"),
        "{errors}"
    );
    assert!(!errors.contains("hunter2") && !health.contains("hunter2"));
}

#[test]
fn what_postgresql_will_never_let_in_ends_the_start_at_once_with_the_way_out() {
    let Some(schema) = Schema::create() else { return };
    let folder = tempfile::tempdir().unwrap();
    let role = format!("no_rights_{}", uuid::Uuid::new_v4().simple());
    schema.run(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'hunter2'; GRANT USAGE ON SCHEMA {} TO {role}",
        schema.name
    ));
    let to = |change: &dyn Fn(&mut url::Url)| {
        let mut url = url::Url::parse(schema.server).unwrap();
        change(&mut url);
        String::from(url)
    };
    let no_rights = |url: &mut url::Url| {
        url.set_username(&role).unwrap();
        url.set_password(Some("hunter2")).unwrap();
        url.query_pairs_mut()
            .append_pair("options", &format!("-csearch_path={}", schema.name));
    };
    for (url, parts) in [
        (
            to(&|url| url.set_path("/not_there")),
            ["database \"not_there\" does not exist", "createdb not_there"],
        ),
        (
            to(&|url| url.set_username("nobody_of_this_name").unwrap()),
            ["nobody_of_this_name", "pg_hba.conf"],
        ),
        (to(&no_rights), ["permission denied", "GRANT CREATE"]),
    ] {
        let refused = process::server(folder.path())
            .env("MISSION_DATABASE_URL", &url)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{errors}");
        assert!(
            parts
                .iter()
                .all(|part| errors.replace("\\\"", "\"").contains(part)),
            "{errors}"
        );
        assert!(!errors.contains("hunter2"), "{errors}");
    }
    schema.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// The PostgreSQL that was found, and a server that reaches it through a proxy; `None` where there is none.
async fn behind_a_proxy() -> Option<(Proxy, Server)> {
    let mut schema = Schema::create()?;
    let mut url = url::Url::parse(&schema.url).unwrap();
    let host = url
        .host_str()
        .filter(|host| !host.is_empty() && !host.starts_with('%'));
    let Some(host) = host else {
        left_out("a PostgreSQL that goes away: it is reached over a Unix socket");
        return None;
    };
    let proxy = Proxy::to(format!("{host}:{}", url.port().unwrap_or(5432))).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.address.port())).unwrap();
    schema.url = url.into();
    let server = Server::on(Home::in_schema(schema), &[]).await;
    Some((proxy, server))
}

/// A request with the time that it took.
async fn timed(answer: impl Future<Output = Answer>) -> (Answer, Duration) {
    let began = Instant::now();
    (answer.await, began.elapsed())
}

async fn while_it_is_away(way: Way) {
    let Some((proxy, server)) = behind_a_proxy().await else {
        return;
    };
    let user = server.user();
    user.post("/checkin", Value::Null).await.ok(200);
    proxy.set(way);
    // The first ones find out, all of them at once and soon.
    let finding_out = join_all((0..8).map(|n| {
        let path = ["/rewards", "/me", "/checkin", "/leaderboards/all_time"][n % 4];
        let user = server.user();
        timed(async move { user.get(path).await })
    }));
    for (answer, took) in finding_out.await {
        answer.refused(503, "unavailable");
        assert!(took < Duration::from_secs(4), "{way:?}: {took:?}");
    }
    for _ in 0..3 {
        for (answer, took) in [
            timed(user.get("/rewards")).await,
            timed(user.get("/me")).await,
            timed(server.user().post("/checkin", Value::Null)).await,
            timed(user.get("/leaderboards/weekly")).await,
            timed(server.admin().get("/reviews")).await,
        ] {
            answer.refused(503, "unavailable");
            assert_eq!(answer.headers["retry-after"], "1");
            assert!(took < Duration::from_secs(1), "{way:?}: {took:?}");
        }
        let (ready, took) = timed(user.get("/health/ready")).await;
        assert_eq!(ready.status, 503);
        assert!(took < Duration::from_secs(1), "{way:?}: {took:?}");
    }
    proxy.set(Way::Open);
    let began = Instant::now();
    while user.get("/health/ready").await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(5), "{way:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    user.post("/checkin", Value::Null)
        .await
        .refused(400, "already_checked_in");
    server.user().post("/checkin", Value::Null).await.ok(200);
    assert_eq!(user.get("/checkin").await.ok(200)["total_check_ins"], 1);
}

#[tokio::test]
async fn while_postgresql_is_away_requests_are_refused_at_once_until_it_is_back() {
    while_it_is_away(Way::Cut).await;
}

#[tokio::test]
async fn while_postgresql_does_not_answer_requests_are_refused_at_once_until_it_does() {
    while_it_is_away(Way::Frozen).await;
}
