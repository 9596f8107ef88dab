//! What `/metrics` shows.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, definition, event};

/// The lines of a metric, without comments.
async fn lines(server: &Server, name: &str) -> Vec<String> {
    let text = text(server).await;
    let of_it = |line: &&str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    };
    text.lines().filter(of_it).map(str::to_owned).collect()
}

async fn text(server: &Server) -> String {
    let answer = server.http.get(format!("{}/metrics", server.url)).send();
    answer.await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn what_is_granted_and_taken_back_is_counted() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin
        .mission("worth", json!({"reward": {"points": "12.75"}}))
        .await;
    let task = user.complete(&mission).await;
    let claim = user
        .post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .ok(200);
    user.post("/checkin", Value::Null).await.ok(200);
    user.post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .refused(400, "already_claimed");
    let reward = claim["reward_id"].as_str().unwrap();
    admin
        .post(&format!("/rewards/{reward}/revoke"), json!({"reason": "a test"}))
        .await
        .ok(200);
    for (name, line) in [
        ("mission_rewards_granted_total", "{type=\"MISSION_COMPLETE\"} 1"),
        ("mission_rewards_granted_total", "{type=\"CHECKIN_DAILY\"} 1"),
        (
            "mission_points_granted_total",
            "{type=\"MISSION_COMPLETE\",currency=\"POINTS\"} 12",
        ),
        (
            "mission_points_granted_total",
            "{type=\"CHECKIN_DAILY\",currency=\"POINTS\"} 10",
        ),
        ("mission_rewards_revoked_total", " 1"),
        ("mission_points_revoked_total", "{currency=\"POINTS\"} 12"),
    ] {
        let lines = lines(&server, name).await;
        assert!(lines.contains(&format!("{name}{line}")), "{line}: {lines:?}");
    }
}

#[tokio::test]
async fn evidence_is_counted_by_what_became_of_it() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin
        .mission(
            "post-it",
            json!({"type": "social", "evidence": {"type": "social_proof", "review": "manual"}}),
        )
        .await;
    let task = user.start(&mission).await;
    user.post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
        .await;
    let shown = |url: &str| json!({"type": "social_proof", "data": "", "screenshot_url": url});
    let path = format!("/tasks/{task}/evidence");
    user.post(&path, shown("http://plain.example/1"))
        .await
        .refused(422, "evidence_rejected");
    user.post(&path, shown("https://shot.example/1")).await.ok(202);
    let lines = lines(&server, "mission_evidence_total").await;
    for line in [
        "mission_evidence_total{outcome=\"refused\"} 1",
        "mission_evidence_total{outcome=\"review\"} 1",
    ] {
        assert!(lines.contains(&line.to_owned()), "{lines:?}");
    }
    within_seconds("the review is seen", async || {
        self::lines(&server, "mission_reviews_open").await == ["mission_reviews_open 1"]
    })
    .await;
}

async fn within_seconds(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(12), "{what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_dashboard_finds_what_it_asks_for_from_the_start() {
    let server = Server::start().await;
    let has = async |name: &str, value: &str| {
        let lines = lines(&server, name).await;
        assert!(
            lines.iter().any(|line| line.ends_with(value)),
            "{name}: {lines:?}"
        );
    };
    let version = concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1");
    has("mission_build_info", version).await;
    has("mission_outbox_lag_seconds", " 0").await;
    has("mission_outbox_entries", " 0").await;
    has("mission_writes_failing", " 0").await;
    has("process_cpu_seconds_total", "").await;
    has("process_resident_memory_bytes", "").await;
    within_seconds("dependencies are looked at", async || {
        let up = lines(&server, "mission_dependency_up").await;
        up == ["mission_dependency_up{dependency=\"database\"} 1"]
    })
    .await;
    has("mission_database_connections", "").await;
    has("mission_database_waiting", " 0").await;
    // Some of everything, so that what is counted first here is explained too.
    let user = server.user();
    user.post("/checkin", Value::Null).await.ok(200);
    let unknown = json!([event(
        user.user,
        "nobody.knows",
        "2026-01-05T10:00:00Z",
        json!({})
    )]);
    server.admin().post("/events", unknown).await;
    server
        .admin()
        .post("/missions", definition("Bad Code", json!({})))
        .await;
    let text = text(&server).await;
    let mut told: Vec<&str> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name)) => {
                assert!(words.next().is_some(), "{line}");
                told.push(name);
            }
            (Some("#"), _, Some(name)) => assert!(told.contains(&name), "{line} has no HELP before it"),
            _ => {}
        }
    }
    assert!(told.len() > 15, "{text}");
}
