//! Which missions' completions a script reads: they are looked up before it runs, so it has to name them.

use std::collections::BTreeSet;

use rhai::{ASTNode, Expr, Position};

use crate::syntax::Function;

/// What a script reads of `ctx.completions`.
#[derive(Debug, Default)]
pub(crate) struct CompletionsRead {
    /// The missions that it names.
    pub(crate) codes: BTreeSet<String>,
    /// Where it takes one by a value that is known only when it runs.
    pub(crate) computed: Vec<Position>,
}

impl CompletionsRead {
    pub(crate) fn of(functions: &[Function]) -> Self {
        let mut found = CompletionsRead::default();
        for function in functions {
            function.walk(|path| {
                if let Some(ASTNode::Expr(expression)) = path.last() {
                    found.see(expression);
                }
            });
        }
        found
    }

    fn see(&mut self, expression: &Expr) {
        match expression {
            // `ctx.completions["code"]` is `ctx` dot (`completions` index "code").
            Expr::Index(pair, ..) if is_completions(&pair.lhs) => match &pair.rhs {
                Expr::StringConstant(code, _) => drop(self.codes.insert(code.to_string())),
                computed => self.computed.push(computed.position()),
            },
            // `ctx.completions.code` is `ctx` dot (`completions` dot `code`).
            Expr::Dot(pair, ..) if is_completions(&pair.lhs) => {
                if let Expr::Property(property, _) = &pair.rhs {
                    self.codes.insert(property.2.to_string());
                }
            }
            _ => {}
        }
    }
}

fn is_completions(expression: &Expr) -> bool {
    matches!(expression, Expr::Property(property, _) if property.2 == "completions")
}
