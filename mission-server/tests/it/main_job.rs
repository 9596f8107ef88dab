//! What a newcomer does: a mission started, moved by events, completed, claimed once; check-ins up to a milestone.

use serde_json::{Value, json};

use crate::support::{Server, event};

#[tokio::test]
async fn a_mission_is_moved_by_events_and_claimed_once() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin
        .mission("watch", json!({
            "type": "watch_video", "frequency": "daily", "target": 3, "auto_start": true,
            "trigger": {"event": "video.watched"}, "reward": {"points": "12.5", "experience_points": 20, "badge_id": "fan"},
            "script": "fn progress(ctx) { if ctx.event.data.seconds >= 30 { 1 } else { 0 } }",
        }))
        .await;
    let mut task = Value::Null;
    for seconds in [35, 12, 40, 31] {
        let watched = event(
            user.user,
            "video.watched",
            "2026-01-05T10:00:00Z",
            json!({"seconds": seconds}),
        );
        let results = admin.post("/events", watched).await.ok(200);
        let status = if seconds == 12 { "ignored" } else { "applied" };
        assert_eq!(results["results"][0]["status"], status, "{results}");
        if seconds != 12 {
            task = results["results"][0]["tasks"][0].clone();
        }
    }
    assert_eq!(
        (&task["status"], &task["mission_id"]),
        (&json!("completed"), &json!(mission))
    );
    assert_eq!(task["progress"]["percent_complete"], 100);
    let path = format!("/tasks/{}/claim", task["id"].as_str().unwrap());
    let claim = user.post(&path, Value::Null).await.ok(200);
    assert_eq!(claim["points_earned"].to_string(), "12.5");
    assert_eq!(
        (&claim["experience_points"], &claim["badge_id"]),
        (&json!(20), &json!("fan"))
    );
    user.post(&path, Value::Null)
        .await
        .refused(400, "already_claimed");
    let me = user.get("/me").await.ok(200);
    assert_eq!(
        (me["points"].to_string(), &me["experience"], &me["badges"]),
        ("12.5".into(), &json!(20), &json!(["fan"]))
    );
    wallet_shows(&user, "12.5").await;
}

/// The ledger hears of a grant a moment later.
async fn wallet_shows(user: &crate::support::Client<'_>, points: &str) {
    for _ in 0..200 {
        let shown = user.get("/me").await.ok(200)["wallet_points"].to_string();
        if shown == points {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the wallet never showed {points}");
}

#[tokio::test]
async fn check_ins_reach_a_milestone_and_the_wallet() {
    let server = Server::start().await;
    let user = server.user();
    for day in 1..=7 {
        server
            .set_clock(&format!("2026-03-{:02}T10:00:00Z", day + 1))
            .await;
        let done = user.post("/checkin", Value::Null).await.ok(200);
        assert_eq!(
            (&done["streak"], &done["milestone"]),
            (&json!(day), &json!(day == 7))
        );
        // The seventh is also the month's seventh.
        assert_eq!(
            done["points"],
            if day == 7 {
                json!(10 + 1 + 50 + 20)
            } else {
                json!(10)
            }
        );
    }
    user.post("/checkin", Value::Null)
        .await
        .refused(400, "already_checked_in");
    wallet_shows(&user, "141").await;
}
