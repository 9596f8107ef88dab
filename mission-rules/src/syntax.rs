//! What the script analysis asks of the interpreter's syntax tree.

use rhai::{AST, ASTFlags, ASTNode, Expr, Position, Stmt};

use crate::diagnostic::line_start;

/// One function of a script, as it was written.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) parameters: Vec<String>,
    pub(crate) is_private: bool,
    /// The statements between its braces.
    pub(crate) body: Vec<Stmt>,
}

/// The functions of a script, by name and number of parameters.
pub(crate) fn functions(tree: &AST) -> Vec<Function> {
    let mut functions: Vec<Function> = tree
        .iter_functions()
        .map(|function| Function {
            name: function.name.to_owned(),
            parameters: function.params.iter().map(|&name| name.to_owned()).collect(),
            is_private: function.access.is_private(),
            body: body(tree, function.name, function.params.len()),
        })
        .collect();
    functions.sort_by(|a, b| (&a.name, a.parameters.len()).cmp(&(&b.name, b.parameters.len())));
    functions
}

/// The statements of one function. The tree shows them to a visitor only.
fn body(tree: &AST, function: &str, parameters: usize) -> Vec<Stmt> {
    // `clone_functions_only_filtered` of 1.27 keeps them all.
    let mut alone = tree.clone_functions_only();
    alone.retain_functions(|_, _, name, count| name == function && count == parameters);
    let mut statements = Vec::new();
    alone.walk(&mut |path: &[ASTNode<'_>]| {
        if let [ASTNode::Stmt(statement)] = path {
            statements.push((*statement).clone());
        }
        true
    });
    statements
}

impl Function {
    /// Shows every node of the body, each at the end of the path that leads to it.
    pub(crate) fn walk(&self, mut see: impl FnMut(&[ASTNode<'_>])) {
        let path = &mut Vec::new();
        for statement in &self.body {
            statement.walk(path, &mut |path: &[ASTNode<'_>]| {
                see(path);
                true
            });
        }
    }
}

/// A variable and the fields that follow it, such as `ctx.user.level`.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    pub(crate) root: &'a str,
    pub(crate) root_position: Position,
    pub(crate) fields: Vec<(&'a str, Position)>,
    pub(crate) end: ChainEnd<'a>,
}

/// What becomes of the last field of a [`Chain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChainEnd<'a> {
    /// It is the value.
    Value,
    /// A method of that name is called on it.
    Method(&'a str),
    /// It is indexed, or something else is done that the analysis does not follow.
    Other,
}

impl<'a> Chain<'a> {
    /// The chain that an expression is, where it is one.
    pub(crate) fn of(expression: &'a Expr) -> Option<Self> {
        match expression {
            Expr::Variable(variable, _, position) => Some(Self {
                root: variable.1.as_str(),
                root_position: *position,
                fields: Vec::new(),
                end: ChainEnd::Value,
            }),
            Expr::Dot(pair, ..) => {
                let mut chain = Self::of(&pair.lhs).filter(|chain| chain.end == ChainEnd::Value)?;
                chain.follow(&pair.rhs);
                Some(chain)
            }
            Expr::Index(pair, ..) => {
                let mut chain = Self::of(&pair.lhs)?;
                chain.end = ChainEnd::Other;
                Some(chain)
            }
            _ => None,
        }
    }

    fn follow(&mut self, mut rest: &'a Expr) {
        loop {
            self.end = match rest {
                Expr::Property(property, position) => {
                    self.fields.push((property.2.as_str(), *position));
                    ChainEnd::Value
                }
                Expr::MethodCall(call, _) => ChainEnd::Method(call.name.as_str()),
                Expr::Dot(pair, ..) => match &pair.lhs {
                    Expr::Property(property, position) => {
                        self.fields.push((property.2.as_str(), *position));
                        rest = &pair.rhs;
                        continue;
                    }
                    Expr::MethodCall(call, _) => ChainEnd::Method(call.name.as_str()),
                    _ => ChainEnd::Other,
                },
                Expr::Index(pair, ..) => {
                    if let Expr::Property(property, position) = &pair.lhs {
                        self.fields.push((property.2.as_str(), *position));
                    }
                    ChainEnd::Other
                }
                _ => ChainEnd::Other,
            };
            return;
        }
    }

    /// The fields with dots between them.
    pub(crate) fn path(&self) -> String {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| *name).collect();
        names.join(".")
    }
}

/// The chain that begins at the last node of a path: not one that is the beginning of a longer one.
pub(crate) fn chain_at<'a>(path: &[ASTNode<'a>]) -> Option<Chain<'a>> {
    let ASTNode::Expr(expression) = path.last()? else {
        return None;
    };
    if continues_index(path) {
        return None;
    }
    let outer = path.get(..path.len() - 1)?;
    if let Some(ASTNode::Expr(Expr::Dot(pair, ..) | Expr::Index(pair, ..))) = outer.last()
        && std::ptr::eq(&raw const pair.lhs, *expression)
        && !continues_index(outer)
        && Chain::of(expression).is_some_and(|chain| chain.end == ChainEnd::Value)
    {
        return None;
    }
    Chain::of(expression)
}

/// Whether the last node is what the tree of `a[i].b` has behind `a`: it looks like `i.b`, and means that `.b` follows
/// the index.
fn continues_index(path: &[ASTNode<'_>]) -> bool {
    match path {
        [
            ..,
            ASTNode::Expr(Expr::Index(pair, flags, _)),
            ASTNode::Expr(node),
        ] => !flags.contains(ASTFlags::BREAK) && std::ptr::eq(&raw const pair.rhs, *node),
        _ => false,
    }
}

/// The first place of an expression or statement: the tree knows where an operator is, and not where its first
/// operand begins.
pub(crate) struct FirstPosition(pub(crate) Position);

impl FirstPosition {
    /// Looks at one more node, as a visitor of the tree does.
    pub(crate) fn see(&mut self, path: &[ASTNode<'_>]) -> bool {
        let position = path.last().map_or(Position::NONE, ASTNode::position);
        if !position.is_none() && (self.0.is_none() || position < self.0) {
            self.0 = position;
        }
        true
    }
}

/// The byte at which a position is.
pub(crate) fn offset(source: &str, position: Position) -> Option<usize> {
    let start = line_start(source, position.line()?)?;
    let column = position.position().unwrap_or(1).max(1);
    let line = source.get(start..)?;
    Some(
        start
            + line
                .char_indices()
                .nth(column - 1)
                .map_or(line.len(), |(at, _)| at),
    )
}

/// The bytes of a name at a position; `None` where something else stands there.
pub(crate) fn name_at(source: &str, position: Position, name: &str) -> Option<std::ops::Range<usize>> {
    word_at(source, position).filter(|span| source.get(span.clone()) == Some(name))
}

/// The bytes of the word (or else the one character) at a position.
pub(crate) fn word_at(source: &str, position: Position) -> Option<std::ops::Range<usize>> {
    let start = offset(source, position)?;
    let rest = source.get(start..)?;
    let word = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let length = if word > 0 {
        word
    } else {
        rest.chars().next().map_or(0, char::len_utf8)
    };
    Some(start..start + length)
}
