//! Tasks over HTTP: each refusal of the contract, in its order.

use serde_json::{Value, json};

use crate::support::{Server, event};

#[tokio::test]
async fn refusals_of_a_start_come_in_their_order() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let rules = json!([{"rule_type": "user.level", "operator": "gte", "value": "2"}]);
    let shape =
        json!({"frequency": "unlimited", "max_completions": 1, "cooldown_seconds": 60, "rules": rules});
    let mission = admin
        .post("/missions", crate::support::definition("ordered", shape))
        .await
        .ok(201);
    let id = mission["id"].as_str().unwrap();
    let start = format!("/missions/{id}/start");
    user.post(&start, Value::Null)
        .await
        .refused(400, "mission_not_active");
    admin
        .post(&format!("/missions/{id}/activate"), Value::Null)
        .await
        .ok(200);
    user.post(&start, Value::Null).await.refused(400, "not_eligible");
    let attributes = format!("/users/{}/attributes", user.user);
    admin.put(&attributes, json!({"level": 2})).await.ok(200);
    user.complete(id).await;
    user.post(&start, Value::Null)
        .await
        .refused(400, "max_completions_reached");
    // Without the cap, the cooldown is next; without eligibility, it still comes first.
    let loose = json!({"frequency": "unlimited", "cooldown_seconds": 60, "rules": [{"rule_type": "user.level", "operator": "gte", "value": "9"}]});
    admin
        .put(
            &format!("/missions/{id}"),
            crate::support::definition("ordered", loose),
        )
        .await
        .ok(200);
    let cooling = user.post(&start, Value::Null).await;
    cooling.refused(429, "cooldown");
    assert_eq!(cooling.headers["retry-after"], "60");
    server.set_clock("2026-01-05T10:02:00Z").await;
    user.post(&start, Value::Null).await.refused(400, "not_eligible");
    admin.put(&attributes, json!({"level": 9})).await.ok(200);
    user.start(id).await;
    user.post(&start, Value::Null)
        .await
        .refused(400, "task_already_open");
    admin
        .post(&format!("/missions/{id}/pause"), Value::Null)
        .await
        .ok(200);
    user.post(&start, Value::Null)
        .await
        .refused(400, "mission_not_active");
}

#[tokio::test]
async fn another_users_task_does_not_exist() {
    let server = Server::start().await;
    let mission = server
        .admin()
        .mission("mine", json!({"evidence": {"type": "social_proof"}}))
        .await;
    let (owner, other) = (server.user(), server.user());
    let task = owner.start(&mission).await;
    other
        .get(&format!("/tasks/{task}"))
        .await
        .refused(404, "not_found");
    // Who may not is told so before the body is judged.
    other
        .post(&format!("/tasks/{task}/progress"), json!({"nonsense": 1}))
        .await
        .refused(404, "not_found");
    other
        .post(&format!("/tasks/{task}/evidence"), json!({"nonsense": 1}))
        .await
        .refused(404, "not_found");
    for action in ["complete", "claim"] {
        other
            .post(&format!("/tasks/{task}/{action}"), Value::Null)
            .await
            .refused(404, "not_found");
    }
    assert_eq!(other.get("/tasks").await.ok(200)["items"], json!([]));
    owner.get(&format!("/tasks/{task}")).await.ok(200);
}

#[tokio::test]
async fn completion_needs_progress_and_evidence() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let demand = json!({"type": "watch_duration", "min_seconds": 30});
    let mission = server
        .admin()
        .mission("watch", json!({"target": 2, "evidence": demand}))
        .await;
    let user = server.user();
    let task = user.start(&mission).await;
    let (progress, complete) = (
        format!("/tasks/{task}/progress"),
        format!("/tasks/{task}/complete"),
    );
    user.post(&complete, Value::Null)
        .await
        .refused(400, "task_not_complete");
    user.post(&progress, json!({"value": 5})).await.ok(200);
    let lower = user.post(&progress, json!({"value": 1})).await.ok(200);
    assert_eq!(lower["progress"]["current"], 2);
    user.post(&complete, Value::Null)
        .await
        .refused(400, "task_not_complete");
    user.post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .refused(400, "task_not_completed");
    let evidence = format!("/tasks/{task}/evidence");
    let watched = |seconds: &str| json!({"type": "watch_duration", "data": seconds, "captured_at": "2026-01-05T10:00:00Z"});
    user.post(&evidence, watched("29"))
        .await
        .refused(422, "evidence_rejected");
    user.post(&evidence, watched("9999"))
        .await
        .refused(422, "evidence_rejected");
    user.post(&evidence, watched("many"))
        .await
        .refused(422, "evidence_rejected");
    server.set_clock("2026-01-05T10:01:00Z").await;
    let shown = user.post(&evidence, watched("45")).await.ok(200);
    assert_eq!(shown["verification"]["is_valid"], true);
    let done = user.post(&complete, Value::Null).await.ok(200);
    assert_eq!(done["status"], "completed");
    user.post(&complete, Value::Null)
        .await
        .refused(400, "task_not_open");
    user.post(&progress, json!({"value": 2}))
        .await
        .refused(400, "task_not_open");
}

#[tokio::test]
async fn what_events_move_is_not_reported() {
    let server = Server::start().await;
    let triggered = json!({"trigger": {"event": "video.watched"}});
    let mission = server.admin().mission("triggered", triggered).await;
    let user = server.user();
    let task = user.start(&mission).await;
    user.post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
        .await
        .refused(400, "progress_by_events");
}

#[tokio::test]
async fn a_screenshot_is_shown_once() {
    let server = Server::start().await;
    let shape = json!({"type": "social", "evidence": {"type": "social_proof"}});
    let mission = server.admin().mission("post", shape).await;
    let (first, second) = (server.user(), server.user());
    let (one, two) = (first.start(&mission).await, second.start(&mission).await);
    let proof = json!({"type": "social_proof", "screenshot_url": "https://img.example/a.png"});
    first
        .post(&format!("/tasks/{one}/evidence"), proof.clone())
        .await
        .ok(200);
    first
        .post(&format!("/tasks/{one}/evidence"), proof.clone())
        .await
        .ok(200);
    second
        .post(&format!("/tasks/{two}/evidence"), proof)
        .await
        .refused(422, "evidence_reused");
    let spelled = json!({"type": "social_proof", "screenshot_url": "https://IMG.example:443/a.png"});
    second
        .post(&format!("/tasks/{two}/evidence"), spelled)
        .await
        .refused(422, "evidence_reused");
    let plain = json!({"type": "social_proof", "screenshot_url": "http://img.example/b.png"});
    second
        .post(&format!("/tasks/{two}/evidence"), plain)
        .await
        .refused(422, "evidence_rejected");
}

#[tokio::test]
async fn an_invite_code_is_somebody_elses() {
    let server = Server::start().await;
    let shape = json!({"type": "referral", "frequency": "unlimited", "evidence": {"type": "invite_code"}});
    let mission = server.admin().mission("invited", shape).await;
    let (inviter, user) = (server.user(), server.user());
    let code = inviter.get("/me").await.ok(200)["invite_code"].clone();
    let own = user.get("/me").await.ok(200)["invite_code"].clone();
    let task = user.start(&mission).await;
    let path = format!("/tasks/{task}/evidence");
    user.post(&path, json!({"type": "invite_code", "data": "NOBODYSCODE2"}))
        .await
        .refused(422, "evidence_rejected");
    user.post(&path, json!({"type": "invite_code", "data": own}))
        .await
        .refused(422, "evidence_rejected");
    user.post(&path, json!({"type": "invite_code", "data": code}))
        .await
        .ok(200);
    user.post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
        .await
        .ok(200);
    user.post(&format!("/tasks/{task}/complete"), Value::Null)
        .await
        .ok(200);
    let again = user.start(&mission).await;
    let twice = user
        .post(
            &format!("/tasks/{again}/evidence"),
            json!({"type": "invite_code", "data": code}),
        )
        .await;
    twice.refused(422, "evidence_rejected");
}

#[tokio::test]
async fn a_period_ends_and_its_task_with_it() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T23:00:00Z").await;
    let mission = server
        .admin()
        .mission("daily", json!({"frequency": "daily"}))
        .await;
    let user = server.user();
    let task = user.start(&mission).await;
    server.set_clock("2026-01-06T00:30:00Z").await;
    user.post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
        .await
        .refused(400, "task_not_open");
    user.post(&format!("/tasks/{task}/complete"), Value::Null)
        .await
        .refused(400, "task_not_open");
    // The next day's task is another one, beside the old one.
    user.start(&mission).await;
    assert_eq!(
        user.get(&format!("/tasks/{task}")).await.ok(200)["status"],
        "in_progress"
    );
    server.set_clock("2026-01-13T00:30:00Z").await;
    assert_eq!(
        user.get(&format!("/tasks/{task}")).await.ok(200)["status"],
        "expired"
    );
    assert_eq!(
        user.get("/tasks?status=expired").await.ok(200)["items"][0]["id"],
        task
    );
}

#[tokio::test]
async fn an_unclaimed_reward_expires_and_gives_its_budget_back() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let shape = json!({"budget": {"max_grants": 1}, "reward": {"points": 5, "expires_after_days": 2}});
    let mission = server.admin().mission("fleeting", shape).await;
    let (late, next) = (server.user(), server.user());
    let task = late.complete(&mission).await;
    let other = next.start(&mission).await;
    next.post(&format!("/tasks/{other}/progress"), json!({"value": 1}))
        .await
        .ok(200);
    next.post(&format!("/tasks/{other}/complete"), Value::Null)
        .await
        .refused(400, "budget_exhausted");
    server.set_clock("2026-01-07T10:01:00Z").await;
    late.post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .refused(400, "reward_expired");
    assert_eq!(
        late.get("/rewards").await.ok(200)["items"][0]["status"],
        "expired"
    );
    next.post(&format!("/tasks/{other}/complete"), Value::Null)
        .await
        .ok(200);
}

#[tokio::test]
async fn a_failing_script_fails_that_evaluation_only() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let endless = json!({"script": "fn eligible(ctx) { let n = 0; while true { n += 1; } true }"});
    let mission = admin.mission("endless", endless).await;
    user.post(&format!("/missions/{mission}/start"), Value::Null)
        .await
        .refused(400, "rule_failed");
    let trigger = json!({"event": "did.it"});
    admin
        .mission(
            "broken",
            json!({"auto_start": true, "trigger": trigger, "script": "fn progress(ctx) { 1 / 0 }"}),
        )
        .await;
    admin
        .mission("sound", json!({"auto_start": true, "trigger": trigger}))
        .await;
    let now = chrono::Utc::now().to_rfc3339();
    let result = admin
        .post("/events", event(user.user, "did.it", &now, json!({})))
        .await
        .ok(200);
    let result = &result["results"][0];
    assert_eq!(
        (&result["status"], &result["tasks"][0]["mission"]),
        (&json!("applied"), &json!("sound"))
    );
    assert_eq!(
        (&result["failures"][0]["mission"], &result["failures"][0]["code"]),
        (&json!("broken"), &json!("rule_failed"))
    );
}

#[tokio::test]
async fn lists_come_in_pages() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    for n in 0..5 {
        let mission = admin
            .mission(&format!("m-{n}"), json!({"priority": n, "category": "a"}))
            .await;
        user.start(&mission).await;
    }
    let mut seen = Vec::new();
    let mut path = "/tasks?limit=2".to_owned();
    loop {
        let page = user.get(&path).await.ok(200);
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|task| task["mission"].clone()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/tasks?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["m-4", "m-3", "m-2", "m-1", "m-0"]);
    let first = user.get("/missions?limit=3").await.ok(200);
    let codes: Vec<_> = first["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["code"].clone())
        .collect();
    assert_eq!(codes, ["m-4", "m-3", "m-2"]);
    let rest = user
        .get(&format!(
            "/missions?limit=3&cursor={}",
            first["next_cursor"].as_str().unwrap()
        ))
        .await
        .ok(200);
    assert_eq!(
        (rest["items"].as_array().unwrap().len(), &rest["next_cursor"]),
        (2, &Value::Null)
    );
    // What a cursor was taken from may go; a cursor of another list is none of this one.
    let last = first["items"][2]["id"].as_str().unwrap();
    admin
        .post(&format!("/missions/{last}/pause"), Value::Null)
        .await
        .ok(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = user
        .get(&format!("/missions?limit=3&cursor={cursor}"))
        .await
        .ok(200);
    assert_eq!(
        (&rest["items"][0]["code"], &rest["items"][1]["code"]),
        (&json!("m-1"), &json!("m-0"))
    );
    admin
        .post(&format!("/missions/{last}/activate"), Value::Null)
        .await
        .ok(200);
    user.get(&format!("/tasks?cursor={cursor}"))
        .await
        .refused(422, "invalid_query");
    assert_eq!(user.get("/missions?category=b").await.ok(200)["items"], json!([]));
    assert_eq!(
        user.get("/tasks?mission=m-2").await.ok(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
