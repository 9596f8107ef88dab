//! The dead letters of the inbound queue: looked at, sent back, dropped.
//!
//! A queue cannot be read without taking from it. So all letters are taken on a channel of their own, and those that are to
//! stay are given back at the end. What is given back may change its place: letters are shown in the order in which they died.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, ConfirmSelectOptions},
};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::{
    Broker, failed_delivery,
    topology::{INBOUND_DEAD, INBOUND_QUEUE},
};

/// How many letters are looked at, at most.
const MOST_LOOKED_AT: usize = 10_000;
/// And how many bytes of them.
const MOST_BYTES: usize = 64 << 20;
/// How many are sent back or dropped in one call, at most.
const MOST_AT_ONCE: usize = 1_000;

/// The letters in [`INBOUND_DEAD`]. Clones share the one hand that takes them.
#[derive(Clone)]
pub struct DeadLetters {
    broker: Broker,
    /// Two who take at once would hide letters from each other.
    taking: Arc<Mutex<()>>,
}

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Made of what the message says, and so the same for copies of it.
    pub id: String,
    /// Why it is dead.
    pub reason: Option<String>,
    /// How often it was tried before.
    pub attempts: u32,
    /// The exchange that it was published to.
    pub exchange: String,
    /// With this routing key.
    pub routing_key: String,
    /// Its AMQP message id.
    pub message_id: Option<String>,
    /// Its media type.
    pub content_type: Option<String>,
    /// When it died.
    pub died_at: Option<DateTime<Utc>>,
    /// When it was published, where its publisher said so.
    pub published_at: Option<DateTime<Utc>>,
    /// What it says.
    pub body: Vec<u8>,
}

/// A selection of dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterSelection<'a> {
    /// The one of an id, with its copies.
    Id(&'a str),
    /// As many of those that are there as fit into one call.
    All,
}

/// What to do with a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterAction {
    /// It goes back into the inbound queue, as if it had never been tried.
    Requeued,
    /// It is gone.
    Dropped,
}

/// How many dead letters were settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// How many were sent back or dropped.
    pub letters: usize,
    /// How many are left in the queue.
    pub left: usize,
}

impl DeadLetter {
    fn of(delivery: &Delivery) -> Self {
        let (exchange, routing_key) = failed_delivery::origin(delivery);
        let properties = &delivery.properties;
        let timestamp = properties.timestamp().and_then(|at| i64::try_from(at).ok());
        DeadLetter {
            id: id_of(delivery),
            reason: failed_delivery::reason(delivery),
            attempts: u32::try_from(failed_delivery::attempts(delivery)).unwrap_or_default(),
            exchange,
            routing_key,
            message_id: properties.message_id().as_ref().map(ToString::to_string),
            content_type: properties.content_type().as_ref().map(ToString::to_string),
            died_at: failed_delivery::died_at(delivery),
            published_at: timestamp.and_then(|at| DateTime::from_timestamp(at, 0)),
            body: delivery.data.clone(),
        }
    }
}

fn id_of(delivery: &Delivery) -> String {
    let (exchange, routing_key) = failed_delivery::origin(delivery);
    let message_id = delivery.properties.message_id().as_ref();
    let message_id = message_id.map(ToString::to_string).unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [&exchange, &routing_key, &message_id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(&delivery.data);
    let mut id = HEXLOWER.encode(&hash.finalize());
    id.truncate(32);
    id
}

impl DeadLetters {
    /// The letters of the inbound queue at a broker.
    #[must_use]
    pub fn new(broker: Broker) -> Self {
        DeadLetters {
            broker,
            taking: Arc::default(),
        }
    }

    /// Letters in the order in which they died, after so many others, and how many there are in all.
    ///
    /// # Errors
    /// When the broker cannot be reached, or stops answering.
    pub async fn list(&self, offset: usize, limit: usize) -> Result<(Vec<DeadLetter>, usize), String> {
        let _hand = self.taking.lock().await;
        let channel = self.channel().await?;
        let taken = drain(&channel).await?;
        requeue(&channel).await?;
        let shown = taken.letters.iter().skip(offset).take(limit);
        Ok((shown.map(DeadLetter::of).collect(), taken.total))
    }

    /// Sends letters back, or drops them.
    ///
    /// # Errors
    /// When the broker cannot be reached, or stops answering; letters that were settled by then stay so.
    pub async fn settle(
        &self,
        which: DeadLetterSelection<'_>,
        fate: DeadLetterAction,
    ) -> Result<Settled, String> {
        let _hand = self.taking.lock().await;
        let channel = self.channel().await?;
        let taken = drain(&channel).await?;
        let meant = |delivery: &&Delivery| match which {
            DeadLetterSelection::Id(id) => id_of(delivery) == id,
            DeadLetterSelection::All => true,
        };
        let mut letters = 0;
        for delivery in taken.letters.iter().filter(meant).take(MOST_AT_ONCE) {
            if fate == DeadLetterAction::Requeued {
                let back = failed_delivery::restore(&channel, INBOUND_QUEUE, delivery).await;
                back.map_err(|error| error.to_string())?;
            }
            let done = delivery.ack(BasicAckOptions::default()).await;
            done.map_err(|error| error.to_string())?;
            letters += 1;
        }
        requeue(&channel).await?;
        Ok(Settled {
            letters,
            left: taken.total.saturating_sub(letters),
        })
    }

    async fn channel(&self) -> Result<Channel, String> {
        let channel = self.broker.channel().await?;
        let confirming = channel.confirm_select(ConfirmSelectOptions::default()).await;
        confirming.map_err(|error| error.to_string())?;
        Ok(channel)
    }
}

/// The messages of a drained queue.
#[derive(Default)]
struct DrainedQueue {
    /// In the order in which they died.
    letters: Vec<Delivery>,
    /// How many there are with those that were not looked at.
    total: usize,
}

/// Takes the letters that are there by now.
async fn drain(channel: &Channel) -> Result<DrainedQueue, String> {
    let mut taken = DrainedQueue::default();
    let mut bytes = 0;
    let mut behind = usize::MAX;
    while behind > 0 && taken.letters.len() < MOST_LOOKED_AT && bytes < MOST_BYTES {
        let message = channel.basic_get(INBOUND_DEAD.into(), BasicGetOptions::default());
        let Some(message) = message.await.map_err(|error| error.to_string())? else {
            break;
        };
        behind = usize::try_from(message.message_count).unwrap_or(usize::MAX);
        bytes += message.delivery.data.len();
        taken.letters.push(message.delivery);
    }
    taken.total = taken.letters.len() + if taken.letters.is_empty() { 0 } else { behind };
    taken.letters.sort_by_key(failed_delivery::died_at);
    Ok(taken)
}

/// Gives back everything that was taken and not acknowledged. The end of the channel alone would see to that too, but a
/// moment after it is told.
async fn requeue(channel: &Channel) -> Result<(), String> {
    let all = BasicNackOptions {
        multiple: true,
        requeue: true,
    };
    let given = channel.basic_nack(0, all).await;
    given.map_err(|error| error.to_string())?;
    let closed = channel.close(200, "done".into()).await;
    closed.map_err(|error| error.to_string())
}
