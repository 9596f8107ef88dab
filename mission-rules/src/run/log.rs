//! One line of a log: a CloudEvent in JSON.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use mission_core::{
    UserId,
    event::ActivityEvent,
    ports::store::Claim,
    task::{ContentHash, EvidenceType},
    user::InviteCode,
};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    pack::{
        COMMANDS,
        simulation::{CaseStep, hash_of},
    },
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

/// A line that cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line cannot be read. The next one can.
    #[error(transparent)]
    BadLine(#[from] InvalidLogLine),
    /// The line is earlier than one before it: the replay cannot go back.
    #[error("{at} is earlier than {after}, the time of a line above: a log is replayed in order of time")]
    OutOfOrder {
        /// The line's time.
        at: DateTime<Utc>,
        /// The latest time so far.
        after: DateTime<Utc>,
    },
}

/// One entry of a log, read and in its turn: what a [`LogReader`] gives, and a [`super::Replay`] takes.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Its line in the log.
    pub(super) line: u64,
    pub(super) user: UserId,
    /// When it reached the engine.
    pub(super) at: DateTime<Utc>,
    pub(super) what: LogAction,
}

#[derive(Clone, Debug)]
pub(super) enum LogAction {
    Activity(ActivityEvent),
    Step(CaseStep),
}

impl LogEntry {
    /// The claims on which it can depend, or that it can make, and that another user can hold.
    pub(super) fn shared_claims(&self) -> Vec<Claim> {
        match &self.what {
            LogAction::Activity(event) => {
                let inbound = Claim::Inbound {
                    source: event.source.clone(),
                    id: event.id.clone(),
                };
                let referral = event.invitee().map(Claim::ReferralEvent);
                std::iter::once(inbound).chain(referral).collect()
            }
            LogAction::Step(CaseStep::Evidence { evidence, .. }) => {
                let shown = evidence.unique_content().map(Claim::Evidence);
                let code = (evidence.evidence_type == EvidenceType::InviteCode)
                    .then(|| Claim::InviteCode(InviteCode::typed(&evidence.data)));
                shown.into_iter().chain(code).collect()
            }
            LogAction::Step(CaseStep::Upload { file, .. }) => {
                let ContentHash(bytes) = hash_of(file);
                vec![Claim::Evidence(bytes)]
            }
            LogAction::Step(_) => Vec::new(),
        }
    }
}

/// Reads a log's lines, and holds them to their order.
///
/// ```
/// use mission_rules::run::LogReader;
/// let mut reader = LogReader::default();
/// let late = r#"{"type":"checkin","subject":"0190163d-8694-739b-aea5-966c26f8ad91","time":"2026-01-05T10:00:00Z"}"#;
/// let early = late.replace("01-05", "01-04");
/// let read = reader.read(&[(1, late), (2, ""), (3, early.as_str()), (4, "nonsense")]);
/// assert_eq!(read.entries.len(), 1);
/// assert_eq!(read.refused.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct LogReader {
    entries: u64,
    latest: Option<DateTime<Utc>>,
}

/// Lines of a log that were read.
#[derive(Debug, Default)]
pub struct ReadLines {
    /// Those that can be replayed, in their order.
    pub entries: Vec<LogEntry>,
    /// Those that cannot, by their numbers, and why.
    pub refused: Vec<(u64, LineError)>,
}

impl LogReader {
    /// Reads the next lines, each with its number, on all threads of the pool at hand. Empty ones are passed over.
    pub fn read<T: AsRef<str> + Sync>(&mut self, lines: &[(u64, T)]) -> ReadLines {
        let parsed: Vec<_> = lines
            .par_iter()
            .with_min_len(LINES_A_JOB)
            .filter(|(_, text)| !text.as_ref().trim().is_empty())
            .map(|(number, text)| (*number, parse(text.as_ref())))
            .collect();
        let mut read = ReadLines::default();
        for (number, parsed) in parsed {
            match parsed
                .map_err(LineError::from)
                .and_then(|line| self.admit(number, line))
            {
                Ok(entry) => read.entries.push(entry),
                Err(why) => read.refused.push((number, why)),
            }
        }
        read
    }

    fn admit(&mut self, line: u64, parsed: ParsedLine) -> Result<LogEntry, LineError> {
        let ParsedLine { user, at, what } = parsed;
        if let Some(after) = self.latest.filter(|latest| at < *latest) {
            return Err(LineError::OutOfOrder { at, after });
        }
        self.latest = Some(at);
        self.entries += 1;
        let what = match what {
            ParsedAction::Step(step) => LogAction::Step(step),
            ParsedAction::Activity { id, event } => LogAction::Activity(ActivityEvent {
                // An id that a line written by hand leaves out.
                id: id.unwrap_or_else(|| format!("line-{}", self.entries)),
                ..event
            }),
        };
        Ok(LogEntry { line, user, at, what })
    }

    /// When a line reached the engine: the order in which lines are to be replayed.
    ///
    /// # Errors
    /// When the line cannot be read.
    pub fn time_of(line: &str) -> Result<DateTime<Utc>, InvalidLogLine> {
        parse(line).map(|line| line.at)
    }
}

/// Lines that one thread reads at once, at least.
const LINES_A_JOB: usize = 64;

/// A line that was read on its own, whatever stands above it.
struct ParsedLine {
    user: UserId,
    at: DateTime<Utc>,
    what: ParsedAction,
}

enum ParsedAction {
    /// The event has no id yet.
    Activity {
        id: Option<String>,
        event: ActivityEvent,
    },
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

/// Reads a line. `log` stands in for a source, where a line written by hand leaves it out.
fn parse(text: &str) -> Result<ParsedLine, InvalidLogLine> {
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
        ParsedAction::Step(step)
    } else if name.starts_with("task.") {
        let way_out = match suggest::closest(name, COMMANDS) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the commands are {}", COMMANDS.join(", ")),
        };
        return Err(InvalidLogLine::new(format!(
            "`{name}` is none of a log's commands; {way_out}"
        )));
    } else {
        ParsedAction::Activity {
            id: envelope.id.map(Cow::into_owned),
            event: ActivityEvent {
                id: String::new(),
                source: envelope.source.map_or_else(|| "log".to_owned(), Cow::into_owned),
                event_type: event_type.into_owned(),
                user_id: user,
                time,
                data,
            },
        }
    };
    Ok(ParsedLine { user, at, what })
}

fn required<'a>(field: &str, value: Option<Cow<'a, str>>) -> Result<Cow<'a, str>, InvalidLogLine> {
    let present = value.filter(|text| (1..=255).contains(&text.chars().count()));
    present.ok_or_else(|| InvalidLogLine::new(format!("`{field}` is missing, or not of 1 to 255 characters")))
}
