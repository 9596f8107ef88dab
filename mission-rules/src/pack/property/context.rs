//! The contexts of a property: what a user whom nobody described sees, with what is given in its place.

use chrono::{DateTime, Utc};
use mission_core::{
    UserId,
    check_in::{Streak, Zone},
    event::ActivityEvent,
    mission::{Definition, Mission},
    ports::rules::{RuleContext, TaskContext, UserContext},
    task::{Evidence, EvidenceType},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    context::{ContextUse, script_context},
    json::to_json,
    pack::simulation::active,
};

/// A mission as its script reads it, as JSON: the `mission` of a context that leaves it out.
#[must_use]
pub fn mission_context(definition: &Definition) -> Value {
    let base = BaseContext::of(definition, DateTime::UNIX_EPOCH);
    base.fields(&ContextUse::Paths(["mission".to_owned()].into()))
        .remove("mission")
        .unwrap_or_default()
}

/// What there is where nothing is given.
pub(super) struct BaseContext {
    mission: Mission,
    now: DateTime<Utc>,
    event: Option<ActivityEvent>,
    evidence: Option<Evidence>,
    nothing: Map<String, Value>,
}

impl BaseContext {
    pub(super) fn of(definition: &Definition, now: DateTime<Utc>) -> Self {
        BaseContext {
            mission: active(definition),
            now,
            event: None,
            evidence: None,
            nothing: Map::new(),
        }
    }

    /// With an event such as moves the mission.
    pub(super) fn with_event(mut self) -> Self {
        let trigger = self.mission.definition.trigger.iter().next();
        self.event = Some(ActivityEvent {
            id: "event-1".to_owned(),
            source: "property".to_owned(),
            event_type: trigger.map_or_else(String::new, |trigger| trigger.event.clone()),
            user_id: UserId(Uuid::nil()),
            time: self.now,
            data: Map::new(),
        });
        self
    }

    /// With evidence such as the mission asks for.
    pub(super) fn with_evidence(mut self) -> Self {
        let wanted = self.mission.definition.evidence.as_ref();
        self.evidence = Some(Evidence {
            evidence_type: wanted.map_or(EvidenceType::WatchDuration, |wanted| wanted.evidence_type),
            data: String::new(),
            screenshot_url: None,
            video_url: None,
            captured_at: None,
        });
        self
    }

    /// The fields that are read, by their roots.
    pub(super) fn fields(&self, reads: &ContextUse) -> Map<String, Value> {
        let definition = &self.mission.definition;
        let context = RuleContext {
            now: self.now,
            zone: Zone::default(),
            user: UserContext {
                id: UserId(Uuid::nil()),
                level: 1,
                experience: 0,
                tags: &[],
                country: None,
                attributes: &self.nothing,
                registered_at: None,
                badges: &[],
                last_seen_at: None,
                days_away: None,
            },
            mission: Some(&self.mission),
            task: TaskContext {
                target: definition.target,
                ..TaskContext::default()
            },
            event: self.event.as_ref(),
            evidence: self.evidence.as_ref(),
            streak: Streak::default(),
            last_check_in: None,
            offer: &definition.reward,
            completions: &self.nothing,
            friends: None,
            risk: None,
        };
        match to_json(&script_context(&context, reads)) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        }
    }
}

/// What `now` is at an instant.
pub(super) fn now_at(definition: &Definition, at: DateTime<Utc>) -> Value {
    let reads = ContextUse::Paths(["now".to_owned()].into());
    BaseContext::of(definition, at)
        .fields(&reads)
        .remove("now")
        .unwrap_or_default()
}

/// Puts a value at the end of a dotted path; `None` takes away what is there.
pub(super) fn put(fields: &mut Map<String, Value>, path: &str, value: Option<Value>) {
    let Some((head, rest)) = path.split_once('.') else {
        match value {
            Some(value) => drop(fields.insert(path.to_owned(), value)),
            None => drop(fields.remove(path)),
        }
        return;
    };
    let below = fields.entry(head).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(below) = below {
        put(below, rest, value);
    }
}
