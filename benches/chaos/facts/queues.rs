//! What waits in the broker.

use std::collections::BTreeMap;

use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{BasicGetOptions, QueueDeclareOptions},
    types::FieldTable,
};
use mission_server::amqp::{INBOUND_DEAD, INBOUND_QUEUE};

use crate::Result;

/// Those that must be empty in the end.
const EMPTY_QUEUES: [&str; 4] = [
    INBOUND_QUEUE,
    "mission.inbound.retry",
    "mission.wallet",
    "mission.wallet.dead",
];

/// How many messages wait in each queue that must be empty.
pub(super) async fn waiting(broker: &str) -> Result<BTreeMap<String, u32>> {
    let mut waiting = BTreeMap::new();
    for queue in EMPTY_QUEUES {
        waiting.insert(queue.to_owned(), messages(broker, queue).await?);
    }
    Ok(waiting)
}

async fn open(broker: &str) -> Result<(Connection, Channel)> {
    let connection = Connection::connect(broker, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

/// How many messages of a queue were given to nobody yet; none where there is no such queue.
async fn messages(broker: &str, queue: &str) -> Result<u32> {
    let (connection, channel) = open(broker).await?;
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel
        .queue_declare(queue.into(), passive, FieldTable::default())
        .await;
    let waiting = declared.map_or(0, |queue| queue.message_count());
    connection.close(200, "counted".into()).await?;
    Ok(waiting)
}

/// Takes out all dead letters of what came in.
pub(crate) async fn dead_letters(broker: &str) -> Result<Vec<String>> {
    let (connection, channel) = open(broker).await?;
    let mut bodies = Vec::new();
    while let Some(message) = channel
        .basic_get(INBOUND_DEAD.into(), BasicGetOptions { no_ack: true })
        .await?
    {
        bodies.push(String::from_utf8_lossy(&message.delivery.data).into_owned());
    }
    connection.close(200, "taken".into()).await?;
    Ok(bodies)
}
