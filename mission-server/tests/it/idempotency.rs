//! `Idempotency-Key`: one answer a key, also after a crash.

use serde_json::{Value, json};

use crate::support::Server;

#[tokio::test]
async fn the_first_decided_answer_comes_again() {
    let server = Server::start().await;
    let mission = server.admin().mission("keyed", json!({})).await;
    let user = server.user();
    let path = format!("/missions/{mission}/start");
    let keyed = user.header("idempotency-key", "start-1");
    let first = keyed.post(&path, Value::Null).await;
    let second = keyed.post(&path, Value::Null).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.body, second.body);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(second.headers["idempotency-replayed"], "true");
    // A refusal of the domain is an answer, too, and it stays even when it would be another one by now.
    let refused = user.header("idempotency-key", "claim-1");
    let task = first.body["id"].as_str().unwrap();
    let claim = format!("/tasks/{task}/claim");
    refused
        .post(&claim, Value::Null)
        .await
        .refused(400, "task_not_completed");
    user.post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
        .await
        .ok(200);
    user.post(&format!("/tasks/{task}/complete"), Value::Null)
        .await
        .ok(200);
    let again = refused.post(&claim, Value::Null).await;
    again.refused(400, "task_not_completed");
    assert_eq!(again.headers["idempotency-replayed"], "true");
    user.post(&claim, Value::Null).await.ok(200);
}

#[tokio::test]
async fn a_refusal_that_time_lifts_is_not_kept() {
    let server = Server::start().await;
    let cooling = json!({"frequency": "unlimited", "cooldown_seconds": 1});
    let mission = server.admin().mission("cooling", cooling).await;
    let user = server.user();
    user.complete(&mission).await;
    let path = format!("/missions/{mission}/start");
    let keyed = user.header("idempotency-key", "again");
    keyed.post(&path, Value::Null).await.refused(429, "cooldown");
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    let started = keyed.post(&path, Value::Null).await;
    assert!(!started.headers.contains_key("idempotency-replayed"));
    started.ok(201);
    let replayed = keyed.post(&path, Value::Null).await;
    assert_eq!(replayed.headers["idempotency-replayed"], "true");
    replayed.ok(201);
}

#[tokio::test]
async fn another_body_or_route_is_refused_and_another_caller_is_not() {
    let server = Server::start().await;
    let mission = server.admin().mission("keyed", json!({"target": 9})).await;
    let user = server.user();
    let task = user.start(&mission).await;
    let keyed = user.header("idempotency-key", "one");
    let path = format!("/tasks/{task}/progress");
    keyed.post(&path, json!({"value": 1})).await.ok(200);
    keyed
        .post(&path, json!({"value": 2}))
        .await
        .refused(422, "idempotency_key_reused");
    keyed
        .post("/checkin", Value::Null)
        .await
        .refused(422, "idempotency_key_reused");
    server
        .user()
        .header("idempotency-key", "one")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    let long = "k".repeat(256);
    user.header("idempotency-key", &long)
        .post("/checkin", Value::Null)
        .await
        .refused(422, "invalid_idempotency_key");
}

#[tokio::test]
async fn an_answer_survives_kill_and_restart() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let user = server.user();
    let first = user
        .header("idempotency-key", "before-the-crash")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    let id = user.user;
    let server = Server::on(server.kill(), &[]).await;
    server.set_clock("2026-01-05T11:00:00Z").await;
    let user = server.client(id, json!({}));
    let again = user
        .header("idempotency-key", "before-the-crash")
        .post("/checkin", Value::Null)
        .await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.ok(200), first);
    user.post("/checkin", Value::Null)
        .await
        .refused(400, "already_checked_in");
}

#[tokio::test]
async fn a_key_that_was_used_is_told_before_a_malformed_body() {
    let server = Server::start().await;
    let mission = server.admin().mission("keyed", json!({"target": 5})).await;
    let user = server.user();
    let task = user.start(&mission).await;
    let path = format!("/tasks/{task}/progress");
    let keyed = user.header("idempotency-key", "p-1");
    keyed.post(&path, json!({"value": 1})).await.ok(200);
    for malformed in [json!({"value": "many"}), json!({}), json!([1])] {
        keyed
            .post(&path, malformed)
            .await
            .refused(422, "idempotency_key_reused");
    }
    let text = keyed.header("content-type", "text/plain");
    text.post(&path, json!({"value": 2}))
        .await
        .refused(422, "idempotency_key_reused");
    let other_key = user.header("idempotency-key", "p-2");
    other_key
        .post(&path, json!({"value": "many"}))
        .await
        .refused(422, "invalid_body");
    other_key.post(&path, json!({"value": 2})).await.ok(200);

    let admin = server.admin().header("idempotency-key", "e-1");
    let event =
        |id: &str| json!({"specversion": "1.0", "id": id, "source": "s", "type": "t", "subject": user.user});
    admin.post("/events", event("1")).await.ok(200);
    admin
        .post("/events", json!({"id": "1"}))
        .await
        .refused(422, "idempotency_key_reused");
}
