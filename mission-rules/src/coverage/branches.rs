//! The two ways of each `if`, told by how often the statements around it ran.

use rhai::{AST, ASTNode, FlowControl, Stmt};

use crate::{
    diagnostic::line_column,
    source_text::blank_out_text,
    syntax::{functions, offset},
    trace::instrument::statement_start,
};

/// One way of an `if`: it is taken as often as one statement runs, less the times that others did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) line: usize,
    pub(super) holds: bool,
    runs: usize,
    less: Vec<usize>,
}

impl Branch {
    pub(super) fn times(&self, counts: &[u64]) -> u64 {
        let count = |point: &usize| counts.get(*point).copied().unwrap_or_default();
        let less: u64 = self.less.iter().map(count).sum();
        count(&self.runs).saturating_sub(less)
    }
}

/// The ways of all `if`s of a script, by the places of its statements.
pub(super) fn of(source: &str, written: &AST, points: &[usize]) -> Vec<Branch> {
    let code = blank_out_text(source);
    let mut finder = Finder {
        source,
        code: &code,
        points,
        found: Vec::new(),
    };
    for function in functions(written) {
        function.walk(|path| {
            if let [outer @ .., ASTNode::Stmt(Stmt::If(parts, position))] = path
                && !is_else_if(outer, parts)
            {
                let statement = path.last();
                let entry = match statement {
                    Some(ASTNode::Stmt(statement)) => finder.point(statement),
                    _ => None,
                };
                finder.ways(parts, *position, entry, &[]);
            }
        });
    }
    finder.found.sort_by_key(|branch| (branch.line, !branch.holds));
    finder.found
}

/// Whether an `if` is all that another one's `else` holds: it is looked at with that one.
fn is_else_if(outer: &[ASTNode<'_>], parts: &FlowControl) -> bool {
    outer.iter().rev().any(|node| match node {
        ASTNode::Stmt(Stmt::If(around, _)) => {
            matches!(around.branch.statements(), [Stmt::If(only, _)] if std::ptr::eq(&raw const **only, parts))
        }
        _ => false,
    })
}

struct Finder<'f> {
    source: &'f str,
    code: &'f [u8],
    points: &'f [usize],
    found: Vec<Branch>,
}

impl Finder<'_> {
    fn point(&self, statement: &Stmt) -> Option<usize> {
        let start = statement_start(self.source, self.code, statement)?;
        self.points.binary_search(&start).ok()
    }

    /// The first statement of a block that can be counted at its beginning.
    fn first(&self, statements: &[Stmt]) -> Option<usize> {
        self.point(statements.first()?)
    }

    /// Both ways of an `if` that is reached as often as `entry` runs, less the times of those before it in the chain.
    fn ways(
        &mut self,
        parts: &FlowControl,
        position: rhai::Position,
        entry: Option<usize>,
        before: &[usize],
    ) {
        let at = offset(self.source, position).unwrap_or_default();
        let line = line_column(self.source, at).0;
        let then = self.first(parts.body.statements());
        if let Some(runs) = then {
            self.found.push(Branch {
                line,
                holds: true,
                runs,
                less: Vec::new(),
            });
        }
        let otherwise = parts.branch.statements();
        let passed: Option<Vec<usize>> = then.map(|then| before.iter().copied().chain([then]).collect());
        let chained = match otherwise {
            [Stmt::If(next, position)] if self.first(otherwise).is_none() => Some((next, *position)),
            _ => None,
        };
        let following = passed.clone();
        let runs = match (self.first(otherwise), entry, passed) {
            (Some(first), _, _) => Some((first, Vec::new())),
            (None, Some(entry), Some(passed)) => Some((entry, passed)),
            _ => None,
        };
        if let Some((runs, less)) = runs {
            self.found.push(Branch {
                line,
                holds: false,
                runs,
                less,
            });
        }
        if let (Some((next, position)), Some(passed)) = (chained, following) {
            self.ways(next, position, entry, &passed);
        }
    }
}
