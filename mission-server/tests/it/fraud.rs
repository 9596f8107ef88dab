//! Fraud kept out: rate limits, devices, and the review queue.

use serde_json::{Value, json};

use crate::support::{Client, Server};

#[tokio::test]
async fn too_many_requests_wait() {
    let server = Server::with(&[("MISSION_FRAUD_RATE_LIMIT_PER_USER", "3/h")]).await;
    let (user, other, admin) = (server.user(), server.user(), server.admin());
    user.post("/checkin", Value::Null).await.ok(200);
    for _ in 0..2 {
        user.post("/checkin", Value::Null)
            .await
            .refused(400, "already_checked_in");
    }
    let limited = user.post("/checkin", Value::Null).await;
    limited.refused(429, "rate_limited");
    let wait: u64 = limited.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=1200).contains(&wait), "{wait}");
    user.get("/checkin").await.ok(200);
    other.post("/checkin", Value::Null).await.ok(200);
    for _ in 0..5 {
        assert_ne!(admin.post("/checkin", Value::Null).await.status, 429);
    }
}

#[tokio::test]
async fn an_address_is_limited_too() {
    let server = Server::with(&[("MISSION_FRAUD_RATE_LIMIT_PER_ADDRESS", "2/h")]).await;
    for _ in 0..2 {
        server.user().post("/checkin", Value::Null).await.ok(200);
    }
    server
        .user()
        .post("/checkin", Value::Null)
        .await
        .refused(429, "rate_limited");
}

async fn open_review(admin: &Client<'_>, user: &Client<'_>) -> Value {
    let open = admin.get("/reviews").await.ok(200)["items"].clone();
    let reviews = open.as_array().unwrap();
    reviews
        .iter()
        .find(|review| review["user_id"] == json!(user.user))
        .cloned()
        .unwrap()
}

#[tokio::test]
async fn a_new_device_flags_until_a_review_approves_it() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    user.header("x-device-id", "phone")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    server.set_clock("2026-01-06T10:00:00Z").await;
    let tablet = user.header("x-device-id", "tablet");
    let flagged = tablet.post("/checkin", Value::Null).await.ok(200);
    assert_eq!(
        (&flagged["under_review"], &flagged["streak"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(user.get("/me").await.ok(200)["points"], 10);
    assert_eq!(
        user.get("/rewards?status=held").await.ok(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let review = open_review(&admin, &user).await;
    assert_eq!(
        (&review["kind"], &review["reasons"]),
        (&json!("check_in"), &json!(["new_device"]))
    );
    let approve = format!("/reviews/{}/approve", review["id"].as_str().unwrap());
    user.post(&approve, Value::Null).await.refused(403, "forbidden");
    admin.post(&approve, json!({"note": "known to us"})).await.ok(200);
    admin
        .post(&approve, Value::Null)
        .await
        .refused(400, "already_decided");
    assert_eq!(user.get("/me").await.ok(200)["points"], 20);
    server.set_clock("2026-01-07T10:00:00Z").await;
    assert_eq!(
        tablet
            .post("/checkin", Value::Null)
            .await
            .ok(200)
            .get("under_review"),
        None
    );
}

#[tokio::test]
async fn a_flagged_completion_and_claim_wait() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin
        .mission("flagged", json!({"budget": {"max_grants": 1}}))
        .await;
    let phone = user.header("x-device-id", "phone");
    let task = phone.start(&mission).await;
    phone
        .post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
        .await
        .ok(200);
    let strange = user.header("x-device-id", "strange");
    let waiting = strange
        .post(&format!("/tasks/{task}/complete"), Value::Null)
        .await
        .ok(202);
    assert_eq!(
        (&waiting["status"], &waiting["code"]),
        (&json!("pending_review"), &json!("under_review"))
    );
    phone
        .post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .refused(400, "task_not_completed");
    let review = open_review(&admin, &user).await;
    admin
        .post(
            &format!("/reviews/{}/approve", review["id"].as_str().unwrap()),
            Value::Null,
        )
        .await
        .ok(200);
    let other = user.header("x-device-id", "another");
    let held = other
        .post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .ok(202);
    assert_eq!(held["code"], "under_review");
    let review = open_review(&admin, &user).await;
    assert_eq!(review["kind"], "claim");
    admin
        .post(
            &format!("/reviews/{}/reject", review["id"].as_str().unwrap()),
            json!({"note": "no"}),
        )
        .await
        .ok(200);
    assert_eq!(user.get("/me").await.ok(200)["points"], 0);
    phone
        .post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .refused(400, "reward_rejected");
    // The rejected reward gave its budget back.
    server.user().complete(&mission).await;
}

#[tokio::test]
async fn manual_evidence_goes_to_the_queue() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let shape = json!({"type": "social", "evidence": {"type": "social_proof", "review": "manual"}});
    let mission = admin.mission("post", shape).await;
    let task = user.start(&mission).await;
    user.post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
        .await
        .ok(200);
    let proof = json!({"type": "social_proof", "screenshot_url": "https://img.example/1.png"});
    let shown = user
        .post(&format!("/tasks/{task}/evidence"), proof.clone())
        .await
        .ok(202);
    assert_eq!(
        (&shown["status"], &shown["code"]),
        (&json!("pending_review"), &json!("under_review"))
    );
    user.post(&format!("/tasks/{task}/evidence"), proof).await.ok(202);
    let review = open_review(&admin, &user).await;
    admin
        .post(
            &format!("/reviews/{}/approve", review["id"].as_str().unwrap()),
            Value::Null,
        )
        .await
        .ok(200);
    let done = user.get(&format!("/tasks/{task}")).await.ok(200);
    assert_eq!(
        (&done["status"], &done["verification"]["method"]),
        (&json!("completed"), &json!("manual"))
    );
    let claim = user
        .post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .ok(200);
    assert_eq!(claim["points_earned"], 50);
    assert_eq!(
        user.get("/rewards").await.ok(200)["items"][0]["type"],
        "SOCIAL_ACTION"
    );
}

#[tokio::test]
async fn a_device_can_be_demanded() {
    let server = Server::with(&[("MISSION_FRAUD_REQUIRE_DEVICE", "true")]).await;
    let user = server.user();
    user.post("/checkin", Value::Null)
        .await
        .refused(400, "device_required");
    for nothing in ["", "  "] {
        user.header("x-device-id", nothing)
            .post("/checkin", Value::Null)
            .await
            .refused(400, "device_required");
    }
    user.header("x-device-id", "phone")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
}

#[tokio::test]
async fn a_device_of_many_flags() {
    let server = Server::start().await;
    for n in 0..4 {
        let done = server
            .user()
            .header("x-device-id", "shared")
            .post("/checkin", Value::Null)
            .await
            .ok(200);
        assert_eq!(done.get("under_review").is_some(), n == 3, "user {n}");
    }
}
