//! What a compiled hook gives at its end.

use mission_core::ports::rules::RuleFailure;
use rust_decimal::Decimal;

use super::{
    node::{Evaluation, Node},
    value::{Size, Value},
};
use crate::answer::HookValue;

/// What a hook gives at its end: a value, or a map whose entries are evaluated as they are read, so that the map
/// itself is never made.
pub(crate) struct Outcome<'e, 'v, 'l> {
    evaluation: &'e mut Evaluation<'v, 'l>,
    last: Last<'v>,
}

enum Last<'v> {
    Value(Value<'v>),
    Map(&'v [(Box<str>, Node)]),
}

impl<'e, 'v, 'l> Outcome<'e, 'v, 'l> {
    /// Evaluates a hook up to its end; `None` where the interpreter must be asked.
    pub(super) fn of(evaluation: &'e mut Evaluation<'v, 'l>, body: &'v Node) -> Option<Self> {
        let last = match evaluation.tail(body)? {
            Node::Map(entries) => Last::Map(entries),
            node => Last::Value(evaluation.value(node)?),
        };
        Some(Outcome { evaluation, last })
    }

    /// The whole value as the interpreter has it.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn into_dynamic(mut self) -> Option<rhai::Dynamic> {
        if let Some(value) = self.value() {
            return Some(value.to_dynamic());
        }
        let mut map = rhai::Map::new();
        let read = self.visit_entries(|key, value| {
            map.insert(key.into(), value.to_dynamic());
            Ok(())
        });
        read.map(|_| rhai::Dynamic::from_map(map))
    }

    fn value(&self) -> Option<Value<'v>> {
        match self.last {
            Last::Value(value) => Some(value),
            Last::Map(_) => None,
        }
    }
}

impl<'v> HookValue for Outcome<'_, 'v, '_> {
    type Entry = Value<'v>;

    fn truth(&self) -> Option<bool> {
        self.value()?.truth()
    }

    fn number(&self) -> Option<Decimal> {
        self.value()?.number()
    }

    fn text(&self) -> Option<String> {
        self.value()?.text()
    }

    fn texts(&self) -> Option<Vec<String>> {
        self.value()?.texts()
    }

    /// `None` too where an entry has no value, or the map would pass the limits.
    fn visit_entries(
        &mut self,
        mut visit: impl FnMut(&str, &Value<'v>) -> Result<(), RuleFailure>,
    ) -> Option<Result<(), RuleFailure>> {
        let entries = match &mut self.last {
            Last::Value(value) => return value.visit_entries(visit),
            Last::Map(entries) => *entries,
        };
        let mut size = Size::default();
        for (key, node) in entries {
            let value = self.evaluation.value(node)?;
            size.add_entry(key, value);
            if let Err(failure) = visit(key, &value) {
                return Some(Err(failure));
            }
        }
        size.is_within(self.evaluation.limits).then_some(Ok(()))
    }

    fn is_nothing(&self) -> bool {
        self.value().is_some_and(Value::is_unit)
    }

    fn shown(&self) -> String {
        self.value()
            .map_or_else(|| "a map".to_owned(), |value| value.shown())
    }
}
