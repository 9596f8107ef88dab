//! Activity events over HTTP: applied once, in their own period, all or nothing when malformed.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Server, event};

async fn mission(admin: &Client<'_>) -> String {
    let shape = json!({
        "frequency": "daily", "target": 2, "auto_start": true, "trigger": {"event": "did.it"}, "reward": {"points": 5},
    });
    admin.mission("did-it", shape).await
}

#[tokio::test]
async fn the_same_event_is_applied_once() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    mission(&admin).await;
    let one = event(user.user, "did.it", "2026-01-05T10:00:00Z", json!({}));
    let both = admin.post("/events", json!([one, one])).await.ok(200);
    let statuses: Vec<_> = both["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["status"].clone())
        .collect();
    assert_eq!(statuses, ["applied", "duplicate"]);
    assert_eq!(
        admin.post("/events", one).await.ok(200)["results"][0]["status"],
        "duplicate"
    );
    assert_eq!(
        user.get("/tasks").await.ok(200)["items"][0]["progress"]["current"],
        1
    );
}

#[tokio::test]
async fn an_event_belongs_to_the_period_of_its_own_time() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    mission(&admin).await;
    let apply = async |time: &str| {
        admin
            .post("/events", event(user.user, "did.it", time, json!({})))
            .await
            .ok(200)["results"][0]
            .clone()
    };
    assert_eq!(apply("2026-01-05T10:00:00Z").await["status"], "applied");
    server.set_clock("2026-01-06T10:00:00Z").await;
    let late = apply("2026-01-05T20:00:00Z").await;
    assert_eq!(
        (&late["tasks"][0]["period"], &late["tasks"][0]["status"]),
        (&json!("2026-01-05"), &json!("completed"))
    );
    assert_eq!(
        apply("2026-01-06T09:00:00Z").await["tasks"][0]["period"],
        "2026-01-06"
    );
    assert_eq!(apply("2026-01-06T10:04:00Z").await["status"], "applied");
    for (time, reason) in [
        ("2026-01-06T10:06:00Z", "too_early"),
        ("2025-12-30T09:00:00Z", "too_late"),
    ] {
        let refused = apply(time).await;
        assert_eq!(
            (&refused["status"], &refused["reason"]),
            (&json!("rejected"), &json!(reason))
        );
    }
    let other = admin
        .post(
            "/events",
            event(user.user, "other", "2026-01-06T10:00:00Z", json!({})),
        )
        .await
        .ok(200);
    assert_eq!(other["results"][0]["status"], "ignored");
}

#[tokio::test]
async fn one_malformed_item_stops_them_all() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    mission(&admin).await;
    let good = event(user.user, "did.it", "2026-01-05T10:00:00Z", json!({}));
    let spoil = |field: &str, value: Value| {
        let mut bad = good.clone();
        bad[field] = value;
        bad
    };
    for (field, value) in [
        ("subject", json!("nobody")),
        ("specversion", json!("0.3")),
        ("id", json!("")),
        ("type", json!(7)),
        ("time", json!("yesterday")),
        ("data", json!([1])),
        ("subject", Value::Null),
    ] {
        let answer = admin.post("/events", json!([good, spoil(field, value)])).await;
        answer.refused(422, "invalid_body");
        assert_eq!(
            answer.body["errors"][0]["pointer"],
            format!("/1/{field}"),
            "{answer:?}"
        );
    }
    assert_eq!(user.get("/tasks").await.ok(200)["items"], json!([]));
    let typed = admin.header("content-type", "application/cloudevents+json");
    assert_eq!(
        typed.post("/events", good).await.ok(200)["results"][0]["status"],
        "applied"
    );
    admin
        .header("content-type", "text/plain")
        .post("/events", json!([]))
        .await
        .refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_key_gives_the_first_results_again() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    mission(&admin).await;
    let some = |n: usize| -> Value {
        (0..n)
            .map(|_| event(user.user, "did.it", "2026-01-05T10:00:00Z", json!({})))
            .collect()
    };
    let keyed = admin.header("idempotency-key", "batch-1");
    let batch = some(2);
    let first = keyed.post("/events", batch.clone()).await.ok(200);
    let again = keyed.post("/events", batch).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.ok(200), first);
    keyed
        .post("/events", some(1))
        .await
        .refused(422, "idempotency_key_reused");
}

/// A request in binary mode: the attributes are headers, the body is the data.
fn binary<'s>(sender: &Client<'s>, user: &str, attributes: &[(&'static str, &str)]) -> Client<'s> {
    let usual = [
        ("ce-specversion", "1.0"),
        ("ce-id", "b-1"),
        ("ce-source", "/videos"),
        ("ce-type", "did.it"),
        ("ce-subject", user),
        ("ce-time", "2026-01-05T10:00:00Z"),
    ];
    let named: Vec<&str> = attributes.iter().map(|(name, _)| *name).collect();
    let usual = usual.into_iter().filter(|(name, _)| !named.contains(name));
    let all = usual
        .chain(attributes.iter().copied())
        .filter(|(_, value)| !value.is_empty());
    all.fold(sender.clone(), |sender, (name, value)| sender.header(name, value))
}

#[tokio::test]
async fn an_event_in_binary_mode_is_the_same_event() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let shape = json!({
        "target": 9, "auto_start": true, "trigger": {"event": "did.it"},
        "script": "fn progress(ctx) { ctx.event.data.n ?? 1 }",
    });
    admin.mission("did-it", shape).await;
    let subject = user.user.to_string();
    let progress = |answer: &Value| answer["results"][0]["tasks"][0]["progress"]["current"].clone();
    let sent = binary(&admin, &subject, &[])
        .post("/events", json!({"n": 2}))
        .await
        .ok(200);
    assert_eq!(progress(&sent), 2, "{sent}");
    let structured = event(user.user, "did.it", "2026-01-05T10:00:00Z", json!({"n": 2}));
    let mut again = structured.clone();
    (again["id"], again["source"]) = (json!("b-1"), json!("/videos"));
    assert_eq!(
        admin.post("/events", again).await.ok(200)["results"][0]["status"],
        "duplicate"
    );
    let without_data = binary(&admin, &subject, &[("ce-id", "Euro%20%E2%82%AC")]);
    let sent = without_data
        .send(reqwest::Method::POST, "/events", None)
        .await
        .ok(200);
    assert_eq!(
        (progress(&sent), &sent["results"][0]["id"]),
        (json!(3), &json!("Euro €"))
    );
    for (attributes, body, pointer) in [
        (&[("ce-id", "")][..], json!({}), "ce-id"),
        (&[("ce-type", "")], json!({}), "ce-type"),
        (&[("ce-specversion", "0.3")], json!({}), "ce-specversion"),
        (&[("ce-subject", "me")], json!({}), "ce-subject"),
        (&[("ce-time", "yesterday")], json!({}), "ce-time"),
        (&[("ce-id", "%FF")], json!({}), "ce-id"),
        (&[], json!([1]), ""),
    ] {
        let refused = binary(&admin, &subject, attributes).post("/events", body).await;
        refused.refused(422, "invalid_body");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{attributes:?}");
    }
    let text = binary(&admin, &subject, &[("content-type", "text/plain")]);
    text.post("/events", json!({}))
        .await
        .refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn data_may_come_in_base64() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let shape = json!({
        "target": 9, "auto_start": true, "trigger": {"event": "did.it"},
        "script": "fn progress(ctx) { ctx.event.data.n }",
    });
    admin.mission("did-it", shape).await;
    let with = |data: Value| {
        let mut event = event(user.user, "did.it", "2026-01-05T10:00:00Z", json!({}));
        event.as_object_mut().unwrap().remove("data");
        event["data_base64"] = data;
        event
    };
    // {"n":4}
    let sent = admin.post("/events", with(json!("eyJuIjo0fQ=="))).await.ok(200);
    assert_eq!(sent["results"][0]["tasks"][0]["progress"]["current"], 4);
    let mut both = with(json!("eyJuIjo0fQ=="));
    both["data"] = json!({"n": 1});
    for bad in [with(json!("%%")), with(json!(7)), with(json!("eyJuIjo0")), both] {
        let refused = admin.post("/events", bad).await;
        refused.refused(422, "invalid_body");
        assert_eq!(refused.body["errors"][0]["pointer"], "/data_base64");
    }
}

#[tokio::test]
async fn an_event_that_contradicts_its_declaration_is_rejected_alone() {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let trigger = json!({"event": "did.it", "fields": {"seconds": "integer"}});
    let id = admin
        .mission(
            "did-it",
            json!({"target": 2, "auto_start": true, "trigger": trigger}),
        )
        .await;
    let shown = admin.get(&format!("/missions/{id}")).await.ok(200);
    assert_eq!(shown["trigger"], trigger);
    let one = |data| event(user.user, "did.it", "2026-01-05T10:00:00Z", data);
    let both = [
        one(json!({"seconds": "40"})),
        one(json!({"seconds": 40, "more": 1})),
    ];
    let results = admin.post("/events", json!(both)).await.ok(200)["results"].clone();
    assert_eq!(
        (
            &results[0]["status"],
            &results[0]["reason"],
            &results[0]["detail"]
        ),
        (
            &json!("rejected"),
            &json!("invalid_data"),
            &json!("`data.seconds` must be a whole number, and is \"40\"")
        )
    );
    assert_eq!(results[1]["status"], "applied");
}

#[tokio::test]
async fn a_referral_is_paid_once_whatever_tells_it() {
    let server = Server::start().await;
    let (admin, inviter, invitee) = (server.admin(), server.user(), server.user());
    let mission = json!({"type": "referral", "target": 2, "auto_start": true, "trigger": {"event": "referral.activated"}});
    admin.mission("invite", mission).await;
    let tell = async |id: &str, inviter: Uuid, invitee: Uuid| {
        let event = json!({
            "specversion": "1.0", "id": id, "source": "/mining", "type": "ReferralActivatedEvent",
            "data": {"inviterId": inviter, "inviteeId": invitee, "inviteCode": "ABC", "activatedAt": null},
        });
        let told = admin.post("/events", json!([event])).await.ok(200);
        told["results"][0].clone()
    };
    let first = tell("r-1", inviter.user, invitee.user).await;
    assert_eq!(first["status"], "applied", "{first}");
    assert_eq!(first["tasks"][0]["progress"]["current"], 1);
    for id in ["r-1", "r-2"] {
        assert_eq!(
            tell(id, inviter.user, invitee.user).await["status"],
            "duplicate",
            "{id}"
        );
    }
    let own = tell("r-3", inviter.user, inviter.user).await;
    assert_eq!(own["status"], "ignored", "{own}");
    let rewards = inviter.get("/rewards").await.ok(200);
    let rewards = rewards["items"].as_array().unwrap();
    assert_eq!(rewards.len(), 1, "{rewards:?}");
    assert_eq!(rewards[0]["type"], "REFERRAL_BONUS");
    let event = json!({
        "specversion": "1.0", "id": "r-4", "source": "/mining", "type": "ReferralActivatedEvent", "data": {"inviterId": 7},
    });
    let refused = admin.post("/events", json!([event])).await;
    assert_eq!(refused.body["errors"][0]["pointer"], "/0/data");
    refused.refused(422, "invalid_body");
    // Under a key both are given once.
    let other = server.user();
    let event = json!({
        "specversion": "1.0", "id": "r-5", "source": "/mining", "type": "ReferralActivatedEvent",
        "data": {"inviterId": inviter.user, "inviteeId": other.user},
    });
    let keyed = || admin.header("idempotency-key", "referral-5");
    let first = keyed().post("/events", event.clone()).await.ok(200);
    let again = keyed().post("/events", event).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.ok(200), first);
}
