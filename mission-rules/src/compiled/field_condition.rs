//! What a compiled `eligible` asks of one field of the event or its user, in a form that missions can be found by.

use mission_core::mission::{ConditionField, FieldCondition, FieldKey, WantedField};

use super::{
    field::Field,
    node::Node,
    value::{Comparison, Constant},
};

/// The most telling condition on one field among those that all must hold, if nothing before it can fail.
pub(super) fn field_condition(body: &Node) -> Option<FieldCondition> {
    let conditions = match body {
        Node::And(conditions) => conditions,
        other => std::slice::from_ref(other),
    };
    let after_the_first_that_can_fail = conditions
        .iter()
        .position(|condition| !cannot_fail(condition))
        .map_or(conditions.len(), |position| position + 1);
    let asked = conditions.iter().take(after_the_first_that_can_fail);
    FieldCondition::best(asked.filter_map(condition_of))
}

/// The condition on a field that a node is.
fn condition_of(node: &Node) -> Option<FieldCondition> {
    let (field, wanted) = match node {
        Node::CompareField(Comparison::Equal, field, constant) => {
            (field, one_of(std::slice::from_ref(constant))?)
        }
        Node::CompareField(comparison, field, constant) => (field, within(*comparison, constant)?),
        Node::IsOneOf(field, constants) => (field, one_of(constants)?),
        Node::HasText(field @ Field::UserTags, text) => {
            (field, WantedField::OneOf(vec![FieldKey::Text(text.to_string())]))
        }
        _ => return None,
    };
    Some(FieldCondition {
        field: condition_field(field)?,
        wanted,
    })
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

fn condition_field(field: &Field) -> Option<ConditionField> {
    match field {
        Field::EventData(keys) => ConditionField::of_path(&format!("event.data.{keys}")),
        Field::UserAttribute(keys) => ConditionField::of_path(&format!("user.attributes.{keys}")),
        Field::UserLevel => ConditionField::of_path("user.level"),
        Field::UserCountry => ConditionField::of_path("user.country"),
        Field::UserTags => ConditionField::of_path("user.tags"),
        Field::Other(path) => ConditionField::of_path(path),
        _ => None,
    }
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
