//! One line of a log: a CloudEvent in JSON.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use mission_core::{UserId, event::ActivityEvent};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    pack::{COMMANDS, simulation::CaseStep},
    suggest,
};

/// A line of a log that cannot be read; the message names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidLogLine {
    /// What is wrong and what would be right.
    pub message: String,
}

impl InvalidLogLine {
    fn new(message: impl Into<String>) -> Self {
        InvalidLogLine {
            message: message.into(),
        }
    }
}

/// One entry of a log: user, instant, action.
#[derive(Debug)]
pub(super) struct LogEntry {
    pub(super) user: UserId,
    /// When it reached the engine.
    pub(super) at: DateTime<Utc>,
    pub(super) what: LogAction,
}

#[derive(Debug)]
pub(super) enum LogAction {
    Activity(ActivityEvent),
    Step(CaseStep),
}

/// The attributes that are read; others may be there. A text without escapes is not copied.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    specversion: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    event_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    subject: Option<Cow<'a, str>>,
    time: Option<DateTime<Utc>>,
    /// The extension of that name: when the event arrived, where that is not its own time.
    recordedtime: Option<DateTime<Utc>>,
    data: Option<Map<String, Value>>,
}

/// Reads a line. `number` stands in for an id, and `log` for a source, where a line written by hand leaves them out.
pub(super) fn parse(text: &str, number: u64) -> Result<LogEntry, InvalidLogLine> {
    if !text.trim_start().starts_with('{') {
        return Err(InvalidLogLine::new("a line holds one CloudEvent, a JSON object"));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| {
        // The place is within this one line.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        InvalidLogLine::new(format!("{message} (column {})", error.column()))
    })?;
    if envelope.specversion.is_some_and(|version| version != "1.0") {
        return Err(InvalidLogLine::new("`specversion` must be \"1.0\""));
    }
    let event_type = required("type", envelope.event_type)?;
    let user = required("subject", envelope.subject)?
        .parse()
        .map_err(|_| InvalidLogLine::new("`subject` must be the user's id, a UUID"))?;
    let time = envelope
        .time
        .ok_or_else(|| InvalidLogLine::new("`time` is missing: a log says when things happened"))?;
    let at = envelope.recordedtime.unwrap_or(time);
    let data = envelope.data.unwrap_or_default();
    let name = event_type.as_ref();
    let what = if COMMANDS.contains(&name) {
        let step =
            CaseStep::parse(name, data, None).map_err(|invalid| InvalidLogLine::new(invalid.to_string()))?;
        LogAction::Step(step)
    } else if name.starts_with("task.") {
        let way_out = match suggest::closest(name, COMMANDS) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the commands are {}", COMMANDS.join(", ")),
        };
        return Err(InvalidLogLine::new(format!(
            "`{name}` is none of a log's commands; {way_out}"
        )));
    } else {
        LogAction::Activity(ActivityEvent {
            id: envelope
                .id
                .map_or_else(|| format!("line-{number}"), Cow::into_owned),
            source: envelope.source.map_or_else(|| "log".to_owned(), Cow::into_owned),
            event_type: event_type.into_owned(),
            user_id: user,
            time,
            data,
        })
    };
    Ok(LogEntry { user, at, what })
}

fn required<'a>(field: &str, value: Option<Cow<'a, str>>) -> Result<Cow<'a, str>, InvalidLogLine> {
    let present = value.filter(|text| (1..=255).contains(&text.chars().count()));
    present.ok_or_else(|| InvalidLogLine::new(format!("`{field}` is missing, or not of 1 to 255 characters")))
}
