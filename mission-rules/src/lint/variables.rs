//! Variables that nothing reads, and variables that hide another of the same name.

use std::collections::BTreeSet;

use rhai::{ASTNode, Expr, Position, Stmt, StmtBlock};

use crate::{
    Diagnostic, FindingCode,
    syntax::{Function, word_at},
};

/// Finds unused and shadowed variables of one function.
pub(super) fn check(source: &str, function: &Function) -> Vec<Diagnostic> {
    let mut variables = Variables {
        scope: function.parameters.clone(),
        declared: Vec::new(),
        shadowing: Vec::new(),
    };
    variables.statements(&function.body);
    let read = read_names(function);
    let unused = variables
        .declared
        .iter()
        .filter(|(name, _)| !read.contains(name) && !name.starts_with('_'))
        .map(|(name, position)| {
            let finding = Diagnostic::new(
                FindingCode::ScriptUnusedVariable,
                format!("nothing reads the variable `{name}`"),
            );
            (
                finding.with_help(format!("use it, take it out, or call it `_{name}`")),
                *position,
            )
        });
    let shadowing = variables.shadowing.iter().map(|(name, position)| {
        let finding = Diagnostic::new(
            FindingCode::ScriptShadowedVariable,
            format!("this `{name}` is another than the one above: it hides it from here on"),
        );
        let help =
            format!("to change the one above, write `{name} = …` without `let`; else choose another name");
        (finding.with_help(help), *position)
    });
    unused
        .chain(shadowing)
        .map(|(finding, position)| finding.at_known(word_at(source, position)))
        .collect()
}

type NamedPosition = (String, Position);

struct Variables {
    scope: Vec<String>,
    declared: Vec<NamedPosition>,
    shadowing: Vec<NamedPosition>,
}

impl Variables {
    fn declare(&mut self, name: &str, position: Position) {
        let named = (name.to_owned(), position);
        if self.scope.iter().any(|known| known == name) {
            self.shadowing.push(named.clone());
        }
        self.scope.push(name.to_owned());
        self.declared.push(named);
    }

    fn block(&mut self, block: &StmtBlock) {
        self.statements(block.statements());
    }

    fn statements(&mut self, statements: &[Stmt]) {
        let outside = self.scope.len();
        for statement in statements {
            self.statement(statement);
        }
        self.scope.truncate(outside);
    }

    fn statement(&mut self, statement: &Stmt) {
        let outside = self.scope.len();
        match statement {
            Stmt::Var(definition, ..) => {
                self.expression(&definition.1);
                self.declare(&definition.0.name, definition.0.pos);
                return;
            }
            Stmt::If(parts, _) | Stmt::While(parts, _) | Stmt::Do(parts, ..) => {
                self.expression(&parts.expr);
                self.block(&parts.body);
                self.block(&parts.branch);
            }
            Stmt::TryCatch(parts, _) => {
                self.block(&parts.body);
                self.block(&parts.branch);
            }
            Stmt::For(parts, _) => {
                self.expression(&parts.2.expr);
                for name in std::iter::once(&parts.0).chain(&parts.1) {
                    self.declare(&name.name, name.pos);
                }
                self.block(&parts.2.body);
            }
            Stmt::Switch(parts, _) => {
                self.expression(&parts.0);
                for case in &parts.1.expressions {
                    self.expression(&case.rhs);
                }
            }
            Stmt::Block(block) => self.block(block),
            Stmt::Assignment(parts) => self.expression(&parts.1.rhs),
            Stmt::Expr(value) => self.expression(value),
            Stmt::Return(Some(value), ..) | Stmt::BreakLoop(Some(value), ..) => self.expression(value),
            _ => {}
        }
        self.scope.truncate(outside);
    }

    /// Blocks stand in expressions too, as in `let a = if … { … } else { … }`.
    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::Stmt(block) => self.block(block),
            Expr::Array(items, _) => items.iter().for_each(|item| self.expression(item)),
            Expr::Map(entries, _) => entries.0.iter().for_each(|(_, item)| self.expression(item)),
            Expr::FnCall(call, _) | Expr::MethodCall(call, _) => {
                call.args.iter().for_each(|item| self.expression(item));
            }
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                parts.iter().for_each(|item| self.expression(item));
            }
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
                self.expression(&pair.lhs);
                self.expression(&pair.rhs);
            }
            _ => {}
        }
    }
}

/// The names that a function reads. What is only written to is not read.
fn read_names(function: &Function) -> BTreeSet<String> {
    let mut read = BTreeSet::new();
    function.walk(|path| {
        if let [.., ASTNode::Expr(expression)] = path
            && let Expr::Variable(variable, ..) = expression
            && !is_plain_target(path, expression)
        {
            read.insert(variable.1.to_string());
        }
    });
    read
}

/// Whether a node is all that stands left of a `=`.
fn is_plain_target(path: &[ASTNode<'_>], expression: &Expr) -> bool {
    match path {
        [.., ASTNode::Stmt(Stmt::Assignment(parts)), _] => std::ptr::eq(&raw const parts.1.lhs, expression),
        _ => false,
    }
}
