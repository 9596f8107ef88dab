//! Which missions an event of one type can concern, found without asking each.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;

use super::CompiledMission;
use crate::{
    MissionId,
    event::ActivityEvent,
    mission::{ConditionField, FieldCondition, FieldKey, FieldType, FieldValue, Rule, WantedField},
    ports::rules::UserContext,
};

/// So many missions that ask for a field of the user are taken to concern an event as long as the user is not known.
const FEW: usize = 32;

/// The missions whose tasks events of one type move.
#[derive(Clone, Debug, Default)]
pub(super) struct EventTypeIndex {
    /// All of them, in order.
    all: Vec<MissionId>,
    /// Those that ask for no field that can be looked up, in order.
    unconditional: Vec<MissionId>,
    /// Those that ask for a field of the event, by its path.
    by_event: BTreeMap<String, FieldIndex>,
    /// Those that ask for a field of the user, by its path.
    by_user: BTreeMap<String, FieldIndex>,
    /// The fields that they declare of such events; many declare the same.
    declared: Vec<(BTreeMap<String, FieldType>, Vec<MissionId>)>,
}

/// Missions by what they want of one field.
#[derive(Clone, Debug, Default)]
struct FieldIndex {
    one_of: HashMap<FieldKey, Vec<MissionId>>,
    at_least: BTreeMap<Decimal, Vec<MissionId>>,
    at_most: BTreeMap<Decimal, Vec<MissionId>>,
}

impl FieldIndex {
    fn find(&self, field: &FieldValue<'_>, found: &mut Vec<MissionId>) {
        let keys = FieldKey::of_field(field);
        found.extend(keys.iter().filter_map(|key| self.one_of.get(key)).flatten());
        match field {
            FieldValue::Number(number) => {
                found.extend(self.at_least.range(..=number).flat_map(|(_, missions)| missions));
                found.extend(self.at_most.range(number..).flat_map(|(_, missions)| missions));
            }
            _ => {
                found.extend(self.at_least.values().flatten());
                found.extend(self.at_most.values().flatten());
            }
        }
    }

    fn insert(&mut self, wanted: WantedField, id: MissionId) {
        match wanted {
            WantedField::OneOf(keys) => {
                for key in keys {
                    insert(self.one_of.entry(key).or_default(), id);
                }
            }
            WantedField::AtLeast(bound) => insert(self.at_least.entry(bound).or_default(), id),
            WantedField::AtMost(bound) => insert(self.at_most.entry(bound).or_default(), id),
        }
    }

    fn remove(&mut self, wanted: &WantedField, id: MissionId) {
        match wanted {
            WantedField::OneOf(keys) => {
                for key in keys {
                    if self
                        .one_of
                        .get_mut(key)
                        .is_some_and(|missions| remove(missions, id))
                    {
                        self.one_of.remove(key);
                    }
                }
            }
            WantedField::AtLeast(bound) => remove_bound(&mut self.at_least, bound, id),
            WantedField::AtMost(bound) => remove_bound(&mut self.at_most, bound, id),
        }
    }

    fn missions(&self) -> impl Iterator<Item = MissionId> {
        let one_of = self.one_of.values().flatten();
        let bounds = self.at_least.values().chain(self.at_most.values()).flatten();
        one_of.chain(bounds).copied()
    }

    fn is_empty(&self) -> bool {
        self.one_of.is_empty() && self.at_least.is_empty() && self.at_most.is_empty()
    }
}

impl EventTypeIndex {
    /// All missions of the type, in the order of their ids.
    pub(super) fn all(&self) -> &[MissionId] {
        &self.all
    }

    /// The missions that an event of a user can concern, in the order of their ids.
    pub(super) fn concerned_by(&self, event: &ActivityEvent, user: UserContext<'_>) -> Vec<MissionId> {
        let mut found = self.found_by_event(event);
        for (path, index) in &self.by_user {
            if let Some(field) = user.field(path) {
                index.find(&field, &mut found);
            }
        }
        in_order(found)
    }

    /// The missions that an event can concern, whoever its user is, in the order of their ids.
    pub(super) fn concerned_by_event(&self, event: &ActivityEvent) -> Vec<MissionId> {
        let mut found = self.found_by_event(event);
        found.extend(self.by_user.values().flat_map(FieldIndex::missions));
        in_order(found)
    }

    /// The same, without those that ask for a field of the user where these are many.
    pub(super) fn probably_concerned_by(&self, event: &ActivityEvent) -> Vec<MissionId> {
        let by_user = self.by_user.values().flat_map(FieldIndex::missions);
        if by_user.take(FEW + 1).count() <= FEW {
            self.concerned_by_event(event)
        } else {
            in_order(self.found_by_event(event))
        }
    }

    fn found_by_event(&self, event: &ActivityEvent) -> Vec<MissionId> {
        let mut found = self.unconditional.clone();
        for (path, index) in &self.by_event {
            if let Some(field) = event.field(path) {
                index.find(&field, &mut found);
            }
        }
        found
    }

    /// The fields of one kind, and the path of one of them.
    fn fields_like(&mut self, field: ConditionField) -> (&mut BTreeMap<String, FieldIndex>, String) {
        match field {
            ConditionField::Event(path) => (&mut self.by_event, path),
            ConditionField::User(path) => (&mut self.by_user, path),
        }
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
                for FieldCondition { field, wanted } in conditions {
                    let (fields, path) = self.fields_like(field);
                    fields.entry(path).or_default().insert(wanted, id);
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
        for FieldCondition { field, wanted } in conditions(compiled, event_type).into_iter().flatten() {
            let (fields, path) = self.fields_like(field);
            let Some(index) = fields.get_mut(&path) else {
                continue;
            };
            index.remove(&wanted, id);
            if index.is_empty() {
                fields.remove(&path);
            }
        }
        for (_, missions) in &mut self.declared {
            remove(missions, id);
        }
        self.declared.retain(|(_, missions)| !missions.is_empty());
    }
}

/// What each edition of a mission that events of the type move asks of the event or its user, the best such condition of
/// each; `None` where one asks for nothing that can be looked up.
fn conditions(compiled: &CompiledMission, event_type: &str) -> Option<Vec<FieldCondition>> {
    compiled
        .editions()
        .filter(|edition| {
            let mut types = edition.mission.definition.trigger.event_types();
            types.any(|known| known == event_type)
        })
        .map(|edition| {
            // No rule is asked of what takes counts back.
            edition.mission.definition.trigger.on(event_type)?;
            let rules = edition.mission.definition.rules.iter();
            let of_script = match &edition.script {
                Some(Ok(script)) => script.field_condition(),
                _ => None,
            };
            FieldCondition::best(rules.filter_map(Rule::field_condition).chain(of_script))
        })
        .collect()
}

/// The fields that a mission declares of the events that move it now.
fn declares<'m>(compiled: &'m CompiledMission, event_type: &str) -> Option<&'m BTreeMap<String, FieldType>> {
    let trigger = compiled.mission.definition.trigger.on(event_type)?;
    (!trigger.fields.is_empty()).then_some(&trigger.fields)
}

fn in_order(mut missions: Vec<MissionId>) -> Vec<MissionId> {
    missions.sort_unstable();
    missions.dedup();
    missions
}

fn insert(missions: &mut Vec<MissionId>, id: MissionId) {
    if let Err(position) = missions.binary_search(&id) {
        missions.insert(position, id);
    }
}

/// Removes a mission, and says whether none is left.
fn remove(missions: &mut Vec<MissionId>, id: MissionId) -> bool {
    if let Ok(position) = missions.binary_search(&id) {
        missions.remove(position);
    }
    missions.is_empty()
}

fn remove_bound(bounds: &mut BTreeMap<Decimal, Vec<MissionId>>, bound: &Decimal, id: MissionId) {
    if bounds.get_mut(bound).is_some_and(|missions| remove(missions, id)) {
        bounds.remove(bound);
    }
}
