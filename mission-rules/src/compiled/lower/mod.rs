//! From a hook's syntax tree to nodes.

mod expression;
mod returns;
mod statement;

use rhai::{Position, Scope};

use super::{Interpreted, node::Node};
use crate::{Limits, syntax::Function};

/// So many operations the interpreter counts for one node, at most.
const OPERATIONS_OF_A_NODE: u64 = 8;

type Lowered<T> = Result<T, Interpreted>;

/// What a name of the script stands for.
#[derive(Clone, Debug)]
enum Binding {
    Local {
        at: usize,
        is_constant: bool,
    },
    /// A part of the context that is no value by itself, such as `ctx` or `ctx.user`.
    Path(String),
}

/// What is known while one hook is lowered.
pub(super) struct Lowering<'s> {
    functions: &'s [Function],
    constants: &'s Scope<'static>,
    limits: &'s Limits,
    scope: Vec<(String, Binding)>,
    /// Variables below this stand outside of the expression that is lowered: a block in it may not assign to them,
    /// because the interpreter evaluates operands in an order of its own.
    floor: usize,
    calls: usize,
    nodes: u64,
    /// Variables of the function that is lowered, the parameters included.
    variables: usize,
    pub(super) locals: usize,
}

fn interpreted<T>(position: Position, reason: impl Into<String>) -> Lowered<T> {
    Err(Interpreted::at(position, reason))
}

impl<'s> Lowering<'s> {
    pub(super) fn new(functions: &'s [Function], constants: &'s Scope<'static>, limits: &'s Limits) -> Self {
        Lowering {
            functions,
            constants,
            limits,
            scope: Vec::new(),
            floor: 0,
            calls: 0,
            nodes: 0,
            variables: 0,
            locals: 0,
        }
    }

    /// Lowers a hook, whose only parameter is the context.
    pub(super) fn hook(&mut self, function: &Function) -> Lowered<Node> {
        let body = self.call(function, vec![Binding::Path(String::new())], Position::NONE)?;
        self.check_length()?;
        Ok(body)
    }

    fn check_length(&self) -> Lowered<()> {
        if self.nodes.saturating_mul(OPERATIONS_OF_A_NODE) > self.limits.operations {
            return Err(Interpreted::anywhere(
                "it is so long that it might pass the limit of operations",
            ));
        }
        Ok(())
    }

    /// The body of a function with its parameters bound.
    fn call(&mut self, function: &Function, arguments: Vec<Binding>, position: Position) -> Lowered<Node> {
        self.check_length()?;
        self.calls += 1;
        if self.calls >= self.limits.call_depth {
            return interpreted(position, "its functions call each other too deep");
        }
        let names = function.parameters.iter().cloned();
        let inner = names.zip(arguments).collect::<Vec<_>>();
        let variables = std::mem::replace(&mut self.variables, inner.len());
        let outer = std::mem::replace(&mut self.scope, inner);
        let floor = std::mem::take(&mut self.floor);
        let body = self.statements(&function.body)?;
        self.scope = outer;
        self.floor = floor;
        self.variables = variables;
        self.calls -= 1;
        Ok(body)
    }

    fn node(&mut self, node: Node) -> Node {
        self.nodes += 1;
        node
    }

    fn new_local(&mut self) -> usize {
        self.locals += 1;
        self.locals - 1
    }
}
