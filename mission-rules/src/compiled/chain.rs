//! A value with all that is read of it.

use rhai::{ASTFlags, Expr, FnCallExpr};

/// `root` and what is read of it, in order.
#[derive(Debug)]
pub(super) struct Chain<'e> {
    pub(super) root: &'e Expr,
    pub(super) steps: Vec<Step<'e>>,
    /// Whether one of the steps is `?.` or `?[`, which end the whole chain where there is nothing.
    pub(super) is_optional: bool,
}

/// One step from a value to the next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'e> {
    Property(&'e str),
    Index(&'e Expr),
    Method(&'e FnCallExpr),
}

impl<'e> Chain<'e> {
    pub(super) fn of(expression: &'e Expr) -> Option<Self> {
        match expression {
            Expr::Dot(pair, flags, _) => {
                let mut chain = Self::of(&pair.lhs)?;
                chain.note(*flags);
                chain.follow(&pair.rhs)?;
                Some(chain)
            }
            Expr::Index(pair, flags, _) => {
                let mut chain = Self::of(&pair.lhs)?;
                chain.note(*flags);
                chain.follow_index(&pair.rhs, *flags)?;
                Some(chain)
            }
            root => Some(Chain {
                root,
                steps: Vec::new(),
                is_optional: false,
            }),
        }
    }

    fn note(&mut self, flags: ASTFlags) {
        self.is_optional |= flags.contains(ASTFlags::NEGATED);
    }

    /// The variable that the chain begins with.
    pub(super) fn variable(&self) -> Option<&'e str> {
        match self.root {
            Expr::Variable(variable, ..) => Some(variable.1.as_str()),
            _ => None,
        }
    }

    /// What stands behind a dot: a field or a method, and what follows that.
    fn follow(&mut self, rest: &'e Expr) -> Option<()> {
        match rest {
            Expr::Property(property, _) => self.steps.push(Step::Property(property.2.as_str())),
            Expr::MethodCall(call, _) => self.steps.push(Step::Method(call)),
            Expr::Dot(pair, flags, _) => {
                self.note(*flags);
                self.follow(&pair.lhs)?;
                self.follow(&pair.rhs)?;
            }
            Expr::Index(pair, flags, _) => {
                self.note(*flags);
                self.follow(&pair.lhs)?;
                self.follow_index(&pair.rhs, *flags)?;
            }
            _ => return None,
        }
        Some(())
    }

    /// What stands in brackets. The tree of `a[i].b` has `i.b` there, and means that `.b` follows the index.
    fn follow_index(&mut self, index: &'e Expr, flags: ASTFlags) -> Option<()> {
        match index {
            Expr::Dot(pair, inner, _) if !flags.contains(ASTFlags::BREAK) => {
                self.note(*inner);
                self.steps.push(Step::Index(&pair.lhs));
                self.follow(&pair.rhs)
            }
            Expr::Index(pair, inner, _) if !flags.contains(ASTFlags::BREAK) => {
                self.note(*inner);
                self.steps.push(Step::Index(&pair.lhs));
                self.follow_index(&pair.rhs, *inner)
            }
            index => {
                self.steps.push(Step::Index(index));
                Some(())
            }
        }
    }
}
