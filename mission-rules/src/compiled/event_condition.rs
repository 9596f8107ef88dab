//! What a compiled `eligible` asks of the event alone, in a form that missions can be found by.

use mission_core::mission::{EventCondition, FieldKey};

use super::{
    field::Field,
    node::Node,
    value::{Comparison, Constant},
};

/// The first condition of an `eligible` that is about one field of the event and a few values, if nothing before it can
/// fail.
pub(super) fn event_condition(body: &Node) -> Option<EventCondition> {
    let conditions = match body {
        Node::And(conditions) => conditions,
        other => std::slice::from_ref(other),
    };
    for condition in conditions {
        match condition {
            Node::CompareField(Comparison::Equal, field, constant) => {
                if let Some(found) = on_event(field, std::slice::from_ref(constant)) {
                    return Some(found);
                }
            }
            Node::IsOneOf(field, constants) => {
                if let Some(found) = on_event(field, constants) {
                    return Some(found);
                }
            }
            other if cannot_fail(other) => {}
            _ => return None,
        }
    }
    None
}

/// Whether a condition gives yes or no to any context.
fn cannot_fail(condition: &Node) -> bool {
    match condition {
        Node::CompareField(_, _, constant) => !matches!(constant, Constant::List(_)),
        Node::HasText(Field::UserTags, _) => true,
        Node::IsOneOf(_, constants) => constants.iter().all(|constant| key(constant).is_some()),
        Node::Not(inner) => cannot_fail(inner),
        _ => false,
    }
}

fn on_event(field: &Field, constants: &[Constant]) -> Option<EventCondition> {
    let path = match field {
        Field::EventData(keys) => format!("event.data.{keys}"),
        Field::Other("event.source") => "event.source".to_owned(),
        _ => return None,
    };
    let one_of = constants.iter().map(key).collect::<Option<_>>()?;
    Some(EventCondition { path, one_of })
}

/// The key of a constant; `None` where it equals what is absent, or is no simple value.
fn key(constant: &Constant) -> Option<FieldKey> {
    match constant {
        Constant::Bool(yes) => Some(FieldKey::Bool(*yes)),
        Constant::Int(whole) => Some(FieldKey::Number((*whole).into())),
        Constant::Decimal(number) => Some(FieldKey::Number(*number)),
        Constant::Text(text) => Some(FieldKey::Text(text.to_string())),
        Constant::Unit | Constant::List(_) => None,
    }
}
