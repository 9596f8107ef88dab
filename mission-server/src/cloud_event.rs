//! CloudEvents in JSON as they are sent to this server, over HTTP or through the broker.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mission_core::event::CloudEvent;
use serde_json::Value;

pub(crate) use crate::http::{NO_NUL, with_nul};
use crate::http::{pointer, validate_text};

/// Reads an event in structured mode.
///
/// # Errors
/// A JSON pointer to what is wrong, and what is.
pub(crate) fn read(item: Value) -> Result<CloudEvent, (String, String)> {
    let item = decoded(item)?;
    serde_path_to_error::deserialize(&item).map_err(|error| {
        let pointer = pointer(error.path());
        let message = validate_text(error.inner(), item.pointer(&pointer));
        (pointer, message)
    })
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
