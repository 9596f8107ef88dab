//! Messages that are not done with: those that come again, and the dead. Each is in its new place before it is
//! acknowledged in the old.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use lapin::{
    Channel, Confirmation, Error,
    message::Delivery,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable},
};

use super::{
    broker::Session,
    topology::{INBOUND_DEAD, INBOUND_RETRY, PERSISTENT},
};

/// Why a message is among the dead letters.
const REASON: &str = "x-mission-reason";
/// When it died, in RFC 3339.
const DIED_AT: &str = "x-mission-died-at";
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

/// How often a message was tried in vain.
pub(super) fn attempts(delivery: &Delivery) -> i64 {
    let headers = delivery.properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get(ATTEMPTS)) {
        Some(AMQPValue::LongLongInt(attempts)) => *attempts,
        Some(AMQPValue::LongInt(attempts)) => (*attempts).into(),
        _ => 0,
    }
}

/// Why a message is among the dead letters.
pub(super) fn reason(delivery: &Delivery) -> Option<String> {
    let headers = delivery.properties.headers().as_ref()?;
    text_of(headers.inner().get(REASON)?)
}

/// When a message died: by our header, else by that of the broker, which keeps whole seconds.
pub(super) fn died_at(delivery: &Delivery) -> Option<DateTime<Utc>> {
    let headers = delivery.properties.headers().as_ref()?.inner();
    if let Some(at) = headers.get(DIED_AT).and_then(text_of) {
        return at.parse().ok();
    }
    let Some(AMQPValue::FieldArray(deaths)) = headers.get("x-death") else {
        return None;
    };
    let last = deaths.as_slice().first()?;
    let AMQPValue::FieldTable(death) = last else {
        return None;
    };
    let Some(AMQPValue::Timestamp(seconds)) = death.inner().get("time") else {
        return None;
    };
    DateTime::from_timestamp(i64::try_from(*seconds).ok()?, 0)
}

/// Puts a dead letter back into a queue, as if it had never been tried.
pub(super) async fn restore(channel: &Channel, queue: &str, delivery: &Delivery) -> Result<(), Error> {
    let headers = delivery.properties.headers().as_ref();
    let kept = headers.into_iter().flat_map(FieldTable::inner);
    let kept = kept.filter(|(name, _)| ![REASON, ATTEMPTS, DIED_AT].contains(&name.as_str()));
    let mut headers = FieldTable::from(
        kept.map(|(name, value)| (name.clone(), value.clone()))
            .collect::<BTreeMap<_, _>>(),
    );
    let (exchange, key) = origin(delivery);
    for (name, text) in [(EXCHANGE, &exchange), (ROUTING_KEY, &key)] {
        headers.insert(name.into(), AMQPValue::LongString(text.as_str().into()));
    }
    publish(channel, queue, delivery, headers).await
}

/// Puts a message where it comes back from after a while, or among the dead where it has come back too often. Says which.
pub(super) async fn retry(
    session: &Session,
    delivery: &Delivery,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<&'static str, Error> {
    let attempts = attempts(delivery) + 1;
    if attempts >= MOST_ATTEMPTS {
        let reason = format!("given up after {attempts} attempts: {reason}");
        return dead_letter(session, INBOUND_DEAD, delivery, &reason, now).await;
    }
    tracing::warn!(
        reason,
        attempts,
        "a message could not be taken now; it comes again"
    );
    let headers = headers(delivery, reason, attempts);
    publish(&session.channel, INBOUND_RETRY, delivery, headers).await?;
    Ok("retried")
}

/// Puts a message into a queue of dead letters, with the reason in a header.
pub(super) async fn dead_letter(
    session: &Session,
    queue: &str,
    delivery: &Delivery,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<&'static str, Error> {
    tracing::warn!(reason, queue, "a message was put among the dead letters");
    let mut headers = headers(delivery, reason, attempts(delivery));
    let now = now.to_rfc3339_opts(SecondsFormat::Micros, true);
    headers.insert(DIED_AT.into(), AMQPValue::LongString(now.into()));
    publish(&session.channel, queue, delivery, headers).await?;
    Ok("dead")
}

/// A message's headers, with what became of it.
fn headers(delivery: &Delivery, reason: &str, attempts: i64) -> FieldTable {
    let mut headers = delivery.properties.headers().clone().unwrap_or_default();
    let (exchange, key) = origin(delivery);
    for (name, text) in [(REASON, reason), (EXCHANGE, &exchange), (ROUTING_KEY, &key)] {
        headers.insert(name.into(), AMQPValue::LongString(text.into()));
    }
    headers.insert(ATTEMPTS.into(), AMQPValue::LongLongInt(attempts));
    headers
}

/// Puts a copy of a message, with other headers, into a queue.
async fn publish(
    channel: &Channel,
    queue: &str,
    delivery: &Delivery,
    headers: FieldTable,
) -> Result<(), Error> {
    let properties = delivery
        .properties
        .clone()
        .with_headers(headers)
        .with_delivery_mode(PERSISTENT);
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let sent = channel
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
