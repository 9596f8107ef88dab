//! Activity events: something that a user did elsewhere, which moves progress.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{CloudEvent, InvalidEvent};
use crate::{UserId, ports::rules::MissionRuleFailure, task::Task, user::UserUpdate};

/// An activity event: something that a user did in another service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivityEvent {
    /// Unique together with `source`.
    pub id: String,
    /// The service that saw it.
    pub source: String,
    /// What was done, such as `video.watched`.
    pub event_type: String,
    /// Who did it.
    pub user_id: UserId,
    /// When it was done.
    pub time: DateTime<Utc>,
    /// The details that rules read.
    pub data: Map<String, Value>,
}

impl ActivityEvent {
    /// Reads an activity event out of its envelope. An event without a `time` happened when it `arrived`.
    ///
    /// # Errors
    /// Names the attribute that is missing or of the wrong form.
    pub fn from_cloud_event(event: CloudEvent, arrived: DateTime<Utc>) -> Result<Self, InvalidEvent> {
        event.validate()?;
        let user_id = event
            .subject
            .as_deref()
            .and_then(|subject| subject.parse().ok())
            .ok_or_else(|| InvalidEvent {
                field: "subject",
                message: "must be the user's id, a UUID".to_owned(),
            })?;
        let data = match event.data {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(map)) => map,
            Some(_) => {
                return Err(InvalidEvent {
                    field: "data",
                    message: "must be an object".to_owned(),
                });
            }
        };
        let event = ActivityEvent {
            id: event.id,
            source: event.source,
            event_type: event.event_type,
            user_id,
            time: event.time.unwrap_or(arrived),
            data,
        };
        match UserUpdate::of(&event) {
            Some(Err(message)) => Err(InvalidEvent {
                field: "data",
                message,
            }),
            Some(Ok(_)) | None => Ok(event),
        }
    }
}

impl ActivityEvent {
    /// Whom a `referral.activated` event says to have been invited, where it says so. That is one fact once, under
    /// however many event ids it is told.
    #[must_use]
    pub fn invitee(&self) -> Option<UserId> {
        if self.event_type != "referral.activated" {
            return None;
        }
        self.data.get("inviteeId")?.as_str()?.parse().ok()
    }
}

/// The window around now in which the time of an activity event must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateWindow {
    /// How far ahead of the clock its time may be.
    pub ahead: Duration,
    /// How far behind.
    pub behind: Duration,
}

impl Default for LateWindow {
    /// 5 minutes ahead, 7 days behind.
    fn default() -> Self {
        LateWindow {
            ahead: Duration::minutes(5),
            behind: Duration::days(7),
        }
    }
}

/// The result of applying one activity event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventResult {
    /// What, in a word.
    pub outcome: EventOutcome,
    /// Why it was rejected or ignored, as a stable code.
    pub reason: Option<String>,
    /// What exactly was wrong with it, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The tasks that it moved, as they are now.
    pub tasks: Vec<Task>,
    /// The rules that failed on it.
    pub failures: Vec<MissionRuleFailure>,
}

/// The outcome of applying one activity event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventOutcome {
    /// It moved a task.
    Applied,
    /// It was here before.
    Duplicate,
    /// No task moved.
    Ignored,
    /// It came too early or too late, or its data contradicts what was declared of it.
    Rejected,
}
