//! Missions that authors try out on live events: nobody else finds them, and their report says what they would have done.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Server, definition, event};

const NOON: &str = "2026-01-05T12:00:00Z";

/// A mission that videos complete.
fn watch(more: Value) -> Value {
    let mut watch =
        json!({"frequency": "unlimited", "auto_start": true, "trigger": {"event": "video.watched"}});
    if let (Some(all), Value::Object(more)) = (watch.as_object_mut(), more) {
        all.extend(more);
    }
    watch
}

/// A live mission of 50 points, and one that is tried out beside it and pays 70 to those who watched for long.
async fn twins(admin: &Client<'_>) -> (String, String) {
    let live = admin.mission("watch", watch(json!({}))).await;
    let trial = watch(json!({
        "shadow": true, "shadow_of": "watch",
        "script": "fn eligible(ctx) { ctx.event.data.seconds > 30 }\nfn reward(ctx) { #{ points: 70 } }",
    }));
    (live, admin.mission("watch-v2", trial).await)
}

async fn watched(admin: &Client<'_>, user: Uuid, seconds: u64) -> Value {
    let told = event(user, "video.watched", NOON, json!({"seconds": seconds}));
    admin.post("/events", told).await.ok(200)["results"][0].clone()
}

fn codes(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn its_report_says_what_it_would_have_granted_and_to_whom() {
    let server = Server::start().await;
    server.set_clock(NOON).await;
    let admin = server.admin();
    let (live, shadow) = twins(&admin).await;
    let path = format!("/missions/{shadow}/shadow");
    let empty = admin.get(&path).await.ok(200);
    assert_eq!((&empty["since"], &empty["users"]), (&Value::Null, &json!(0)));
    assert_eq!(
        empty["live"],
        json!({"started": 0, "completed": 0, "grants": 0, "points": 0})
    );

    let (long, short, both) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    for (user, seconds) in [(long, 60), (short, 10), (both, 60), (both, 10)] {
        let result = watched(&admin, user, seconds).await;
        assert_eq!(result["status"], "applied");
        let tasks = result["tasks"].as_array().unwrap();
        assert_eq!(tasks.len(), 1, "of the live one alone: {result}");
        assert_eq!(tasks[0]["mission"], "watch");
    }
    let report = admin.get(&path).await.ok(200);
    assert_eq!(report["mission"], "watch-v2");
    assert_eq!(report["shadow_of"], "watch");
    assert_eq!(
        (&report["since"], &report["is_partial"]),
        (&json!(NOON), &json!(false))
    );
    assert_eq!(
        report["shadow"],
        json!({"started": 2, "completed": 2, "grants": 2, "points": 140})
    );
    assert_eq!(
        report["live"],
        json!({"started": 4, "completed": 4, "grants": 4, "points": 200})
    );
    assert_eq!(
        report["completed_by"],
        json!({"both": 2, "shadow_only": 0, "live_only": 1})
    );
    let mut of: Vec<(String, i64)> = report["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["user_id"].as_str().unwrap().to_owned(),
                one["points"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        of.iter().map(|(_, points)| *points).collect::<Vec<_>>(),
        [-50, -30, 20]
    );
    of.sort();
    let mut expected =
        [(long, 20), (short, -50), (both, -30)].map(|(user, points)| (user.to_string(), points));
    expected.sort();
    assert_eq!(of, expected);
    assert_eq!(
        admin.get("/missions/watch-v2/shadow").await.ok(200),
        report,
        "by code too"
    );

    let seen = admin.get(&format!("/missions/{shadow}")).await.ok(200);
    assert_eq!(
        (&seen["shadow"], &seen["shadow_of"]),
        (&json!(true), &json!("watch"))
    );
    assert_eq!(seen["budget_used"], json!({"points": 140, "grants": 2}));
    admin
        .get(&format!("/missions/{live}/shadow"))
        .await
        .refused(404, "not_found");
    admin
        .get(&format!("/missions/{}/shadow", Uuid::new_v4()))
        .await
        .refused(404, "not_found");
    let user = server.client(long, json!({}));
    user.get(&path).await.refused(403, "forbidden");
    let claimed = user.get("/rewards").await.ok(200);
    assert_eq!(claimed["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_but_its_authors_finds_it() {
    let server = Server::start().await;
    server.set_clock(NOON).await;
    let admin = server.admin();
    let (live, shadow) = twins(&admin).await;
    let user = server.user();
    let id: Uuid = user.get("/me").await.ok(200)["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    watched(&admin, id, 60).await;

    assert_eq!(codes(&user.get("/missions").await.ok(200)), ["watch"]);
    assert_eq!(codes(&admin.get("/missions").await.ok(200)).len(), 2);
    for status in ["active", "paused"] {
        let listed = user.get(&format!("/missions?status={status}")).await.ok(200);
        assert!(!codes(&listed).contains(&"watch-v2"));
    }
    user.get(&format!("/missions/{shadow}"))
        .await
        .refused(404, "not_found");
    user.post(&format!("/missions/{shadow}/start"), Value::Null)
        .await
        .refused(404, "not_found");
    user.get(&format!("/users/{id}/missions/watch-v2/explain"))
        .await
        .refused(404, "not_found");
    let tasks = user.get("/tasks").await.ok(200);
    assert_eq!(tasks["items"].as_array().unwrap().len(), 1);
    assert_eq!(tasks["items"][0]["mission_id"], json!(live));
    for filter in [
        "mission=watch-v2",
        "status=completed&limit=1",
        &format!("mission={shadow}"),
    ] {
        let tasks = user.get(&format!("/tasks?{filter}")).await.ok(200);
        let items = tasks["items"].as_array().unwrap();
        assert!(
            items.iter().all(|task| task["mission"] == "watch"),
            "{filter}: {tasks}"
        );
        assert_eq!(tasks["next_cursor"], Value::Null, "{filter}");
    }

    let support = server.client(Uuid::new_v4(), json!({"permissions": ["users:read"]}));
    let theirs = support.get(&format!("/users/{id}/tasks")).await.ok(200);
    assert_eq!(theirs["items"], tasks["items"]);
    support
        .get(&format!("/users/{id}/missions/watch-v2/explain"))
        .await
        .refused(404, "not_found");
    let to_author = admin.get(&format!("/users/{id}/tasks")).await.ok(200);
    let hidden = to_author["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|task| task["shadow"] == true)
        .unwrap();
    assert_eq!(
        (&hidden["status"], &hidden["reward_id"]),
        (&json!("completed"), &Value::Null)
    );
    admin
        .get(&format!("/users/{id}/missions/watch-v2/explain"))
        .await
        .ok(200);
    let hidden = hidden["id"].as_str().unwrap();
    user.get(&format!("/tasks/{hidden}"))
        .await
        .refused(404, "not_found");
    for (command, body) in [
        ("progress", json!({"value": 1})),
        ("complete", Value::Null),
        ("claim", Value::Null),
    ] {
        user.post(&format!("/tasks/{hidden}/{command}"), body)
            .await
            .refused(404, "not_found");
    }
    // What is held on somebody is told to them.
    let export = user.get("/me/export").await.ok(200);
    let marks: Vec<&Value> = export["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| &task["shadow"])
        .collect();
    assert_eq!(marks.iter().filter(|mark| ***mark == json!(true)).count(), 1);
    user.delete("/me").await.ok(200);
    let report = admin.get("/missions/watch-v2/shadow").await.ok(200);
    assert_eq!(
        (&report["users"], &report["since"]),
        (&json!(0), &Value::Null),
        "an erasure takes it along"
    );
}

#[tokio::test]
async fn analytics_of_all_missions_leave_it_out() {
    let server = Server::start().await;
    server.set_clock(NOON).await;
    let admin = server.admin();
    twins(&admin).await;
    watched(&admin, Uuid::new_v4(), 60).await;
    let sums = async |filter: &str| {
        let path = format!("/analytics?from=2026-01-05&to=2026-01-06{filter}");
        let point = admin.get(&path).await.ok(200)["series"][0].clone();
        (
            point["started"].as_i64().unwrap(),
            point["completed"].as_i64().unwrap(),
        )
    };
    assert_eq!(sums("").await, (1, 1));
    assert_eq!(sums("&mission=watch-v2").await, (1, 1));
    let by_mission = admin
        .get("/analytics/missions?from=2026-01-05&to=2026-01-06")
        .await
        .ok(200);
    let marks: Vec<(&str, &Value)> = by_mission["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["code"].as_str().unwrap(), &item["shadow"]))
        .collect();
    assert_eq!(marks, [("watch", &Value::Null), ("watch-v2", &json!(true))]);
}

#[tokio::test]
async fn rules_that_fail_are_its_own_affair() {
    let server = Server::start().await;
    server.set_clock(NOON).await;
    let admin = server.admin();
    admin.mission("watch", watch(json!({}))).await;
    let fails = json!({"shadow": true, "script": "fn reward(ctx) { throw \"not today\" }"});
    let shadow = admin.mission("fails", watch(fails)).await;
    let result = watched(&admin, Uuid::new_v4(), 60).await;
    assert_eq!(result["status"], "applied");
    assert_eq!(
        (result.get("failures"), result.get("reason")),
        (None, None),
        "{result}"
    );
    let report = admin.get(&format!("/missions/{shadow}/shadow")).await.ok(200);
    assert_eq!(report["health"]["failures_last_hour"], 1);
    let reason = report["health"]["last_reason"].as_str().unwrap();
    assert!(reason.contains("not today"), "{reason}");
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_way_out() {
    let server = Server::start().await;
    let admin = server.admin();
    let pointers = async |code: &str, more: Value| {
        let refused = admin.post("/missions", definition(code, more)).await;
        refused.refused(422, "invalid_body");
        let errors = refused.body["errors"].as_array().unwrap().clone();
        errors
            .iter()
            .map(|error| error["pointer"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(pointers("a", json!({"shadow": true})).await, ["/shadow"]);
    assert_eq!(
        pointers("a", watch(json!({"shadow_of": "b"}))).await,
        ["/shadow_of"]
    );
    assert_eq!(
        pointers("a", watch(json!({"shadow": true, "shadow_of": "b"}))).await,
        ["/shadow_of"]
    );
    let shadow = admin.mission("hidden", watch(json!({"shadow": true}))).await;
    assert_eq!(
        pointers("b", json!({"requires": ["hidden"]})).await,
        ["/requires/0"]
    );
    assert_eq!(
        pointers("b", watch(json!({"shadow": true, "shadow_of": "hidden"}))).await,
        ["/shadow_of"]
    );
    let real = definition("hidden", watch(json!({})));
    let refused = admin.put(&format!("/missions/{shadow}"), real).await;
    refused.refused(409, "shadow_fixed");
    let files = |more: &str| {
        let mission = format!(
            "code = \"packed\"\ntype = \"custom\"\nfrequency = \"daily\"\nauto_start = true\n{more}title = {{ en = \"a\" }}\n\
             description = {{ en = \"b\" }}\n[trigger]\nevent = \"x\"\n"
        );
        json!({"files": {"pack.toml": "name = \"packed\"\nversion = \"1\"\n", "missions/packed.toml": mission}})
    };
    admin.put("/packs/packed", files("shadow = true\n")).await.ok(200);
    admin
        .put("/packs/packed", files(""))
        .await
        .refused(409, "shadow_fixed");
    admin
        .put("/packs/packed", files("shadow = true\npriority = 3\n"))
        .await
        .ok(200);
}
