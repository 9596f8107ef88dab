//! How records and values look in SQL, the same in every database: JSON texts, microseconds, days, ids.

use chrono::{DateTime, NaiveDate, Utc};
use mission_core::{
    engine::{Command, OutboundEvent, Signals},
    ports::{
        bus::{ParkRequest, ParkedEvent},
        queries::{JournalPosition, JournalRecord},
        store::{Root, StoreError},
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::row::SqlRow;

/// A record as JSON.
pub(crate) fn to_json(record: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Refused(error.to_string()))
}

/// A record out of its JSON text. What cannot be read is damage, not absence.
pub(crate) fn from_json<V: DeserializeOwned>(text: &str) -> Result<V, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| unavailable(format_args!("a stored record cannot be read: {error}")))
}

/// An instant out of its microseconds since 1970.
pub(crate) fn instant(micros: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| unavailable(format_args!("{micros} microseconds since 1970 are no instant")))
}

/// Days since 1970.
pub(crate) fn days(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days()
}

/// The id under which a root is kept.
pub(crate) fn root_id(root: Root) -> Uuid {
    match root {
        Root::User(id) => id.0,
        Root::Mission(id) => id.0,
        Root::Pack(id) => id.0,
    }
}

/// The kind under which a root is kept in the journal.
pub(crate) fn root_kind(root: Root) -> &'static str {
    match root {
        Root::User(_) => "user",
        Root::Mission(_) => "mission",
        Root::Pack(_) => "pack",
    }
}

/// A root out of its kind and id.
pub(crate) fn root_of(kind: &str, id: Uuid) -> Root {
    match kind {
        "user" => Root::User(id.into()),
        "mission" => Root::Mission(id.into()),
        _ => Root::Pack(id.into()),
    }
}

/// A parked event out of its columns: when it is tried again stands beside what was noted last, and holds.
pub(crate) fn parked_event(row: &impl SqlRow) -> Result<ParkedEvent, StoreError> {
    let last: ParkRequest = from_json(row.text(3)?)?;
    Ok(ParkedEvent {
        attempts: u32::try_from(row.number(0)?).unwrap_or(u32::MAX),
        since: instant(row.number(1)?)?,
        last: ParkRequest {
            retry_at: instant(row.number(2)?)?,
            ..last
        },
        behind: row.count(4)?,
    })
}

/// The events of one journal entry, as stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OutboxEnvelope<C, E> {
    pub(crate) correlation_id: C,
    pub(crate) events: E,
    /// Those that followers alone are told, which come after the others. A server that is older than they are passes them over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) live: Option<E>,
}

impl<'e> OutboxEnvelope<&'e Option<String>, &'e [OutboundEvent]> {
    pub(crate) fn new(correlation_id: &'e Option<String>, events: &'e [OutboundEvent]) -> Self {
        let is_live_only = |outbound: &OutboundEvent| outbound.event.kind().is_live_only();
        let first_live = events.iter().position(is_live_only).unwrap_or(events.len());
        let (events, live) = events.split_at(first_live);
        OutboxEnvelope {
            correlation_id,
            events,
            live: (!live.is_empty()).then_some(live),
        }
    }
}

/// A journal record out of its columns.
pub(crate) fn journal_record(row: &impl SqlRow) -> Result<JournalRecord, StoreError> {
    let (command, signals): (Command, Signals) = from_json(row.text(3)?)?;
    Ok(JournalRecord {
        position: JournalPosition {
            user: row.id(0)?.into(),
            number: row.number(1)?,
        },
        at: instant(row.number(2)?)?,
        zone: signals.zone,
        command,
        mission: row.optional_id(4)?.map(Into::into),
    })
}

/// The effect of a change on one record.
#[cfg(feature = "postgres")]
pub(crate) enum RecordChange {
    /// It stays as it is.
    Unchanged,
    /// It is deleted.
    Deleted,
    /// It becomes this JSON.
    Replaced(String),
}

/// What a change says of one record, as text.
#[cfg(feature = "postgres")]
pub(crate) fn text_of<V: Serialize>(written: Option<&Option<V>>) -> Result<RecordChange, StoreError> {
    Ok(match written {
        None => RecordChange::Unchanged,
        Some(None) => RecordChange::Deleted,
        Some(Some(record)) => RecordChange::Replaced(to_json(record)?),
    })
}

/// A failure after which nobody can say what was written.
pub(crate) fn unavailable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use mission_core::{
        event::{IntegrationEvent, TaskProgressed, UserErased},
        task::TaskStatus,
    };

    use super::*;

    #[test]
    fn an_older_server_reads_past_what_followers_alone_are_told() {
        let user_id = mission_core::UserId(Uuid::from_u128(1));
        let at = DateTime::UNIX_EPOCH;
        let of = |number, event| OutboundEvent {
            id: mission_core::EventId(Uuid::from_u128(number)),
            event,
        };
        let events = [
            of(
                1,
                IntegrationEvent::UserErased(UserErased {
                    user_id,
                    erased_at: at,
                }),
            ),
            of(
                2,
                IntegrationEvent::TaskProgressed(TaskProgressed {
                    task_id: Uuid::nil().into(),
                    user_id,
                    mission_id: Uuid::nil().into(),
                    progress: 1,
                    target: 2,
                    status: TaskStatus::InProgress,
                    moved_at: at,
                }),
            ),
        ];
        let id = None;
        let stored = to_json(&OutboxEnvelope::new(&id, &events)).unwrap();
        let [told, live] = ["events", "live"].map(|name| {
            let envelope: serde_json::Value = serde_json::from_str(&stored).unwrap();
            envelope[name].as_array().unwrap().len()
        });
        assert_eq!((told, live), (1, 1));
        let read: OutboxEnvelope<Option<String>, Vec<OutboundEvent>> = from_json(&stored).unwrap();
        assert_eq!([read.events, read.live.unwrap()].concat(), events);
        let without = to_json(&OutboxEnvelope::new(&id, &events[..1])).unwrap();
        let read: OutboxEnvelope<Option<String>, Vec<OutboundEvent>> = from_json(&without).unwrap();
        assert_eq!((read.events.len(), read.live), (1, None));
        assert!(!without.contains("live"), "as it was before");
    }

    #[test]
    fn dates_count_from_1970() {
        assert_eq!(days("1970-01-02".parse().unwrap()), 1);
        assert_eq!(days("1969-12-31".parse().unwrap()), -1);
    }
}
