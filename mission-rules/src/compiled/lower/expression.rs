//! Expressions, and the calls and fields in them.

use rhai::{Dynamic, Expr, FnCallExpr, Position};

use super::{
    super::{
        chain::{Chain, Step},
        field::{Field, Resolved},
        function::Function as Builtin,
        node::Node,
        value::{Arithmetic, Comparison, Constant},
    },
    Binding, Lowered, Lowering, interpreted,
    returns::returns,
};
use crate::{sandbox::MUTATING_METHODS, syntax::Function};

impl Lowering<'_> {
    pub(super) fn expression(&mut self, expression: &Expr) -> Lowered<Node> {
        let position = expression.position();
        let node = match expression {
            Expr::BoolConstant(yes, _) => Node::Constant(Constant::Bool(*yes)),
            Expr::IntegerConstant(whole, _) => Node::Constant(Constant::Int(*whole)),
            Expr::StringConstant(text, _) => Node::Constant(Constant::Text(text.as_str().into())),
            Expr::Unit(_) => Node::Constant(Constant::Unit),
            Expr::DynamicConstant(value, _) => constant(value, position)?,
            Expr::InterpolatedString(parts, _) => Node::Interpolate(self.all(parts)?),
            Expr::Array(items, _) => {
                let items = self.all(items)?.into_vec().into_iter();
                let constants = items.map(|item| match item {
                    Node::Constant(value) => Ok(value),
                    _ => interpreted(position, "a list in it holds more than constants"),
                });
                Node::Constant(Constant::List(constants.collect::<Lowered<_>>()?))
            }
            Expr::Map(entries, _) => {
                let mut lowered = Vec::new();
                for (key, value) in &entries.0 {
                    lowered.push((key.name.as_str().into(), self.expression(value)?));
                }
                if lowered.len() > self.limits.map_entries {
                    return interpreted(position, "a map in it has more entries than a map may have");
                }
                Node::Map(lowered.into())
            }
            Expr::Variable(..) | Expr::Dot(..) | Expr::Index(..) => return self.chain(expression),
            Expr::Stmt(block) => {
                let floor = std::mem::replace(&mut self.floor, self.scope.len());
                if block.statements().iter().any(returns) {
                    return interpreted(position, "a `return` stands within an expression");
                }
                let lowered = self.block(block);
                self.floor = floor;
                return lowered;
            }
            Expr::FnCall(call, _) => return self.function_call(call, position),
            Expr::And(parts, _) => Node::And(self.all(parts.iter())?),
            Expr::Or(parts, _) => Node::Or(self.all(parts.iter())?),
            Expr::Coalesce(parts, _) => Node::Coalesce(self.all(parts.iter())?),
            _ => return interpreted(position, "this expression is not compiled"),
        };
        Ok(self.node(node))
    }

    fn all<'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expr>) -> Lowered<Box<[Node]>> {
        expressions
            .into_iter()
            .map(|each| self.expression(each))
            .collect()
    }

    /// The path of an expression that leads to a part of the context which is no value by itself.
    pub(super) fn parent_path(&self, expression: &Expr) -> Option<String> {
        let chain = Chain::of(expression)?;
        let Binding::Path(mut path) = self.binding(chain.variable()?)?.clone() else {
            return None;
        };
        for step in &chain.steps {
            let Step::Property(name) = step else {
                return None;
            };
            extend(&mut path, name);
        }
        (Resolved::of(&path) == Resolved::Parent).then_some(path)
    }

    fn binding(&self, name: &str) -> Option<&Binding> {
        let found = self.scope.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, binding)| binding)
    }

    /// A variable or any other expression, with the fields, indices and methods behind it.
    fn chain(&mut self, expression: &Expr) -> Lowered<Node> {
        let position = expression.position();
        let Some(chain) = Chain::of(expression) else {
            return interpreted(position, "this expression is not compiled");
        };
        let mut steps = &*chain.steps;
        // Of fields alone nothing is left to end: those of what is absent are absent.
        if chain.is_optional && !steps.iter().all(|step| matches!(step, Step::Property(_))) {
            return interpreted(position, "a `?.` stands before an index or a method");
        }
        let mut node = match chain.variable() {
            None => self.expression(chain.root)?,
            Some(name) => match self.binding(name).cloned() {
                Some(Binding::Local { at, .. }) => self.node(Node::Local(at)),
                Some(Binding::Path(path)) => {
                    let (field, used) = self.field(path, steps, position)?;
                    steps = steps.get(used..).unwrap_or_default();
                    self.node(Node::Field(field))
                }
                None => match self.constants.get(name) {
                    Some(value) => {
                        let constant = constant(value, position)?;
                        self.node(constant)
                    }
                    None => return interpreted(position, format!("`{name}` is not known")),
                },
            },
        };
        for step in steps {
            node = match step {
                Step::Property(name) => self.node(Node::Property(Box::new(node), (*name).into())),
                Step::Index(index) => {
                    let index = self.expression(index)?;
                    self.node(Node::Item(Box::new([node, index])))
                }
                Step::Method(call) => {
                    let arguments = call.args.iter().map(|argument| self.expression(argument));
                    let arguments = std::iter::once(Ok(node))
                        .chain(arguments)
                        .collect::<Lowered<_>>()?;
                    self.named_call(&call.name, arguments, position)?
                }
            };
        }
        Ok(node)
    }

    /// The field that the first steps lead to, and how many those are.
    fn field(&self, mut path: String, steps: &[Step<'_>], position: Position) -> Lowered<(Field, usize)> {
        for (at, step) in steps.iter().enumerate() {
            let Step::Property(name) = step else { break };
            extend(&mut path, name);
            let next_is_property = matches!(steps.get(at + 1), Some(Step::Property(_)));
            match Resolved::of(&path) {
                Resolved::Field(field) if !(next_is_property && is_open(&path)) => {
                    return Ok((field, at + 1));
                }
                Resolved::Field(_) | Resolved::Parent => {}
                Resolved::Unknown => return interpreted(position, format!("no context has `ctx.{path}`")),
            }
        }
        let whole = if path.is_empty() {
            "ctx".to_owned()
        } else {
            format!("ctx.{path}")
        };
        interpreted(position, format!("it reads `{whole}` as a whole"))
    }

    pub(super) fn function_call(&mut self, call: &FnCallExpr, position: Position) -> Lowered<Node> {
        let defined = self.functions.iter().find(|function| {
            function.name == call.name.as_str() && function.parameters.len() == call.args.len()
        });
        if let Some(function) = defined.filter(|_| !call.is_operator_call()) {
            return self.inlined(function, call, position);
        }
        let arguments = call.args.iter().map(|argument| self.expression(argument));
        let arguments = arguments.collect::<Lowered<Vec<_>>>()?;
        self.named_call(&call.name, arguments, position)
    }

    fn inlined(&mut self, function: &Function, call: &FnCallExpr, position: Position) -> Lowered<Node> {
        let mut nodes = Vec::new();
        let mut bindings = Vec::new();
        for argument in &call.args {
            bindings.push(match self.parent_path(argument) {
                Some(path) => Binding::Path(path),
                None => {
                    let value = self.expression(argument)?;
                    let at = self.new_local();
                    nodes.push(self.node(Node::Assign(at, Box::new(value))));
                    Binding::Local {
                        at,
                        is_constant: false,
                    }
                }
            });
        }
        nodes.push(self.call(function, bindings, position)?);
        Ok(self.node(Node::Sequence(nodes.into())))
    }

    /// An operator or a function of the language.
    fn named_call(&mut self, name: &str, arguments: Vec<Node>, position: Position) -> Lowered<Node> {
        let count = arguments.len();
        let arguments = match <[Node; 1]>::try_from(arguments) {
            Ok([only]) => match name {
                "!" => return Ok(self.node(Node::Not(Box::new(only)))),
                "-" => return Ok(self.node(negated(only))),
                "+" => return interpreted(position, "`+` in front of a value is not compiled"),
                _ => vec![only],
            },
            Err(arguments) => arguments,
        };
        let arguments = match <[Node; 2]>::try_from(arguments) {
            Ok(pair) => {
                if let Some(operator) = Comparison::of(name) {
                    return Ok(self.node(compared(operator, pair)));
                }
                if let Some(operator) = Arithmetic::of(name) {
                    return Ok(self.node(Node::Arithmetic(operator, Box::new(pair))));
                }
                if name == "contains" {
                    return Ok(self.node(contained(pair)));
                }
                pair.into()
            }
            Err(arguments) => arguments,
        };
        if MUTATING_METHODS.contains(&name) {
            return interpreted(position, "it changes a list or a map");
        }
        match Builtin::of(name, count) {
            Some(function) => Ok(self.node(Node::Call(function, arguments.into()))),
            None => interpreted(position, format!("the function `{name}` is not compiled")),
        }
    }
}

fn extend(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// Whether a path leads to or into an object that may have any fields.
fn is_open(path: &str) -> bool {
    ["event.data", "user.attributes"].iter().any(|open| {
        path.strip_prefix(open)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn constant(value: &Dynamic, position: Position) -> Lowered<Node> {
    match Constant::of(value) {
        Some(constant) => Ok(Node::Constant(constant)),
        None => interpreted(
            position,
            "a constant in it is no simple value and no list of such",
        ),
    }
}

fn negated(node: Node) -> Node {
    match node {
        Node::Constant(Constant::Int(whole)) if whole != i64::MIN => Node::Constant(Constant::Int(-whole)),
        Node::Constant(Constant::Decimal(number)) => Node::Constant(Constant::Decimal(-number)),
        other => Node::Negate(Box::new(other)),
    }
}

fn contained(pair: [Node; 2]) -> Node {
    match pair {
        [Node::Constant(Constant::List(constants)), Node::Field(field)] => Node::IsOneOf(field, constants),
        [Node::Field(field), Node::Constant(Constant::Text(text))] => Node::HasText(field, text),
        pair => Node::Contains(Box::new(pair)),
    }
}

fn compared(operator: Comparison, pair: [Node; 2]) -> Node {
    match pair {
        [Node::Field(field), Node::Constant(constant)] => Node::CompareField(operator, field, constant),
        pair => Node::Compare(operator, Box::new(pair)),
    }
}
