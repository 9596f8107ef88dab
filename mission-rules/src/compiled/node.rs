//! What a hook is lowered to: an expression tree without loops, whose evaluation has no errors of its own.

use mission_core::ports::rules::RuleContext;

use super::{
    arena::Arena,
    field::Field,
    function::Function,
    value::{Arithmetic, Comparison, Constant, Value, joined},
};
use crate::Limits;

/// One expression.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Constant(Constant),
    Field(Field),
    Local(usize),
    /// Sets a local and gives `()`.
    Assign(usize, Box<Node>),
    /// One after the other; the value of the last.
    Sequence(Box<[Node]>),
    If(Box<[Node; 3]>),
    And(Box<[Node]>),
    Or(Box<[Node]>),
    Not(Box<Node>),
    Coalesce(Box<[Node]>),
    Negate(Box<Node>),
    Arithmetic(Arithmetic, Box<[Node; 2]>),
    Compare(Comparison, Box<[Node; 2]>),
    /// A field compared with a constant: most conditions are such.
    CompareField(Comparison, Field, Constant),
    /// The list, and what may be in it.
    Contains(Box<[Node; 2]>),
    /// Whether a constant text is in a list of the context.
    HasText(Field, Box<str>),
    /// Whether a field is one of some constants.
    IsOneOf(Field, Box<[Constant]>),
    Property(Box<Node>, Box<str>),
    Item(Box<[Node; 2]>),
    Interpolate(Box<[Node]>),
    Map(Box<[(Box<str>, Node)]>),
    Switch(Box<Switch>),
    Call(Function, Box<[Node]>),
    /// Where the script throws: the interpreter tells the error.
    Throw,
}

/// `switch`.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    pub(super) value: Node,
    /// Cases of one value, each with the arms that it leads to.
    pub(super) values: Vec<(Constant, Vec<usize>)>,
    /// Cases of whole numbers, from the first to the last.
    pub(super) ranges: Vec<(i64, i64, usize)>,
    /// What decides whether an arm is taken, and what it gives.
    pub(super) arms: Vec<(Option<Node>, Node)>,
    pub(super) default: Option<usize>,
}

/// What an evaluation reads, and the variables that it has made.
pub(super) struct Evaluation<'v, 'l> {
    pub(super) context: &'v RuleContext<'v>,
    pub(super) limits: &'v Limits,
    pub(super) arena: &'v Arena,
    pub(super) locals: &'l mut [Value<'v>],
}

impl<'v> Evaluation<'v, '_> {
    /// The expression that gives the value of another one, once what stands before it was evaluated; `None` where the
    /// interpreter must be asked.
    pub(super) fn tail(&mut self, mut node: &'v Node) -> Option<&'v Node> {
        loop {
            node = match node {
                Node::Sequence(nodes) => {
                    let (last, before) = nodes.split_last()?;
                    for node in before {
                        self.value(node)?;
                    }
                    last
                }
                Node::If(parts) => {
                    let [condition, then, otherwise] = &**parts;
                    if self.holds(condition)? { then } else { otherwise }
                }
                Node::Switch(switch) => {
                    let value = self.value(&switch.value)?;
                    match self.arm(switch, value)? {
                        Some(node) => node,
                        None => return Some(&Node::Constant(Constant::Unit)),
                    }
                }
                node => return Some(node),
            }
        }
    }

    /// The value of an expression; `None` where the interpreter must be asked.
    pub(super) fn value(&mut self, node: &'v Node) -> Option<Value<'v>> {
        Some(match node {
            Node::Constant(constant) => constant.value(),
            Node::Field(field) => self.field(field)?,
            Node::Local(at) => *self.locals.get(*at)?,
            Node::Assign(at, value) => {
                *self.locals.get_mut(*at)? = self.value(value)?;
                Value::Unit
            }
            Node::Sequence(_) | Node::If(_) | Node::Switch(_) => {
                let tail = self.tail(node)?;
                self.value(tail)?
            }
            Node::Coalesce(nodes) => {
                for node in nodes {
                    let value = self.value(node)?;
                    if !value.is_unit() {
                        return Some(value);
                    }
                }
                Value::Unit
            }
            Node::Negate(node) => match self.value(node)? {
                Value::Int(whole) => Value::Int(whole.checked_neg()?),
                Value::Decimal(number) => Value::Decimal(-number),
                _ => return None,
            },
            Node::Arithmetic(operator, operands) => {
                let [left, right] = &**operands;
                let (left, right) = (self.value(left)?, self.value(right)?);
                operator.apply(left, right, self.arena, self.limits)?
            }
            Node::Property(node, name) => self.value(node)?.property(name),
            Node::Item(parts) => {
                let [list, index] = &**parts;
                let list = self.value(list)?;
                list.item(self.value(index)?)?
            }
            Node::Interpolate(parts) => {
                let mut text = Value::Text("");
                for part in parts {
                    text = joined([text, self.value(part)?], self.arena)?.within(self.limits)?;
                }
                text
            }
            Node::Map(entries) => {
                let map = self
                    .arena
                    .memory()
                    .alloc_slice_fill_copy(entries.len(), ("", Value::Unit));
                for (entry, (key, node)) in map.iter_mut().zip(entries) {
                    *entry = (key, self.value(node)?);
                }
                Value::Map(map).within(self.limits)?
            }
            Node::Call(function, arguments) => match &**arguments {
                [only] => function.one(self.value(only)?, self.arena)?.within(self.limits)?,
                [first, second] => {
                    let first = self.value(first)?;
                    function.two(first, self.value(second)?)?
                }
                _ => return None,
            },
            Node::And(_)
            | Node::Or(_)
            | Node::Not(_)
            | Node::Compare(..)
            | Node::CompareField(..)
            | Node::Contains(_)
            | Node::HasText(..)
            | Node::IsOneOf(..) => Value::Bool(self.holds(node)?),
            Node::Throw => return None,
        })
    }

    /// Whether a condition holds.
    fn holds(&mut self, node: &'v Node) -> Option<bool> {
        match node {
            Node::CompareField(operator, field, constant) => self.compare_field(*operator, field, constant),
            Node::IsOneOf(field, constants) => self.is_one_of(field, constants),
            Node::HasText(Field::UserTags, text) => {
                Some(self.context.user.tags.iter().any(|tag| **tag == **text))
            }
            Node::HasText(field, text) => self.field(field)?.contains(Value::Text(text)),
            Node::Compare(operator, operands) => {
                let [left, right] = &**operands;
                let left = self.value(left)?;
                operator.compare(left, self.value(right)?)
            }
            Node::Contains(parts) => {
                let [list, wanted] = &**parts;
                let list = self.value(list)?;
                list.contains(self.value(wanted)?)
            }
            Node::And(nodes) => {
                for node in nodes {
                    if !self.holds(node)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            Node::Or(nodes) => {
                for node in nodes {
                    if self.holds(node)? {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Node::Not(node) => Some(!self.holds(node)?),
            other => self.value(other)?.as_bool(),
        }
    }

    #[inline]
    fn compare_field(&self, operator: Comparison, field: &'v Field, constant: &'v Constant) -> Option<bool> {
        match constant {
            Constant::Int(wanted) => {
                if let Some(found) = field.int(self.context) {
                    return Some(operator.holds(found.cmp(wanted)));
                }
            }
            Constant::Text(wanted) => {
                if let Some(found) = field.text(self.context).filter(|text| self.fits(text)) {
                    return Some(operator.compare_texts(found, wanted));
                }
            }
            _ => {}
        }
        operator.compare(self.field(field)?, constant.value())
    }

    #[inline]
    fn is_one_of(&self, field: &'v Field, constants: &'v [Constant]) -> Option<bool> {
        match field.text(self.context).filter(|text| self.fits(text)) {
            Some(found) => Some(
                constants
                    .iter()
                    .any(|constant| matches!(constant, Constant::Text(text) if **text == *found)),
            ),
            None => Value::List(constants).contains(self.field(field)?),
        }
    }

    fn fits(&self, text: &str) -> bool {
        text.len() <= self.limits.string_bytes
    }

    #[inline]
    fn field(&self, field: &'v Field) -> Option<Value<'v>> {
        field.read(self.context, self.arena, self.limits)
    }

    /// The arm that a value leads to, in the order in which the interpreter asks.
    fn arm(&mut self, switch: &'v Switch, value: Value<'v>) -> Option<Option<&'v Node>> {
        let by_value = switch
            .values
            .iter()
            .find(|(case, _)| is_case(case.value(), value))
            .map_or(&[][..], |(_, arms)| arms);
        let by_range = switch
            .ranges
            .iter()
            .filter(|(first, last, _)| match value {
                Value::Int(whole) => *first <= whole && whole <= *last,
                _ => false,
            })
            .map(|(_, _, arm)| arm);
        if !switch.ranges.is_empty() && matches!(value, Value::Decimal(_)) {
            return None;
        }
        for arm in by_value.iter().chain(by_range) {
            let (condition, result) = switch.arms.get(*arm)?;
            let taken = match condition {
                Some(condition) => self.holds(condition)?,
                None => true,
            };
            if taken {
                return Some(Some(result));
            }
        }
        Some(
            switch
                .default
                .and_then(|arm| switch.arms.get(arm))
                .map(|(_, result)| result),
        )
    }
}

/// Whether a case is that of a value: of the same type, other than for `==`.
fn is_case(case: Value<'_>, value: Value<'_>) -> bool {
    match (case, value) {
        (Value::Int(_), Value::Decimal(_)) | (Value::Decimal(_), Value::Int(_)) => false,
        _ => case.is_same(value) == Some(true),
    }
}
