//! The activity events that a pack knows (`events` of `pack.toml`), with their fields.

use std::collections::BTreeMap;

use mission_core::mission::FieldType;

use super::fields::{Fields, Located, quoted, read};
use crate::{FieldKind, FindingCode, diagnostic::Diagnostic, suggest};

/// The activity events that a pack declares. Where it declares some, its missions may use no other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventCatalog(BTreeMap<String, EventFields>);

/// The fields of one event's data; empty where the pack does not say.
pub type EventFields = BTreeMap<String, FieldType>;

const TYPE_NAMES: [(&str, FieldType); 7] = [
    ("string", FieldType::String),
    ("integer", FieldType::Integer),
    ("number", FieldType::Number),
    ("boolean", FieldType::Boolean),
    ("array", FieldType::Array),
    ("object", FieldType::Object),
    ("any", FieldType::Any),
];

/// A type as scripts and rules see it.
pub(super) fn field_kind(declared: FieldType) -> FieldKind {
    match declared {
        FieldType::String => FieldKind::Text,
        FieldType::Integer => FieldKind::Whole,
        FieldType::Number => FieldKind::Decimal,
        FieldType::Boolean => FieldKind::Bool,
        FieldType::Array => FieldKind::List,
        FieldType::Object => FieldKind::Map,
        FieldType::Any => FieldKind::Any,
    }
}

impl EventCatalog {
    /// The declared fields of an event; `None` where the event is not declared.
    #[must_use]
    pub fn fields(&self, event: &str) -> Option<&EventFields> {
        self.0.get(event)
    }

    /// The names of the events.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What to say of an event that is not declared; `None` where it is.
    pub(super) fn objection(&self, event: &Located<String>) -> Option<Diagnostic> {
        let Located { value: name, span } = event;
        if self.0.contains_key(name) {
            return None;
        }
        let message = format!("pack.toml does not declare the event `{name}`");
        let diagnostic = Diagnostic::new(FindingCode::PackUnknownEvent, message).at(span.clone());
        let names = self.0.keys().map(String::as_str).take(suggest::MOST_COMPARED);
        Some(match suggest::suggest(name, names) {
            Some(meant) => diagnostic.with_suggestion(&meant, Some(span.clone()), suggest::in_quotes),
            None => {
                let known: Vec<&str> = self.names().take(12).collect();
                diagnostic.with_help(format!(
                    "pack.toml knows {}; declare the event there",
                    quoted(&known)
                ))
            }
        })
    }

    /// Reads `events`: a list of names, or a table with one table of fields an event.
    pub(super) fn read(manifest: &Fields<'_>) -> Option<Self> {
        let mut catalog = EventCatalog::default();
        manifest.value("events")?;
        if matches!(manifest.value("events")?.get_ref(), toml::de::DeValue::Array(_)) {
            for name in manifest.list::<String>("events") {
                catalog.0.insert(name.value, EventFields::new());
            }
            return Some(catalog);
        }
        let events = manifest.table("events", "`events`")?;
        for (name, _) in events.entries() {
            let Some(event) = events.table(name.value, "an event") else {
                continue;
            };
            let fields = if event.has("fields") {
                let fields = event.table("fields", "`fields`");
                let _: Option<String> = event.optional("description");
                let read = fields.as_ref().map(event_fields).unwrap_or_default();
                event.finish();
                read
            } else {
                event_fields(&event)
            };
            catalog.0.insert(name.value.to_owned(), fields);
        }
        Some(catalog)
    }
}

pub(super) fn event_fields(fields: &Fields<'_>) -> EventFields {
    let mut known = EventFields::new();
    for (name, value) in fields.entries() {
        let Some(kind) = read::<String>(fields.report, name.value, value) else {
            continue;
        };
        let known_kind = TYPE_NAMES
            .iter()
            .find(|(known, _)| *known == kind.value)
            .map(|(_, kind)| *kind);
        known.insert(name.value.to_owned(), known_kind.unwrap_or(FieldType::Any));
        if known_kind.is_none() {
            let names = TYPE_NAMES.map(|(name, _)| name);
            let message = format!(
                "`{}` is no type of a field, so any value passes for it",
                kind.value
            );
            let diagnostic = Diagnostic::new(FindingCode::PackUnknownType, message).at(kind.span.clone());
            fields.report.add(match suggest::meant(&kind.value, names) {
                Some(meant) => diagnostic.with_suggestion(&meant, Some(kind.span), suggest::in_quotes),
                None => diagnostic.with_help(format!("the types are {}", quoted(&names))),
            });
        }
    }
    known
}
