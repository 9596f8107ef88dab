//! Missions and packs written over HTTP: versions, transitions, languages, rules tried out.

use serde_json::{Value, json};

use crate::support::{Server, definition};

#[tokio::test]
async fn a_mission_lives_its_life() {
    let server = Server::start().await;
    let admin = server.admin();
    let created = admin.post("/missions", definition("life", json!({}))).await;
    assert_eq!(created.headers["etag"], "\"1\"");
    let created = created.ok(201);
    assert_eq!(
        (&created["status"], &created["max_completions"]),
        (&json!("draft"), &json!(1))
    );
    admin
        .post("/missions", definition("life", json!({})))
        .await
        .refused(409, "code_taken");
    let path = format!("/missions/{}", created["id"].as_str().unwrap());
    for (action, expected) in [
        ("pause", Err("invalid_transition")),
        ("archive", Err("invalid_transition")),
        ("activate", Ok("active")),
        ("activate", Err("invalid_transition")),
        ("archive", Err("invalid_transition")),
        ("pause", Ok("paused")),
        ("activate", Ok("active")),
        ("pause", Ok("paused")),
        ("archive", Ok("archived")),
        ("activate", Err("invalid_transition")),
    ] {
        let answer = admin.post(&format!("{path}/{action}"), Value::Null).await;
        match expected {
            Ok(status) => assert_eq!(answer.ok(200)["status"], status),
            Err(code) => answer.refused(400, code),
        }
    }
}

#[tokio::test]
async fn a_stale_version_is_refused() {
    let server = Server::start().await;
    let admin = server.admin();
    let id = admin.mission("versioned", json!({})).await;
    let path = format!("/missions/{id}");
    let read = admin.get(&path).await;
    let etag = read.headers["etag"].to_str().unwrap().to_owned();
    let changed = definition("versioned", json!({"priority": 7}));
    let done = admin.header("if-match", &etag).put(&path, changed.clone()).await;
    assert_ne!(done.headers["etag"], etag.as_str());
    assert_eq!(done.ok(200)["priority"], 7);
    admin
        .header("if-match", &etag)
        .put(&path, changed.clone())
        .await
        .refused(412, "version_conflict");
    admin
        .header("if-match", &etag)
        .post(&format!("{path}/pause"), Value::Null)
        .await
        .refused(412, "version_conflict");
    admin.header("if-match", "*").put(&path, changed).await.ok(200);
    admin.mission("other", json!({})).await;
    admin
        .put(&path, definition("other", json!({})))
        .await
        .refused(409, "code_taken");
}

#[tokio::test]
async fn what_a_reader_has_already_is_not_sent_again() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let title = json!({"en": "Watch", "vi": "Xem"});
    let id = admin.mission("watched", json!({"title": title})).await;
    for path in ["/missions".to_owned(), format!("/missions/{id}")] {
        let first = user.get(&path).await;
        let etag = first.headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(first.headers["cache-control"], "private, no-cache");
        let again = user.header("if-none-match", &etag).get(&path).await;
        assert_eq!((again.status, again.body), (304, Value::Null));
        assert_eq!(again.headers["etag"], etag.as_str());
        let in_vietnamese = user.header("accept-language", "vi").get(&path).await;
        assert!(
            in_vietnamese.body.to_string().contains("Xem"),
            "each language has its own"
        );
        assert_eq!(user.get(&path).await.body, first.body);
        admin
            .put(
                &format!("/missions/{id}"),
                definition("watched", json!({"title": title, "priority": path.len()})),
            )
            .await
            .ok(200);
        let changed = user.header("if-none-match", &etag).get(&path).await;
        assert_eq!(changed.status, 200, "a change is seen by the next read");
        assert_ne!(changed.headers["etag"], etag.as_str());
    }
    user.get("/missions?colour=red")
        .await
        .refused(422, "invalid_query");
    user.get("/missions?limit=0").await.refused(422, "invalid_query");
}

#[tokio::test]
async fn running_tasks_keep_their_version_or_are_taken_along() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let id = admin
        .mission("edited", json!({"target": 2, "reward": {"points": 10}}))
        .await;
    let path = format!("/missions/{id}");
    let task = user.start(&id).await;
    let task_path = format!("/tasks/{task}");
    assert_eq!(
        user.get(&task_path).await.ok(200)["mission_version"],
        2,
        "created, activated"
    );

    let edit = definition("edited", json!({"target": 5, "reward": {"points": 70}}));
    let edited = admin.put(&path, edit).await.ok(200);
    assert_eq!((&edited["target"], &edited["version"]), (&json!(5), &json!(3)));
    assert_eq!(edited["open_tasks"], json!({"kept": 1, "moved": 0}));
    let seen = user.get(&task_path).await.ok(200);
    assert_eq!(
        (&seen["mission_version"], &seen["progress"]["target"]),
        (&json!(2), &json!(2))
    );

    let text = definition(
        "edited",
        json!({"target": 5, "reward": {"points": 70}, "priority": 3}),
    );
    let edited = admin.put(&path, text).await.ok(200);
    assert_eq!(
        edited["open_tasks"],
        json!({"kept": 0, "moved": 0}),
        "no task can tell"
    );

    let along = json!({"target": 3, "reward": {"points": 30}, "apply_to_running": true});
    let edited = admin.put(&path, definition("edited", along)).await.ok(200);
    assert_eq!(edited["open_tasks"], json!({"kept": 0, "moved": 1}));
    let seen = user.get(&task_path).await.ok(200);
    assert_eq!(
        (&seen["mission_version"], &seen["progress"]["target"]),
        (&json!(5), &json!(3))
    );

    user.post(&format!("{task_path}/progress"), json!({"value": 3}))
        .await
        .ok(200);
    user.post(&format!("{task_path}/complete"), Value::Null)
        .await
        .ok(200);
    user.post(&format!("{task_path}/claim"), Value::Null)
        .await
        .ok(200);
    let rewards = user.get("/rewards").await.ok(200);
    let reward = &rewards["items"][0];
    assert_eq!(
        (&reward["total_points"], &reward["mission_version"]),
        (&json!(30), &json!(5))
    );
}

#[tokio::test]
async fn texts_come_in_the_readers_language() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let title = json!({"en": "Watch", "vi": "Xem", "pt-BR": "Assistir"});
    let id = admin.mission("texts", json!({"title": title})).await;
    let path = format!("/missions/{id}");
    for (wanted, text) in [
        ("vi-VN,en;q=0.5", "Xem"),
        ("de", "Watch"),
        ("fr;q=0.9,pt-BR;q=0.8", "Assistir"),
    ] {
        assert_eq!(
            user.header("accept-language", wanted).get(&path).await.ok(200)["title"],
            text
        );
    }
    assert_eq!(user.get(&format!("{path}?lang=vi")).await.ok(200)["title"], "Xem");
    assert_eq!(user.get(&format!("{path}?lang=*")).await.ok(200)["title"], title);
}

#[tokio::test]
async fn drafts_and_scripts_are_their_authors_own() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let script = "fn eligible(ctx) { true }";
    let draft = admin
        .post("/missions", definition("draft", json!({"script": script})))
        .await
        .ok(201);
    assert_eq!(draft["script"], script);
    let path = format!("/missions/{}", draft["id"].as_str().unwrap());
    user.get(&path).await.refused(404, "not_found");
    admin.post(&format!("{path}/activate"), Value::Null).await.ok(200);
    assert_eq!(user.get(&path).await.ok(200).get("script"), None);
    user.post("/missions", definition("mine", json!({})))
        .await
        .refused(403, "forbidden");
    user.post("/missions", json!({"nonsense": true}))
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn what_can_never_work_is_refused_at_its_place() {
    let server = Server::start().await;
    let admin = server.admin();
    for (field, value, pointer) in [
        ("script", json!("fn eligible(ctx) {"), "/script"),
        ("requires", json!(["nothing"]), "/requires/0"),
        ("reward", json!({"points": -1}), "/reward/points"),
        ("reward", json!({"points": "1e40"}), "/reward/points"),
        ("reward", json!({"pionts": 1}), "/reward/pionts"),
        ("target", json!(-3), "/target"),
        ("frequency", json!("hourly"), "/frequency"),
        ("code", json!("Not A Code"), "/code"),
        ("title", json!({}), "/title"),
        (
            "rules",
            json!([{"rule_type": "user.level", "operator": "above", "value": "3"}]),
            "/rules/0/operator",
        ),
        ("unknown", json!(1), "/unknown"),
        ("rules_script", json!("rules/x.rhai"), "/rules_script"),
        ("ends_at", json!("2020-01-01"), "/ends_at"),
        ("auto_start", json!(true), "/auto_start"),
    ] {
        let answer = admin
            .post("/missions", definition("bad", json!({field: value})))
            .await;
        answer.refused(422, "invalid_body");
        assert_eq!(
            answer.body["errors"][0]["pointer"], pointer,
            "{field}: {answer:?}"
        );
    }
    assert_eq!(admin.get("/missions").await.ok(200)["items"], json!([]));
}

fn pack(extra: &[(&str, &str)]) -> Value {
    let mut files = serde_json::Map::new();
    let base = [
        ("pack.toml", "name = \"small\"\nversion = \"1.0.0\"\n"),
        (
            "missions/one.toml",
            "code = \"one\"\ntype = \"custom\"\nfrequency = \"daily\"\ntitle = { en = \"One\" }\ndescription = { en = \"The one.\" }\n[reward]\npoints = \"5\"\n",
        ),
    ];
    for (path, text) in base.iter().chain(extra) {
        files.insert((*path).to_owned(), json!(text));
    }
    json!({"files": files})
}

#[tokio::test]
async fn a_pack_goes_in_whole_or_not_at_all() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let put = admin
        .put(
            "/packs/small",
            pack(&[("checkin.toml", "daily_points = \"7\"\n")]),
        )
        .await
        .ok(200);
    assert_eq!(
        (&put["version"], &put["missions"]["one"]["status"]),
        (&json!(1), &json!("active"))
    );
    assert_eq!(user.post("/checkin", Value::Null).await.ok(200)["points"], 7);
    assert_eq!(
        admin.get("/packs/small").await.ok(200)["files"]["checkin.toml"],
        "daily_points = \"7\"\n"
    );
    let broken = admin
        .put(
            "/packs/small",
            pack(&[("missions/two.toml", "code = \"two\"\nfrequenzy = \"daily\"\n")]),
        )
        .await;
    broken.refused(422, "invalid_body");
    assert!(
        broken.body["errors"][0]["pointer"]
            .as_str()
            .unwrap()
            .contains("missions~1two.toml"),
        "{broken:?}"
    );
    assert_eq!(admin.get("/packs/small").await.ok(200)["version"], 1);
    let mut other = pack(&[("checkin.toml", "daily_points = \"9\"\n")]);
    other["files"]["pack.toml"] = json!("name = \"other\"\nversion = \"1.0.0\"\n");
    other["files"]
        .as_object_mut()
        .unwrap()
        .remove("missions/one.toml");
    admin
        .put("/packs/other", other)
        .await
        .refused(409, "policy_taken");
    admin
        .put("/packs/wrong-name", pack(&[]))
        .await
        .refused(422, "invalid_body");
    admin.get("/packs/none").await.refused(404, "not_found");
    user.put("/packs/small", pack(&[]))
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn the_versions_of_a_pack_are_kept() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let first = pack(&[]);
    let second = pack(&[("checkin.toml", "daily_points = \"7\"\n")]);
    for (files, version) in [(&first, 1), (&first, 1), (&second, 2), (&first, 3)] {
        let put = admin.put("/packs/small", files.clone()).await.ok(200);
        assert_eq!(put["version"], version);
    }
    let kept = admin.get("/packs/small/versions").await.ok(200);
    let versions: Vec<&Value> = kept["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kept| &kept["version"])
        .collect();
    assert_eq!(versions, [3, 2, 1]);
    assert!(kept["items"][0]["updated_at"].is_string(), "{kept}");
    let was = admin.get("/packs/small?version=2").await.ok(200);
    assert_eq!((&was["version"], &was["files"]), (&json!(2), &second["files"]));
    let is = admin.get("/packs/small").await.ok(200);
    assert_eq!((&is["version"], &is["files"]), (&json!(3), &first["files"]));
    admin
        .get("/packs/small?version=9")
        .await
        .refused(404, "not_found");
    admin.get("/packs/none/versions").await.refused(404, "not_found");
    let malformed = admin.get("/packs/small?version=x").await;
    malformed.refused(422, "invalid_query");
    user.get("/packs/small/versions").await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_pack_archives_what_it_drops_and_takes_nothing_of_others() {
    let server = Server::start().await;
    let admin = server.admin();
    let first = admin.put("/packs/small", pack(&[])).await.ok(200);
    assert_eq!((&first["created"], &first["archived"]), (&json!(1), &json!(0)));
    let mut other = pack(&[]);
    other["files"]["pack.toml"] = json!("name = \"other\"\nversion = \"1.0.0\"\n");
    let refused = admin.put("/packs/other", other).await;
    refused.refused(409, "code_taken");
    assert!(
        refused.body["detail"].as_str().unwrap().contains("`small`"),
        "{refused:?}"
    );
    admin.get("/packs/other").await.refused(404, "not_found");
    let mut empty = pack(&[]);
    let files = empty["files"].as_object_mut().unwrap();
    files.remove("missions/one.toml");
    let second = admin.put("/packs/small", empty).await.ok(200);
    assert_eq!(
        (&second["archived"], &second["archived_missions"]),
        (&json!(1), &json!(["one"]))
    );
    let id = first["missions"]["one"]["id"].as_str().unwrap();
    assert_eq!(
        admin.get(&format!("/missions/{id}")).await.ok(200)["status"],
        "archived"
    );
}

#[tokio::test]
async fn rules_can_be_tried_out() {
    let server = Server::start().await;
    let admin = server.admin();
    let found = admin
        .post(
            "/rules/check",
            json!({"script": "fn eligible(ctx) { ctx.user.levle > 3 }"}),
        )
        .await
        .ok(200);
    assert!(
        found["diagnostics"][0]["help"]
            .as_str()
            .unwrap()
            .contains("level"),
        "{found}"
    );
    let broken = admin
        .post("/rules/check", json!({"script": "fn eligible(ctx) {"}))
        .await
        .ok(200);
    assert_eq!(
        (&broken["ok"], &broken["diagnostics"][0]["severity"]),
        (&json!(false), &json!("error"))
    );
    assert_eq!(broken["hooks"], json!([]));
    let loops =
        json!({"script": "fn eligible(ctx) { true }\nfn progress(ctx) { for n in 0..3 { return n; } 1 }"});
    let hooks = admin.post("/rules/check", loops).await.ok(200)["hooks"].clone();
    let expected = json!([
        {"hook": "eligible", "compiled": true, "reason": null, "line": null},
        {"hook": "progress", "compiled": false, "reason": "it has a loop", "line": 2},
    ]);
    assert_eq!(hooks, expected);
    let trial = |script: &str| json!({"script": script, "hook": "reward", "context": {"mission": {"reward": {"points": 10}}}});
    let value = admin
        .post(
            "/rules/eval",
            trial("fn reward(ctx) { #{ points: ctx.mission.reward.points * 0.2 } }"),
        )
        .await;
    assert_eq!(value.ok(200)["value"]["points"].to_string(), "2");
    admin
        .post("/rules/eval", trial("fn reward(ctx) { #{ points: -1 } }"))
        .await
        .refused(422, "rule_failed");
    admin
        .post("/rules/eval", json!({"hook": "reward", "context": {}}))
        .await
        .refused(422, "invalid_body");
    server
        .user()
        .post("/rules/check", json!({}))
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn analytics_count_what_happened() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin.mission("counted", json!({})).await;
    let task = user.complete(&mission).await;
    user.post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .ok(200);
    user.post("/checkin", Value::Null).await.ok(200);
    let range = "from=2026-01-05&to=2026-01-06&bucket=hour";
    let all = admin.get(&format!("/analytics?{range}")).await.ok(200);
    assert_eq!(all["series"].as_array().unwrap().len(), 24);
    let point = &all["series"][10];
    assert_eq!(
        (
            &point["started"],
            &point["completed"],
            &point["check_ins"],
            &point["claims"],
            &point["points"]
        ),
        (&json!(1), &json!(1), &json!(1), &json!(2), &json!(60))
    );
    let one = admin
        .get(&format!("/analytics?{range}&mission=counted"))
        .await
        .ok(200);
    assert_eq!(
        (&one["series"][10]["claims"], &one["series"][10]["points"]),
        (&json!(1), &json!(50))
    );
    for bad in [
        "from=never",
        "from=2026-01-05&to=2026-01-04",
        "from=1900-01-01&bucket=hour",
        "bucket=year",
        "mission=none",
    ] {
        admin
            .get(&format!("/analytics?{bad}"))
            .await
            .refused(422, "invalid_query");
    }
    user.get("/analytics").await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_definition_is_checked_as_in_a_pack() {
    let server = Server::start().await;
    let admin = server.admin();
    for (more, pointer, told) in [
        (json!({"script": "fn reward(ctx) { 5"}), "/script", "1:"),
        (
            json!({"requires": ["nothing"]}),
            "/requires/0",
            "there is no mission `nothing`",
        ),
    ] {
        let refused = admin.post("/missions", definition("checked", more)).await;
        refused.refused(422, "invalid_body");
        let errors = refused.body["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0]["pointer"], pointer);
        assert!(
            errors[0]["message"].as_str().unwrap().contains(told),
            "{errors:?}"
        );
    }
    let misspelled = json!({"script": "fn rewrd(ctx) { 5 }"});
    let made = admin
        .post("/missions", definition("misspelled", misspelled))
        .await
        .ok(201);
    assert!(
        made["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|finding| finding["help"] == "did you mean `reward`?")
    );
    let odd = json!({"cooldown_seconds": 60});
    let made = admin
        .post("/missions", definition("checked", odd.clone()))
        .await
        .ok(201);
    let finding = &made["findings"][0];
    assert_eq!(
        (&finding["pointer"], &finding["code"]),
        (&json!("/cooldown_seconds"), &json!("pack/no-effect")),
        "{made}"
    );
    let path = format!("/missions/{}", made["id"].as_str().unwrap());
    let edited = admin.put(&path, definition("checked", odd)).await.ok(200);
    assert_eq!(edited["findings"], made["findings"]);
    let fine = admin.put(&path, definition("checked", json!({}))).await.ok(200);
    assert_eq!(fine["findings"], json!([]));
}

#[tokio::test]
async fn requirements_never_form_a_circle_or_lead_nowhere() {
    let server = Server::start().await;
    let admin = server.admin();
    let mut paths = Vec::new();
    for (code, requires) in [("a", json!([])), ("b", json!(["a"])), ("c", json!(["b"]))] {
        let made = definition(code, json!({"requires": requires}));
        let made = admin.post("/missions", made).await.ok(201);
        paths.push(format!("/missions/{}", made["id"].as_str().unwrap()));
    }
    let circle = admin
        .put(&paths[0], definition("a", json!({"requires": ["c"]})))
        .await;
    circle.refused(422, "invalid_body");
    assert_eq!(circle.body["errors"][0]["pointer"], "/requires/0");
    let renamed = admin
        .put(&paths[1], definition("bb", json!({"requires": ["a"]})))
        .await;
    renamed.refused(422, "invalid_body");
    assert!(
        renamed.body["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("`c` requires `b`"),
        "{renamed:?}"
    );
    admin.put(&paths[2], definition("c", json!({}))).await.ok(200);
    admin
        .put(&paths[1], definition("bb", json!({"requires": ["a"]})))
        .await
        .ok(200);
}
