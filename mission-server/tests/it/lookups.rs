//! What authors, support and operators look up: how missions and a pack's cases do, whose an invite code is, which devices
//! somebody uses, how the server is configured.

use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Server, event};

#[tokio::test]
async fn an_author_sees_what_a_mission_has_spent_and_who_is_at_it() {
    let server = Server::start().await;
    let admin = server.admin();
    let budget = json!({"reward": {"points": 5}, "budget": {"max_points": 100, "max_grants": 3}});
    let limited = admin.mission("limited", budget).await;
    let open = admin.mission("open", json!({"reward": {"points": 1}})).await;
    let of = async |id: &str| admin.get(&format!("/missions/{id}")).await.ok(200);
    let fresh = of(&limited).await;
    assert_eq!(fresh["budget_used"], json!({"points": 0, "grants": 0}));
    assert_eq!(fresh["open_task_count"], 0);

    let (first, second) = (server.user(), server.user());
    first.complete(&limited).await;
    second
        .post(&format!("/missions/{limited}/start"), Value::Null)
        .await
        .ok(201);
    let used = of(&limited).await;
    assert_eq!(used["budget_used"], json!({"points": 5, "grants": 1}));
    assert_eq!(used["open_task_count"], 1, "the completed one is no more open");
    let unlimited = of(&open).await;
    assert_eq!(
        (unlimited.get("budget_used"), &unlimited["open_task_count"]),
        (None, &json!(0))
    );

    let list = admin.get("/missions").await.ok(200);
    let listed = |code: &str| {
        let items = list["items"].as_array().unwrap();
        items.iter().find(|one| one["code"] == code).unwrap().clone()
    };
    assert_eq!(listed("limited")["budget_used"], used["budget_used"]);
    assert_eq!(listed("open")["health"]["failures_last_hour"], 0);
    assert_eq!(
        listed("limited").get("open_task_count"),
        None,
        "of one mission only"
    );

    for path in ["/missions".to_owned(), format!("/missions/{limited}")] {
        let seen = first.get(&path).await.ok(200).to_string();
        for own in ["budget_used", "open_task_count", "health"] {
            assert!(!seen.contains(own), "{own} is its authors' own: {seen}");
        }
    }
}

#[tokio::test]
async fn analytics_tell_missions_apart() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let admin = server.admin();
    let small = admin
        .mission("small", json!({"reward": {"points": 5}, "category": "shop"}))
        .await;
    let large = admin.mission("large", json!({"reward": {"points": 50}})).await;
    admin.mission("unused", json!({})).await;
    let user = server.user();
    user.post("/checkin", Value::Null).await.ok(200);
    for mission in [&small, &large] {
        let task = user.complete(mission).await;
        user.post(&format!("/tasks/{task}/claim"), Value::Null)
            .await
            .ok(200);
    }
    let another = server.user();
    another
        .post(&format!("/missions/{small}/start"), Value::Null)
        .await
        .ok(201);

    let reader = server.client(Uuid::new_v4(), json!({"permissions": ["analytics:read"]}));
    let answer = reader
        .get("/analytics/missions?from=2026-01-05&to=2026-01-06")
        .await
        .ok(200);
    let items = answer["items"].as_array().unwrap();
    let codes: Vec<_> = items.iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(
        codes,
        ["large", "small"],
        "the dearest first, without those of which nothing came"
    );
    assert_eq!(
        items[1],
        json!({"mission_id": small, "code": "small", "category": "shop", "status": "active", "started": 2, "completed": 1,
            "check_ins": 0, "claims": 1, "points": 5, "verification_success_rate": null})
    );
    let later = reader
        .get("/analytics/missions?from=2026-01-06&to=2026-01-07")
        .await
        .ok(200);
    assert_eq!(later["items"], json!([]));
    reader
        .get("/analytics/missions?from=2026-01-07&to=2026-01-06")
        .await
        .refused(422, "invalid_query");
    user.get("/analytics/missions").await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_user_is_found_by_the_invite_code() {
    let server = Server::start().await;
    let reader = server.client(Uuid::new_v4(), json!({"permissions": ["users:read"]}));
    let user = server.user();
    let code = user.get("/me").await.ok(200)["invite_code"]
        .as_str()
        .unwrap()
        .to_owned();
    let find =
        async |code: &str| reader.get(&format!("/users?invite_code={code}")).await.ok(200)["items"].clone();
    assert_eq!(find(&code).await, json!([{"id": user.user}]));
    assert_eq!(find(&code.to_lowercase()).await, json!([{"id": user.user}]));
    assert_eq!(find("NOBODYSCODE0").await, json!([]));
    reader.get("/users").await.refused(422, "invalid_query");
    user.get(&format!("/users?invite_code={code}"))
        .await
        .refused(403, "forbidden");
    user.delete("/me").await.ok(200);
    assert_eq!(find(&code).await, json!([]), "who is erased is found no more");
}

#[tokio::test]
async fn the_devices_of_a_user_are_told_with_who_shares_them() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let reader = server.client(Uuid::new_v4(), json!({"permissions": ["users:read"]}));
    let (user, other) = (server.user(), server.user());
    user.header("x-device-id", "phone")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    other
        .header("x-device-id", "phone")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    server.set_clock("2026-01-06T10:00:00Z").await;
    user.header("x-device-id", "tablet")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    let path = format!("/users/{}/devices", user.user);
    let devices = reader.get(&path).await.ok(200)["items"].clone();
    let seen: Vec<_> = devices
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["trusted"].as_bool().unwrap(),
                one["other_users"].as_u64().unwrap(),
                one["first_seen_at"].as_str().unwrap().get(..10).unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [(false, 0, "2026-01-06"), (true, 1, "2026-01-05")]);
    assert!(
        !devices.to_string().contains("phone"),
        "the client's own name is not kept"
    );
    user.get(&path).await.refused(403, "forbidden");
    reader
        .get(&format!("/users/{}/devices", Uuid::new_v4()))
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn the_configuration_in_force_is_shown_without_secrets() {
    let server = Server::start().await;
    let reader = server.client(Uuid::new_v4(), json!({"permissions": ["audit:read"]}));
    let items = reader.get("/configuration").await.ok(200)["items"].clone();
    let setting = |name: &str| {
        let items = items.as_array().unwrap();
        items.iter().find(|one| one["name"] == name).unwrap().clone()
    };
    assert_eq!(
        setting("write.batches"),
        json!({"name": "write.batches", "value": "1", "origin": "by default"})
    );
    assert_eq!(setting("jwt.secret")["value"], "***");
    server
        .user()
        .get("/configuration")
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn streaks_are_shown_by_length_with_those_that_went_on() {
    let server = Server::start().await;
    let users = [server.user(), server.user(), server.user()];
    for (day, came) in [(5, &users[..]), (6, &users[..2]), (7, &users[1..])] {
        server.set_clock(&format!("2026-01-{day:02}T10:00:00Z")).await;
        for user in came {
            user.post("/checkin", json!(null)).await.ok(200);
        }
    }
    let reader = server.client(Uuid::new_v4(), json!({"permissions": ["analytics:read"]}));
    let path = "/analytics/streaks?from=2026-01-04&to=2026-01-08";
    let found = reader.get(path).await.ok(200);
    let shown = |day: &Value| {
        let lengths = day["lengths"].as_array().unwrap().iter();
        let lengths =
            lengths.map(|one| ["length", "users", "returned"].map(|name| one[name].as_u64().unwrap()));
        let lengths: Vec<_> = lengths.collect();
        (
            day["check_ins"].as_u64().unwrap(),
            day["complete"].as_bool().unwrap(),
            lengths,
        )
    };
    let days = found["days"].as_array().unwrap();
    let days: Vec<_> = days.iter().map(shown).collect();
    assert_eq!(
        days,
        [
            (0, true, vec![]),
            (3, false, vec![[1, 3, 2]]),
            (2, false, vec![[2, 2, 1]]),
            // One of them begins anew.
            (2, false, vec![[1, 1, 0], [3, 1, 0]]),
        ]
    );
    assert_eq!(found["lengths"], json!([]));
    server.set_clock("2026-01-08T12:00:00Z").await;
    let found = reader.get(path).await.ok(200);
    assert_eq!(found["days"][2]["complete"], true);
    assert_eq!(
        found["lengths"].to_string(),
        concat!(
            r#"[{"length":1,"retention":0.6667,"returned":2,"users":3},"#,
            r#"{"length":2,"retention":0.5,"returned":1,"users":2}]"#
        )
    );
    let unasked = reader.get("/analytics/streaks").await.ok(200);
    assert_eq!(
        (&unasked["from"], &unasked["to"]),
        (&json!("2025-12-10"), &json!("2026-01-09"))
    );
    for bad in [
        "from=2026-01-05&to=2026-01-05",
        "from=2025-01-01&to=2026-01-01",
        "from=yesterday",
    ] {
        let refused = reader.get(&format!("/analytics/streaks?{bad}")).await;
        refused.refused(422, "invalid_query");
    }
    users[0].get("/analytics/streaks").await.refused(403, "forbidden");
}

#[tokio::test]
async fn the_scripts_that_take_longest_are_shown() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let reader = server.client(Uuid::new_v4(), json!({"permissions": ["audit:read"]}));
    assert_eq!(reader.get("/rules/slow").await.ok(200)["items"], json!([]));
    let slow = "fn progress(ctx) { let n = 0; for i in 0..2000 { n += i % 7; } if n > 0 { 1 } else { 0 } }";
    let quick = "fn progress(ctx) { if ctx.event.data.seconds >= 30 { 1 } else { 0 } }";
    for (code, script) in [("slow", slow), ("quick", quick), ("slow-too", slow)] {
        let moved_by_event = json!({"target": 1000, "auto_start": true, "trigger": {"event": "video.watched"},
            "script": script});
        admin.mission(code, moved_by_event).await;
    }
    for _ in 0..3 {
        let watched = event(
            user.user,
            "video.watched",
            &Utc::now().to_rfc3339(),
            json!({"seconds": 31}),
        );
        admin.post("/events", watched).await.ok(200);
    }
    let costs = reader.get("/rules/slow").await.ok(200)["items"].clone();
    let [first, second] = costs.as_array().unwrap().as_slice() else {
        panic!("{costs}");
    };
    let shown = |cost: &Value| {
        let named = ["missions", "hook", "compiled", "evaluations"];
        named.map(|name| cost[name].clone())
    };
    // Two missions with the same script: six evaluations of it.
    assert_eq!(
        shown(first),
        [
            json!(["slow", "slow-too"]),
            json!("progress"),
            json!(false),
            json!(6)
        ]
    );
    assert_eq!(
        shown(second),
        [json!(["quick"]), json!("progress"), json!(true), json!(3)]
    );
    let of = |cost: &Value, name: &str| cost[name].as_f64().unwrap();
    assert!(
        of(first, "mean_us") > of(second, "mean_us") && of(second, "mean_us") > 0.0,
        "{costs}"
    );
    assert!(first["slow"].is_boolean(), "{costs}");
    assert!(of(first, "longest_us") >= of(first, "mean_us"), "{costs}");
    assert!(
        (of(first, "total_ms") * 1000.0 / 6.0 - of(first, "mean_us")).abs() < 1.0,
        "{costs}"
    );
    let top = reader.get("/rules/slow?limit=1").await.ok(200);
    assert_eq!(top["items"].as_array().unwrap().len(), 1);
    reader
        .get("/rules/slow?limit=0")
        .await
        .refused(422, "invalid_query");
    user.get("/rules/slow").await.refused(403, "forbidden");
}

#[tokio::test]
async fn the_cases_of_a_pack_run_without_putting_it_in_place() {
    let server = Server::start().await;
    let admin = server.admin();
    let mission = r#"
code = "buy"
title = { en = "Buy something" }
description = { en = "Once." }
type = "custom"
category = "shop"
frequency = "one_time"
auto_start = true
trigger = { event = "order.paid" }
reward = { points = "5" }
"#;
    let case = r#"
[[case]]
name = "one order"
mission = "buy"
events = [{ type = "order.paid", at = "2026-01-05T10:00:00Z" }]
expect = { status = "completed", points = "EXPECTED" }
"#;
    let files = |points: &str| {
        json!({"files": {
            "pack.toml": "name = \"tried\"\nversion = \"1\"\n",
            "missions/buy.toml": mission,
            "tests/buy.toml": case.replace("EXPECTED", points),
        }})
    };
    let good = admin.post("/rules/test", files("5")).await.ok(200);
    assert_eq!(
        good,
        json!({"ok": true, "left_out": 0, "properties": 0,
            "cases": [{"file": "tests/buy.toml", "name": "one order", "passed": true, "mismatches": [], "refusals": []}]})
    );
    let bad = admin.post("/rules/test", files("6")).await.ok(200);
    assert_eq!(bad["ok"], false);
    assert_eq!(
        bad["cases"][0]["mismatches"],
        json!([{"what": "`points`", "expected": "6", "found": "5"}])
    );
    let mut broken = files("5");
    broken["files"]["missions/buy.toml"] = json!("code = 1");
    admin
        .post("/rules/test", broken)
        .await
        .refused(422, "invalid_body");
    admin.get("/packs/tried").await.refused(404, "not_found");
    server
        .user()
        .post("/rules/test", files("5"))
        .await
        .refused(403, "forbidden");
}
