//! Puts a call before each statement of a script.

use std::{collections::BTreeSet, fmt::Write};

use rhai::{AST, ASTNode, Expr, Stmt};

use super::recorder::STEP_FUNCTION;
use crate::{
    source_text::blank_out_text,
    syntax::{Chain, FirstPosition, chain_at, functions, offset},
};

/// A script that tells its steps.
pub(crate) struct Instrumented {
    pub(crate) source: String,
    pub(crate) points: Vec<TracePoint>,
}

/// A place before a statement.
pub(crate) struct TracePoint {
    /// The statement's first byte in the source as it was written.
    pub(crate) offset: usize,
    /// What the statement reads, such as `ctx.user.level`.
    pub(crate) reads: Vec<String>,
}

/// The same script with a call before each statement; `None` where that cannot be done.
pub(crate) fn instrument(source: &str, written: &AST) -> Option<Instrumented> {
    if source.contains(STEP_FUNCTION) {
        return None;
    }
    let code = blank_out_text(source);
    let mut points: Vec<TracePoint> = Vec::new();
    for function in functions(written) {
        function.walk(|path| {
            if let Some(ASTNode::Stmt(statement)) = path.last()
                && let Some(offset) = statement_start(source, &code, statement)
            {
                points.push(TracePoint {
                    offset,
                    reads: reads(statement),
                });
            }
        });
    }
    points.sort_by_key(|point| point.offset);
    points.dedup_by_key(|point| point.offset);

    let mut changed = String::with_capacity(source.len() * 2);
    let mut copied = 0;
    for (number, point) in points.iter().enumerate() {
        changed.push_str(source.get(copied..point.offset)?);
        write!(
            changed,
            "{STEP_FUNCTION}({number}, [{}]); ",
            point.reads.join(", ")
        )
        .ok()?;
        copied = point.offset;
    }
    changed.push_str(source.get(copied..)?);
    Some(Instrumented {
        source: changed,
        points,
    })
}

/// Where a statement begins, if a call can be put there: not after `else`, `=` or `=>`.
pub(crate) fn statement_start(source: &str, code: &[u8], statement: &Stmt) -> Option<usize> {
    if matches!(statement, Stmt::Noop(_) | Stmt::Block(_)) {
        return None;
    }
    let mut first = FirstPosition(statement.position());
    statement.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| first.see(path));
    let mut start = offset(source, first.0)?;
    // Nor does it know brackets and signs.
    let mut before = start;
    while let Some(&byte) = before.checked_sub(1).and_then(|at| code.get(at)) {
        match byte {
            b'(' | b'!' | b'-' | b'+' => start = before - 1,
            byte if byte.is_ascii_whitespace() => {}
            b'{' | b';' | b'}' => return Some(start),
            _ => return None,
        }
        before -= 1;
    }
    None
}

/// The fields and variables that a statement reads before anything in it has changed them.
fn reads(statement: &Stmt) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut own = BTreeSet::new();
    let mut see = |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(definition, ..))) if path.len() > 1 => {
                own.insert(definition.0.name.to_string());
            }
            Some(ASTNode::Stmt(Stmt::For(parts, _))) => {
                own.insert(parts.0.name.to_string());
                own.extend(parts.1.iter().map(|counter| counter.name.to_string()));
            }
            Some(ASTNode::Stmt(Stmt::TryCatch(parts, _))) => {
                if let Expr::Variable(caught, ..) = &parts.expr {
                    own.insert(caught.1.to_string());
                }
            }
            _ => {}
        }
        if let Some(chain) = chain_at(path) {
            found.insert((chain.root.to_owned(), shown(&chain)));
        }
        true
    };
    let path = &mut Vec::new();
    match statement {
        Stmt::If(parts, _) | Stmt::While(parts, _) => parts.expr.walk(path, &mut see),
        Stmt::For(parts, _) => parts.2.expr.walk(path, &mut see),
        Stmt::Switch(parts, _) => parts.0.walk(path, &mut see),
        Stmt::Do(..) | Stmt::TryCatch(..) => true,
        other => other.walk(path, &mut see),
    };
    // The context as a whole says nothing, and is long.
    let tells = |root: &str, text: &str| !own.contains(root) && text != "ctx";
    found
        .into_iter()
        .filter(|(root, text)| tells(root, text))
        .map(|(_, text)| text)
        .collect()
}

fn shown(chain: &Chain<'_>) -> String {
    match chain.fields.as_slice() {
        [] => chain.root.to_owned(),
        _ => format!("{}.{}", chain.root, chain.path()),
    }
}
