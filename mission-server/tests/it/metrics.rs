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
    for outcome in ["refused", "flagged"] {
        assert_eq!(
            decisions(&server, "evidence", outcome, "on").await,
            1,
            "{outcome}"
        );
    }
    within_seconds("the review is seen", async || {
        self::lines(&server, "mission_reviews_open").await == ["mission_reviews_open 1"]
    })
    .await;
    server.set_clock("2126-01-05T10:00:00Z").await;
    within_seconds("it has waited for long", async || {
        let lines = self::lines(&server, "mission_reviews_oldest_seconds").await;
        let age = lines.iter().find_map(|line| line.split_once(' '));
        age.is_some_and(|(_, age)| age.parse::<f64>().unwrap() > 86_400.0)
    })
    .await;
}

/// How often a check against fraud came to an outcome.
async fn decisions(server: &Server, stage: &str, outcome: &str, mode: &str) -> u64 {
    let labels = format!("{{stage=\"{stage}\",outcome=\"{outcome}\",mode=\"{mode}\"}} ");
    let lines = lines(server, "mission_fraud_decisions_total").await;
    let found = lines.iter().find_map(|line| line.split_once(labels.as_str()));
    found.map_or(0, |(_, count)| count.parse().unwrap())
}

#[tokio::test]
async fn what_devices_come_to_is_counted_and_kept_whether_it_is_acted_on_or_not() {
    for mode in ["on", "observe"] {
        let server = Server::with(&[("MISSION_FRAUD_FLAG_DEVICES", mode)]).await;
        let user = server.user();
        for (day, device) in [(5, "phone"), (6, "phone"), (7, "tablet")] {
            server.set_clock(&format!("2026-01-0{day}T10:00:00Z")).await;
            let visit = user
                .header("x-device-id", device)
                .post("/checkin", Value::Null)
                .await;
            let held = visit.ok(200)["under_review"] == true;
            assert_eq!(held, mode == "on" && device == "tablet", "{mode} {day}");
        }
        assert_eq!(decisions(&server, "device", "passed", mode).await, 2);
        assert_eq!(decisions(&server, "device", "flagged", mode).await, 1);
        if let Ok(options) = server.database().parse::<sqlx::sqlite::SqliteConnectOptions>() {
            let mut database = sqlx::ConnectOptions::connect(&options).await.unwrap();
            let sql = "SELECT count(*) FROM journal WHERE request LIKE '%new_device%'";
            let kept: i64 = sqlx::query_scalar(sql).fetch_one(&mut database).await.unwrap();
            assert_eq!(kept, 1, "the reasons are kept with the command");
        }
    }
}

#[tokio::test]
async fn what_the_other_checks_refuse_is_counted() {
    let server = Server::with(&[
        ("MISSION_FRAUD_REQUIRE_DEVICE", "true"),
        ("MISSION_FRAUD_RATE_LIMIT_PER_USER", "2/h"),
    ])
    .await;
    let (admin, user) = (server.admin(), server.user());
    for _ in 0..2 {
        user.post("/checkin", Value::Null)
            .await
            .refused(400, "device_required");
    }
    user.post("/checkin", Value::Null)
        .await
        .refused(429, "rate_limited");
    let often = json!({"frequency": "unlimited", "cooldown_seconds": 600});
    let mission = admin.mission("often", often).await;
    let with_device = admin.header("x-device-id", "phone");
    with_device.complete(&mission).await;
    with_device
        .post(&format!("/missions/{mission}/start"), Value::Null)
        .await
        .refused(429, "cooldown");
    for (stage, times) in [("device", 2), ("rate_limit", 1), ("cooldown", 1)] {
        assert_eq!(decisions(&server, stage, "refused", "on").await, times, "{stage}");
    }
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
        let database = "mission_dependency_up{dependency=\"database\"} 1";
        up.iter().any(|line| line == database) && up.iter().all(|line| line.ends_with(" 1"))
    })
    .await;
    has("mission_database_connections", "").await;
    // The gauge shows a moment, in which the relay may wait for its turn.
    within_seconds("nobody waits for a connection", async || {
        lines(&server, "mission_database_waiting").await == ["mission_database_waiting 0"]
    })
    .await;
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
