//! Looks at declarative rules: whether their paths exist, and whether their values can ever be met.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use mission_core::mission::Operator;
use rust_decimal::Decimal;

use super::{
    events::{EventCatalog, EventFields, field_kind},
    fields::quoted,
    mission_file::{MissionFile, RulePlace},
    references::PlacedMission,
};
use crate::{FieldKind, FieldSchema, FindingCode, Fix, diagnostic::Diagnostic, schema::ValueRange, suggest};

/// The fields of the context in which each mission's rules and script are judged: where the pack declares the fields of the
/// mission's event, there are no others. Missions of the same events share theirs.
pub(super) fn schemas_of(missions: &[PlacedMission<'_>], catalog: Option<&EventCatalog>) -> Vec<FieldSchema> {
    let mut known: HashMap<BTreeMap<String, FieldKind>, FieldSchema> = HashMap::new();
    let schemas = missions
        .iter()
        .map(|(_, mission)| match event_kinds(mission, catalog) {
            Some(kinds) => known.entry(kinds).or_insert_with_key(with_event_data).clone(),
            None => FieldSchema::default(),
        });
    schemas.collect()
}

/// The same for one mission.
pub(super) fn schema_of(mission: &MissionFile, catalog: Option<&EventCatalog>) -> FieldSchema {
    event_kinds(mission, catalog).map_or_else(FieldSchema::default, |kinds| with_event_data(&kinds))
}

fn with_event_data(kinds: &BTreeMap<String, FieldKind>) -> FieldSchema {
    let kinds = kinds.iter().map(|(name, kind)| (name.as_str(), *kind));
    FieldSchema::default().with_event_data(kinds)
}

/// The fields of the events that a mission counts; `None` where one of them can hold anything.
fn event_kinds(mission: &MissionFile, catalog: Option<&EventCatalog>) -> Option<BTreeMap<String, FieldKind>> {
    let declared = mission
        .triggers
        .iter()
        .map(|trigger| trigger.declared_fields(catalog));
    let events = declared.collect::<Option<Vec<EventFields>>>()?;
    if events.is_empty() {
        return None;
    }
    // What two events mean differently may be either.
    let mut kinds: BTreeMap<String, FieldKind> = BTreeMap::new();
    for (name, declared) in events.into_iter().flatten() {
        let kind = field_kind(declared);
        let known = kinds.entry(name).or_insert(kind);
        if *known != kind {
            *known = FieldKind::Any;
        }
    }
    Some(kinds)
}

/// What is to be said of one mission's rules.
pub(super) fn check_rules(mission: &MissionFile, schema: &FieldSchema) -> Vec<Diagnostic> {
    let triggered = !mission.triggers.is_empty();
    mission
        .rules
        .iter()
        .flat_map(|place| check_rule(place, triggered, schema, &known_values(mission, place, schema)))
        .collect()
}

/// The texts that the path of a rule can be in this mission; none where it can be any.
fn known_values<'m>(mission: &'m MissionFile, place: &RulePlace, schema: &FieldSchema) -> Vec<&'m str> {
    match place.rule.rule_type.as_str() {
        "event.type" => {
            let triggers = mission.triggers.iter();
            let events = triggers.flat_map(|trigger| [Some(&trigger.event), trigger.reverses.as_ref()]);
            events.flatten().map(|event| event.value.as_str()).collect()
        }
        path => schema.values(path).unwrap_or_default().to_vec(),
    }
}

/// A text that is none of those that the path can be.
fn unknown_value(place: &RulePlace, known: &[&str]) -> Option<Diagnostic> {
    let value = place.rule.value.as_str();
    let wanted: Vec<&str> = match place.rule.operator {
        Operator::Eq => vec![value.trim()],
        Operator::In => value.split(',').map(str::trim).collect(),
        _ => return None,
    };
    if known.is_empty() || wanted.iter().any(|one| known.contains(one)) {
        return None;
    }
    let path = &place.rule.rule_type;
    let message = format!("`{path}` is {}, so this rule never holds", known.join(" or "));
    let diagnostic = Diagnostic::new(FindingCode::PackNeverHolds, message).at(place.value.clone());
    let meant = match wanted.as_slice() {
        [one] => suggest::suggest(one, known.iter().copied()),
        _ => None,
    };
    Some(match meant {
        Some(meant) => diagnostic.with_suggestion(&meant, Some(place.value.clone()), suggest::in_quotes),
        None => diagnostic.with_help("compare it with a value that it can have"),
    })
}

fn check_rule(place: &RulePlace, triggered: bool, schema: &FieldSchema, known: &[&str]) -> Vec<Diagnostic> {
    let path = place.rule.rule_type.as_str();
    if let Some(flaw) = place.rule.validation_error() {
        let span = if flaw.contains(&format!("`{path}`")) {
            &place.path
        } else {
            &place.value
        };
        return vec![Diagnostic::new(FindingCode::PackBadValue, flaw).at(span.clone())];
    }
    let Some(kind) = schema.kind(path) else {
        let message = format!("`{path}` leads nowhere, so the rule sees no value, ever");
        let diagnostic = Diagnostic::new(FindingCode::PackUnknownPath, message).at(place.path.clone());
        return vec![with_known_paths(
            diagnostic,
            path,
            Some(place.path.clone()),
            schema,
        )];
    };
    let mut diagnostics = Vec::new();
    if place.rule.reads_event() && !triggered {
        let message = "the rule reads the event, but the mission has no `trigger`: it is never judged";
        diagnostics.push(
            Diagnostic::new(FindingCode::PackNoEffect, message)
                .with_help("add `[trigger]` with the `event` that moves the mission")
                .at(place.path.clone()),
        );
    }
    let flaw = match kind {
        FieldKind::Whole | FieldKind::Decimal => {
            bad_number(place).or_else(|| out_of_range(place, schema.range(path)))
        }
        FieldKind::Text => reversed(place).or_else(|| unknown_value(place, known)),
        FieldKind::Bool | FieldKind::List | FieldKind::Map => never_holds(place, kind),
        FieldKind::Any if path.starts_with("completions.") => bad_number(place),
        FieldKind::Any => None,
    };
    diagnostics.extend(flaw);
    diagnostics
}

/// An operator that a value of this type never meets, or a text that it is never equal to.
fn never_holds(place: &RulePlace, kind: FieldKind) -> Option<Diagnostic> {
    let path = &place.rule.rule_type;
    let value = place.rule.value.trim();
    let is_bool = |text: &str| matches!(text.trim(), "true" | "false");
    let (fits, help) = match kind {
        FieldKind::Bool => (
            match place.rule.operator {
                Operator::Exists => true,
                Operator::Eq | Operator::Ne => is_bool(value),
                Operator::In | Operator::NotIn => value.split(',').all(is_bool),
                _ => false,
            },
            "compare it by `eq` with `true` or `false`".to_owned(),
        ),
        _ => (
            matches!(place.rule.operator, Operator::Exists | Operator::Contains),
            match place.rule.operator {
                Operator::In if !value.contains(',') => {
                    format!("turn it round: operator = \"contains\", value = \"{value}\"")
                }
                _ => "ask by `contains` whether it holds one value; a script can ask for more".to_owned(),
            },
        ),
    };
    if fits {
        return None;
    }
    let always = match place.rule.operator {
        Operator::Ne | Operator::NotIn => "always",
        _ => "never",
    };
    let message = format!("`{path}` is {}, so this rule {always} holds", kind.plain());
    let span = if kind == FieldKind::Bool {
        &place.value
    } else {
        &place.operator
    };
    Some(
        Diagnostic::new(FindingCode::PackOperatorType, message)
            .with_help(help)
            .at(span.clone()),
    )
}

/// The two ends of `between`, where the first is the greater.
fn reversed(place: &RulePlace) -> Option<Diagnostic> {
    let (low, high) = place.rule.value.split_once(',')?;
    let (low, high) = (low.trim(), high.trim());
    let is_reversed = match (low.parse::<Decimal>(), high.parse::<Decimal>()) {
        (Ok(low), Ok(high)) => low > high,
        _ => low > high,
    };
    if place.rule.operator != Operator::Between || !is_reversed {
        return None;
    }
    let message = format!("nothing is between {low} and {high}: the first is the greater one");
    Some(
        Diagnostic::new(FindingCode::PackNeverHolds, message)
            .with_help(format!("write value = \"{high},{low}\""))
            .with_fix(Some(Fix {
                span: place.value.clone(),
                replacement: suggest::in_quotes(&format!("{high},{low}")),
            }))
            .at(place.value.clone()),
    )
}

/// A comparison that the values which the path can have never meet, or always.
fn out_of_range(place: &RulePlace, range: Option<ValueRange>) -> Option<Diagnostic> {
    if let Some(found) = reversed(place) {
        return Some(found);
    }
    let range = range?;
    let path = &place.rule.rule_type;
    let wanted = |text: &str| text.trim().parse::<Decimal>().ok();
    let value = place.rule.value.as_str();
    let verdict = match place.rule.operator {
        Operator::Eq => range.verdict("==", wanted(value)?),
        Operator::Ne => range.verdict("!=", wanted(value)?),
        Operator::Gt => range.verdict(">", wanted(value)?),
        Operator::Gte => range.verdict(">=", wanted(value)?),
        Operator::Lt => range.verdict("<", wanted(value)?),
        Operator::Lte => range.verdict("<=", wanted(value)?),
        Operator::In => value
            .split(',')
            .all(|one| wanted(one).is_some_and(|one| !range.holds(one)))
            .then_some(false),
        Operator::Between => {
            let (low, high) = value.split_once(',')?;
            let outside = range.verdict(">=", wanted(low)?) == Some(false)
                || range.verdict("<=", wanted(high)?) == Some(false);
            outside.then_some(false)
        }
        Operator::NotIn | Operator::Contains | Operator::Exists => None,
    }?;
    let message = format!(
        "`{path}` is {range}, so this rule {} holds",
        if verdict { "always" } else { "never" }
    );
    let diagnostic = if verdict {
        Diagnostic::new(FindingCode::PackAlwaysHolds, message)
            .with_help("leave the rule out, or compare with another value")
    } else {
        Diagnostic::new(FindingCode::PackNeverHolds, message)
            .with_help("compare it with a value that it can have")
    };
    Some(diagnostic.at(place.value.clone()))
}

/// The way out of a path that leads nowhere. `place` is that of a text with nothing but the path.
pub(super) fn with_known_paths(
    diagnostic: Diagnostic,
    path: &str,
    place: Option<Range<usize>>,
    schema: &FieldSchema,
) -> Diagnostic {
    match suggest::suggest(path, schema.below("")) {
        Some(meant) => diagnostic.with_suggestion(&meant, place, suggest::in_quotes),
        None => diagnostic.with_help(known_paths(path, schema)),
    }
}

/// The paths that there are where one that leads nowhere was looked for.
fn known_paths(path: &str, schema: &FieldSchema) -> String {
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
            return Some(Diagnostic::new(FindingCode::PackBadValue, message).at(place.path.clone()));
        }
        Operator::In | Operator::NotIn | Operator::Between => value.split(',').find(|part| no_number(part)),
        _ => Some(value).filter(|value| no_number(value)),
    }?;
    let message = format!(
        "`{path}` is a number, which cannot be compared with `{}`",
        bad.trim()
    );
    Some(Diagnostic::new(FindingCode::PackBadValue, message).at(place.value.clone()))
}
