//! Looks at declarative rules: whether their paths exist, and whether their values can ever be met.

use mission_core::mission::Operator;
use rust_decimal::Decimal;

use super::{
    events::EventCatalog,
    fields::quoted,
    mission_file::{MissionFile, RulePlace},
};
use crate::{FieldKind, FieldSchema, diagnostic::Diagnostic, suggest};

/// The fields of the context in which a mission's rules and script are judged: where the pack declares the fields of
/// the mission's event, there are no others.
pub(super) fn schema_of(mission: &MissionFile, catalog: Option<&EventCatalog>) -> FieldSchema {
    let event = mission.trigger.as_ref().map(|trigger| trigger.value.as_str());
    match event.and_then(|event| catalog?.fields(event)) {
        Some(fields) => {
            let kinds = fields.iter().map(|(name, kind)| (name.as_str(), kind.as_field()));
            FieldSchema::default().with_event_data(kinds)
        }
        None => FieldSchema::default(),
    }
}

/// What is to be said of one mission's rules.
pub(super) fn check_rules(mission: &MissionFile, schema: &FieldSchema) -> Vec<Diagnostic> {
    let triggered = mission.trigger.is_some();
    mission
        .rules
        .iter()
        .flat_map(|place| check_rule(place, triggered, schema))
        .collect()
}

fn check_rule(place: &RulePlace, triggered: bool, schema: &FieldSchema) -> Vec<Diagnostic> {
    let path = place.rule.rule_type.as_str();
    if let Some(flaw) = place.rule.flaw() {
        let span = if flaw.contains(&format!("`{path}`")) {
            &place.path
        } else {
            &place.value
        };
        return vec![Diagnostic::error("pack/bad-value", flaw).at(span.clone())];
    }
    let Some(kind) = schema.kind(path) else {
        let message = format!("`{path}` leads nowhere, so the rule sees no value, ever");
        let diagnostic = Diagnostic::warning("pack/unknown-path", message).at(place.path.clone());
        return vec![diagnostic.with_help(known_paths(path, schema))];
    };
    let mut diagnostics = Vec::new();
    if place.rule.reads_event() && !triggered {
        let message = "the rule reads the event, but the mission has no `trigger`: it is never judged";
        diagnostics.push(
            Diagnostic::warning("pack/no-effect", message)
                .with_help("add `[trigger]` with the `event` that moves the mission")
                .at(place.path.clone()),
        );
    }
    if matches!(kind, FieldKind::Whole | FieldKind::Decimal) {
        diagnostics.extend(bad_number(place));
    }
    diagnostics
}

/// The way out of a path that leads nowhere.
fn known_paths(path: &str, schema: &FieldSchema) -> String {
    if let Some(meant) = suggest::closest(path, schema.below("")) {
        return format!("did you mean `{meant}`?");
    }
    // The nearest parent that is there has the fields to choose from.
    let mut parent = path;
    while let Some((above, _)) = parent.rsplit_once('.') {
        let names: Vec<&str> = schema.names_below(above).collect();
        if !names.is_empty() {
            return format!("`{above}` has {}", quoted(&names));
        }
        parent = above;
    }
    format!(
        "the context has {}",
        quoted(&schema.names_below("").collect::<Vec<_>>())
    )
}

/// A value that no number can be compared with.
fn bad_number(place: &RulePlace) -> Option<Diagnostic> {
    let path = &place.rule.rule_type;
    let value = place.rule.value.as_str();
    let no_number = |text: &str| text.trim().parse::<Decimal>().is_err();
    let bad = match place.rule.operator {
        Operator::Exists => None,
        Operator::Contains => {
            let message = format!("`{path}` is a number, which contains nothing");
            return Some(Diagnostic::error("pack/bad-value", message).at(place.path.clone()));
        }
        Operator::In | Operator::NotIn | Operator::Between => value.split(',').find(|part| no_number(part)),
        _ => Some(value).filter(|value| no_number(value)),
    }?;
    let message = format!(
        "`{path}` is a number, which cannot be compared with `{}`",
        bad.trim()
    );
    Some(Diagnostic::error("pack/bad-value", message).at(place.value.clone()))
}
