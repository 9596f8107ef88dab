//! Dead letters over HTTP: looked at, sent back, dropped.

use lapin::{BasicProperties, options::ConfirmSelectOptions};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{connect, eventually, own_broker::OwnBroker, publish, watched};
use crate::{
    services::amqp_url,
    support::{Client, Server, is_on_services},
};

async fn letters(admin: &Client<'_>, query: &str) -> Value {
    admin.get(&format!("/inbound/dead{query}")).await.ok(200)
}

async fn total(admin: &Client<'_>) -> Value {
    letters(admin, "?limit=1").await["total"].clone()
}

#[tokio::test]
async fn dead_letters_are_looked_at_sent_back_and_dropped() {
    let Some(broker) = OwnBroker::start() else { return };
    let url = amqp_url(broker.port);
    let server = Server::with(&[("MISSION_AMQP_URL", &url)]).await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let channel = connect(&url).await;
    let confirms = ConfirmSelectOptions::default();
    channel.confirm_select(confirms).await.unwrap();
    assert_eq!(
        letters(&admin, "").await,
        json!({"items": [], "next_cursor": null, "total": 0})
    );

    let activity = async |properties: BasicProperties, body: Value| {
        let key = "activity.video.watched";
        publish(&channel, "activity.events", key, properties, &body).await;
    };
    let plain = BasicProperties::default;
    activity(plain().with_message_id("m-1".into()), json!("{")).await;
    activity(
        plain().with_timestamp(1_767_600_000),
        json!({"userId": user.user}),
    )
    .await;
    // Too late for the clock of now: it is taken once the clock was put right.
    let late = watched(user.user, "late", "2026-01-01T09:00:00Z");
    server.set_clock("2026-03-05T10:00:00Z").await;
    activity(plain(), late.clone()).await;
    eventually("three are dead", async || total(&admin).await == 3).await;

    let all = letters(&admin, "").await;
    let items = all["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!(items[0]["message_id"], "m-1");
    assert_eq!(items[0]["body"], "{");
    assert_eq!(items[0]["bytes"], 1);
    assert!(items[0]["died_at"].is_string(), "{all}");
    assert!(items[0]["reason"].as_str().unwrap().contains("no JSON"), "{all}");
    assert_eq!(items[1]["body"], json!({"userId": user.user}));
    assert_eq!(items[1]["published_at"], "2026-01-05T08:00:00Z");
    assert_eq!(items[1]["routing_key"], "activity.video.watched");
    assert_eq!(items[1]["exchange"], "activity.events");
    assert_eq!(items[1]["attempts"], 0);
    assert_eq!(items[2]["body"], late);

    // Looking changes nothing, however often it is done, nor does its order.
    for _ in 0..25 {
        let seen = letters(&admin, "?limit=1").await;
        assert_eq!(seen["items"][0], items[0], "nothing changes its place");
    }
    let mut paged = Vec::new();
    let mut page = letters(&admin, "?limit=2").await;
    assert_eq!(page["total"], 3);
    paged.extend(page["items"].as_array().unwrap().clone());
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    page = letters(&admin, &format!("?limit=2&cursor={cursor}")).await;
    assert_eq!(page["next_cursor"], Value::Null);
    paged.extend(page["items"].as_array().unwrap().clone());
    assert_eq!(paged, *items);

    // One goes back, and is taken now.
    let watching =
        json!({"trigger": {"event": "video.watched"}, "frequency": "unlimited", "auto_start": true});
    server.set_clock("2026-01-05T10:00:00Z").await;
    admin.mission("watching", watching).await;
    let id = |place: usize| items[place]["id"].as_str().unwrap();
    let path = format!("/inbound/dead/{}/requeue", id(2));
    let done = admin.post(&path, Value::Null).await.ok(200);
    assert_eq!(done, json!({"letters": 1, "left": 2}));
    eventually("it moves the mission", async || {
        let tasks = user.get("/tasks?mission=watching&status=completed").await.ok(200);
        tasks["items"].as_array().unwrap().len() == 1
    })
    .await;
    admin.post(&path, Value::Null).await.refused(404, "not_found");

    // One that is as bad as before dies again, with its copies but once.
    activity(plain().with_message_id("m-1".into()), json!("{")).await;
    eventually("a copy is dead too", async || total(&admin).await == 3).await;
    let path = format!("/inbound/dead/{}", id(0));
    let done = admin.post(&format!("{path}/requeue"), Value::Null).await.ok(200);
    assert_eq!(done, json!({"letters": 2, "left": 1}));
    eventually("both are dead again", async || total(&admin).await == 3).await;
    let done = admin.delete(&path).await.ok(200);
    assert_eq!(done, json!({"letters": 2, "left": 1}));
    let left = letters(&admin, "").await;
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    assert_eq!(left["items"][0]["id"], id(1));

    let done = admin.post("/inbound/dead/requeue", Value::Null).await.ok(200);
    assert_eq!(done, json!({"letters": 1, "left": 0}));
    eventually("it is dead again", async || total(&admin).await == 1).await;
    let done = admin.delete("/inbound/dead").await.ok(200);
    assert_eq!(done, json!({"letters": 1, "left": 0}));
    assert_eq!(total(&admin).await, 0);
    assert_eq!(admin.delete("/inbound/dead").await.ok(200)["letters"], 0);
}

#[tokio::test]
async fn dead_letters_want_a_broker_and_a_permission() {
    let server = Server::start().await;
    let reader = server.client(Uuid::new_v4(), json!({"permissions": ["messages:read"]}));
    for (path, method) in [("/inbound/dead", "GET"), ("/outbox/parked", "GET")] {
        let refused = server.user().get(path).await;
        assert_eq!(refused.refused(403, "forbidden"), (), "{method} {path}");
    }
    if !is_on_services() {
        let none = json!({"items": [], "next_cursor": null, "total": 0});
        assert_eq!(reader.get("/inbound/dead").await.ok(200), none);
        let refused = server.admin().post("/inbound/dead/requeue", Value::Null).await;
        refused.refused(404, "not_found");
    }
    for path in ["/inbound/dead/requeue", "/outbox/parked/retry"] {
        reader.post(path, Value::Null).await.refused(403, "forbidden");
    }
    assert_eq!(
        reader.get("/outbox/parked").await.ok(200),
        json!({"items": [], "next_cursor": null})
    );
    for query in ["limit=0", "limit=201", "cursor=x", "page=2"] {
        let path = format!("/outbox/parked?{query}");
        reader.get(&path).await.refused(422, "invalid_query");
        let path = format!("/inbound/dead?{query}");
        reader.get(&path).await.refused(422, "invalid_query");
    }
    let admin = server.admin();
    assert_eq!(
        admin.post("/outbox/parked/retry", Value::Null).await.ok(200),
        json!({"retried": 0})
    );
    for event in ["x".to_owned(), Uuid::new_v4().to_string()] {
        let path = format!("/outbox/parked/{event}/retry");
        admin.post(&path, Value::Null).await.refused(404, "not_found");
    }
}
