//! What a compiled `eligible` asks of the event alone, in a form that missions can be found by.

use mission_core::mission::{EventCondition, FieldKey, WantedField};

use super::{
    field::Field,
    node::Node,
    value::{Comparison, Constant},
};

/// What an `eligible` asks of one field of the event, if nothing before it can fail: the first condition by a few values,
/// else the first by a range.
pub(super) fn event_condition(body: &Node) -> Option<EventCondition> {
    let conditions = match body {
        Node::And(conditions) => conditions,
        other => std::slice::from_ref(other),
    };
    let mut range = None;
    for condition in conditions {
        let found = match condition {
            Node::CompareField(Comparison::Equal, field, constant) => {
                one_of(std::slice::from_ref(constant)).and_then(|wanted| on_event(field, wanted))
            }
            Node::IsOneOf(field, constants) => one_of(constants).and_then(|wanted| on_event(field, wanted)),
            Node::CompareField(comparison, field, constant) => {
                range = range
                    .or_else(|| within(*comparison, constant).and_then(|wanted| on_event(field, wanted)));
                None
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        if !cannot_fail(condition) {
            break;
        }
    }
    range
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

fn one_of(constants: &[Constant]) -> Option<WantedField> {
    let keys = constants.iter().map(key);
    keys.collect::<Option<_>>().map(WantedField::OneOf)
}

/// The range of numbers that a comparison lets pass.
fn within(comparison: Comparison, constant: &Constant) -> Option<WantedField> {
    let bound = constant.value().number()?;
    match comparison {
        Comparison::Greater | Comparison::GreaterOrEqual => Some(WantedField::AtLeast(bound)),
        Comparison::Less | Comparison::LessOrEqual => Some(WantedField::AtMost(bound)),
        Comparison::Equal | Comparison::NotEqual => None,
    }
}

fn on_event(field: &Field, wanted: WantedField) -> Option<EventCondition> {
    let path = match field {
        Field::EventData(keys) => format!("event.data.{keys}"),
        Field::Other("event.source") => "event.source".to_owned(),
        _ => return None,
    };
    Some(EventCondition { path, wanted })
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
