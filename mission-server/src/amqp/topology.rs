//! What must be there in the broker before events leave: declared anew with every connection, which changes nothing
//! where it is there.

use lapin::{
    Channel, Connection, Error, ErrorKind, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
};

/// The topic exchange that integration events are published to.
pub const EVENTS_EXCHANGE: &str = "mission.events";

/// The routing keys of what moves points, to which the wallet's queue is bound.
pub const WALLET_KEYS: [&str; 2] = ["reward.claimed", "reward.revoked"];

/// Declares the exchange and, where it has a name, the wallet's queue with the queue of its dead letters. Answers a
/// channel in confirm mode.
pub(super) async fn declare(connection: &Connection, wallet_queue: Option<&str>) -> Result<Channel, Error> {
    let mut channel = connection.create_channel().await?;
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let exchange = ShortString::from(EVENTS_EXCHANGE);
    channel
        .exchange_declare(
            exchange.clone(),
            ExchangeKind::Topic,
            durable,
            FieldTable::default(),
        )
        .await?;
    if let Some(queue) = wallet_queue {
        let dead = format!("{queue}.dead");
        channel = declare_queue(connection, channel, &dead, &[]).await?;
        // Nothing that moves points is dropped: what the wallet gives up waits among the dead letters, and a queue that
        // is full refuses.
        let arguments = [
            ("x-dead-letter-exchange", ""),
            ("x-dead-letter-routing-key", dead.as_str()),
            ("x-dead-letter-strategy", "at-least-once"),
            ("x-overflow", "reject-publish"),
        ];
        channel = declare_queue(connection, channel, queue, &arguments).await?;
        for key in WALLET_KEYS {
            let (options, none) = (QueueBindOptions::default(), FieldTable::default());
            channel
                .queue_bind(queue.into(), exchange.clone(), key.into(), options, none)
                .await?;
        }
    }
    Ok(channel)
}

/// Declares a durable quorum queue. One of that name that is there already, declared in another way, is taken as it is:
/// operators may have had their reasons.
async fn declare_queue(
    connection: &Connection,
    channel: Channel,
    name: &str,
    arguments: &[(&str, &str)],
) -> Result<Channel, Error> {
    let mut table = FieldTable::default();
    for (key, value) in arguments.iter().chain(&[("x-queue-type", "quorum")]) {
        table.insert((*key).into(), AMQPValue::LongString((*value).into()));
    }
    let declared = channel
        .queue_declare(name.into(), QueueDeclareOptions::durable(), table)
        .await;
    match declared {
        Ok(_) => Ok(channel),
        Err(error) if is_declared_otherwise(&error) => {
            tracing::info!(queue = name, %error, "the queue is there, declared in another way; it is taken as it is");
            // The refusal has closed the channel.
            connection.create_channel().await
        }
        Err(error) => Err(error),
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
