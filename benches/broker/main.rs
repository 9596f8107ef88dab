//! Messages a second through RabbitMQ, side by side in one run, round by round: the relay of the outbox beside a bare
//! publisher with a window of confirms, activity events through the broker beside the same over HTTP in batches, and how far
//! the events of check-ins lag behind them under full load.
//!
//! ```text
//! cargo build --release -p mission-server -p mission-benches
//! target/release/broker [--url amqp://…] [--rounds N] [--messages N]
//! ```
//!
//! Both publish the same persistent, mandatory messages to the wallet's quorum queue. The relay works on an outbox in
//! memory; what is measured is the relay and the bus, with the order of each user's events kept.

#![expect(clippy::print_stdout, reason = "it reports")]

mod fixture;
#[path = "../load/server.rs"]
#[expect(dead_code, reason = "the load generator measures the server as well")]
mod server;

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fixture::ServerFixture;
use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeleteOptions, QueuePurgeOptions},
};
use mission_core::{
    EventId, Points,
    engine::OutboundEvent,
    event::{IntegrationEvent, RewardClaimed},
    ports::{
        bus::{Backlog, Outbox, OutboxEvent, OutboxPosition, ParkRequest, ParkedEvent},
        store::{Root, StoreError},
    },
    reward::RewardType,
    system::SystemClock,
    testing::{at, user},
};
use mission_server::{
    amqp::{AmqpBus, Broker, BrokerSettings, ConnectionRole, EVENTS_EXCHANGE},
    outbox::{Relay, RelayOptions},
};
use tokio::sync::Notify;
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How many confirms the bare publisher waits for at once.
const WINDOW: usize = 500;
/// How many events each user has.
const EVENTS_A_USER: u64 = 2;

struct Options {
    url: String,
    rounds: usize,
    messages: u64,
}

impl Options {
    fn read() -> Result<Self> {
        let mut options = Options {
            url: "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned(),
            rounds: 5,
            messages: 20_000,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
            match word.as_str() {
                "--url" => options.url = value,
                "--rounds" => options.rounds = value.parse()?,
                "--messages" => options.messages = value.parse()?,
                _ => {
                    return Err(
                        format!("unknown option `{word}`; there are --url, --rounds, --messages").into(),
                    );
                }
            }
        }
        Ok(options)
    }
}

/// An outbox in memory, whose entries have one event each.
struct Waiting(Mutex<Vec<OutboxEvent>>);

#[async_trait]
impl Outbox for Waiting {
    async fn waiting(
        &self,
        limit: usize,
        _now: DateTime<Utc>,
    ) -> std::result::Result<Vec<OutboxEvent>, StoreError> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(waiting.iter().take(limit).cloned().collect())
    }

    async fn sent(&self, entries: &[i64], _at: DateTime<Utc>) -> std::result::Result<(), StoreError> {
        let sent: std::collections::HashSet<&i64> = entries.iter().collect();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|outgoing| !sent.contains(&outgoing.position.entry));
        Ok(())
    }

    async fn park(&self, events: &[ParkRequest]) -> std::result::Result<(), StoreError> {
        Err(StoreError::Refused(format!(
            "{} events were not taken",
            events.len()
        )))
    }

    async fn parked(
        &self,
        _after: Option<i64>,
        _limit: usize,
    ) -> std::result::Result<Vec<ParkedEvent>, StoreError> {
        Ok(Vec::new())
    }

    async fn retry_parked(
        &self,
        _event: Option<EventId>,
        _now: DateTime<Utc>,
    ) -> std::result::Result<u64, StoreError> {
        Ok(0)
    }

    async fn backlog(&self) -> std::result::Result<Backlog, StoreError> {
        Ok(Backlog::default())
    }
}

fn outgoing(number: u64) -> OutboxEvent {
    let who = user(number / EVENTS_A_USER);
    let id = Uuid::from_u128(u128::from(number) | 0x0190_0000_0000_7000_8000_0000_0000_0000);
    OutboxEvent {
        position: OutboxPosition {
            entry: i64::try_from(number).unwrap_or(i64::MAX),
            event: 0,
        },
        root: Root::User(who),
        event: OutboundEvent {
            id: EventId(id),
            event: IntegrationEvent::RewardClaimed(RewardClaimed {
                reward_id: id.into(),
                user_id: who,
                source_id: id,
                reward_type: RewardType::CheckInDaily,
                points: Points::from(10),
                bonus_points: Points::ZERO,
                total_points: 10.into(),
                currency: "POINTS".to_owned(),
                claimed_at: at("2026-01-05T10:00:00Z"),
                mission_version: None,
            }),
        },
        correlation_id: None,
        recorded_at: at("2026-01-05T10:00:00Z"),
        attempts: 0,
    }
}

/// Messages a second through the relay.
async fn relayed(broker: &Broker, events: &[OutboxEvent]) -> Result<f64> {
    let outbox = Arc::new(Waiting(Mutex::new(events.to_vec())));
    let bus = Arc::new(AmqpBus::new(broker.clone(), "/mission-server"));
    let mut relay = Relay::new(
        outbox,
        bus,
        Arc::new(SystemClock),
        Arc::new(Notify::new()),
        RelayOptions::default(),
    );
    let begun = Instant::now();
    let flushed = relay.flush(Duration::from_secs(120)).await;
    flushed.map_err(|waiting| format!("{waiting} events did not leave"))?;
    Ok(rate(events.len(), begun.elapsed()))
}

/// Messages a second through a bare channel.
async fn bare(channel: &Channel, bodies: &[Vec<u8>]) -> Result<f64> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/cloudevents+json".into());
    let begun = Instant::now();
    let sent = futures_util::stream::iter(bodies).map(|body| {
        let properties = properties.clone();
        async move {
            let exchange = EVENTS_EXCHANGE.into();
            let sent = channel.basic_publish(exchange, "reward.claimed".into(), options, body, properties);
            sent.await?.await
        }
    });
    let mut sent = sent.buffer_unordered(WINDOW);
    while let Some(confirmation) = sent.next().await {
        if !confirmation?.is_ack() {
            return Err("the broker did not take a message".into());
        }
    }
    Ok(rate(bodies.len(), begun.elapsed()))
}

#[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

#[tokio::main]
async fn main() -> Result<()> {
    let Options {
        url,
        rounds,
        messages,
    } = Options::read()?;
    let queue = format!("mission-bench-{}", Uuid::new_v4());
    let settings = BrokerSettings {
        url: url.clone().into(),
        wallet_queue: Some(queue.clone()),
    };
    let (broker, _task) = Broker::start(settings, ConnectionRole::Publish)?;
    broker.first_try().await;
    broker.ping().await?;
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let events: Vec<OutboxEvent> = (0..messages).map(outgoing).collect();
    let bodies = events
        .iter()
        .map(|outgoing| {
            let OutboundEvent { id, event } = &outgoing.event;
            serde_json::to_vec(&event.to_cloud_event(*id, "/mission-server", None)?)
        })
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let (mut by_relay, mut by_hand) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let (relayed, bare) = (relayed(&broker, &events).await?, bare(&channel, &bodies).await?);
        println!(
            "round {round}: relay {relayed:.0}/s, bare publisher {bare:.0}/s, ratio {:.2}",
            relayed / bare
        );
        by_relay.push(relayed);
        by_hand.push(bare);
        channel
            .queue_purge(queue.as_str().into(), QueuePurgeOptions::default())
            .await?;
    }
    let (relayed, bare) = (median(by_relay), median(by_hand));
    println!(
        "medians: relay {relayed:.0}/s, bare publisher {bare:.0}/s, ratio {:.2} (at least 0.8)",
        relayed / bare
    );
    let fixture = ServerFixture::start(&url, &queue)?;
    let count = usize::try_from(messages)? / 2;
    let (mut by_broker, mut over_http) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let broker = fixture.by_broker(&channel, count).await?;
        let http = fixture.over_http(count).await?;
        println!(
            "round {round}: events through the broker {broker:.0}/s, over HTTP {http:.0}/s, ratio {:.2}",
            broker / http
        );
        by_broker.push(broker);
        over_http.push(http);
    }
    let (broker, http) = (median(by_broker), median(over_http));
    println!(
        "medians: through the broker {broker:.0}/s, over HTTP {http:.0}/s, ratio {:.2} (at least 0.7)",
        broker / http
    );
    for round in 1..=rounds {
        let kept_up = fixture.check_ins(32, Duration::from_secs(5)).await?;
        println!(
            "round {round}: {:.0} check-ins/s, {:.3} of their events had left when the last was answered, the rest {:?} later",
            rate(usize::try_from(kept_up.check_ins)?, kept_up.took),
            kept_up.ratio(),
            kept_up.rest
        );
    }
    drop(fixture);
    for queue in [queue.clone(), format!("{queue}.dead")] {
        channel
            .queue_delete(queue.as_str().into(), QueueDeleteOptions::default())
            .await?;
    }
    Ok(())
}
