//! What must be there in the broker: declared anew with every connection, which changes nothing where it is there.

use lapin::{
    Channel, Connection, Error, ErrorKind, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable},
};

/// The topic exchange that integration events are published to.
pub const EVENTS_EXCHANGE: &str = "mission.events";

/// The media type of an event in structured mode.
pub(super) const CLOUD_EVENT: &str = "application/cloudevents+json";
/// The delivery mode of messages that outlive a restart of the broker.
pub(super) const PERSISTENT: u8 = 2;

/// Whether an event must come back where no queue takes it: what tells of rewards.
pub(super) fn is_mandatory(routing_key: &str) -> bool {
    routing_key.starts_with("reward.")
}

/// The routing keys of what moves points, to which the wallet's queue is bound.
pub const WALLET_KEYS: [&str; 2] = ["reward.claimed", "reward.revoked"];

/// The queue of what other services tell.
pub const INBOUND_QUEUE: &str = "mission.inbound";
/// What cannot be taken out of it, ever.
pub const INBOUND_DEAD: &str = "mission.inbound.dead";
/// From where messages come back into it after a while.
pub(super) const INBOUND_RETRY: &str = "mission.inbound.retry";

/// What the queue of what other services tell is bound to: topic exchanges and routing keys.
pub const INBOUND: [(&str, &str); 4] = [
    ("iam.events", "user.registered"),
    ("iam.events", "user.deleted"),
    ("mining.events", "referral.activated"),
    ("activity.events", "activity.#"),
];

/// What the routing keys of activity events begin with.
pub(super) const ACTIVITY_PREFIX: &str = "activity.";

/// How long a message stays away that is to come again, in milliseconds.
const RETRY_AFTER: i64 = 5000;
/// How often a message is handed out whose consumer was lost over it, before it is taken for poison. A connection that is cut
/// counts for all that was sent ahead on it, so that a network which comes and goes for a minute must stay far below.
const DELIVERY_LIMIT: i64 = 100;

/// Declares the exchange of integration events and, where it has a name, the wallet's queue.
pub(super) async fn declare_events(
    connection: &Connection,
    wallet_queue: Option<&str>,
) -> Result<Channel, Error> {
    let mut declaring = TopologyChannel::on(connection).await?;
    declaring.events(wallet_queue).await?;
    Ok(declaring.channel)
}

/// Declares the same for a wallet, which hears of erased users as well.
pub(super) async fn declare_wallet(
    connection: &Connection,
    wallet_queue: Option<&str>,
) -> Result<Channel, Error> {
    let mut declaring = TopologyChannel::on(connection).await?;
    declaring.events(wallet_queue).await?;
    if let Some(queue) = wallet_queue {
        declaring.bind(queue, EVENTS_EXCHANGE, "user.erased").await?;
    }
    Ok(declaring.channel)
}

/// Declares the queue of what other services tell, with their exchanges.
pub(super) async fn declare_inbound(connection: &Connection) -> Result<Channel, Error> {
    let mut declaring = TopologyChannel::on(connection).await?;
    declaring.queue(INBOUND_DEAD, without_delivery_limit()).await?;
    let mut back = dead_letters(INBOUND_QUEUE);
    back.push(("x-message-ttl", AMQPValue::LongLongInt(RETRY_AFTER)));
    declaring.queue(INBOUND_RETRY, back).await?;
    let mut arguments = dead_letters(INBOUND_DEAD);
    arguments.push(("x-delivery-limit", AMQPValue::LongLongInt(DELIVERY_LIMIT)));
    declaring.queue(INBOUND_QUEUE, arguments).await?;
    for (exchange, key) in INBOUND {
        declaring.exchange(exchange).await?;
        declaring.bind(INBOUND_QUEUE, exchange, key).await?;
    }
    Ok(declaring.channel)
}

type Arguments = Vec<(&'static str, AMQPValue)>;

/// What a queue rejects, or keeps for too long, goes to another one. Nothing is dropped on the way: it stays until it is
/// there, and a queue that is full refuses.
fn dead_letters(to: &str) -> Arguments {
    let text = |text: &str| AMQPValue::LongString(text.into());
    vec![
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(to)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ]
}

/// Whoever looks at a dead letter takes it out and puts it back, which counts as a delivery: RabbitMQ 4 would drop it after
/// twenty of them.
fn without_delivery_limit() -> Arguments {
    vec![("x-delivery-limit", AMQPValue::LongLongInt(i32::MAX.into()))]
}

/// A channel for declaring exchanges, queues and bindings. What is there already and was declared in another way is taken as it is:
/// operators may have had their reasons.
struct TopologyChannel<'c> {
    connection: &'c Connection,
    channel: Channel,
}

impl<'c> TopologyChannel<'c> {
    async fn on(connection: &'c Connection) -> Result<Self, Error> {
        let channel = connection.create_channel().await?;
        Ok(TopologyChannel { connection, channel })
    }

    async fn events(&mut self, wallet_queue: Option<&str>) -> Result<(), Error> {
        self.exchange(EVENTS_EXCHANGE).await?;
        if let Some(queue) = wallet_queue {
            let dead = format!("{queue}.dead");
            self.queue(&dead, without_delivery_limit()).await?;
            self.queue(queue, dead_letters(&dead)).await?;
            for key in WALLET_KEYS {
                self.bind(queue, EVENTS_EXCHANGE, key).await?;
            }
        }
        Ok(())
    }

    async fn exchange(&mut self, name: &str) -> Result<(), Error> {
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let declared =
            self.channel
                .exchange_declare(name.into(), ExchangeKind::Topic, durable, FieldTable::default());
        let declared = declared.await;
        self.or_existing(name, declared).await
    }

    /// A durable quorum queue.
    async fn queue(&mut self, name: &str, arguments: Arguments) -> Result<(), Error> {
        let mut table = FieldTable::default();
        table.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        for (argument, value) in arguments {
            table.insert(argument.into(), value);
        }
        let options = QueueDeclareOptions::durable();
        let declared = self.channel.queue_declare(name.into(), options, table).await;
        self.or_existing(name, declared.map(drop)).await
    }

    async fn bind(&self, queue: &str, exchange: &str, key: &str) -> Result<(), Error> {
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        self.channel
            .queue_bind(queue.into(), exchange.into(), key.into(), options, none)
            .await
    }

    async fn or_existing(&mut self, name: &str, declared: Result<(), Error>) -> Result<(), Error> {
        match declared {
            Err(error) if is_declared_otherwise(&error) => {
                tracing::info!(name, %error, "it is there, declared in another way, and taken as it is");
                // The refusal has closed the channel.
                self.channel = self.connection.create_channel().await?;
                Ok(())
            }
            other => other,
        }
    }
}

fn is_declared_otherwise(error: &Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else {
        return false;
    };
    matches!(
        error.kind(),
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)
    )
}
