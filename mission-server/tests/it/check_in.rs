//! Check-ins over HTTP: zones, changes of zone, the calendar.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Server;

#[tokio::test]
async fn a_day_is_the_users_own() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T20:00:00Z").await;
    let user = server.client(Uuid::new_v4(), json!({"zoneinfo": "Asia/Ho_Chi_Minh"}));
    let done = user.post("/checkin", Value::Null).await.ok(200);
    assert_eq!(done["date"], "2026-01-06");
    let calendar = user.get("/checkin").await.ok(200);
    assert_eq!(calendar["can_check_in_today"], false);
    assert_eq!(calendar["next_check_in_at"], "2026-01-06T17:00:00Z");
    assert_eq!(
        calendar["month"]["days"],
        json!([{"date": "2026-01-06", "points_earned": 10, "is_milestone": false}])
    );
    assert_eq!(calendar["next_milestone"], json!({"days": 7, "bonus": 50}));
    assert_eq!(
        user.get("/checkin?month=2025-12").await.ok(200)["month"],
        json!({"days": [], "count": 0})
    );
}

#[tokio::test]
async fn a_change_of_zone_never_yields_a_second_day() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:30:00Z").await;
    let id = Uuid::new_v4();
    let east = server.client(id, json!({"zoneinfo": "Pacific/Kiritimati"}));
    assert_eq!(
        east.post("/checkin", Value::Null).await.ok(200)["date"],
        "2026-01-06"
    );
    let west = server.client(id, json!({"zoneinfo": "Pacific/Pago_Pago"}));
    west.post("/checkin", Value::Null)
        .await
        .refused(400, "already_checked_in");
    // The change holds once the day has ended in both zones; the old date does not come twice.
    server.set_clock("2026-01-06T12:00:00Z").await;
    west.post("/checkin", Value::Null)
        .await
        .refused(400, "already_checked_in");
    server.set_clock("2026-01-07T12:00:00Z").await;
    let done = west.post("/checkin", Value::Null).await.ok(200);
    assert_eq!(
        (&done["date"], &done["streak"]),
        (&json!("2026-01-07"), &json!(2))
    );
}

#[tokio::test]
async fn a_gap_breaks_the_streak_and_shows_it() {
    let server = Server::start().await;
    let user = server.user();
    for day in ["2026-01-05", "2026-01-06"] {
        server.set_clock(&format!("{day}T10:00:00Z")).await;
        user.post("/checkin", Value::Null).await.ok(200);
    }
    server.set_clock("2026-01-07T10:00:00Z").await;
    let risk = user.get("/checkin").await.ok(200);
    assert_eq!(
        (&risk["current_streak"], &risk["streak_at_risk"]),
        (&json!(2), &json!(true))
    );
    server.set_clock("2026-01-08T10:00:00Z").await;
    let broken = user.get("/checkin").await.ok(200);
    assert_eq!(
        (&broken["current_streak"], &broken["longest_streak"]),
        (&json!(0), &json!(2))
    );
    assert_eq!(user.post("/checkin", Value::Null).await.ok(200)["streak"], 1);
}

#[tokio::test]
async fn a_newcomer_has_an_empty_calendar() {
    let server = Server::start().await;
    let calendar = server.user().get("/checkin").await.ok(200);
    assert_eq!(calendar["can_check_in_today"], true);
    assert_eq!(calendar["last_check_in_date"], Value::Null);
    server
        .user()
        .get("/checkin?month=2026-13")
        .await
        .refused(422, "invalid_query");
}

#[tokio::test]
async fn points_beyond_what_a_wallet_can_hold_are_refused() {
    let server = Server::start().await;
    let policy = "daily_points = \"1000000000\"\n[[tiers]]\nmin_days = 1\nbonus_percent = \"500\"\n";
    let files = json!({"files": {
        "pack.toml": "name = \"rich\"\nversion = \"1.0.0\"\n", "checkin.toml": policy,
    }});
    server.admin().put("/packs/rich", files).await.ok(200);
    let user = server.user();
    user.post("/checkin", Value::Null)
        .await
        .refused(422, "amount_out_of_bounds");
    assert_eq!(user.get("/me").await.ok(200)["points"], 0);
}
