//! Bad input: a 4xx problem that names the fault, never a 5xx, never a partial write.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, definition};

#[tokio::test]
async fn bodies_that_are_no_json() {
    let server = Server::start().await;
    let mission = server.admin().mission("bad-input", json!({"target": 9})).await;
    let user = server.user();
    let task = user.start(&mission).await;
    let path = format!("/tasks/{task}/progress");
    let bodies: [&[u8]; 14] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"{\"value\":\xff}",
        b"{\"value\":-1}",
        b"{\"value\":1.5}",
        b"{\"value\":\"1\"}",
        b"{\"value\":1e400}",
        b"{\"value\":18446744073709551616}",
        b"{\"value\":1,\"more\":2}",
        b"{\"value\":1}{\"value\":2}",
        b"{\"value\":1000000000001}",
    ];
    for body in bodies {
        let answer = user.send(Method::POST, &path, Some(body.to_vec())).await;
        assert_eq!(
            answer.status,
            422,
            "{}: {answer:?}",
            String::from_utf8_lossy(body)
        );
        answer.refused(422, "invalid_body");
    }
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    user.send(Method::POST, &path, Some(deep))
        .await
        .refused(422, "invalid_body");
    let huge = vec![b' '; 3 << 20];
    user.send(Method::POST, &path, Some(huge))
        .await
        .refused(413, "payload_too_large");
    user.header("content-type", "application/xml")
        .post(&path, json!({"value": 1}))
        .await
        .refused(415, "unsupported_media_type");
    assert_eq!(
        user.get(&format!("/tasks/{task}")).await.ok(200)["progress"]["current"],
        0
    );
}

#[tokio::test]
async fn ids_queries_and_routes() {
    let server = Server::start().await;
    let user = server.user();
    for path in [
        "/tasks/nonsense",
        "/tasks/0",
        "/missions/%00",
        "/missions/%ff",
        "/nothing",
        "/tasks/a/b/c",
    ] {
        assert_eq!(user.get(path).await.status, 404, "{path}");
    }
    user.post("/rewards/00000000-0000-0000-0000-000000000000/claim", Value::Null)
        .await
        .refused(404, "not_found");
    for query in [
        "/tasks?limit=0",
        "/tasks?limit=201",
        "/tasks?limit=x",
        "/tasks?status=done",
        "/tasks?cursor=!",
        "/tasks?colour=red",
        "/missions?type=dance",
        "/missions?cursor=AAAAAAAAAAAAAAAAAAAAAA",
        "/checkin?month=1",
        "/rewards?limit=-1",
    ] {
        user.get(query).await.refused(422, "invalid_query");
    }
    user.delete("/tasks").await.refused(405, "method_not_allowed");
    user.post("/checkin", json!({"date": "2026-01-05"}))
        .await
        .refused(422, "invalid_body");
    user.post("/checkin", json!({})).await.ok(200);
}

#[tokio::test]
async fn tokens_that_are_none() {
    let server = Server::start().await;
    for authorization in [
        "",
        "Bearer",
        "Bearer x.y.z",
        "Basic dTpw",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
    ] {
        let answer = server
            .http
            .get(format!("{}/api/v1/me", server.url))
            .header("authorization", authorization)
            .send()
            .await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 401, "{authorization}");
        assert!(
            answer.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Bearer")
        );
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "unauthorized");
    }
    assert_eq!(
        server
            .http
            .get(format!("{}/api/v1/me", server.url))
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
}

#[tokio::test]
async fn absurd_dates() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin
        .mission(
            "dated",
            json!({"starts_at": "0001-01-01T00:00:00Z", "ends_at": "9999-12-31T23:59:59Z"}),
        )
        .await;
    for now in [
        "2999-12-31T23:59:58Z",
        "1970-01-01T00:00:00Z",
        "2026-01-05T00:00:00Z",
    ] {
        server.set_clock(now).await;
        for answer in [
            user.post("/checkin", Value::Null).await,
            user.post(&format!("/missions/{mission}/start"), Value::Null)
                .await,
            user.get("/checkin").await,
            user.get("/tasks").await,
            user.get("/leaderboards/weekly").await,
            admin.get("/analytics").await,
        ] {
            assert!(answer.status < 500, "{now}: {answer:?}");
        }
    }
    for bad in [
        "+10000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "now",
        "",
    ] {
        user.put("/dev/clock", json!({"now": bad}))
            .await
            .refused(422, "invalid_body");
    }
}

#[tokio::test]
async fn correlation_ids_are_taken_or_made() {
    let server = Server::start().await;
    let user = server.user();
    let given = user
        .header("x-correlation-id", "from-the-caller")
        .get("/tasks")
        .await;
    assert_eq!(given.headers["x-correlation-id"], "from-the-caller");
    let made = user.get("/tasks").await;
    assert!(
        made.headers["x-correlation-id"]
            .to_str()
            .unwrap()
            .parse::<uuid::Uuid>()
            .is_ok()
    );
    let dirty = user.header("x-correlation-id", "a b{}").get("/tasks/x").await;
    assert_ne!(dirty.headers["x-correlation-id"], "a b{}");
    dirty.refused(404, "not_found");
}

#[tokio::test]
async fn a_head_of_more_than_32_kilobytes_is_refused() {
    let server = Server::start().await;
    let user = server.user();
    user.header("x-padding", &"x".repeat(20_000))
        .get("/me")
        .await
        .ok(200);
    let answer = user.header("x-padding", &"x".repeat(200_000)).get("/me").await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn a_date_without_a_time_is_told_by_field_and_form() {
    let server = Server::start().await;
    let admin = server.admin();
    let window = json!({"ends_at": "2026-02-01"});
    let mission = admin.post("/missions", definition("dated", window)).await;
    let dated = json!({
        "specversion": "1.0", "id": "1", "source": "/tests", "type": "video.watched", "subject": server.user().user,
        "time": "2026-02-01",
    });
    let event = admin.post("/events", json!([dated])).await;
    let clock = admin.put("/dev/clock", json!({"now": "2026-02-01"})).await;
    for (answer, pointer) in [(mission, "/ends_at"), (event, "/0/time"), (clock, "/now")] {
        answer.refused(422, "invalid_body");
        let error = &answer.body["errors"][0];
        assert_eq!(error["pointer"], pointer, "{answer:?}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("`2026-02-01` is no time"), "{message}");
        assert!(message.contains("`2026-01-05T10:00:00Z`"), "{message}");
        assert!(!message.contains("line"), "{message}");
    }
}

#[tokio::test]
async fn no_text_holds_the_character_zero() {
    let server = Server::start().await;
    let admin = server.admin();
    let user = server.user();
    let attributes = format!("/users/{}/attributes", user.user);
    let event = crate::support::event(
        user.user,
        "video.watched",
        "2026-01-05T10:00:00Z",
        json!({"id": "a\0b"}),
    );
    let mut encoded = event.clone();
    encoded.as_object_mut().unwrap().remove("data");
    encoded["data_base64"] = json!("eyJpZCI6ImFcdTAwMDBiIn0=");
    for (answer, pointer) in [
        (
            admin
                .post("/missions", definition("zero", json!({"title": {"en": "a\0b"}})))
                .await,
            "/title/en",
        ),
        (
            admin.put(&attributes, json!({"tags": ["a", "b\0"]})).await,
            "/tags/1",
        ),
        (admin.post("/events", event).await, "/data/id"),
        (admin.post("/events", encoded).await, "/data_base64"),
    ] {
        answer.refused(422, "invalid_body");
        let error = &answer.body["errors"][0];
        assert_eq!(error["pointer"], pointer, "{answer:?}");
        assert!(
            error["message"].as_str().unwrap().contains("U+0000"),
            "{answer:?}"
        );
    }
    // A text that speaks of it is fine.
    let spoken = json!({"title": {"en": "\\u0000 is a character"}});
    admin
        .post("/missions", definition("spoken", spoken))
        .await
        .ok(201);
}

#[tokio::test]
async fn times_and_texts_of_queries_are_refused_by_name() {
    let server = Server::start().await;
    let admin = server.admin();
    let date = admin.get("/audit?from=2026-02-01").await;
    date.refused(422, "invalid_query");
    let error = &date.body["errors"][0];
    assert_eq!(error["pointer"], "from");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("`2026-02-01` is no time"), "{message}");
    for (path, name) in [
        ("/missions?category=%00", "category"),
        ("/tasks?mission=a%00", "mission"),
        ("/audit?subject=%00b", "subject"),
    ] {
        let answer = admin.get(path).await;
        answer.refused(422, "invalid_query");
        assert_eq!(answer.body["errors"][0]["pointer"], name, "{answer:?}");
    }
}
