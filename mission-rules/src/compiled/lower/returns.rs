//! Where a function returns.

use rhai::{Expr, Stmt};

/// Whether there is a `return` somewhere in a statement, outside of expressions.
pub(super) fn returns(statement: &Stmt) -> bool {
    match statement {
        Stmt::Return(..) => true,
        Stmt::Block(block) => block.statements().iter().any(returns),
        Stmt::If(parts, _) => {
            let statements = parts.body.statements().iter();
            statements.chain(parts.branch.statements()).any(returns)
        }
        Stmt::Switch(parts, _) => parts.1.expressions.iter().any(|arm| match &arm.rhs {
            Expr::Stmt(block) => block.statements().iter().any(returns),
            _ => false,
        }),
        _ => false,
    }
}

/// Whether nothing that follows is ever reached.
pub(super) fn ends(statement: &Stmt) -> bool {
    match statement {
        Stmt::Return(..) => true,
        Stmt::Block(block) => always_returns(block.statements()),
        Stmt::If(parts, _) => {
            always_returns(parts.body.statements()) && always_returns(parts.branch.statements())
        }
        _ => false,
    }
}

pub(super) fn always_returns(statements: &[Stmt]) -> bool {
    statements.iter().any(ends)
}
