//! The caller's own: profile, export, erasure.

use serde_json::{Value, json};

use crate::support::{Server, event};

#[tokio::test]
async fn levels_follow_from_what_was_said() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let me = user.get("/me").await.ok(200);
    assert_eq!(
        (&me["level"], &me["experience"], &me["zone"]),
        (&json!(1), &json!(0), &json!("UTC"))
    );
    let path = format!("/users/{}/attributes", user.user);
    let said = json!({"level": 4, "country": "VN", "tags": ["vip"], "attributes": {"plan": "pro"}, "zone": "Asia/Tokyo"});
    let described = admin.put(&path, said.clone()).await.ok(200);
    for (field, value) in said.as_object().unwrap() {
        assert_eq!(described[field], *value, "{field}");
    }
    assert_eq!(user.get("/me").await.ok(200)["level"], 4);
    admin
        .put(&path, json!({"zone": "Mars/Olympus"}))
        .await
        .refused(422, "invalid_body");
    admin
        .put(&path, json!({"level": 0}))
        .await
        .refused(422, "invalid_body");
    user.put(&path, json!({"level": 99}))
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn an_erased_user_is_gone_and_stays_gone() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    admin
        .mission(
            "did-it",
            json!({"auto_start": true, "trigger": {"event": "did.it"}}),
        )
        .await;
    user.post("/checkin", Value::Null).await.ok(200);
    let export = user.get("/me/export").await.ok(200);
    assert_eq!(
        (
            export["check_ins"].as_array().unwrap().len(),
            export["rewards"].as_array().unwrap().len()
        ),
        (1, 1)
    );
    user.delete("/me").await.ok(200);
    for path in ["/me", "/tasks", "/rewards", "/checkin", "/missions", "/me/export"] {
        user.get(path).await.refused(410, "user_erased");
    }
    user.post("/checkin", Value::Null)
        .await
        .refused(410, "user_erased");
    user.delete("/me").await.refused(410, "user_erased");
    let late = admin
        .post(
            "/events",
            event(user.user, "did.it", "2026-01-05T10:00:00Z", json!({})),
        )
        .await
        .ok(200);
    assert_eq!(late["results"][0]["status"], "ignored");
}

#[tokio::test]
async fn the_leaderboard_always_has_the_callers_row() {
    let server = Server::start().await;
    let mission = server
        .admin()
        .mission("points", json!({"reward": {"points": 100}}))
        .await;
    let (best, last) = (server.user(), server.user());
    let task = best.complete(&mission).await;
    best.post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .ok(200);
    for span in ["all_time", "monthly", "weekly"] {
        let board = last.get(&format!("/leaderboards/{span}")).await.ok(200);
        assert_eq!(
            (&board["items"][0]["user_id"], &board["items"][0]["points"]),
            (&json!(best.user), &json!(100))
        );
        assert_eq!(
            (&board["me"]["user_id"], &board["me"]["points"]),
            (&json!(last.user), &json!(0))
        );
        assert_eq!(board["items"].as_array().unwrap().len(), 2);
    }
    last.get("/leaderboards/hourly").await.refused(404, "not_found");
    last.get("/leaderboards/weekly?scope=friends").await.ok(200);
    last.get("/leaderboards/weekly?scope=foes")
        .await
        .refused(422, "invalid_query");
}

#[tokio::test]
async fn a_pending_reward_is_cancelled() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin.mission("points", json!({})).await;
    let task = user.complete(&mission).await;
    let pending = user.get("/rewards").await.ok(200)["items"][0].clone();
    let revoke = format!("/rewards/{}/revoke", pending["id"].as_str().unwrap());
    let reason = json!({"reason": "a mistake"});
    let cancelled = admin.post(&revoke, reason.clone()).await.ok(200);
    assert_eq!(
        (&cancelled["status"], &cancelled["claimed_at"]),
        (&json!("revoked"), &Value::Null)
    );
    user.post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .refused(400, "reward_rejected");
    admin.post(&revoke, reason).await.refused(400, "not_claimed");
    assert_eq!(user.get("/me").await.ok(200)["points"], 0);
}

#[tokio::test]
async fn a_revoked_reward_is_reversed() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin.mission("points", json!({})).await;
    let task = user.complete(&mission).await;
    let pending = user.get("/rewards").await.ok(200)["items"][0].clone();
    let revoke = format!("/rewards/{}/revoke", pending["id"].as_str().unwrap());
    user.post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .ok(200);
    user.post(&revoke, json!({"reason": "mine"}))
        .await
        .refused(403, "forbidden");
    admin
        .post(&revoke, json!({"reason": ""}))
        .await
        .refused(422, "invalid_body");
    let revoked = admin.post(&revoke, json!({"reason": "a mistake"})).await.ok(200);
    assert_eq!(revoked["status"], "revoked");
    admin
        .post(&revoke, json!({"reason": "twice"}))
        .await
        .refused(400, "not_claimed");
    for _ in 0..200 {
        let me = user.get("/me").await.ok(200);
        assert_eq!(me["points"], 0);
        if me["wallet_points"] == 0
            && user.get("/me/export").await.ok(200)["ledger"]
                .as_array()
                .unwrap()
                .len()
                == 2
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the ledger never showed the reversal");
}
