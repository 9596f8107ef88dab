//! The CloudEvents 1.0 JSON envelope, read and written.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A CloudEvent in JSON form. Extension attributes beside the two that this engine writes are kept out of sight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique together with `source`.
    pub id: String,
    /// Who says it.
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// To whom: a user's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<DateTime<Utc>>,
    /// The media type of `data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// The grant id, where points move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grantid: Option<String>,
    /// Whatever request led to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlationid: Option<String>,
    /// The details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// Why an envelope cannot be taken, and at which of its fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {message}")]
pub struct InvalidEvent {
    /// The attribute.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

impl CloudEvent {
    /// Checks what CloudEvents 1.0 demands of every event.
    ///
    /// # Errors
    /// Names the first attribute that breaks the specification.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        let fail = |field, message: &str| {
            Err(InvalidEvent {
                field,
                message: message.to_owned(),
            })
        };
        if self.specversion != "1.0" {
            return fail("specversion", "must be \"1.0\"");
        }
        for (field, text) in [
            ("id", &self.id),
            ("source", &self.source),
            ("type", &self.event_type),
        ] {
            if text.trim().is_empty() || text.chars().count() > 255 {
                return fail(field, "must have 1 to 255 characters");
            }
            if text.chars().any(char::is_control) {
                return fail(field, "must not have control characters");
            }
        }
        Ok(())
    }
}
