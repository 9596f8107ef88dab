//! Indices that count from the end are errors: the interpreter gives the last item for `list[-1]`, so that a wrong
//! sum, such as `days[(streak - 1) % 7]` before the first day, would silently pay for another day.
//!
//! The interpreter has no switch for it, so every computed index is handed to a function first.
//!
//! Nor does it put a constant in where it is indexed or has a method called on it, and then knows no such variable: there
//! the constant is handed to a function too, where it is put in.

use std::collections::BTreeSet;

use rhai::{AST, ASTNode, Dynamic, EvalAltResult, Expr, Position, Stmt};

use crate::{
    diagnostic::line_column,
    sandbox::MUTATING_METHODS,
    source_text::other_length,
    syntax::{Chain, ChainEnd, offset, word_at},
};

/// The function that each constant goes through that something is read of.
pub(crate) const CONSTANT_FUNCTION: &str = "__mission_constant";

/// The function that each computed index goes through.
pub(crate) const INDEX_FUNCTION: &str = "__mission_index";

/// Gives an index as it is, unless it is below 0.
pub(crate) fn checked_index(index: Dynamic) -> Result<Dynamic, Box<EvalAltResult>> {
    match index.as_int() {
        Ok(number) if number < 0 => {
            Err(format!("the index {number} is below 0, so it is outside of the list").into())
        }
        _ => Ok(index),
    }
}

/// A script with its indices guarded, and where the text has grown.
#[derive(Debug, Default)]
pub(crate) struct GuardedScript {
    pub(crate) source: String,
    insertions: Insertions,
}

/// What was put into a text: line, column in the new text, and number of characters; by place.
#[derive(Debug, Default)]
pub(crate) struct Insertions(Vec<(usize, usize, usize)>);

impl GuardedScript {
    /// The script as it is written, with a call around each computed index and each constant that is read of.
    pub(crate) fn of(source: &str, written: &AST) -> GuardedScript {
        let names: BTreeSet<&str> = written
            .statements()
            .iter()
            .filter_map(|statement| match statement {
                Stmt::Var(definition, ..) => Some(definition.0.name.as_str()),
                _ => None,
            })
            .collect();
        let mut indices = BTreeSet::new();
        let mut constants = BTreeSet::new();
        written.walk(&mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Expr(Expr::Index(_, _, position))) = path.last() {
                indices.extend(index_at(source, *position));
            }
            if let Some(position) = constant_at(path, &names)
                && let Some(word) = word_at(source, position)
            {
                constants.insert((word.start, word.end));
            }
            true
        });
        let (index, constant) = (format!("{INDEX_FUNCTION}("), format!("{CONSTANT_FUNCTION}("));
        // Where one ends another may begin: what closes comes first. Where both begin, the index is the longer one.
        let mut places: Vec<(usize, u8, &str)> = Vec::new();
        for (order, open, around) in [(1, &index, &indices), (2, &constant, &constants)] {
            places.extend(
                around
                    .iter()
                    .flat_map(|(from, to)| [(*from, order, &**open), (*to, 0, ")")]),
            );
        }
        places.sort_unstable();
        let mut guarded = GuardedScript::default();
        let mut copied = 0;
        for (at, _, text) in places {
            guarded
                .source
                .push_str(source.get(copied..at).unwrap_or_default());
            let (line, column) = line_column(&guarded.source, guarded.source.len());
            guarded.insertions.0.push((line, column, text.len()));
            guarded.source.push_str(text);
            copied = at;
        }
        guarded.source.push_str(source.get(copied..).unwrap_or_default());
        guarded
    }

    pub(crate) fn into_insertions(self) -> Insertions {
        self.insertions
    }
}

impl Insertions {
    /// The place in the script as it was written.
    pub(crate) fn written(&self, position: Position) -> Position {
        let (Some(line), Some(column)) = (position.line(), position.position()) else {
            return position;
        };
        let grown: usize = self
            .0
            .iter()
            .filter(|(inserted_line, at, _)| *inserted_line == line && *at < column)
            .map(|(_, at, length)| (*length).min(column - at))
            .sum();
        let narrow = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        Position::new(narrow(line), narrow(column - grown))
    }
}

/// Where a constant of the script stands that something is read of.
fn constant_at(path: &[ASTNode<'_>], names: &BTreeSet<&str>) -> Option<Position> {
    let [outer @ .., ASTNode::Expr(expression)] = path else {
        return None;
    };
    let (Expr::Dot(pair, ..) | Expr::Index(pair, ..)) = expression else {
        return None;
    };
    // A variable of the function has an index, also where it hides a constant of its name.
    let Expr::Variable(variable, None, position) = &pair.lhs else {
        return None;
    };
    if variable.0.is_some() || !names.contains(variable.1.as_str()) {
        return None;
    }
    // What would change the constant stays an error.
    let is_target = matches!(
        outer.last(),
        Some(ASTNode::Stmt(Stmt::Assignment(parts))) if std::ptr::eq(&raw const parts.1.lhs, *expression)
    );
    let changes = matches!(
        Chain::of(expression)?.end,
        ChainEnd::Method(method) if MUTATING_METHODS.contains(&method)
    );
    (!is_target && !changes).then_some(*position)
}

/// The bytes between the brackets of an index, where it is computed.
fn index_at(source: &str, position: Position) -> Option<(usize, usize)> {
    let start = offset(source, position)?;
    let bracket = start + source.get(start..)?.find('[')?;
    // The tree's place is that of the bracket, or of the `?` before it.
    if bracket > start + 1 {
        return None;
    }
    let from = bracket + 1;
    let to = from + inside_length(source.as_bytes().get(from..)?)?;
    let inside = source.get(from..to)?.trim();
    let is_number = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit());
    (!is_number && !inside.is_empty()).then_some((from, to))
}

/// The length of what is within a bracket that was opened before.
fn inside_length(rest: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(&byte) = rest.get(at) {
        if let Some(length) = other_length(rest.get(at..)?) {
            at += length;
            continue;
        }
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b']' if depth == 0 => return Some(at),
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Limits, StoppedStopwatch, program::Engines};

    fn guarded(source: &str) -> String {
        let engines = Engines::new(Limits::default(), Arc::new(StoppedStopwatch));
        let written = engines.parse(source).unwrap();
        GuardedScript::of(source, &written)
            .source
            .replace(INDEX_FUNCTION, "G")
    }

    #[test]
    fn computed_indices_are_guarded_wherever_they_stand() {
        for (inside, expected) in [
            ("a[i]", "a[G(i)]"),
            ("a[0] + a[12]", "a[0] + a[12]"),
            ("a[-1]", "a[G(-1)]"),
            ("a[b[i]]", "a[G(b[G(i)])]"),
            ("a[i][j].c[k]", "a[G(i)][G(j)].c[G(k)]"),
            ("ctx.a.b[i].c", "ctx.a.b[G(i)].c"),
            ("ctx.f(a[i])", "ctx.f(a[G(i)])"),
            ("a?[i]", "a?[G(i)]"),
            ("a[\"]\"]", "a[G(\"]\")]"),
            ("a[']']", "a[G(']')]"),
            ("[1, 2][i]", "[1, 2][G(i)]"),
            ("`${a[i]}`", "`${a[G(i)]}`"),
            ("a[i] = 1", "a[G(i)] = 1"),
            (
                "a[if i > 1 { b[0] } else { 2 }]",
                "a[G(if i > 1 { b[0] } else { 2 })]",
            ),
        ] {
            let source = format!("fn f(ctx, a, b, i, j, k) {{ {inside} }}");
            let expected = format!("fn f(ctx, a, b, i, j, k) {{ {expected} }}");
            assert_eq!(guarded(&source), expected);
        }
    }
}
