//! Events that leave.

use std::collections::{BTreeMap, BTreeSet};

use lapin::{
    options::{BasicGetOptions, ExchangeDeleteOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Tap, bind, connect, delete_both, dependency, drain, eventually, live, own_broker::OwnBroker, types,
    waiting_entries,
};
use crate::{
    proxy::{Proxy, Way},
    services::{RABBITMQ, amqp_url},
    support::{Client, Server},
};

#[tokio::test]
async fn events_leave_as_cloud_events_in_order() {
    let Some(url) = RABBITMQ.find() else { return };
    let wallet = format!("mission-test-wallet-{}", Uuid::new_v4());
    let server = Server::with(&[("MISSION_AMQP_URL", url), ("MISSION_AMQP_WALLET_QUEUE", &wallet)]).await;
    // Declared before the server was ready.
    let mut tap = Tap::open(url).await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin.mission("leaves", json!({"reward": {"points": 5}})).await;
    // What followers alone are told does not leave.
    let follower = server.http.get(format!("{}/api/v1/stream", server.url));
    let follower = follower.bearer_auth(&admin.token).send().await.unwrap();
    let traced = server
        .client(user.user, json!({}))
        .header("x-correlation-id", "trace-7");
    traced.post("/checkin", Value::Null).await.ok(200);
    let task = user.complete(&mission).await;
    let claimed = user
        .post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .ok(200);
    let reward = claimed["reward_id"].as_str().unwrap().to_owned();
    admin
        .post(&format!("/rewards/{reward}/revoke"), json!({"reason": "a test"}))
        .await
        .ok(200);

    let mut deliveries = Vec::new();
    while deliveries.len() < 6 {
        let delivery = tap.next().await;
        let event: Value = serde_json::from_slice(&delivery.data).unwrap();
        if event["subject"] == json!(user.user) {
            deliveries.push((delivery, event));
        }
    }
    let mut keys: Vec<&str> = deliveries
        .iter()
        .map(|(delivery, _)| delivery.routing_key.as_str())
        .collect();
    // Of one command the order is the engine's own.
    keys[..2].sort_unstable();
    keys[3..5].sort_unstable();
    assert_eq!(
        keys,
        [
            "checkin.completed",
            "reward.claimed",
            "task.started",
            "mission.completed",
            "reward.claimed",
            "reward.revoked"
        ]
    );
    drop(follower);
    let document = server
        .http
        .get(format!("{}/asyncapi.json", server.url))
        .send()
        .await
        .unwrap();
    let document: Value = document.json().await.unwrap();
    for (delivery, event) in &deliveries {
        let message = &document["components"]["messages"][event["type"].as_str().unwrap()];
        let mut schema = message["payload"].clone();
        schema["components"] = document["components"].clone();
        if let Err(error) = jsonschema::validate(&schema, event) {
            panic!("{event} is not as /asyncapi.json says: {error}");
        }
        let properties = &delivery.properties;
        let text = |text: &Option<lapin::types::ShortString>| text.as_ref().unwrap().to_string();
        assert_eq!(text(properties.content_type()), "application/cloudevents+json");
        assert_eq!(*properties.delivery_mode(), Some(2));
        assert_eq!(text(properties.message_id()), event["id"]);
        assert_eq!(text(properties.kind()), event["type"]);
        let time: chrono::DateTime<chrono::Utc> = event["time"].as_str().unwrap().parse().unwrap();
        assert_eq!(*properties.timestamp(), Some(time.timestamp().unsigned_abs()));
        assert_eq!(event["specversion"], "1.0");
    }
    let (delivery, check_in) = &deliveries[0];
    assert_eq!(
        delivery.properties.correlation_id().as_ref().unwrap().as_str(),
        "trace-7"
    );
    assert_eq!(check_in["correlationid"], "trace-7");
    let revoked = &deliveries[5].1;
    assert_eq!(revoked["grantid"], json!(reward));
    assert_eq!(revoked["data"]["totalPoints"], json!(5));

    let kept: Vec<Value> = drain(&tap.channel, &wallet).await;
    let of_user: Vec<Value> = kept
        .into_iter()
        .filter(|event| event["subject"] == json!(user.user))
        .collect();
    assert_eq!(
        types(&of_user),
        ["RewardClaimedEvent", "RewardClaimedEvent", "RewardRevokedEvent"]
    );
    assert_eq!(
        drain(&tap.channel, &format!("{wallet}.dead")).await,
        [] as [Value; 0]
    );
    assert_eq!(dependency(&server).await, (200, json!("up")));
    tap.close().await;
}

/// That each user's days came in order.
fn assert_in_order(taken: &BTreeMap<Uuid, Vec<Value>>) {
    for (user, events) in taken {
        let times: Vec<&str> = events
            .iter()
            .map(|event| event["time"].as_str().unwrap())
            .collect();
        assert!(times.is_sorted(), "{user}: {times:?}");
    }
}

#[tokio::test]
async fn a_lost_connection_loses_nothing_and_changes_no_order() {
    let Some(url) = RABBITMQ.find() else { return };
    let service = url
        .rsplit_once('@')
        .unwrap()
        .1
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let proxy = Proxy::to(service.clone()).await;
    let through = url.replace(&service, &proxy.address.to_string());
    let wallet = format!("mission-test-wallet-{}", Uuid::new_v4());
    let server = Server::with(&[
        ("MISSION_AMQP_URL", &through),
        ("MISSION_AMQP_WALLET_QUEUE", &wallet),
    ])
    .await;
    let mut tap = Tap::open(url).await;
    let users: Vec<Client<'_>> = (0..5).map(|_| server.user()).collect();
    let ids: Vec<Uuid> = users.iter().map(|user| user.user).collect();
    let mut events = live(&users, &server, 0..3).await;
    for (way, days) in [(Way::Cut, 3..6), (Way::Frozen, 6..9)] {
        proxy.set(way);
        events += live(&users, &server, days).await;
        let what = format!("{way:?} is noticed");
        eventually(&what, async || dependency(&server).await == (503, json!("down"))).await;
        proxy.set(Way::Open);
    }
    events += live(&users, &server, 9..12).await;
    let taken = tap.take(&ids, events).await;
    assert_in_order(&taken);
    eventually("it is there again", async || {
        dependency(&server).await == (200, json!("up"))
    })
    .await;
    delete_both(&tap.channel, &wallet).await;
    tap.close().await;
}

#[tokio::test]
async fn what_no_queue_takes_waits_aside_and_a_broker_may_restart() {
    let Some(mut broker) = OwnBroker::start() else {
        return;
    };
    let url = amqp_url(broker.port);
    let server = Server::with(&[
        ("MISSION_AMQP_URL", &url),
        // Nobody would keep a reward.
        ("MISSION_AMQP_WALLET_QUEUE", ""),
        ("MISSION_READY_REQUIRES", "database"),
    ])
    .await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let channel = connect(&url).await;
    let queue = "of-the-test";
    channel
        .queue_declare(
            queue.into(),
            QueueDeclareOptions::durable(),
            FieldTable::default(),
        )
        .await
        .unwrap();
    bind(&channel, queue, "task.started").await;
    let (admin, stuck, other) = (server.admin(), server.user(), server.user());
    let mission = admin.mission("aside", json!({})).await;
    stuck.post("/checkin", Value::Null).await.ok(200);
    eventually("the reward came back", async || {
        let metrics = server.metrics().await;
        metrics
            .lines()
            .any(|line| line.starts_with("mission_outbox_refused_total") && !line.ends_with(" 0"))
    })
    .await;
    // Another user's events pass by; the same user's wait behind.
    stuck.start(&mission).await;
    other.start(&mission).await;
    let of_others = async || {
        let options = BasicGetOptions { no_ack: true };
        let message = channel.basic_get(queue.into(), options).await.unwrap()?;
        let event: Value = serde_json::from_slice(&message.delivery.data).unwrap();
        Some(event["subject"].clone())
    };
    let mut seen = None;
    eventually("the other's event leaves", async || {
        seen = of_others().await;
        seen.is_some()
    })
    .await;
    assert_eq!(seen, Some(json!(other.user)));
    assert_eq!(of_others().await, None, "it waits behind the reward");
    eventually("the outbox says so", async || waiting_entries(&server).await).await;
    let parked = admin.get("/outbox/parked").await.ok(200);
    let items = parked["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{parked}");
    let event = &items[0];
    assert_eq!(event["type"], "RewardClaimedEvent");
    assert_eq!(
        (&event["root_kind"], &event["root_id"]),
        (&json!("user"), &json!(stuck.user))
    );
    assert_eq!(event["reason"], "no queue takes `reward.claimed`");
    assert_eq!(event["behind"], 1, "the start of the task");
    assert!(event["attempts"].as_u64().unwrap() >= 1);
    eventually("a gauge says so", async || {
        server.metrics().await.contains("mission_outbox_parked 1")
    })
    .await;
    let health = admin.get("/health").await.ok(200);
    assert_eq!(health["outbox"]["parked"], 1, "{health}");
    let path = format!("/outbox/parked/{}/retry", event["event_id"].as_str().unwrap());
    assert_eq!(
        admin.post(&path, Value::Null).await.ok(200),
        json!({"retried": 1})
    );
    assert_eq!(
        admin.post("/outbox/parked/retry", Value::Null).await.ok(200),
        json!({"retried": 1})
    );

    broker.stop();
    eventually("it is away", async || {
        dependency(&server).await == (200, json!("down"))
    })
    .await;
    other.post("/checkin", Value::Null).await.ok(200);
    assert_eq!(
        server.user().get("/health/ready").await.ok(200)["status"],
        "degraded"
    );
    eventually("the wallet of this server goes on", async || {
        let me = other.get("/me").await.ok(200);
        me["wallet_points"] == me["points"]
    })
    .await;
    broker.start_again();
    let mut tap = Tap::open(&url).await;
    let taken = tap.take(&[stuck.user, other.user], 5).await;
    let mut of_stuck = types(&taken[&stuck.user]);
    of_stuck[..2].sort_unstable();
    // The check-in itself was told before the reward came back.
    assert!(
        of_stuck.ends_with(&["RewardClaimedEvent", "TaskStartedEvent"]) || of_stuck.len() == 3,
        "{of_stuck:?}"
    );
    eventually("nothing waits any more", async || !waiting_entries(&server).await).await;
}

#[tokio::test]
async fn a_broker_that_takes_nothing_for_now_loses_nothing() {
    let Some(broker) = OwnBroker::start() else {
        return;
    };
    let url = amqp_url(broker.port);
    let server = Server::with(&[("MISSION_AMQP_URL", &url), ("MISSION_READY_REQUIRES", "database")]).await;
    let mut tap = Tap::open(&url).await;
    let users: Vec<Client<'_>> = (0..3).map(|_| server.user()).collect();
    let ids: Vec<Uuid> = users.iter().map(|user| user.user).collect();
    let mut events = live(&users, &server, 0..1).await;
    let mut taken = tap.take(&ids, events).await;
    // Short of memory: it reads no more from connections that publish.
    broker.control(&["set_vm_memory_high_watermark", "0"]);
    let more = live(&users, &server, 1..4).await;
    events += more;
    eventually("it takes nothing", async || {
        dependency(&server).await == (200, json!("down"))
    })
    .await;
    let health = server.user().get("/health").await.ok(200);
    assert!(health["outbox"]["entries"].as_u64().unwrap() > 0, "{health}");
    assert_eq!(health["outbox"]["parked"], 0, "no event is blamed: {health}");
    broker.control(&["set_vm_memory_high_watermark", "0.6"]);
    for (user, later) in tap.take(&ids, more).await {
        taken.entry(user).or_default().extend(later);
    }
    assert_eq!(taken.values().map(Vec::len).sum::<usize>(), events);
    assert_in_order(&taken);
    eventually("it is up again", async || {
        dependency(&server).await == (200, json!("up"))
    })
    .await;
    eventually("nothing waits any more", async || !waiting_entries(&server).await).await;
}

#[tokio::test]
async fn a_full_queue_parks_what_it_refuses_and_a_deleted_exchange_comes_back() {
    let Some(broker) = OwnBroker::start() else {
        return;
    };
    let url = amqp_url(broker.port);
    let channel = connect(&url).await;
    // Somebody has made it before, with room for one message.
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
    arguments.insert(
        "x-overflow".into(),
        AMQPValue::LongString("reject-publish".into()),
    );
    let wallet = "mission.wallet";
    let durable = QueueDeclareOptions::durable();
    channel
        .queue_declare(wallet.into(), durable, arguments)
        .await
        .unwrap();
    let server = Server::with(&[("MISSION_AMQP_URL", &url)]).await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let (admin, users) = (server.admin(), [server.user(), server.user(), server.user()]);
    for user in &users {
        user.post("/checkin", Value::Null).await.ok(200);
    }
    let parked = async || {
        let parked = admin.get("/outbox/parked").await.ok(200);
        parked["items"].as_array().unwrap().clone()
    };
    eventually("it refuses two", async || parked().await.len() == 2).await;
    for event in parked().await {
        assert_eq!(event["reason"], "the broker could not take it");
        assert_eq!(event["type"], "RewardClaimedEvent");
    }
    // Whoever makes room gets them, by themselves.
    let mut taken = BTreeSet::new();
    eventually("all three come", async || {
        let message = channel
            .basic_get(wallet.into(), BasicGetOptions { no_ack: true })
            .await
            .unwrap();
        if let Some(message) = message {
            let event: Value = serde_json::from_slice(&message.delivery.data).unwrap();
            taken.insert(event["subject"].as_str().unwrap().to_owned());
        }
        taken.len() == 3
    })
    .await;
    eventually("nothing is parked any more", async || parked().await.is_empty()).await;

    let exchange = "mission.events".into();
    channel
        .exchange_delete(exchange, ExchangeDeleteOptions::default())
        .await
        .unwrap();
    let later = server.user();
    later.post("/checkin", Value::Null).await.ok(200);
    eventually(
        "it is declared and bound anew, and the grant is there",
        async || {
            let channel = connect(&url).await;
            let message = channel
                .basic_get(wallet.into(), BasicGetOptions { no_ack: true })
                .await
                .unwrap();
            message.is_some_and(|message| {
                let event: Value = serde_json::from_slice(&message.delivery.data).unwrap();
                event["subject"] == json!(later.user)
            })
        },
    )
    .await;
    assert!(parked().await.is_empty(), "no event is blamed");
}
