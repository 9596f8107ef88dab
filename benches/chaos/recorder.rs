//! Everything that leaves through the broker, in the order of its first sight.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use lapin::{
    Connection, ConnectionProperties, Error,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use mission_server::amqp::EVENTS_EXCHANGE;
use serde_json::Value;
use tokio::time::timeout;
use uuid::Uuid;

use crate::Result;

/// The recorder's own queue.
const QUEUE: &str = "chaos.recorder";

/// What was seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// The ids of events, each where it was seen first.
    pub(crate) order: Vec<Uuid>,
    known: BTreeSet<Uuid>,
    /// How many messages came.
    pub(crate) deliveries: u64,
    /// Messages that are no events.
    pub(crate) unreadable: Vec<String>,
}

impl Seen {
    fn note(&mut self, body: &[u8]) {
        self.deliveries += 1;
        let event: Value = serde_json::from_slice(body).unwrap_or_default();
        match event["id"].as_str().map(Uuid::parse_str) {
            Some(Ok(id)) => {
                if self.known.insert(id) {
                    self.order.push(id);
                }
            }
            _ => self.unreadable.push(String::from_utf8_lossy(body).into_owned()),
        }
    }
}

/// Takes everything out of a queue of its own; it ends with the runtime.
pub(crate) struct Recorder {
    seen: Arc<Mutex<Seen>>,
}

impl Recorder {
    /// Declares and binds the queue, and records from then on.
    pub(crate) async fn start(url: String) -> Result<Self> {
        let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let durable = QueueDeclareOptions::durable();
        channel.queue_declare(QUEUE.into(), durable, arguments).await?;
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        channel
            .queue_bind(QUEUE.into(), EVENTS_EXCHANGE.into(), "#".into(), options, none)
            .await?;
        connection.close(200, "declared".into()).await?;
        let seen = Arc::new(Mutex::default());
        tokio::spawn(record(url, Arc::clone(&seen)));
        Ok(Recorder { seen })
    }

    /// What was seen so far; it must not be held over an await.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Over one connection after the other.
async fn record(url: String, seen: Arc<Mutex<Seen>>) {
    loop {
        // Whatever went wrong, what was not acknowledged comes again.
        let _ = over(&url, &seen).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn over(url: &str, seen: &Mutex<Seen>) -> std::result::Result<(), Error> {
    let opening = Connection::connect(url, ConnectionProperties::default());
    let Ok(connection) = timeout(Duration::from_secs(5), opening).await else {
        return Ok(());
    };
    let connection = connection?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(100, BasicQosOptions::default()).await?;
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer = channel
        .basic_consume(QUEUE.into(), "".into(), options, none)
        .await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        seen.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note(&delivery.data);
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}
