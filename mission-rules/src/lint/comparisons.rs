//! Comparisons whose sides can never be equal: the interpreter does not complain, it just says false.

use rhai::{ASTNode, Expr, FnCallExpr, Position};
use rust_decimal::Decimal;

use super::{
    answers::constant,
    inference::{Inferred, Results, Variables, joined},
};
use crate::{
    Diagnostic, FieldKind, FieldSchema, FindingCode, Fix,
    syntax::{Chain, ChainEnd, Function, offset, word_at},
};

/// Finds comparisons of values of different types.
pub(super) fn check(source: &str, function: &Function, types: &Types<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    function.walk(|path| {
        if let Some(ASTNode::Expr(Expr::FnCall(call, position))) = path.last()
            && (call.is_operator_call() || call.name == "contains")
            && let [left, right] = call.args.as_slice()
        {
            findings.extend(types.conflict(source, call, left, right, *position));
        }
    });
    findings
}

/// The types of expressions, as far as they can be told.
pub(super) struct Types<'s> {
    pub(super) schema: &'s FieldSchema,
    pub(super) variables: &'s Variables,
    pub(super) results: &'s Results,
}

/// A class of types that can be compared with each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ComparisonClass {
    Number,
    Text,
    Bool,
    List,
    Map,
}

impl ComparisonClass {
    fn of(kind: FieldKind) -> Option<Self> {
        Some(match kind {
            FieldKind::Whole | FieldKind::Decimal => ComparisonClass::Number,
            FieldKind::Text => ComparisonClass::Text,
            FieldKind::Bool => ComparisonClass::Bool,
            FieldKind::List => ComparisonClass::List,
            FieldKind::Map => ComparisonClass::Map,
            FieldKind::Any => return None,
        })
    }
}

impl Types<'_> {
    fn conflict(
        &self,
        source: &str,
        call: &FnCallExpr,
        left: &Expr,
        right: &Expr,
        position: Position,
    ) -> Option<Diagnostic> {
        let operator = call.name.as_str();
        let message = match operator {
            "==" | "!=" | "<" | "<=" | ">" | ">=" => self
                .unequal(operator, left, right)
                .or_else(|| self.out_of_range(operator, left, right))
                .or_else(|| self.unknown_value(operator, left, right))?,
            "-" | "*" | "/" | "%" | "**" => self.no_number(operator, left, right)?,
            "+" => self.no_sum(left, right)?,
            // The tree has `a in b` as `contains(b, a)`.
            "contains" => self.never_in(right, left)?,
            _ => return None,
        };
        let quoted = quoted_number(source, left, right);
        let help = match &quoted {
            Some((number, _)) => format!("write {number} without quotes"),
            None => "compare it with a value that it can have".to_owned(),
        };
        let fix = quoted.and_then(|(_, fix)| fix);
        // What can be compared is false; what cannot be reckoned fails whenever it runs.
        let finding = Diagnostic::new(FindingCode::ScriptTypeConflict, message)
            .with_help(help)
            .with_fix(fix);
        let finding = match operator {
            "+" | "-" | "*" | "/" | "%" | "**" => finding,
            _ => finding.into_warning(),
        };
        let place = word_at(source, position).filter(|span| source.get(span.clone()).is_some());
        Some(match place {
            Some(span) => finding.at(span.start..span.start + operator_width(source, span.start, operator)),
            None => finding,
        })
    }

    fn unequal(&self, operator: &str, left: &Expr, right: &Expr) -> Option<String> {
        let (left, right) = (self.kind(left)?, self.kind(right)?);
        let always = if operator == "!=" { "true" } else { "false" };
        (ComparisonClass::of(left)? != ComparisonClass::of(right)?).then(|| {
            format!(
                "{} and {} are never equal and have no order: this is always {always}",
                left.plain(),
                right.plain()
            )
        })
    }

    /// Arithmetic with what is no number.
    fn no_number(&self, operator: &str, left: &Expr, right: &Expr) -> Option<String> {
        let wrong = [left, right]
            .into_iter()
            .filter_map(|side| self.kind(side))
            .find(|kind| ComparisonClass::of(*kind).is_some_and(|class| class != ComparisonClass::Number))?;
        Some(format!(
            "`{operator}` takes two numbers, and this is {}",
            wrong.plain()
        ))
    }

    /// An addition of what are neither two numbers nor two lists, and of which none is a text.
    fn no_sum(&self, left: &Expr, right: &Expr) -> Option<String> {
        let (left, right) = (self.kind(left)?, self.kind(right)?);
        let classes = [left, right].map(ComparisonClass::of);
        let fits = match classes {
            [None, _] | [_, None] => true,
            [Some(one), Some(other)] => {
                [one, other].contains(&ComparisonClass::Text)
                    || (one == other && matches!(one, ComparisonClass::Number | ComparisonClass::List))
            }
        };
        (!fits).then(|| format!("{} and {} cannot be added", left.plain(), right.plain()))
    }

    /// A comparison with a number that the field can never reach.
    fn out_of_range(&self, operator: &str, left: &Expr, right: &Expr) -> Option<String> {
        let turned = match operator {
            "<" => ">",
            "<=" => ">=",
            ">" => "<",
            ">=" => "<=",
            same => same,
        };
        let (field, operator, number) = match (constant(left), constant(right)) {
            (None, Some(number)) => (left, operator, number),
            (Some(number), None) => (right, turned, number),
            _ => return None,
        };
        let path = self.path(field)?;
        let range = self.schema.range(&path)?;
        let verdict = range.verdict(operator, number)?;
        Some(format!(
            "`{}` is {range}: this is always {verdict}",
            written(field)
        ))
    }

    /// A comparison with a text that the field can never be.
    fn unknown_value(&self, operator: &str, left: &Expr, right: &Expr) -> Option<String> {
        let always = match operator {
            "==" => "false",
            "!=" => "true",
            _ => return None,
        };
        let (field, text) = match (left, right) {
            (field, Expr::StringConstant(text, _)) | (Expr::StringConstant(text, _), field) => (field, text),
            _ => return None,
        };
        let path = self.path(field)?;
        let known = self.schema.values(&path)?;
        (!known.contains(&text.as_str())).then(|| {
            format!(
                "`{}` is {}: this is always {always}",
                written(field),
                known.join(" or ")
            )
        })
    }

    /// The path into the context that an expression is; empty for the context itself.
    fn path(&self, expression: &Expr) -> Option<String> {
        let chain = Chain::of(expression).filter(|chain| chain.end == ChainEnd::Value)?;
        let Some(Inferred::Path(base)) = self.variables.get(chain.root) else {
            return None;
        };
        let fields = chain.path();
        Some(match (base.as_str(), fields.as_str()) {
            (base, "") => base.to_owned(),
            ("", fields) => fields.to_owned(),
            (base, fields) => format!("{base}.{fields}"),
        })
    }

    /// What a variable that is set to an expression holds.
    pub(super) fn infer(&self, expression: &Expr) -> Inferred {
        match (self.path(expression), self.kind(expression)) {
            (Some(path), _) => Inferred::Path(path),
            (None, Some(kind)) => Inferred::Kind(kind),
            (None, None) => Inferred::Unknown,
        }
    }

    fn never_in(&self, item: &Expr, container: &Expr) -> Option<String> {
        let item = self.kind(item)?;
        let class = ComparisonClass::of(item)?;
        let items = match container {
            Expr::Array(items, _) if !items.is_empty() => items,
            _ => {
                let container = self.kind(container)?;
                let misfit = match ComparisonClass::of(container)? {
                    ComparisonClass::Number | ComparisonClass::Bool => true,
                    ComparisonClass::Text | ComparisonClass::Map => class != ComparisonClass::Text,
                    ComparisonClass::List => false,
                };
                return misfit.then(|| format!("{} is never in {}", item.plain(), container.plain()));
            }
        };
        let kinds: Option<Vec<FieldKind>> = items.iter().map(|one| self.kind(one)).collect();
        let first = *kinds.as_ref()?.first()?;
        let none_fits = kinds?
            .into_iter()
            .all(|kind| ComparisonClass::of(kind).is_some_and(|other| other != class));
        none_fits.then(|| {
            format!(
                "{} is never in a list of {}: this is always false",
                item.plain(),
                plural(first)
            )
        })
    }

    pub(super) fn kind(&self, expression: &Expr) -> Option<FieldKind> {
        Some(match expression {
            Expr::BoolConstant(..) | Expr::And(..) | Expr::Or(..) => FieldKind::Bool,
            Expr::IntegerConstant(..) => FieldKind::Whole,
            Expr::StringConstant(..) | Expr::CharConstant(..) | Expr::InterpolatedString(..) => {
                FieldKind::Text
            }
            Expr::DynamicConstant(value, _) if value.is_decimal() => FieldKind::Decimal,
            Expr::Array(..) => FieldKind::List,
            Expr::Map(..) => FieldKind::Map,
            Expr::Variable(..) | Expr::Dot(..) => match (self.path(expression), expression) {
                (Some(path), _) if path.is_empty() => FieldKind::Map,
                (Some(path), _) => self.schema.kind(&path)?,
                (None, Expr::Variable(variable, ..)) => match self.variables.get(variable.1.as_str())? {
                    Inferred::Kind(kind) => *kind,
                    Inferred::Path(_) | Inferred::Unknown => return None,
                },
                (None, _) => function_kind(last_method(expression)?)?,
            },
            Expr::FnCall(call, _) => return self.call_kind(call),
            _ => return None,
        })
    }

    /// The type of what a call gives, where its name tells.
    pub(super) fn call_kind(&self, call: &FnCallExpr) -> Option<FieldKind> {
        let own = self
            .results
            .iter()
            .find(|((name, parameters), _)| name == call.name.as_str() && *parameters == call.args.len());
        match (own, call.args.as_slice()) {
            (Some((_, kind)), _) => *kind,
            (None, [left, right]) if call.is_operator_call() => self.operator_kind(&call.name, left, right),
            (None, [_]) if call.is_operator_call() => match call.name.as_str() {
                "!" => Some(FieldKind::Bool),
                _ => Some(FieldKind::Decimal),
            },
            _ => function_kind(&call.name),
        }
    }

    /// The type of what an operator gives.
    pub(super) fn operator_kind(&self, operator: &str, left: &Expr, right: &Expr) -> Option<FieldKind> {
        let sides = [self.kind(left), self.kind(right)];
        Some(match operator {
            "==" | "!=" | "<" | "<=" | ">" | ">=" | "contains" => FieldKind::Bool,
            "+" if sides.contains(&Some(FieldKind::Text)) => FieldKind::Text,
            "+" => joined(sides[0]?, sides[1]?)
                .filter(|kind| matches!(kind, FieldKind::Whole | FieldKind::Decimal | FieldKind::List))?,
            "-" | "*" | "/" | "%" | "**" if sides == [Some(FieldKind::Whole); 2] => FieldKind::Whole,
            "-" | "*" | "/" | "%" | "**" => FieldKind::Decimal,
            _ => return None,
        })
    }
}

/// The type of what a function of the language gives, whatever it is given.
fn function_kind(name: &str) -> Option<FieldKind> {
    Some(match name {
        "contains" | "is_empty" | "starts_with" | "ends_with" => FieldKind::Bool,
        "len" | "index_of" | "to_int" | "parse_int" => FieldKind::Whole,
        "to_decimal" | "parse_decimal" => FieldKind::Decimal,
        "to_upper" | "to_lower" | "trim" | "sub_string" | "replace" | "to_string" | "join" | "type_of" => {
            FieldKind::Text
        }
        "split" | "keys" | "values" | "without" => FieldKind::List,
        _ => return None,
    })
}

/// The method that a chain of dots ends with.
fn last_method(mut expression: &Expr) -> Option<&str> {
    loop {
        match expression {
            Expr::Dot(pair, ..) => expression = &pair.rhs,
            Expr::MethodCall(call, _) => return Some(&call.name),
            _ => return None,
        }
    }
}

/// A chain as the script writes it.
fn written(expression: &Expr) -> String {
    let Some(chain) = Chain::of(expression) else {
        return String::new();
    };
    let names = chain.fields.iter().map(|(name, _)| *name);
    std::iter::once(chain.root)
        .chain(names)
        .collect::<Vec<_>>()
        .join(".")
}

/// The number that a text in quotes was meant as, and how to write it.
fn quoted_number(source: &str, left: &Expr, right: &Expr) -> Option<(Decimal, Option<Fix>)> {
    [left, right].into_iter().find_map(|side| {
        let Expr::StringConstant(text, position) = side else {
            return None;
        };
        let number = text.trim().parse::<Decimal>().ok()?;
        let fix = offset(source, *position).and_then(|start| {
            let literal = format!("\"{text}\"");
            source.get(start..)?.starts_with(&literal).then(|| Fix {
                span: start..start + literal.len(),
                replacement: text.trim().to_owned(),
            })
        });
        Some((number, fix))
    })
}

fn plural(kind: FieldKind) -> &'static str {
    match ComparisonClass::of(kind) {
        Some(ComparisonClass::Number) => "numbers",
        Some(ComparisonClass::Text) => "texts",
        Some(ComparisonClass::Bool) => "booleans",
        Some(ComparisonClass::List) => "lists",
        Some(ComparisonClass::Map) => "maps",
        None => "values",
    }
}

/// The operator's own width where it stands in the source; `in` is `contains` in the tree.
fn operator_width(source: &str, at: usize, operator: &str) -> usize {
    let rest = source.get(at..).unwrap_or_default();
    [operator, "!in", "in"]
        .into_iter()
        .find(|text| rest.starts_with(text))
        .map_or(1, str::len)
}
