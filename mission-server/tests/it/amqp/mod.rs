//! RabbitMQ: what leaves through it, in which order, what comes in, and that everything goes on without it.
#![expect(
    clippy::needless_pass_by_value,
    reason = "bodies are written where they are sent"
)]

mod dead_letters;
mod inbound;
mod out;
mod own_broker;
mod wallet;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, QueueBindOptions,
        QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Server, event};

/// What must come comes within so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn connect(url: &str) -> Channel {
    let connection = Connection::connect(url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    // As long as the test.
    std::mem::forget(connection);
    channel
}

/// A queue of the test's own that gets every event, and its consumer.
pub(super) struct Tap {
    channel: Channel,
    queue: String,
    consumer: Consumer,
}

impl Tap {
    /// The exchange must be there.
    pub(super) async fn open(url: &str) -> Tap {
        let channel = connect(url).await;
        let queue = format!("mission-test-{}", Uuid::new_v4());
        let durable = QueueDeclareOptions::durable();
        channel
            .queue_declare(queue.as_str().into(), durable, FieldTable::default())
            .await
            .unwrap();
        bind(&channel, &queue, "#").await;
        let consumer = channel
            .basic_consume(
                queue.as_str().into(),
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap();
        Tap {
            channel,
            queue,
            consumer,
        }
    }

    pub(super) async fn next(&mut self) -> Delivery {
        let delivery = tokio::time::timeout(PATIENCE, self.consumer.next()).await;
        let delivery = delivery
            .expect("an event comes")
            .expect("the consumer stays")
            .unwrap();
        delivery.ack(BasicAckOptions::default()).await.unwrap();
        delivery
    }

    /// The next events of some users, until there are so many of different ids: by user, in the order of their first
    /// arrival.
    pub(super) async fn take(&mut self, users: &[Uuid], count: usize) -> BTreeMap<Uuid, Vec<Value>> {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut taken: BTreeMap<Uuid, Vec<Value>> = BTreeMap::new();
        while seen.len() < count {
            let delivery = self.next().await;
            let event: Value = serde_json::from_slice(&delivery.data).unwrap();
            let user: Uuid = event["subject"].as_str().unwrap().parse().unwrap();
            if users.contains(&user) && seen.insert(event["id"].as_str().unwrap().to_owned()) {
                taken.entry(user).or_default().push(event);
            }
        }
        taken
    }

    pub(super) async fn close(self) {
        delete(&self.channel, &self.queue).await;
    }
}

pub(super) async fn bind(channel: &Channel, queue: &str, key: &str) {
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    channel
        .queue_bind(queue.into(), "mission.events".into(), key.into(), options, none)
        .await
        .unwrap();
}

pub(super) async fn delete(channel: &Channel, queue: &str) {
    let options = QueueDeleteOptions::default();
    channel.queue_delete(queue.into(), options).await.unwrap();
}

/// Takes every message out of a queue, and deletes it.
pub(super) async fn drain(channel: &Channel, queue: &str) -> Vec<Value> {
    let mut messages = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(message) = channel.basic_get(queue.into(), options).await.unwrap() {
        messages.push(serde_json::from_slice(&message.delivery.data).unwrap());
    }
    delete(channel, queue).await;
    messages
}

/// Deletes a wallet's queue and that of its dead letters.
pub(super) async fn delete_both(channel: &Channel, queue: &str) {
    delete(channel, queue).await;
    delete(channel, &format!("{queue}.dead")).await;
}

/// The same on a runtime of its own.
pub(crate) fn delete_wallet(url: &str, queue: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let channel = connect(url).await;
        delete_both(&channel, queue).await;
    });
}

pub(super) fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

pub(super) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(super) async fn dependency(server: &Server) -> (u16, Value) {
    let health = server.user().get("/health").await;
    let all = health.body["dependencies"].as_array().unwrap().clone();
    let found = all.into_iter().find(|one| one["name"] == "rabbitmq");
    (health.status, found.unwrap()["status"].clone())
}

pub(super) async fn waiting_entries(server: &Server) -> bool {
    // Gauges are set every few seconds; the outbox is asked for directly.
    let metrics = server.metrics().await;
    let line = metrics
        .lines()
        .find(|line| line.starts_with("mission_outbox_entries"))
        .map(str::to_owned);
    line.is_some_and(|line| !line.ends_with(" 0"))
}

/// Publishes a message that some queue must take.
pub(super) async fn publish(
    channel: &Channel,
    exchange: &str,
    key: &str,
    properties: BasicProperties,
    body: &Value,
) {
    let body = match body {
        Value::String(text) => text.clone().into_bytes(),
        body => body.to_string().into_bytes(),
    };
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let sent = channel
        .basic_publish(exchange.into(), key.into(), options, &body, properties)
        .await
        .unwrap();
    assert_eq!(sent.await.unwrap(), Confirmation::Ack(None));
}

/// What another service tells.
pub(super) fn told(event_type: &str, id: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/iam", "type": event_type, "time": "2026-01-05T09:00:00Z",
        "data": data})
}

/// An activity event of an id.
pub(super) fn watched(user: Uuid, id: &str, time: &str) -> Value {
    let mut event = event(user, "video.watched", time, json!({}));
    event["id"] = json!(id);
    event
}

/// Check-ins of several users over some days, each with two events.
pub(super) async fn live(users: &[Client<'_>], server: &Server, days: std::ops::Range<u32>) -> usize {
    let mut events = 0;
    for day in days {
        server
            .set_clock(&format!("2026-01-{:02}T10:00:00Z", day + 1))
            .await;
        for user in users {
            user.post("/checkin", Value::Null).await.ok(200);
            events += 2;
        }
    }
    events
}

/// A header as text.
pub(super) fn header(delivery: &Delivery, name: &str) -> String {
    let headers = delivery.properties.headers().as_ref().unwrap();
    match headers.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}
