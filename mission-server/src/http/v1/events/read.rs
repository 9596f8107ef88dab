//! CloudEvents over HTTP (the protocol binding 1.0.2): one in structured or binary mode, several in batched mode.

use axum::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use mission_core::event::{ActivityEvent, CloudEvent};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::MOST;
use crate::http::{
    FieldError, Problem,
    body::{Body, NO_NUL, pointer, told, with_nul},
};

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
) -> Result<Vec<ActivityEvent>, Problem> {
    if headers.keys().any(|name| name.as_str().starts_with("ce-")) {
        let event = binary(headers, body)?;
        return match read(&event, now) {
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
        match decoded(item).and_then(|item| read(&item, now)) {
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

/// The event with its `data_base64` in place of `data`.
fn decoded(mut item: Value) -> Result<Value, (String, String)> {
    let fault = |message: &str| ("/data_base64".to_owned(), message.to_owned());
    let Some(event) = item.as_object_mut() else {
        return Ok(item);
    };
    let Some(encoded) = event.remove("data_base64").filter(|encoded| !encoded.is_null()) else {
        return Ok(item);
    };
    if event.get("data").is_some_and(|data| !data.is_null()) {
        return Err(fault("stands in place of `data`: an event has one of them"));
    }
    let bytes = encoded.as_str().and_then(|text| STANDARD.decode(text).ok());
    let bytes = bytes.ok_or_else(|| fault("must be a text in base64"))?;
    let data: Value = serde_json::from_slice(&bytes)
        .map_err(|error| fault(&format!("must hold the data as JSON: {error}")))?;
    if with_nul(&data).is_some() {
        return Err(fault(NO_NUL));
    }
    event.insert("data".to_owned(), data);
    Ok(item)
}

fn read(item: &Value, now: DateTime<Utc>) -> Result<ActivityEvent, (String, String)> {
    let event: CloudEvent = serde_path_to_error::deserialize(item).map_err(|error| {
        let pointer = pointer(error.path());
        let message = told(error.inner(), item.pointer(&pointer));
        (pointer, message)
    })?;
    ActivityEvent::from_cloud_event(event, now).map_err(|error| (format!("/{}", error.field), error.message))
}
