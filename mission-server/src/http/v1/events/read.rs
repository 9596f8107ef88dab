//! CloudEvents over HTTP (the protocol binding 1.0.2): one in structured or binary mode, several in batched mode.

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use mission_core::{engine::ActivateReferral, event::ActivityEvent};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::MOST;
use crate::{
    amqp, cloud_event,
    http::{FieldError, Problem, body::Body},
};

/// An event of the request, decoded into its command.
pub(super) struct IncomingEvent {
    /// An inviter is to be paid.
    pub(super) referral: Option<ActivateReferral>,
    /// Something that a user did.
    pub(super) event: ActivityEvent,
}

/// The media types whose bodies hold whole events.
const STRUCTURED: [&str; 3] = [
    "application/json",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
];

/// Reads all events, or says what is wrong with each that cannot be taken; then none is applied.
pub(super) fn events(
    headers: &HeaderMap,
    body: &Body,
    now: DateTime<Utc>,
) -> Result<Vec<IncomingEvent>, Problem> {
    if headers.keys().any(|name| name.as_str().starts_with("ce-")) {
        let event = binary(headers, body)?;
        return match read(event, now) {
            Ok(event) => Ok(vec![event]),
            Err((pointer, message)) => Err(Problem::invalid_field(header_of(&pointer), message)),
        };
    }
    let (items, single) = match body.read_as::<Value>(&STRUCTURED)? {
        Value::Array(items) => (items, false),
        item => (vec![item], true),
    };
    if items.len() > MOST {
        return Err(Problem::invalid_field(
            "",
            format!("at most {MOST} events go into one request"),
        ));
    }
    let mut events = Vec::with_capacity(items.len());
    let mut errors = Vec::new();
    for (number, item) in items.into_iter().enumerate() {
        let at = if single {
            String::new()
        } else {
            format!("/{number}")
        };
        match read(item, now) {
            Ok(event) => events.push(event),
            Err((pointer, message)) => errors.push(FieldError {
                pointer: format!("{at}{pointer}"),
                message,
            }),
        }
    }
    if errors.is_empty() {
        Ok(events)
    } else {
        Err(Problem::invalid_body(errors))
    }
}

/// The event of a request in binary mode: attributes in headers, percent-encoded, and the data as the body.
fn binary(headers: &HeaderMap, body: &Body) -> Result<Value, Problem> {
    let mut event = Map::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else {
            continue;
        };
        let text = value.to_str().ok();
        let text = text.and_then(|text| percent_decode_str(text).decode_utf8().ok());
        let text = text.ok_or_else(|| {
            let message = "must be percent-encoded UTF-8 in visible ASCII characters";
            Problem::invalid_field(name.as_str(), message)
        })?;
        event.insert(attribute.to_owned(), Value::String(text.into_owned()));
    }
    for required in ["specversion", "id", "source", "type"] {
        if !event.contains_key(required) {
            let message = "is missing: in binary mode every attribute of the event is a header";
            return Err(Problem::invalid_field(format!("ce-{required}"), message));
        }
    }
    if let Some(data) = body.read_json_of_any_type()? {
        event.insert("data".to_owned(), data);
    }
    Ok(Value::Object(event))
}

/// Where a fault of an event in binary mode lies: in a header, or in the body.
fn header_of(pointer: &str) -> String {
    match pointer.strip_prefix('/') {
        Some(attribute) if attribute != "data" && !attribute.starts_with("data/") => {
            format!("ce-{attribute}")
        }
        _ => pointer.strip_prefix("/data").unwrap_or(pointer).to_owned(),
    }
}

fn read(item: Value, now: DateTime<Utc>) -> Result<IncomingEvent, (String, String)> {
    let event = cloud_event::read(item)?;
    if event.event_type == amqp::REFERRAL {
        // As a mining service tells it over the broker.
        let (referral, event) =
            amqp::referral(event, now).map_err(|message| ("/data".to_owned(), message))?;
        return Ok(IncomingEvent {
            referral: Some(referral),
            event,
        });
    }
    let event = ActivityEvent::from_cloud_event(event, now)
        .map_err(|error| (format!("/{}", error.field), error.message))?;
    Ok(IncomingEvent {
        referral: None,
        event,
    })
}
