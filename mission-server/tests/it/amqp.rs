//! RabbitMQ: what leaves through it, in which order, what comes in, and that everything goes on without it.
#![expect(
    clippy::needless_pass_by_value,
    reason = "bodies are written where they are sent"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
        QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};
use sqlx::Connection as _;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    process::{Started, started},
    proxy::{Proxy, Way},
    services::{RABBITMQ, amqp_url, left_out, rabbitmq_server, wait_for_port},
    support::{Client, Server, event},
};

/// What must come comes within so long.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(url: &str) -> Channel {
    let connection = Connection::connect(url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    // As long as the test.
    std::mem::forget(connection);
    channel
}

/// A queue of the test's own that gets every event, and its consumer.
struct Tap {
    channel: Channel,
    queue: String,
    consumer: Consumer,
}

impl Tap {
    /// The exchange must be there.
    async fn open(url: &str) -> Tap {
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

    async fn next(&mut self) -> Delivery {
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
    async fn take(&mut self, users: &[Uuid], count: usize) -> BTreeMap<Uuid, Vec<Value>> {
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

    async fn close(self) {
        delete(&self.channel, &self.queue).await;
    }
}

async fn bind(channel: &Channel, queue: &str, key: &str) {
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    channel
        .queue_bind(queue.into(), "mission.events".into(), key.into(), options, none)
        .await
        .unwrap();
}

async fn delete(channel: &Channel, queue: &str) {
    let options = QueueDeleteOptions::default();
    channel.queue_delete(queue.into(), options).await.unwrap();
}

/// Takes every message out of a queue, and deletes it.
async fn drain(channel: &Channel, queue: &str) -> Vec<Value> {
    let mut messages = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(message) = channel.basic_get(queue.into(), options).await.unwrap() {
        messages.push(serde_json::from_slice(&message.delivery.data).unwrap());
    }
    delete(channel, queue).await;
    messages
}

/// Deletes a wallet's queue and that of its dead letters.
async fn delete_both(channel: &Channel, queue: &str) {
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

fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn dependency(server: &Server) -> (u16, Value) {
    let health = server.user().get("/health").await;
    let all = health.body["dependencies"].as_array().unwrap().clone();
    let found = all.into_iter().find(|one| one["name"] == "rabbitmq");
    (health.status, found.unwrap()["status"].clone())
}

async fn waiting_entries(server: &Server) -> bool {
    // Gauges are set every few seconds; the outbox is asked for directly.
    let metrics = server.metrics().await;
    let line = metrics
        .lines()
        .find(|line| line.starts_with("mission_outbox_entries"))
        .map(str::to_owned);
    line.is_some_and(|line| !line.ends_with(" 0"))
}

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

/// Check-ins of several users over some days, each with two events.
async fn live(users: &[Client<'_>], server: &Server, days: std::ops::Range<u32>) -> usize {
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

/// A RabbitMQ of the test's own, which it can stop and start again.
struct OwnBroker {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl OwnBroker {
    /// `None` where none is installed, which is said.
    fn start() -> Option<OwnBroker> {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        let Some(server) = run(folder.path(), port) else {
            let required = std::env::var("MISSION_TEST_SERVICES").is_ok_and(|mode| mode == "required");
            assert!(!required, "rabbitmq-server is not installed");
            left_out("a RabbitMQ that stops and starts: rabbitmq-server is not installed");
            return None;
        };
        Some(OwnBroker {
            folder,
            port,
            server: Some(server),
        })
    }

    fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let id = server.id().to_string();
            Command::new("kill").args(["-TERM", &id]).status().unwrap();
            server.wait().unwrap();
        }
    }

    fn start_again(&mut self) {
        self.server = run(self.folder.path(), self.port);
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(folder: &Path, port: u16) -> Option<Child> {
    let command = rabbitmq_server(folder, port)?;
    let server = Command::new(&command[0])
        .args(&command[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    assert!(wait_for_port(port));
    Some(server)
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

async fn publish(channel: &Channel, exchange: &str, key: &str, properties: BasicProperties, body: &Value) {
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

fn told(event_type: &str, id: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/iam", "type": event_type, "time": "2026-01-05T09:00:00Z",
        "data": data})
}

fn watched(user: Uuid, id: &str, time: &str) -> Value {
    let mut event = event(user, "video.watched", time, json!({}));
    event["id"] = json!(id);
    event
}

fn header(delivery: &Delivery, name: &str) -> String {
    let headers = delivery.properties.headers().as_ref().unwrap();
    match headers.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}

/// The reasons of the dead letters, which are taken out.
async fn reasons_of_the_dead(channel: &Channel) -> Vec<String> {
    let mut reasons = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(message) = channel
        .basic_get("mission.inbound.dead".into(), options)
        .await
        .unwrap()
    {
        let text = |name| header(&message.delivery, name);
        assert_eq!(text("x-mission-exchange"), "activity.events");
        assert_eq!(text("x-mission-routing-key"), "activity.video.watched");
        reasons.push(text("x-mission-reason"));
    }
    reasons
}

#[tokio::test]
async fn what_other_services_tell_is_acted_on_once() {
    let Some(broker) = OwnBroker::start() else { return };
    let url = amqp_url(broker.port);
    let settings = [("MISSION_AMQP_URL", url.as_str())];
    let server = Server::with(&settings).await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let channel = connect(&url).await;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    let (admin, user) = (server.admin(), server.user());
    let plain = BasicProperties::default;

    let registered = json!({"userId": user.user, "email": "a@b.example", "displayName": "A",
        "registeredAt": "2026-01-01T00:00:00Z"});
    let message = told("UserRegisteredEvent", "r-1", registered);
    publish(&channel, "iam.events", "user.registered", plain(), &message).await;
    let path = format!("/users/{}", user.user);
    eventually("the user is known", async || admin.get(&path).await.status == 200).await;

    let watching = json!({"trigger": {"event": "video.watched"}, "frequency": "unlimited", "auto_start": true,
        "reward": {"points": 3}});
    admin.mission("watching", watching).await;
    let completed = async || {
        let tasks = user.get("/tasks?mission=watching&status=completed").await.ok(200);
        tasks["items"].as_array().unwrap().len()
    };
    let activity = async |properties: BasicProperties, body: Value| {
        publish(
            &channel,
            "activity.events",
            "activity.video.watched",
            properties,
            &body,
        )
        .await;
    };
    let (first, second) = (
        watched(user.user, "both-1", "2026-01-05T09:30:00Z"),
        watched(user.user, "both-2", "2026-01-05T09:31:00Z"),
    );
    for _ in 0..3 {
        activity(plain(), first.clone()).await;
    }
    eventually("it moves the mission", async || completed().await == 1).await;
    let by_http = admin.post("/events", json!([first, second])).await.ok(200);
    let results = by_http["results"].as_array().unwrap().iter();
    let statuses: Vec<&Value> = results.map(|result| &result["status"]).collect();
    assert_eq!(statuses, ["duplicate", "applied"]);
    activity(plain(), second).await;
    let bare = json!({"userId": user.user});
    for _ in 0..2 {
        activity(plain().with_message_id("bare-1".into()), bare.clone()).await;
    }

    let (friend, other) = (server.user(), server.user());
    let referral = |id: &str, invitee: Uuid| {
        let data = json!({"inviterId": user.user, "inviteeId": invitee, "inviteCode": "X",
            "activatedAt": "2026-01-05T09:00:00Z"});
        told("ReferralActivatedEvent", id, data)
    };
    for message in [
        referral("f-1", friend.user),
        referral("f-1", friend.user),
        referral("f-2", friend.user),
        referral("f-3", other.user),
        // Nobody invites themselves.
        referral("f-4", user.user),
    ] {
        publish(&channel, "mining.events", "referral.activated", plain(), &message).await;
    }

    // What comes last is seen last: the queue is in order.
    activity(plain(), json!("{")).await;
    activity(plain(), bare).await;
    activity(plain(), watched(user.user, "late", "2025-01-05T09:00:00Z")).await;
    let mut dead = Vec::new();
    eventually("three are dead", async || {
        dead.extend(reasons_of_the_dead(&channel).await);
        dead.len() == 3
    })
    .await;
    for (reason, part) in dead.iter().zip(["no JSON", "message_id", "too_late"]) {
        assert!(reason.contains(part), "{dead:?}");
    }
    assert_eq!(
        completed().await,
        3,
        "two ids by both ways, and one of a bare payload"
    );
    let rewards = user.get("/rewards").await.ok(200);
    let referrals = rewards["items"].as_array().unwrap().iter();
    let referrals = referrals.filter(|reward| reward["type"] == "REFERRAL_BONUS");
    assert_eq!(referrals.count(), 2, "once for each friend: {rewards}");

    // What came while no server was there is taken by the next.
    let deleted = json!({"userId": user.user, "deletedAt": "2026-01-05T09:00:00Z"});
    let deleted = told("UserDeletedEvent", "d-1", deleted);
    let home = server.kill();
    publish(&channel, "iam.events", "user.deleted", plain(), &deleted).await;
    let server = Server::on(home, &settings).await;
    let admin = server.admin();
    eventually("the user is gone", async || admin.get(&path).await.status == 404).await;
    eventually("it is counted", async || {
        let metrics = server.metrics().await;
        metrics.contains("mission_inbound_messages_total{outcome=\"applied\"} 1")
    })
    .await;
}

/// A wallet on a file in a folder.
fn wallet(folder: &Path, url: &str, queue: &str) -> Started {
    let database = format!("sqlite://{}", folder.join("wallet.db").display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_mission-server"));
    command
        .arg("wallet")
        .env_clear()
        .env("MISSION_LISTEN", "127.0.0.1:0")
        .env("MISSION_DATABASE_URL", database)
        .env("MISSION_AMQP_URL", url)
        .env("MISSION_AMQP_WALLET_QUEUE", queue)
        .env("MISSION_LOG", "error")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    started(&mut command)
}

#[tokio::test]
async fn a_wallet_of_its_own_books_every_grant_once() {
    let Some(url) = RABBITMQ.find() else { return };
    let queue = format!("mission-test-wallet-{}", Uuid::new_v4());
    let server = Server::with(&[("MISSION_AMQP_URL", url), ("MISSION_AMQP_WALLET_QUEUE", &queue)]).await;
    let channel = connect(url).await;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    // This queue gets what other servers of this run tell as well: only what one user earns is looked at.
    let folder = tempfile::tempdir().unwrap();
    let users: Vec<Client<'_>> = (0..3).map(|_| server.user()).collect();
    live(&users, &server, 0..2).await;
    publish(
        &channel,
        "",
        &queue,
        BasicProperties::default(),
        &json!("no event"),
    )
    .await;
    let first = wallet(folder.path(), url, &queue);
    assert!(first.get("/health/ready").contains(r#""status":"ok""#));
    let of_users = async || {
        let url = format!("sqlite://{}?mode=ro", folder.path().join("wallet.db").display());
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let mut sums = Vec::new();
        for user in &users {
            let sum: (i64, i64) = sqlx::query_as(
                "SELECT coalesce(sum(amount_micros), 0), count(*) FROM wallet_entries e
                JOIN wallet_accounts a ON a.id = account_id WHERE side = 'holder' AND user_id = ?",
            )
            .bind(user.user.as_bytes().to_vec())
            .fetch_one(&mut database)
            .await
            .unwrap();
            sums.push(sum);
        }
        sums
    };
    eventually("two days are booked", async || {
        of_users().await == [(20_000_000, 2); 3]
    })
    .await;
    // Killed without a word; what comes meanwhile waits for the next.
    drop(first);
    live(&users, &server, 2..3).await;
    let second = wallet(folder.path(), url, &queue);
    eventually("the third is booked, and nothing twice", async || {
        of_users().await == [(30_000_000, 3); 3]
    })
    .await;
    users[0].delete("/me").await.ok(200);
    eventually("whose it was is forgotten", async || {
        of_users().await[0] == (0, 0)
    })
    .await;
    let metrics = second.get("/metrics");
    assert!(metrics.contains("mission_wallet_messages_total"), "{metrics}");
    let options = BasicGetOptions { no_ack: true };
    let dead = format!("{queue}.dead");
    let message = channel.basic_get(dead.as_str().into(), options).await.unwrap();
    let reason = header(&message.unwrap().delivery, "x-mission-reason");
    assert!(reason.contains("no JSON"), "{reason}");
    drop(second);
    delete_both(&channel, &queue).await;
}

#[test]
fn a_wallet_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    for (settings, part) in [
        (vec![], "MISSION_AMQP_URL"),
        (
            vec![
                ("MISSION_AMQP_URL", "amqp://127.0.0.1"),
                ("MISSION_AMQP_WALLET_QUEUE", ""),
            ],
            "`amqp.wallet_queue` must not be empty",
        ),
    ] {
        let ended = Command::new(env!("CARGO_BIN_EXE_mission-server"))
            .arg("wallet")
            .env_clear()
            .envs(settings)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{errors}");
        assert!(errors.contains(part), "{errors}");
    }
}
