//! What a hook gives on each of its paths, as far as the tree tells: an answer that the hook cannot mean would fail
//! every time.

use mission_core::ports::rules::Hook;
use rhai::{ASTFlags, ASTNode, Expr, FlowControl, FnCallExpr, Position, Stmt};
use rust_decimal::Decimal;

use super::{
    comparisons::Types,
    inference::{ScriptTypes, joined},
};
use crate::{
    Diagnostic, FieldKind, FindingCode,
    answer::{REWARD_FIELDS, RISK_FIELDS, is_risk_score, unknown_reward_field},
    call_check::definition_of,
    suggest::suggest,
    syntax::{FirstPosition, Function, name_at, word_at},
};

/// How many functions deep an answer is followed.
const MOST_CALLS: usize = 8;

/// Finds answers that a hook cannot mean.
pub(super) fn check(
    source: &str,
    hook: Hook,
    function: usize,
    all: &[Function],
    script: &ScriptTypes<'_>,
) -> Vec<Diagnostic> {
    check_as(source, &format!("`{hook}`"), hook, function, all, script)
}

/// Finds answers of a function that cannot be meant where those of a hook are needed.
pub(super) fn check_as(
    source: &str,
    subject: &str,
    hook: Hook,
    function: usize,
    all: &[Function],
    script: &ScriptTypes<'_>,
) -> Vec<Diagnostic> {
    let answers = ReturnValues {
        all,
        script,
        calls_left: MOST_CALLS,
    };
    let found = answers.of_function(function).into_iter();
    found
        .filter_map(|answer| {
            let place = word_at(source, answer.position)
                .filter(|span| source.get(span.clone()).is_some_and(|text| !text.is_empty()))
                .or_else(|| definition_of(source, &all.get(function)?.name));
            let (finding, at) = objection(source, subject, hook, &answer.value)?;
            let place = at.and_then(|position| word_at(source, position)).or(place);
            Some(finding.at_known(place))
        })
        .collect()
}

/// The type that a function gives on all its paths; `None` where it may give several, or nobody can tell.
pub(super) fn only_kind(function: usize, all: &[Function], script: &ScriptTypes<'_>) -> Option<FieldKind> {
    let answers = ReturnValues {
        all,
        script,
        calls_left: 0,
    };
    let mut kinds = answers
        .of_function(function)
        .into_iter()
        .map(|answer| match answer.value {
            Value::Kind(kind) => Some(kind),
            Value::Number(number) if number.is_integer() => Some(FieldKind::Whole),
            Value::Number(_) => Some(FieldKind::Decimal),
            Value::Map(_) => Some(FieldKind::Map),
            Value::Nothing(_) | Value::Unknown => None,
        });
    let first = kinds.next()??;
    kinds.try_fold(first, |one, other| joined(one, other?))
}

/// One value that a function can return, with its position.
struct ReturnValue {
    value: Value,
    position: Position,
}

/// A value as far as the syntax tree shows it.
enum Value {
    /// `()`, and whether only because nothing else is said.
    Nothing(NoValueReason),
    Kind(FieldKind),
    Number(Decimal),
    Map(Vec<Field>),
    Unknown,
}

/// Why a path returns no value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NoValueReason {
    Written,
    NoElse,
    NoDefault,
    NoValue,
}

struct Field {
    name: String,
    position: Position,
    value: Value,
}

struct ReturnValues<'s> {
    all: &'s [Function],
    script: &'s ScriptTypes<'s>,
    calls_left: usize,
}

impl ReturnValues<'_> {
    fn of_function(&self, n: usize) -> Vec<ReturnValue> {
        let types = self.script.of_function(n);
        let mut answers = Vec::new();
        let Some(function) = self.all.get(n) else {
            return answers;
        };
        function.walk(|path| {
            if let Some(ASTNode::Stmt(Stmt::Return(value, flags, position))) = path.last()
                && !flags.contains(ASTFlags::BREAK)
            {
                match value {
                    Some(value) => self.of_expression(value, &types, &mut answers),
                    None => answers.push(nothing(NoValueReason::Written, *position)),
                }
            }
        });
        self.of_block(
            &function.body,
            &types,
            NoValueReason::NoValue,
            Position::NONE,
            &mut answers,
        );
        answers
    }

    /// What a block gives: what its last statement gives.
    fn of_block(
        &self,
        block: &[Stmt],
        types: &Types<'_>,
        empty: NoValueReason,
        place: Position,
        answers: &mut Vec<ReturnValue>,
    ) {
        let mut statements = block.iter().rev();
        match statements.find(|statement| !matches!(statement, Stmt::Noop(_))) {
            Some(last) => self.of_statement(last, types, answers),
            None => answers.push(nothing(empty, place)),
        }
    }

    fn of_statement(&self, statement: &Stmt, types: &Types<'_>, answers: &mut Vec<ReturnValue>) {
        match statement {
            Stmt::Expr(value) => self.of_expression(value, types, answers),
            Stmt::FnCall(call, position) => self.of_call(call, *position, types, answers),
            Stmt::Block(block) => self.of_block(
                block.statements(),
                types,
                NoValueReason::NoValue,
                statement.position(),
                answers,
            ),
            Stmt::If(parts, position) => {
                self.of_block(
                    parts.body.statements(),
                    types,
                    NoValueReason::NoValue,
                    *position,
                    answers,
                );
                self.of_block(
                    parts.branch.statements(),
                    types,
                    NoValueReason::NoElse,
                    *position,
                    answers,
                );
            }
            Stmt::TryCatch(parts, position) => {
                self.of_block(
                    parts.body.statements(),
                    types,
                    NoValueReason::NoValue,
                    *position,
                    answers,
                );
                self.of_block(
                    parts.branch.statements(),
                    types,
                    NoValueReason::NoValue,
                    *position,
                    answers,
                );
            }
            Stmt::Switch(parts, position) => {
                for case in &parts.1.expressions {
                    self.of_expression(&case.rhs, types, answers);
                }
                if parts.1.def_case.is_none() {
                    answers.push(nothing(NoValueReason::NoDefault, *position));
                }
            }
            Stmt::While(parts, _) if is_endless(&parts.expr) && !breaks_with_value(statement) => {}
            Stmt::While(..) | Stmt::Do(..) | Stmt::For(..) if breaks_with_value(statement) => {
                answers.push(ReturnValue {
                    value: Value::Unknown,
                    position: statement.position(),
                });
            }
            Stmt::While(..) | Stmt::Do(..) | Stmt::For(..) => {
                answers.push(nothing(NoValueReason::NoValue, statement.position()));
            }
            Stmt::Var(..) | Stmt::Assignment(..) => {
                answers.push(nothing(NoValueReason::NoValue, statement.position()));
            }
            // Where it returns was looked at before; a failure gives nothing that counts.
            _ => {}
        }
    }

    fn of_expression(&self, expression: &Expr, types: &Types<'_>, answers: &mut Vec<ReturnValue>) {
        match expression {
            Expr::Stmt(block) => {
                self.of_block(
                    block.statements(),
                    types,
                    NoValueReason::NoValue,
                    expression.position(),
                    answers,
                );
            }
            Expr::FnCall(call, position) => self.of_call(call, *position, types, answers),
            Expr::Coalesce(parts, _) => {
                // Only the last is given as `()` too.
                for part in parts.iter() {
                    self.of_expression(part, types, answers);
                }
            }
            _ => answers.push(ReturnValue {
                value: value(expression, types),
                position: first_position(expression),
            }),
        }
    }

    fn of_call(
        &self,
        call: &FnCallExpr,
        position: Position,
        types: &Types<'_>,
        answers: &mut Vec<ReturnValue>,
    ) {
        let own = self.all.iter().position(|function| {
            *function.name == *call.name && function.parameters.len() == call.args.len()
        });
        match own {
            Some(function) if self.calls_left > 0 => {
                let deeper = ReturnValues {
                    calls_left: self.calls_left - 1,
                    ..*self
                };
                answers.extend(deeper.of_function(function));
            }
            _ => answers.push(ReturnValue {
                value: types.call_kind(call).map_or(Value::Unknown, Value::Kind),
                position,
            }),
        }
    }
}

fn nothing(why: NoValueReason, position: Position) -> ReturnValue {
    ReturnValue {
        value: Value::Nothing(why),
        position,
    }
}

fn value(expression: &Expr, types: &Types<'_>) -> Value {
    if let Some(number) = constant(expression) {
        return Value::Number(number);
    }
    match expression {
        Expr::Unit(_) => Value::Nothing(NoValueReason::Written),
        Expr::Map(entries, _) => Value::Map(
            entries
                .0
                .iter()
                .map(|(name, field)| Field {
                    name: name.name.to_string(),
                    position: name.pos,
                    value: value(field, types),
                })
                .collect(),
        ),
        _ => types.kind(expression).map_or(Value::Unknown, Value::Kind),
    }
}

/// The number that an expression is, where it is written out.
pub(super) fn constant(expression: &Expr) -> Option<Decimal> {
    match expression {
        Expr::IntegerConstant(number, _) => Some((*number).into()),
        Expr::DynamicConstant(value, _) => value.as_decimal().ok(),
        Expr::FnCall(call, _) if call.is_operator_call() => {
            match (call.name.as_str(), call.args.as_slice()) {
                ("-", [number]) => constant(number).map(|number| -number),
                ("+", [number]) => constant(number),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether a loop's condition always holds.
pub(super) fn is_endless(condition: &Expr) -> bool {
    matches!(condition, Expr::Unit(_) | Expr::BoolConstant(true, _))
}

fn breaks_with_value(statement: &Stmt) -> bool {
    let mut found = false;
    statement.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
        found |= matches!(path.last(), Some(ASTNode::Stmt(Stmt::BreakLoop(Some(_), ..))));
        !found
    });
    found
}

/// The first place that the tree knows of an expression: of `a >= b` it is that of `a`.
fn first_position(expression: &Expr) -> Position {
    let mut first = FirstPosition(expression.position());
    expression.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| first.see(path));
    first.0
}

/// What is wrong with an answer, and the place where it is not the answer's own.
type ReturnFinding = (Diagnostic, Option<Position>);

fn wrong_answer(message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    Diagnostic::new(FindingCode::ScriptWrongAnswer, message).with_help(help)
}

fn objection(source: &str, subject: &str, hook: Hook, value: &Value) -> Option<ReturnFinding> {
    let wanted = match hook {
        Hook::Eligible => "true or false",
        Hook::Progress => "a whole number from 0",
        Hook::Verify => "true, false, a reason or #{ review: \"why\" }",
        Hook::Reward => "a map such as #{ points: 5 }",
        Hook::Risk => "a score from 0 to 100, or #{ score: 70, reasons: [\"why\"] }",
    };
    let refuse = |given: String| {
        let message = format!("{subject} must give {wanted}, and gives {given} here");
        let help = format!("make every path of {subject} give {wanted}");
        Some((wrong_answer(message, help), None))
    };
    match (hook, value) {
        (_, Value::Unknown)
        | (Hook::Eligible | Hook::Verify, Value::Kind(FieldKind::Bool))
        | (Hook::Verify, Value::Kind(FieldKind::Text))
        | (Hook::Progress | Hook::Risk, Value::Kind(FieldKind::Whole | FieldKind::Decimal))
        | (Hook::Reward | Hook::Verify | Hook::Risk, Value::Kind(FieldKind::Map))
        | (_, Value::Kind(FieldKind::Any)) => None,
        (_, Value::Nothing(why)) => {
            let (message, help) = match why {
                NoValueReason::NoElse => (
                    "gives nothing where the condition does not hold",
                    "add an `else` with",
                ),
                NoValueReason::NoDefault => ("gives nothing where no case fits", "add a case `_ =>` with"),
                NoValueReason::Written => ("gives () here", "give"),
                NoValueReason::NoValue => ("gives nothing here", "end with"),
            };
            let message = format!("{subject} must give {wanted}, and {message}");
            Some((wrong_answer(message, format!("{help} {wanted}")), None))
        }
        (Hook::Progress, Value::Number(number)) if number.is_integer() && *number >= Decimal::ZERO => None,
        (Hook::Risk, Value::Number(number)) if is_risk_score(*number) => None,
        (_, Value::Number(number)) => refuse(number.to_string()),
        (Hook::Reward, Value::Map(fields)) => fields.iter().find_map(|field| reward_field(source, field)),
        (Hook::Verify, Value::Map(fields)) => fields.iter().find_map(review_field),
        (Hook::Risk, Value::Map(fields)) => fields.iter().find_map(|field| risk_field(source, field)),
        (_, Value::Map(_)) => refuse("a map".to_owned()),
        (_, Value::Kind(kind)) => refuse(kind.plain().to_owned()),
    }
}

fn risk_field(source: &str, field: &Field) -> Option<ReturnFinding> {
    let at = Some(field.position);
    let wanted = match (field.name.as_str(), &field.value) {
        ("score", Value::Number(number)) if !is_risk_score(*number) => "a whole number from 0 to 100",
        ("score", Value::Kind(FieldKind::Text | FieldKind::Bool | FieldKind::List | FieldKind::Map)) => {
            "a whole number from 0 to 100"
        }
        ("reasons", Value::Number(_) | Value::Map(_)) => "a list of texts",
        ("reasons", Value::Kind(kind)) if !matches!(kind, FieldKind::List | FieldKind::Any) => {
            "a list of texts"
        }
        ("score" | "reasons", _) => return None,
        (name, _) => {
            let message = format!("a judgement of risk has no field `{name}`");
            let finding = wrong_answer(message, "it has `score` and `reasons`");
            return Some(match suggest(name, RISK_FIELDS) {
                Some(meant) => {
                    let span = name_at(source, field.position, name);
                    (finding.with_suggestion(&meant, span, str::to_owned), at)
                }
                None => (finding, at),
            });
        }
    };
    let message = format!("`{}` must be {wanted}", field.name);
    Some((wrong_answer(message, format!("give {wanted}")), at))
}

fn reward_field(source: &str, field: &Field) -> Option<ReturnFinding> {
    let Field {
        name,
        position,
        value,
    } = field;
    let at = Some(*position);
    if !REWARD_FIELDS.contains(&name.as_str()) {
        let message = format!("a reward has no field `{name}`");
        let finding = wrong_answer(message, unknown_reward_field(name));
        return Some(match suggest(name, REWARD_FIELDS) {
            Some(meant) => {
                let span = name_at(source, *position, name);
                (finding.with_suggestion(&meant, span, str::to_owned), at)
            }
            None => (finding, at),
        });
    }
    let wanted = match name.as_str() {
        "badge_id" => "a text",
        "experience_points" | "expires_after_days" => "a whole number from 0",
        _ => "a number from 0",
    };
    let is_text = wanted == "a text";
    let found = match value {
        Value::Number(number) if is_text || *number < Decimal::ZERO => number.to_string(),
        Value::Number(number) if wanted == "a whole number from 0" && !number.is_integer() => {
            number.to_string()
        }
        Value::Kind(FieldKind::Any) | Value::Number(_) | Value::Unknown | Value::Nothing(_) => return None,
        Value::Kind(FieldKind::Text) if is_text => return None,
        Value::Kind(FieldKind::Whole | FieldKind::Decimal) if !is_text => return None,
        Value::Kind(kind) => kind.plain().to_owned(),
        Value::Map(_) => "a map".to_owned(),
    };
    let message = format!("`{name}` must be {wanted}, and is {found}");
    let help = format!("give `{name}` {wanted}, or leave it out");
    Some((wrong_answer(message, help), at))
}

fn review_field(field: &Field) -> Option<ReturnFinding> {
    let at = Some(field.position);
    let help = "write #{ review: \"why\" }";
    if field.name != "review" {
        let message = format!("the map that `verify` gives has no field `{}`", field.name);
        return Some((wrong_answer(message, help), at));
    }
    match field.value {
        Value::Unknown | Value::Kind(FieldKind::Text | FieldKind::Any) => None,
        _ => Some((wrong_answer("`review` must be a text that says why", help), at)),
    }
}

/// Whether a block leaves the loop that it is the body of, by any of its paths.
pub(super) fn leaves(parts: &FlowControl) -> bool {
    let mut found = false;
    for statement in parts.body.statements() {
        statement.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
            let inner_loop = path.iter().rev().skip(1).any(|node| {
                matches!(
                    node,
                    ASTNode::Stmt(Stmt::While(..) | Stmt::Do(..) | Stmt::For(..))
                )
            });
            found |= match path.last() {
                Some(ASTNode::Stmt(Stmt::Return(..))) => true,
                Some(ASTNode::Stmt(Stmt::BreakLoop(_, flags, _))) => {
                    flags.contains(ASTFlags::BREAK) && !inner_loop
                }
                _ => false,
            };
            !found
        });
    }
    found
}
