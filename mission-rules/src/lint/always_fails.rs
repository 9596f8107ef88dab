//! What fails whenever it runs: loops that never end, and divisions by zero. Only that evaluation fails, and nobody
//! knows whether it is ever reached: a warning.

use rhai::{ASTNode, Expr, Stmt};

use super::answers::{constant, is_endless, leaves};
use crate::{
    Diagnostic, FindingCode,
    syntax::{Function, word_at},
};

/// Finds loops without an end and divisions by a zero that is written out.
pub(super) fn check(source: &str, function: &Function) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    function.walk(|path| {
        let (finding, position) = match path.last() {
            Some(ASTNode::Stmt(Stmt::While(parts, position)))
                if is_endless(&parts.expr) && !leaves(parts) =>
            {
                (
                    Diagnostic::new(FindingCode::ScriptEndlessLoop, "this loop never ends").with_help(
                        "leave it by `break` or `return`, or give it a condition that becomes false",
                    ),
                    *position,
                )
            }
            Some(
                ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position)),
            ) if call.is_operator_call() && matches!(call.name.as_str(), "/" | "%") => {
                match call.args.as_slice() {
                    [_, divisor] if constant(divisor).is_some_and(|number| number.is_zero()) => (
                        Diagnostic::new(
                            FindingCode::ScriptDivisionByZero,
                            "a division by zero always fails",
                        ),
                        *position,
                    ),
                    _ => return,
                }
            }
            _ => return,
        };
        findings.push(finding.at_known(word_at(source, position)));
    });
    findings
}
