//! `GET /users/{id}/missions/{mission}/explain`: why, or why not.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Server;

const SCRIPT: &str = "fn eligible(ctx) {\n    ctx.user.level >= 3 && ctx.user.country == \"DE\"\n}";

#[tokio::test]
async fn a_mission_is_explained_to_its_user_and_to_operators() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let reader = server.client(Uuid::new_v4(), json!({"permissions": ["users:read"]}));
    let rule = json!({"rule_type": "user.level", "operator": "gte", "value": "2"});
    let choosy = json!({"target": 2, "rules": [rule], "script": SCRIPT, "requires": ["first"]});
    let first = admin.mission("first", json!({})).await;
    let mission = admin.mission("choosy", choosy).await;
    let path = format!("/users/{}/missions/{mission}/explain", user.user);

    let own = user.get(&path).await.ok(200);
    assert_eq!(own["mission"], "choosy");
    assert_eq!(
        (&own["availability"], &own["refusal"]),
        (&json!("unavailable"), &json!("not_eligible"))
    );
    let kinds: Vec<&Value> = own["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["kind"])
        .collect();
    assert_eq!(
        kinds,
        [
            "status",
            "window",
            "open_task",
            "completions",
            "requires",
            "rule",
            "script"
        ]
    );
    assert_eq!(own["decided_by"], 4, "{own}");
    assert_eq!(
        own["to_do"],
        json!([{"kind": "complete_mission", "code": "first"}])
    );
    let rule = &own["conditions"][5];
    assert_eq!(
        (&rule["condition"], &rule["seen"], &rule["holds"]),
        (&json!("user.level gte 2"), &json!(1), &json!(false))
    );
    assert_eq!(own["conditions"][6]["seen"], false);
    assert!(
        own["conditions"][6].get("lines").is_none(),
        "a user sees no script: {own}"
    );

    let by_code = format!("/users/{}/missions/choosy/explain", user.user);
    reader.get(&by_code).await.refused(404, "not_found");
    user.complete(&first).await;
    let seen = reader.get(&by_code).await.ok(200);
    let line = &seen["conditions"][6]["lines"][0];
    assert_eq!(
        line,
        &json!({
            "line": 2, "code": "ctx.user.level >= 3 && ctx.user.country == \"DE\"",
            "values": {"ctx.user.level": 1, "ctx.user.country": null},
        })
    );
    assert_eq!(seen["decided_by"], 5, "{seen}");

    let described = json!({"level": 4, "country": "DE"});
    let attributes = format!("/users/{}/attributes", user.user);
    admin.put(&attributes, described).await.ok(200);
    let open = user.get(&path).await.ok(200);
    assert_eq!(
        (&open["availability"], &open["to_do"]),
        (&json!("available"), &json!([{"kind": "start"}]))
    );
    assert_eq!(
        (&open["decided_by"], &open["refusal"]),
        (&Value::Null, &Value::Null)
    );
    let task = user.start(&mission).await;
    user.post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
        .await
        .ok(200);
    let running = user.get(&path).await.ok(200);
    assert_eq!(running["availability"], "in_progress");
    assert_eq!(running["task"]["id"], task);
    assert_eq!(
        running["to_do"][0],
        json!({"kind": "progress", "current": 1, "target": 2, "remaining": 1, "event": null})
    );
    // Reading changed nothing: what was explained as possible is.
    user.post(&format!("/tasks/{task}/progress"), json!({"value": 2}))
        .await
        .ok(200);
}

#[tokio::test]
async fn there_is_nothing_to_explain_to_others() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let other = server.client(Uuid::new_v4(), json!({}));
    let mission = admin.mission("plain", json!({})).await;
    let draft = admin
        .post("/missions", crate::support::definition("draft", json!({})))
        .await
        .ok(201);
    let draft = draft["id"].as_str().unwrap();
    let of = |user: &str, mission: &str| format!("/users/{user}/missions/{mission}/explain");
    let own = user.user.to_string();
    other.get(&of(&own, &mission)).await.refused(403, "forbidden");
    for missing in [&*Uuid::new_v4().to_string(), "nothing", "not a code", draft] {
        user.get(&of(&own, missing)).await.refused(404, "not_found");
    }
    user.get(&of("nobody", &mission)).await.refused(404, "not_found");
    admin
        .get(&of(&Uuid::new_v4().to_string(), &mission))
        .await
        .refused(404, "not_found");
}
