//! Activity events over HTTP: applied once, in their own period, all or nothing when malformed.

use serde_json::{Value, json};

use crate::support::{Client, Server, event};

async fn mission(admin: &Client<'_>) -> String {
    let shape = json!({
        "frequency": "daily", "target": 2, "auto_start": true, "trigger": {"event": "did.it"}, "reward": {"points": 5},
    });
    admin.mission("did-it", shape).await
}

#[tokio::test]
async fn the_same_event_is_applied_once() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    mission(&admin).await;
    let one = event(user.user, "did.it", "2026-01-05T10:00:00Z", json!({}));
    let both = admin.post("/events", json!([one, one])).await.ok(200);
    let statuses: Vec<_> = both["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["status"].clone())
        .collect();
    assert_eq!(statuses, ["applied", "duplicate"]);
    assert_eq!(
        admin.post("/events", one).await.ok(200)["results"][0]["status"],
        "duplicate"
    );
    assert_eq!(
        user.get("/tasks").await.ok(200)["items"][0]["progress"]["current"],
        1
    );
}

#[tokio::test]
async fn an_event_belongs_to_the_period_of_its_own_time() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    mission(&admin).await;
    let apply = async |time: &str| {
        admin
            .post("/events", event(user.user, "did.it", time, json!({})))
            .await
            .ok(200)["results"][0]
            .clone()
    };
    assert_eq!(apply("2026-01-05T10:00:00Z").await["status"], "applied");
    server.set_clock("2026-01-06T10:00:00Z").await;
    let late = apply("2026-01-05T20:00:00Z").await;
    assert_eq!(
        (&late["tasks"][0]["period"], &late["tasks"][0]["status"]),
        (&json!("2026-01-05"), &json!("completed"))
    );
    assert_eq!(
        apply("2026-01-06T09:00:00Z").await["tasks"][0]["period"],
        "2026-01-06"
    );
    assert_eq!(apply("2026-01-06T10:04:00Z").await["status"], "applied");
    for (time, reason) in [
        ("2026-01-06T10:06:00Z", "too_early"),
        ("2025-12-30T09:00:00Z", "too_late"),
    ] {
        let refused = apply(time).await;
        assert_eq!(
            (&refused["status"], &refused["reason"]),
            (&json!("rejected"), &json!(reason))
        );
    }
    let other = admin
        .post(
            "/events",
            event(user.user, "other", "2026-01-06T10:00:00Z", json!({})),
        )
        .await
        .ok(200);
    assert_eq!(other["results"][0]["status"], "ignored");
}

#[tokio::test]
async fn one_malformed_item_stops_them_all() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    mission(&admin).await;
    let good = event(user.user, "did.it", "2026-01-05T10:00:00Z", json!({}));
    let spoil = |field: &str, value: Value| {
        let mut bad = good.clone();
        bad[field] = value;
        bad
    };
    for (field, value) in [
        ("subject", json!("nobody")),
        ("specversion", json!("0.3")),
        ("id", json!("")),
        ("type", json!(7)),
        ("time", json!("yesterday")),
        ("data", json!([1])),
        ("subject", Value::Null),
    ] {
        let answer = admin.post("/events", json!([good, spoil(field, value)])).await;
        answer.refused(422, "invalid_body");
        assert_eq!(
            answer.body["errors"][0]["pointer"],
            format!("/1/{field}"),
            "{answer:?}"
        );
    }
    assert_eq!(user.get("/tasks").await.ok(200)["items"], json!([]));
    let typed = admin.header("content-type", "application/cloudevents+json");
    assert_eq!(
        typed.post("/events", good).await.ok(200)["results"][0]["status"],
        "applied"
    );
    admin
        .header("content-type", "text/plain")
        .post("/events", json!([]))
        .await
        .refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_key_gives_the_first_results_again() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    mission(&admin).await;
    let some = |n: usize| -> Value {
        (0..n)
            .map(|_| event(user.user, "did.it", "2026-01-05T10:00:00Z", json!({})))
            .collect()
    };
    let keyed = admin.header("idempotency-key", "batch-1");
    let batch = some(2);
    let first = keyed.post("/events", batch.clone()).await.ok(200);
    let again = keyed.post("/events", batch).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.ok(200), first);
    keyed
        .post("/events", some(1))
        .await
        .refused(422, "idempotency_key_reused");
}
