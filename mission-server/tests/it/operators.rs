//! What operators see: users, reviews with all that decides them.

use std::collections::BTreeMap;

use mission_rules::{
    Scripts,
    pack::{Pack, PackFiles},
    run::{Options, Replay},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Server, definition, event};

#[tokio::test]
async fn a_users_page_is_what_the_user_sees() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let reader = server.client(Uuid::new_v4(), json!({"permissions": ["users:read"]}));
    let mission = admin.mission("seen", json!({"reward": {"points": 5}})).await;
    user.post("/checkin", Value::Null).await.ok(200);
    let task = user.complete(&mission).await;
    user.post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .ok(200);
    for _ in 0..100 {
        if user.get("/me").await.ok(200)["wallet_points"] == json!(15) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let of_user = format!("/users/{}", user.user);
    for (theirs, own) in [
        (of_user.clone(), "/me"),
        (format!("{of_user}/tasks"), "/tasks"),
        (
            format!("{of_user}/tasks?mission=seen&status=completed"),
            "/tasks?mission=seen&status=completed",
        ),
        (
            format!("{of_user}/tasks?mission=nothing"),
            "/tasks?mission=nothing",
        ),
        (format!("{of_user}/rewards"), "/rewards"),
        (format!("{of_user}/rewards?limit=1"), "/rewards?limit=1"),
        (format!("{of_user}/checkin"), "/checkin"),
        (
            format!("{of_user}/checkin?month=2025-12"),
            "/checkin?month=2025-12",
        ),
    ] {
        let (seen, expected) = (reader.get(&theirs).await.ok(200), user.get(own).await.ok(200));
        assert_eq!(seen, expected, "{theirs}");
        user.get(&theirs).await.refused(403, "forbidden");
        let nobody = theirs.replace(&user.user.to_string(), &Uuid::new_v4().to_string());
        reader.get(&nobody).await.refused(404, "not_found");
    }
    let ledger = format!("{of_user}/ledger");
    let bookings = reader.get(&ledger).await.ok(200);
    let amounts: Vec<_> = bookings["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["amount"].clone())
        .collect();
    assert_eq!(amounts, [json!(10), json!(5)]);
    let first = reader.get(&format!("{ledger}?limit=1")).await.ok(200);
    let next = first["next_cursor"].as_str().unwrap();
    let second = reader
        .get(&format!("{ledger}?limit=1&cursor={next}"))
        .await
        .ok(200);
    assert_eq!(
        (&second["items"][0]["amount"], &second["next_cursor"]),
        (&json!(5), &Value::Null)
    );
    reader
        .get(&format!("{ledger}?cursor=x"))
        .await
        .refused(422, "invalid_query");

    user.delete("/me").await.ok(200);
    reader.get(&of_user).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_review_shows_what_decides_it() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let reviewer = server.client(Uuid::new_v4(), json!({"permissions": ["reviews:write"]}));
    let demand = json!({"type": "social", "evidence": {"type": "social_proof", "review": "manual"}});
    let mut shown = Vec::new();
    for n in 1..=2 {
        let code = format!("post-{n}");
        let mission = admin.mission(&code, demand.clone()).await;
        let phone = user.header("x-device-id", "phone");
        let task = phone.start(&mission).await;
        let address = format!("https://pictures.example/{n}.png");
        let evidence = json!({"type": "social_proof", "data": "look", "screenshot_url": address});
        phone
            .post(&format!("/tasks/{task}/evidence"), evidence)
            .await
            .ok(202);
        shown.push((code, task, address));
    }
    let queue = reviewer.get("/reviews").await.ok(200);
    let ids: Vec<_> = queue["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|review| review["id"].clone())
        .collect();
    reviewer
        .post(
            &format!("/reviews/{}/reject", ids[0].as_str().unwrap()),
            json!({"note": "no"}),
        )
        .await
        .ok(200);

    let path = format!("/reviews/{}", ids[1].as_str().unwrap());
    let detail = reviewer.get(&path).await.ok(200);
    let (code, task, address) = &shown[1];
    assert_eq!(detail["id"], ids[1]);
    assert_eq!(
        (&detail["kind"], &detail["status"]),
        (&json!("evidence"), &json!("open"))
    );
    assert_eq!(
        (&detail["task"]["id"], &detail["mission"]["code"]),
        (&json!(task), &json!(code))
    );
    assert_eq!(
        (&detail["evidence"]["data"], &detail["evidence"]["links"]),
        (&json!("look"), &json!([address]))
    );
    let device = &detail["device"];
    assert_eq!(
        (&device["trusted"], &device["users"], &device["devices_of_user"]),
        (&json!(true), &json!(1), &json!(1))
    );
    let earlier = detail["earlier_reviews"].as_array().unwrap();
    assert_eq!(
        (earlier.len(), &earlier[0]["status"], &earlier[0]["note"]),
        (1, &json!("rejected"), &json!("no"))
    );

    user.get(&path).await.refused(403, "forbidden");
    reviewer
        .get(&format!("/reviews/{}", Uuid::new_v4()))
        .await
        .refused(404, "not_found");
    reviewer.get("/reviews/x").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_rejected_check_in_earned_nothing() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    user.header("x-device-id", "phone")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    server.set_clock("2026-01-06T10:00:00Z").await;
    user.header("x-device-id", "tablet")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    let queue = admin.get("/reviews").await.ok(200);
    let review = queue["items"][0]["id"].as_str().unwrap();
    admin
        .post(&format!("/reviews/{review}/reject"), Value::Null)
        .await
        .ok(200);
    let calendar = user.get("/checkin").await.ok(200);
    let expected = json!([
        {"date": "2026-01-05", "points_earned": 10, "is_milestone": false},
        {"date": "2026-01-06", "points_earned": 0, "is_milestone": false},
    ]);
    assert_eq!(
        (&calendar["month"]["days"], &calendar["current_streak"]),
        (&expected, &json!(2))
    );
}

#[tokio::test]
async fn every_administrative_command_is_in_the_audit() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let auditor = server.client(Uuid::new_v4(), json!({"permissions": ["audit:read"]}));
    let id = admin.mission("audited", json!({"reward": {"points": 5}})).await;
    let task = user.complete(&id).await;
    let claim = user
        .post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .ok(200);
    let edit = definition("audited", json!({"reward": {"points": 9}}));
    admin.put(&format!("/missions/{id}"), edit).await.ok(200);
    let of_user = format!("/users/{}/attributes", user.user);
    admin
        .put(&of_user, json!({"level": 3, "zone": "Asia/Tokyo"}))
        .await
        .ok(200);
    let reward = claim["reward_id"].as_str().unwrap();
    let revoke = format!("/rewards/{reward}/revoke");
    admin.post(&revoke, json!({"reason": "a mistake"})).await.ok(200);
    admin
        .post(&revoke, json!({"reason": "again"}))
        .await
        .refused(400, "not_claimed");

    let entries = auditor.get("/audit").await.ok(200)["items"].clone();
    let actions: Vec<_> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "RevokeReward",
            "DescribeUser",
            "UpdateMission",
            "MoveMission",
            "CreateMission"
        ]
    );
    assert!(
        entries
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["actor"] == json!(admin.user))
    );
    let (revoked, described, edited) = (&entries[0], &entries[1], &entries[2]);
    assert_eq!(
        (&revoked["before"], &revoked["after"]),
        (
            &json!({"status": "claimed"}),
            &json!({"status": "revoked", "reason": "a mistake", "reopened": false})
        )
    );
    assert_eq!(
        (
            &described["before"]["description"]["level"],
            &described["after"]["description"]["level"]
        ),
        (&Value::Null, &json!(3))
    );
    assert_eq!(described["after"]["zone"], "Asia/Tokyo");
    let points = |state: &Value| state["definition"]["reward"]["points"].clone();
    assert_eq!(
        (points(&edited["before"]), points(&edited["after"])),
        (json!(5), json!(9))
    );

    let count = async |query: String| {
        let found = auditor.get(&format!("/audit?{query}")).await.ok(200);
        found["items"].as_array().unwrap().len()
    };
    assert_eq!(
        count("subject=audited".to_owned()).await,
        3,
        "by the mission's code"
    );
    assert_eq!(count(format!("subject={id}")).await, 3);
    assert_eq!(
        count(format!("subject={}", user.user)).await,
        2,
        "the user's reward too"
    );
    assert_eq!(count(format!("actor={}", user.user)).await, 0);
    assert_eq!(count("from=2026-01-06T00:00:00Z".to_owned()).await, 0);
    assert_eq!(count("to=2026-01-05T10:30:00Z".to_owned()).await, 5);
    auditor
        .get("/audit?from=2026-01-06T00:00:00Z&to=2026-01-05T00:00:00Z")
        .await
        .refused(422, "invalid_query");
    auditor.get("/audit?actor=me").await.refused(422, "invalid_query");
    user.get("/audit").await.refused(403, "forbidden");

    user.delete("/me").await.ok(200);
    let entries = auditor
        .get(&format!("/audit?subject={}", user.user))
        .await
        .ok(200)["items"]
        .clone();
    assert!(
        entries
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["before"].is_null() && entry["after"].is_null())
    );
}

#[tokio::test]
async fn a_pushed_pack_is_in_the_audit() {
    let server = Server::start().await;
    let admin = server.admin();
    let mission = "code = \"m\"\ntype = \"custom\"\nfrequency = \"daily\"\ncategory = \"x\"\n\
                   title = { en = \"M\" }\ndescription = { en = \"M\" }\n";
    let files =
        json!({"files": {"pack.toml": "name = \"p\"\nversion = \"1.0.0\"\n", "missions/m.toml": mission}});
    for _ in 0..2 {
        admin.put("/packs/p", files.clone()).await.ok(200);
    }
    let entries = admin.get("/audit?subject=p").await.ok(200)["items"].clone();
    let entries = entries.as_array().unwrap();
    assert_eq!(entries.len(), 1, "the second push changed nothing");
    assert_eq!(
        (&entries[0]["before"], &entries[0]["after"]["created"]),
        (&Value::Null, &json!(1))
    );
}

#[tokio::test]
async fn a_rule_that_fails_is_counted_and_shown_with_its_mission() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let broken = json!({
        "auto_start": true, "trigger": {"event": "video.watched"},
        "script": "fn progress(ctx) {\n    ctx.event.data.seconds / 0\n}\n",
    });
    let id = admin.mission("broken", broken).await;
    let path = format!("/missions/{id}");
    let healthy = json!({"failures_last_hour": 0, "last_reason": null, "since": null});
    assert_eq!(admin.get(&path).await.ok(200)["health"], healthy);
    for minute in [0, 1] {
        let time = format!("2026-01-05T10:0{minute}:00Z");
        let told = event(user.user, "video.watched", &time, json!({"seconds": 40}));
        let answer = admin.post("/events", told).await.ok(200);
        let failure = &answer["results"][0]["failures"][0];
        assert_eq!(
            (
                &failure["mission"],
                &failure["hook"],
                &failure["kind"],
                &failure["line"]
            ),
            (&json!("broken"), &json!("progress"), &json!("error"), &json!(2)),
            "{failure}"
        );
    }
    let health = admin.get(&path).await.ok(200)["health"].clone();
    assert_eq!(health["failures_last_hour"], 2);
    assert!(
        health["last_reason"].as_str().unwrap().contains("line 2"),
        "{health}"
    );
    assert!(
        health["since"]
            .as_str()
            .unwrap()
            .starts_with("2026-01-05T10:00:0"),
        "{health}"
    );
    assert_eq!(user.get(&path).await.ok(200).get("health"), None, "authors' own");
    let counted = "mission_rule_failures_total{mission=\"broken\",hook=\"progress\",kind=\"error\"} 2";
    let metrics = server.metrics().await;
    assert!(metrics.contains(counted), "{metrics}");
}

/// What a server's users did, replayed, gives what they have.
#[tokio::test]
async fn the_journal_replays_to_what_users_have() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let pack = json!({"files": {
        "pack.toml": "name = \"journal\"\nversion = \"1\"\n",
        "missions/watch.toml": r#"
            code = "watch"
            type = "watch_video"
            title = { en = "Watch" }
            description = { en = "Watch two" }
            frequency = "unlimited"
            target = 2
            auto_start = true
            [trigger]
            event = "video.watched"
            [reward]
            points = "5"
        "#,
        "missions/show.toml": r#"
            code = "show"
            type = "social"
            title = { en = "Show" }
            description = { en = "Show it" }
            frequency = "one_time"
            [evidence]
            type = "social_proof"
            review = "manual"
            [reward]
            points = "7"
        "#,
    }});
    let (admin, user) = (server.admin(), server.user());
    let put = admin.put("/packs/journal", pack.clone()).await.ok(200);
    let show = put["missions"]["show"]["id"].as_str().unwrap();
    let tokyo = server.client(user.user, json!({"zoneinfo": "Asia/Tokyo"}));
    tokyo.post("/checkin", Value::Null).await.ok(200);
    tokyo
        .post("/checkin", Value::Null)
        .await
        .refused(400, "already_checked_in");
    server.set_clock("2026-01-06T16:00:00Z").await;
    tokyo.post("/checkin", Value::Null).await.ok(200);
    let late = event(user.user, "video.watched", "2026-01-06T09:00:00Z", json!({}));
    let mut second = event(user.user, "video.watched", "2026-01-06T15:00:00Z", json!({}));
    second["id"] = json!("second");
    admin.post("/events", json!([second, late])).await.ok(200);
    let tasks = user.get("/tasks?mission=watch").await.ok(200);
    let task = tasks["items"][0]["id"].as_str().unwrap().to_owned();
    user.post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .ok(200);
    let shown = user.start(show).await;
    user.post(&format!("/tasks/{shown}/progress"), json!({"value": 1}))
        .await
        .ok(200);
    let proof = json!({"type": "social_proof", "screenshot_url": "https://pics.example/1.png"});
    user.post(&format!("/tasks/{shown}/evidence"), proof)
        .await
        .ok(202);
    let reviews = admin.get("/reviews").await.ok(200);
    let review = reviews["items"][0]["id"].as_str().unwrap().to_owned();
    admin
        .post(&format!("/reviews/{review}/approve"), json!({}))
        .await
        .ok(200);

    let shown = user.get(&format!("/tasks/{shown}")).await.ok(200);
    assert_eq!(shown["status"], json!("completed"), "{shown}");

    let reader = server.client(Uuid::new_v4(), json!({"permissions": ["users:read"]}));
    user.get("/journal").await.refused(403, "forbidden");
    reader
        .get("/journal?cursor=x")
        .await
        .refused(422, "invalid_query");
    let mut lines: Vec<Value> = Vec::new();
    let mut path = format!("/journal?user={}&limit=2", user.user);
    loop {
        let page = reader.get(&path).await.ok(200);
        lines.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/journal?user={}&limit=2&cursor={cursor}", user.user),
            None => break,
        }
    }
    let types: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "checkin",
            "checkin",
            "video.watched",
            "video.watched",
            "task.claim",
            "task.start",
            "task.progress",
            "task.evidence",
            "review.decided"
        ]
    );
    assert_eq!(lines[0]["data"], json!({"zone": "Asia/Tokyo"}));
    assert_eq!(lines[2]["id"], json!("second"));
    let recorded = lines[3]["recordedtime"].as_str().unwrap();
    assert!(recorded.starts_with("2026-01-06T16:00:00"), "{recorded}");
    assert_eq!(lines[7]["data"]["mission"], json!("show"));
    let stranger = reader
        .get(&format!("/journal?user={}", Uuid::new_v4()))
        .await
        .ok(200);
    assert_eq!(stranger["items"], json!([]));

    let files: BTreeMap<String, String> = serde_json::from_value(pack["files"].clone()).unwrap();
    let (pack, _) = Pack::load(&PackFiles::from_map(files));
    let options = Options { auto_claim: false };
    let mut replay = Replay::new(&pack.unwrap(), &Scripts::default(), options);
    for line in &lines {
        replay.line(&line.to_string()).unwrap();
    }
    let report: Value = serde_json::from_str(&replay.finish().unwrap().to_json()).unwrap();
    let me = user.get("/me").await.ok(200);
    let earned = &report["users"][user.user.to_string()];
    assert_eq!(earned["points"], me["points"]);
    assert_eq!(earned["check_ins"], json!(2));
    assert_eq!(earned["missions"], json!({"show": 1, "watch": 1}));
}

#[tokio::test]
async fn refused_evidence_lowers_the_success_rate() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let more = json!({"evidence": {"type": "social_proof"}});
    let mission = admin.mission("shown", more).await;
    let task = user.start(&mission).await;
    let path = format!("/tasks/{task}/evidence");
    let bad = json!({"type": "social_proof", "screenshot_url": "ftp://pics.example/1.png"});
    let keyed = server
        .client(user.user, json!({}))
        .header("idempotency-key", "refused");
    for _ in 0..3 {
        // One submission, however often it is sent.
        keyed
            .post(&path, bad.clone())
            .await
            .refused(422, "evidence_rejected");
    }
    for _ in 0..2 {
        user.post(&path, bad.clone())
            .await
            .refused(422, "evidence_rejected");
    }
    let good = json!({"type": "social_proof", "screenshot_url": "https://pics.example/1.png"});
    user.post(&path, good.clone()).await.ok(200);
    let other = server.user();
    let path = format!("/tasks/{}/evidence", other.start(&mission).await);
    other.post(&path, good).await.refused(422, "evidence_reused");
    let stranger = format!("/tasks/{}/evidence", Uuid::new_v4());
    user.post(&stranger, bad).await.refused(404, "not_found");
    let series = admin
        .get("/analytics?from=2026-01-05&to=2026-01-06")
        .await
        .ok(200);
    assert_eq!(
        series["series"][0]["verification_success_rate"],
        json!(0.2),
        "1 of 5"
    );
    let nobody = admin
        .get("/analytics?from=2026-01-05&to=2026-01-06&mission=none")
        .await;
    nobody.refused(422, "invalid_query");
}

#[tokio::test]
async fn a_large_revocation_waits_for_a_second_operator() {
    let server = Server::with(&[("MISSION_FRAUD_APPROVE_REVOCATIONS_ABOVE", "100")]).await;
    let (admin, user) = (server.admin(), server.user());
    let permissions = json!({"permissions": ["rewards:write", "reviews:write"]});
    let (asker, second) = (
        server.client(Uuid::new_v4(), permissions.clone()),
        server.client(Uuid::new_v4(), permissions),
    );
    user.post("/checkin", Value::Null).await.ok(200);
    let mut granted = Vec::new();
    for points in [100, 101] {
        let body = json!({"points": points, "reason": "a prize"});
        let reward = admin
            .post(&format!("/users/{}/rewards", user.user), body)
            .await
            .ok(201);
        granted.push(format!("/rewards/{}/revoke", reward["id"].as_str().unwrap()));
    }
    let reason = json!({"reason": "not won"});
    assert_eq!(
        asker.post(&granted[0], reason.clone()).await.ok(200)["status"],
        "revoked"
    );
    assert_eq!(asker.post(&granted[1], reason).await.ok(202)["status"], "claimed");
    assert_eq!(user.get("/me").await.ok(200)["points"], 111);
    let reviews = admin.get("/reviews?kind=revocation").await.ok(200)["items"].clone();
    assert_eq!(reviews[0]["reasons"], json!([{"manual_revocation": "not won"}]));
    let approve = format!("/reviews/{}/approve", reviews[0]["id"].as_str().unwrap());
    asker
        .post(&approve, Value::Null)
        .await
        .refused(403, "second_person_required");
    second.post(&approve, Value::Null).await.ok(200);
    assert_eq!(user.get("/me").await.ok(200)["points"], 10);
}

#[tokio::test]
async fn a_grant_by_hand_is_paid_once_and_a_large_one_by_two_people() {
    let server = Server::with(&[("MISSION_FRAUD_APPROVE_GRANTS_ABOVE", "100")]).await;
    let (admin, user) = (server.admin(), server.user());
    let permissions = json!({"permissions": ["rewards:write", "reviews:write"]});
    let (asker, second) = (
        server.client(Uuid::new_v4(), permissions.clone()),
        server.client(Uuid::new_v4(), permissions),
    );
    let path = format!("/users/{}/rewards", user.user);
    let body = |points: u32| json!({"points": points, "badge_id": "winner", "reason": "first prize"});
    asker.post(&path, body(100)).await.refused(404, "not_found");
    user.post("/checkin", Value::Null).await.ok(200);

    let keyed = asker.header("idempotency-key", "prize-of-may");
    let granted = keyed.post(&path, body(100)).await.ok(201);
    assert_eq!(
        (&granted["type"], &granted["status"], &granted["total_points"]),
        (&json!("MANUAL_GRANT"), &json!("claimed"), &json!(100))
    );
    assert_eq!(keyed.post(&path, body(100)).await.ok(201), granted);
    let me = user.get("/me").await.ok(200);
    assert_eq!((&me["points"], &me["badges"]), (&json!(110), &json!(["winner"])));

    let held = asker.post(&path, body(101)).await.ok(202);
    assert_eq!(held["status"], "held");
    let reviews = admin.get("/reviews").await.ok(200)["items"].clone();
    let review = &reviews[0];
    assert_eq!(
        (&review["kind"], &review["requested_by"], &review["reasons"]),
        (
            &json!("grant"),
            &json!(asker.user),
            &json!([{"manual_grant": "first prize"}])
        )
    );
    let approve = format!("/reviews/{}/approve", review["id"].as_str().unwrap());
    asker
        .post(&approve, Value::Null)
        .await
        .refused(403, "second_person_required");
    second.post(&approve, Value::Null).await.ok(200);
    assert_eq!(user.get("/me").await.ok(200)["points"], 211);

    let audit = admin.get("/audit").await.ok(200)["items"].clone();
    let entries: Vec<_> = audit
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"] == "GrantReward")
        .map(|entry| {
            (
                &entry["actor"],
                &entry["after"]["reason"],
                &entry["after"]["status"],
            )
        })
        .collect();
    let (asker_id, reason) = (json!(asker.user), json!("first prize"));
    assert_eq!(
        entries,
        [
            (&asker_id, &reason, &json!("held")),
            (&asker_id, &reason, &json!("claimed"))
        ]
    );

    for (bad, pointer) in [
        (json!({"points": 5, "reason": " "}), "/reason"),
        (json!({"reason": "nothing"}), "/points"),
        (json!({"badge_id": "", "reason": "a badge"}), "/badge_id"),
        (
            json!({"experience_points": 4_000_000_000_u32, "reason": "much"}),
            "/experience_points",
        ),
    ] {
        let refused = asker.post(&path, bad).await;
        refused.refused(422, "invalid_body");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer);
    }
    user.post(&path, body(5)).await.refused(403, "forbidden");
}
