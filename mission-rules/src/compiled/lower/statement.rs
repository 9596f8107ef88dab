//! Statements.

use std::ops::{Range, RangeInclusive};

use rhai::{ASTFlags, Expr, Position, Stmt, StmtBlock};

use super::{
    super::{
        node::{Node, Switch},
        value::{Arithmetic, Constant},
    },
    Binding, Lowered, Lowering, interpreted,
    returns::{always_returns, ends, returns},
};

impl Lowering<'_> {
    pub(super) fn block(&mut self, block: &StmtBlock) -> Lowered<Node> {
        self.statements(block.statements())
    }

    /// Statements of which the last gives the value; a `return` among them ends them.
    pub(super) fn statements(&mut self, statements: &[Stmt]) -> Lowered<Node> {
        let outside = self.scope.len();
        let lowered = self.sequence(statements);
        self.scope.truncate(outside);
        lowered
    }

    fn sequence(&mut self, statements: &[Stmt]) -> Lowered<Node> {
        let mut nodes = Vec::new();
        for (at, statement) in statements.iter().enumerate() {
            let rest = statements.get(at + 1..).unwrap_or_default();
            if rest.is_empty() || ends(statement) {
                nodes.push(self.last_statement(statement)?);
                break;
            }
            match statement {
                Stmt::If(parts, position) if returns(statement) => {
                    let condition = self.expression(&parts.expr)?;
                    let (body, branch) = (parts.body.statements(), parts.branch.statements());
                    let (then, otherwise) = match (always_returns(body), always_returns(branch)) {
                        (true, _) if !branch.iter().any(returns) => {
                            (self.statements(body)?, self.followed(branch, rest)?)
                        }
                        (_, true) if !body.iter().any(returns) => {
                            (self.followed(body, rest)?, self.statements(branch)?)
                        }
                        _ => {
                            return interpreted(
                                *position,
                                "a `return` stands where only some ways lead to it",
                            );
                        }
                    };
                    nodes.push(self.node(Node::If(Box::new([condition, then, otherwise]))));
                    break;
                }
                statement if returns(statement) => {
                    return interpreted(
                        statement.position(),
                        "a `return` stands where only some ways lead to it",
                    );
                }
                statement => nodes.push(self.last_statement(statement)?),
            }
        }
        Ok(match nodes.len() {
            0 => self.node(Node::Constant(Constant::Unit)),
            1 => nodes.remove(0),
            _ => self.node(Node::Sequence(nodes.into())),
        })
    }

    /// A block, and after it what follows its `if`.
    fn followed(&mut self, block: &[Stmt], rest: &[Stmt]) -> Lowered<Node> {
        let first = self.statements(block)?;
        let rest = self.sequence(rest)?;
        Ok(self.node(Node::Sequence([first, rest].into())))
    }

    /// A statement whose value counts.
    fn last_statement(&mut self, statement: &Stmt) -> Lowered<Node> {
        match statement {
            Stmt::Noop(_) => Ok(self.node(Node::Constant(Constant::Unit))),
            Stmt::Expr(value) => self.expression(value),
            Stmt::FnCall(call, position) => self.function_call(call, *position),
            Stmt::Block(block) => self.block(block),
            Stmt::Var(definition, flags, position) => {
                let (name, value, _) = &**definition;
                self.variables += 1;
                if self.variables >= self.limits.variables {
                    return interpreted(
                        *position,
                        "it has so many variables that it might pass their limit",
                    );
                }
                let is_constant = flags.contains(ASTFlags::CONSTANT);
                if let Some(path) = self.parent_path(value) {
                    self.scope.push((name.name.to_string(), Binding::Path(path)));
                    return Ok(self.node(Node::Constant(Constant::Unit)));
                }
                let value = self.expression(value)?;
                let at = self.new_local();
                self.scope
                    .push((name.name.to_string(), Binding::Local { at, is_constant }));
                Ok(self.node(Node::Assign(at, Box::new(value))))
            }
            Stmt::Assignment(parts) => self.assignment(parts),
            Stmt::If(parts, _) => {
                let condition = self.expression(&parts.expr)?;
                let then = self.block(&parts.body)?;
                let otherwise = self.block(&parts.branch)?;
                Ok(self.node(Node::If(Box::new([condition, then, otherwise]))))
            }
            Stmt::Switch(parts, position) => self.switch(parts, *position),
            Stmt::Return(value, flags, _) if !flags.contains(ASTFlags::BREAK) => match value {
                Some(value) => self.expression(value),
                None => Ok(self.node(Node::Constant(Constant::Unit))),
            },
            Stmt::Return(..) => Ok(self.node(Node::Throw)),
            Stmt::For(_, position)
            | Stmt::While(_, position)
            | Stmt::Do(_, _, position)
            | Stmt::BreakLoop(_, _, position) => interpreted(*position, "it has a loop"),
            Stmt::TryCatch(_, position) => interpreted(*position, "it has a `try`"),
            other => interpreted(other.position(), "this statement is not compiled"),
        }
    }

    fn assignment(&mut self, parts: &(rhai::OpAssignment, rhai::BinaryExpr)) -> Lowered<Node> {
        let (operator, pair) = parts;
        let position = operator.position();
        let Expr::Variable(variable, ..) = &pair.lhs else {
            return interpreted(position, "it changes a list or a map");
        };
        let found = self.scope.iter().rposition(|(name, _)| *name == *variable.1);
        let at = match found.and_then(|found| Some((found, self.scope.get(found)?))) {
            Some((
                _,
                (
                    _,
                    Binding::Local {
                        is_constant: true, ..
                    },
                ),
            ))
            | None => {
                return interpreted(position, "it changes a constant");
            }
            Some((_, (_, Binding::Path(_)))) => {
                return interpreted(position, "it changes the context");
            }
            Some((found, _)) if found < self.floor => {
                return interpreted(
                    position,
                    "a block within an expression changes a variable outside of it",
                );
            }
            Some((_, (_, Binding::Local { at, .. }))) => *at,
        };
        let mut value = self.expression(&pair.rhs)?;
        if let Some((.., symbol)) = operator.get_op_assignment_info() {
            let Some(arithmetic) = Arithmetic::of(symbol) else {
                return interpreted(position, format!("the operator `{symbol}=` is not compiled"));
            };
            let before = self.node(Node::Local(at));
            value = self.node(Node::Arithmetic(arithmetic, Box::new([before, value])));
        }
        Ok(self.node(Node::Assign(at, Box::new(value))))
    }

    fn switch(&mut self, parts: &(Expr, rhai::SwitchCasesCollection), position: Position) -> Lowered<Node> {
        let (value, cases) = parts;
        let value = self.expression(value)?;
        let mut arms = Vec::new();
        for arm in &cases.expressions {
            let condition = match &arm.lhs {
                Expr::BoolConstant(true, _) => None,
                condition => Some(self.expression(condition)?),
            };
            arms.push((condition, self.expression(&arm.rhs)?));
        }
        let mut values = Vec::new();
        for case in cases.cases.values() {
            match Constant::of(&case.value) {
                Some(value) => values.push((value, case.blocks.to_vec())),
                // These are among the ranges too.
                None if case.value.is::<Range<i64>>() || case.value.is::<RangeInclusive<i64>>() => {}
                None => return interpreted(position, "a case of the `switch` is no simple value"),
            }
        }
        let ranges = cases.ranges.iter().map(|range| match range {
            rhai::RangeCase::ExclusiveInt(range, arm) => (range.start, range.end.saturating_sub(1), *arm),
            rhai::RangeCase::InclusiveInt(range, arm) => (*range.start(), *range.end(), *arm),
        });
        let switch = Switch {
            value,
            values,
            ranges: ranges.collect(),
            arms,
            default: cases.def_case,
        };
        Ok(self.node(Node::Switch(Box::new(switch))))
    }
}
