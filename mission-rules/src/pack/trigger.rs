//! `[trigger]`, or several of them: the events that move a mission.

use mission_core::{
    event::InnerEvent,
    mission::{Trigger, Triggers},
    user::UserUpdate,
};
use toml::de::DeValue;

use super::{
    case_file::COMMANDS,
    events::{self, EventCatalog, EventFields},
    fields::{Fields, Located},
};
use crate::{FindingCode, diagnostic::Diagnostic};

/// One trigger, and where it names events.
#[derive(Debug)]
pub(super) struct TriggerPlace {
    pub(super) event: Located<String>,
    pub(super) key: Option<Located<String>>,
    pub(super) reverses: Option<Located<String>>,
    /// The fields of the event's data that the mission itself declares.
    pub(super) fields: EventFields,
}

/// Reads all triggers of a mission; what cannot be read is reported and left out.
pub(super) fn read_triggers(fields: &Fields<'_>) -> Vec<TriggerPlace> {
    let tables = match fields.raw("trigger") {
        Some(DeValue::Array(_)) => fields.tables("trigger", "a trigger").unwrap_or_default(),
        _ => fields.table("trigger", "`[trigger]`").into_iter().collect(),
    };
    tables.into_iter().filter_map(read_trigger).collect()
}

fn read_trigger(trigger: Fields<'_>) -> Option<TriggerPlace> {
    let event = trigger.required::<String>("event");
    let key = trigger.located("key");
    let reverses: Option<Located<String>> = trigger.located("reverses");
    let fields = trigger
        .table("fields", "`fields`")
        .map(|fields| events::event_fields(&fields));
    for named in event.iter().chain(&reverses) {
        if COMMANDS.contains(&named.value.as_str()) && named.value != UserUpdate::EVENT {
            let message = format!("`{}` is no activity event, so it moves no mission", named.value);
            let help = match named.value.as_str() {
                "checkin" => "the event of a check-in is `checkin.completed`",
                "task.complete" => "the event of a completed mission is `mission.completed`",
                _ => {
                    "what users do with tasks are commands: name an event that a service tells, such as `video.watched`"
                }
            };
            trigger.report.add(
                Diagnostic::new(FindingCode::PackNoActivityEvent, message)
                    .with_help(help)
                    .at(named.span.clone()),
            );
        }
    }
    if let Some(taken_back) = reverses
        .as_ref()
        .filter(|event| InnerEvent::of(&event.value).is_some())
    {
        let message = format!(
            "`{}` takes nothing back: the engine raises it itself",
            taken_back.value
        );
        trigger
            .report
            .add(Diagnostic::new(FindingCode::PackBadValue, message).at(taken_back.span.clone()));
    }
    trigger.finish();
    Some(TriggerPlace {
        event: event?,
        key,
        reverses,
        fields: fields.unwrap_or_default(),
    })
}

impl TriggerPlace {
    /// The fields of the event's data: as the mission declares them, else the pack, or the engine of an event of its own.
    pub(super) fn declared_fields(&self, catalog: Option<&EventCatalog>) -> Option<EventFields> {
        if !self.fields.is_empty() {
            return Some(self.fields.clone());
        }
        match InnerEvent::of(&self.event.value) {
            Some(inner) => Some(inner.fields()),
            None => catalog?.fields(&self.event.value).cloned(),
        }
    }
}

/// The triggers as the engine has them.
pub(super) fn triggers(places: &[TriggerPlace]) -> Triggers {
    let text = |named: &Option<Located<String>>| named.as_ref().map(|named| named.value.clone());
    let each = places.iter().map(|place| Trigger {
        event: place.event.value.clone(),
        key: text(&place.key),
        reverses: text(&place.reverses),
        fields: place.fields.clone(),
    });
    each.collect()
}
