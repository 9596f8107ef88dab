//! Messages that are not done with: those that come again, and the dead. Each is in its new place before it is
//! acknowledged in the old.

use lapin::{Confirmation, Error, message::Delivery, options::BasicPublishOptions, types::AMQPValue};

use super::{
    broker::Session,
    topology::{INBOUND_DEAD, INBOUND_RETRY, PERSISTENT},
};

/// Why a message is among the dead letters.
const REASON: &str = "x-mission-reason";
/// How often it was tried.
const ATTEMPTS: &str = "x-mission-attempts";
/// Where it came from first.
const EXCHANGE: &str = "x-mission-exchange";
/// Under which key.
const ROUTING_KEY: &str = "x-mission-routing-key";

/// How often a message comes again before it is given up.
const MOST_ATTEMPTS: i64 = 5;

/// The exchange and routing key that a message was sent to at first.
pub(super) fn origin(delivery: &Delivery) -> (String, String) {
    let header = |name: &str| {
        let headers = delivery.properties.headers().as_ref()?;
        text_of(headers.inner().get(name)?)
    };
    match (header(EXCHANGE), header(ROUTING_KEY)) {
        (Some(exchange), Some(key)) => (exchange, key),
        _ => (delivery.exchange.to_string(), delivery.routing_key.to_string()),
    }
}

fn attempts(delivery: &Delivery) -> i64 {
    let headers = delivery.properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get(ATTEMPTS)) {
        Some(AMQPValue::LongLongInt(attempts)) => *attempts,
        Some(AMQPValue::LongInt(attempts)) => (*attempts).into(),
        _ => 0,
    }
}

/// Puts a message where it comes back from after a while, or among the dead where it has come back too often. Says which.
pub(super) async fn retry(
    session: &Session,
    delivery: &Delivery,
    reason: &str,
) -> Result<&'static str, Error> {
    let attempts = attempts(delivery) + 1;
    if attempts >= MOST_ATTEMPTS {
        let reason = format!("given up after {attempts} attempts: {reason}");
        return bury(session, INBOUND_DEAD, delivery, &reason).await;
    }
    tracing::warn!(
        reason,
        attempts,
        "a message could not be taken now; it comes again"
    );
    put(session, INBOUND_RETRY, delivery, reason, attempts).await?;
    Ok("retried")
}

/// Puts a message into a queue of dead letters, with the reason in a header.
pub(super) async fn bury(
    session: &Session,
    queue: &str,
    delivery: &Delivery,
    reason: &str,
) -> Result<&'static str, Error> {
    tracing::warn!(reason, queue, "a message was put among the dead letters");
    put(session, queue, delivery, reason, attempts(delivery)).await?;
    Ok("dead")
}

async fn put(
    session: &Session,
    queue: &str,
    delivery: &Delivery,
    reason: &str,
    attempts: i64,
) -> Result<(), Error> {
    let mut headers = delivery.properties.headers().clone().unwrap_or_default();
    let (exchange, key) = origin(delivery);
    for (name, text) in [(REASON, reason), (EXCHANGE, &exchange), (ROUTING_KEY, &key)] {
        headers.insert(name.into(), AMQPValue::LongString(text.into()));
    }
    headers.insert(ATTEMPTS.into(), AMQPValue::LongLongInt(attempts));
    let properties = delivery
        .properties
        .clone()
        .with_headers(headers)
        .with_delivery_mode(PERSISTENT);
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let sent = session
        .channel
        .basic_publish("".into(), queue.into(), options, &delivery.data, properties)
        .await?;
    match sent.await? {
        Confirmation::Ack(None) => Ok(()),
        // Without acknowledgement it stays where it is, and comes again with the next connection.
        _ => Err(std::io::Error::other(format!("`{queue}` does not take the message")).into()),
    }
}

/// A header's value as text.
pub(super) fn text_of(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}
