//! Hooks without loops as expression trees, which read the context's records themselves.
//!
//! Rhai stays the definition of meaning. A compiled hook gives a value or nothing: where it gives nothing (an overflow,
//! a wrong type, a `throw`, a value beyond the limits) the interpreter evaluates the hook, and what it says counts. So
//! there is one place that words errors, and the two can only differ in a value, which
//! [generated scripts](tests) are compared for.

mod arena;
mod chain;
mod field;
mod field_condition;
mod function;
mod lower;
mod node;
mod outcome;
#[cfg(test)]
mod tests;
mod value;

use mission_core::{
    mission::FieldCondition,
    ports::rules::{Hook, RuleContext},
};
use rhai::{Position, Scope};

use self::{
    arena::Arena,
    lower::Lowering,
    node::{Evaluation, Node},
};
pub(crate) use self::{outcome::Outcome, value::Value};
use crate::{Limits, syntax::Function};

/// Why a hook is left to the interpreter: it means the same there, and takes longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreted {
    /// What keeps it from being compiled, such as `it has a loop`.
    pub reason: String,
    /// The line of that in the script, from 1, where it is in one place.
    pub line: Option<usize>,
}

/// So many variables need no memory of their own.
const FEW_LOCALS: usize = 8;

/// A hook that needs no interpreter.
#[derive(Debug)]
pub(crate) struct CompiledHook {
    body: Node,
    locals: usize,
}

impl Interpreted {
    /// A reason that has no place in the script.
    pub(crate) fn anywhere(reason: impl Into<String>) -> Self {
        Interpreted {
            reason: reason.into(),
            line: None,
        }
    }

    fn at(position: Position, reason: impl Into<String>) -> Self {
        Interpreted {
            reason: reason.into(),
            line: position.line(),
        }
    }
}

impl CompiledHook {
    /// Compiles a hook of a script, with its functions inlined.
    pub(crate) fn of(
        hook: Hook,
        functions: &[Function],
        constants: &Scope<'static>,
        limits: &Limits,
    ) -> Result<Self, Interpreted> {
        let defined = functions
            .iter()
            .find(|function| function.name == hook.name() && function.parameters.len() == 1);
        let Some(function) = defined else {
            return Err(Interpreted::anywhere("it does not take the context alone"));
        };
        let mut lowering = Lowering::new(functions, constants, limits);
        let body = lowering.hook(function)?;
        Ok(CompiledHook {
            body,
            locals: lowering.locals,
        })
    }

    /// What the event must be like for the hook to say yes, if that is one of its conditions.
    pub(crate) fn field_condition(&self) -> Option<FieldCondition> {
        field_condition::field_condition(&self.body)
    }

    /// What the hook's value means; `None` where only the interpreter can tell.
    pub(crate) fn evaluate<T>(
        &self,
        context: &RuleContext<'_>,
        limits: &Limits,
        meaning: impl FnOnce(Outcome<'_, '_, '_>) -> Option<T>,
    ) -> Option<T> {
        let arena = Arena::default();
        let mut few;
        let mut many;
        let locals: &mut [Value<'_>] = match self.locals {
            0 => &mut [],
            1..=FEW_LOCALS => {
                few = [Value::Unit; FEW_LOCALS];
                few.get_mut(..self.locals)?
            }
            _ => {
                many = vec![Value::Unit; self.locals];
                &mut many
            }
        };
        let mut evaluation = Evaluation {
            context,
            limits,
            arena: &arena,
            locals,
        };
        Outcome::of(&mut evaluation, &self.body).and_then(meaning)
    }
}
