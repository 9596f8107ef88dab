//! Which missions an event of one type can concern, found without asking each.

use std::collections::{BTreeMap, HashMap};

use super::CompiledMission;
use crate::{
    MissionId,
    event::ActivityEvent,
    mission::{EventCondition, FieldKey, FieldType, Rule},
};

/// The missions whose tasks events of one type move.
#[derive(Clone, Debug, Default)]
pub(super) struct EventTypeIndex {
    /// All of them, in order.
    all: Vec<MissionId>,
    /// Those of which nothing can be told by the event alone, in order.
    unconditional: Vec<MissionId>,
    /// The others, by the field that they ask for and its value.
    by_field: BTreeMap<String, HashMap<FieldKey, Vec<MissionId>>>,
    /// The fields that they declare of such events; many declare the same.
    declared: Vec<(BTreeMap<String, FieldType>, Vec<MissionId>)>,
}

impl EventTypeIndex {
    /// All missions of the type, in the order of their ids.
    pub(super) fn all(&self) -> &[MissionId] {
        &self.all
    }

    /// The missions that an event can concern, in the order of their ids.
    pub(super) fn concerned_by(&self, event: &ActivityEvent) -> Vec<MissionId> {
        let mut found = self.unconditional.clone();
        for (path, by_key) in &self.by_field {
            let Some(field) = event.field(path) else {
                continue;
            };
            let keys = FieldKey::of_field(&field);
            found.extend(keys.iter().filter_map(|key| by_key.get(key)).flatten());
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The fields that missions declare, with who does.
    pub(super) fn declared(&self) -> impl Iterator<Item = (&BTreeMap<String, FieldType>, &[MissionId])> {
        self.declared
            .iter()
            .map(|(fields, missions)| (fields, &**missions))
    }

    pub(super) fn insert(&mut self, compiled: &CompiledMission, event_type: &str) {
        let id = compiled.mission.id;
        insert(&mut self.all, id);
        match conditions(compiled, event_type) {
            None => insert(&mut self.unconditional, id),
            Some(conditions) => {
                for EventCondition { path, one_of } in conditions {
                    let by_key = self.by_field.entry(path).or_default();
                    for key in one_of {
                        insert(by_key.entry(key).or_default(), id);
                    }
                }
            }
        }
        let Some(fields) = declares(compiled, event_type) else {
            return;
        };
        match self.declared.iter_mut().find(|(known, _)| known == fields) {
            Some((_, missions)) => insert(missions, id),
            None => self.declared.push((fields.clone(), vec![id])),
        }
    }

    pub(super) fn remove(&mut self, compiled: &CompiledMission, event_type: &str) {
        let id = compiled.mission.id;
        remove(&mut self.all, id);
        remove(&mut self.unconditional, id);
        for EventCondition { path, one_of } in conditions(compiled, event_type).into_iter().flatten() {
            let Some(by_key) = self.by_field.get_mut(&path) else {
                continue;
            };
            for key in one_of {
                if let Some(missions) = by_key.get_mut(&key) {
                    remove(missions, id);
                    if missions.is_empty() {
                        by_key.remove(&key);
                    }
                }
            }
            if by_key.is_empty() {
                self.by_field.remove(&path);
            }
        }
        for (_, missions) in &mut self.declared {
            remove(missions, id);
        }
        self.declared.retain(|(_, missions)| !missions.is_empty());
    }
}

/// What each edition of a mission that events of the type move asks of the event, the first such condition of each; `None`
/// where one asks for nothing that can be looked up.
fn conditions(compiled: &CompiledMission, event_type: &str) -> Option<Vec<EventCondition>> {
    compiled
        .editions()
        .filter(|edition| {
            let mut types = edition.mission.definition.trigger.event_types();
            types.any(|known| known == event_type)
        })
        .map(|edition| {
            // No rule is asked of what takes counts back.
            edition.mission.definition.trigger.on(event_type)?;
            let mut rules = edition.mission.definition.rules.iter();
            let of_rules = rules.find_map(Rule::event_condition);
            of_rules.or_else(|| match &edition.script {
                Some(Ok(script)) => script.event_condition(),
                _ => None,
            })
        })
        .collect()
}

/// The fields that a mission declares of the events that move it now.
fn declares<'m>(compiled: &'m CompiledMission, event_type: &str) -> Option<&'m BTreeMap<String, FieldType>> {
    let trigger = compiled.mission.definition.trigger.on(event_type)?;
    (!trigger.fields.is_empty()).then_some(&trigger.fields)
}

fn insert(missions: &mut Vec<MissionId>, id: MissionId) {
    if let Err(position) = missions.binary_search(&id) {
        missions.insert(position, id);
    }
}

fn remove(missions: &mut Vec<MissionId>, id: MissionId) {
    if let Ok(position) = missions.binary_search(&id) {
        missions.remove(position);
    }
}
