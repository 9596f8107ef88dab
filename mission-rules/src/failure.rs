//! What went wrong, in words that help the script's author.

use mission_core::ports::rules::{CompileError, FailureKind, Hook, RuleFailure};
use rhai::{EvalAltResult, Position};

use crate::{Diagnostic, Limits, diagnostic::line_column, index_guard::Insertions};

/// The failure of one evaluation.
pub(crate) fn rule_failure(
    hook: Hook,
    error: &EvalAltResult,
    limits: &Limits,
    insertions: &Insertions,
) -> RuleFailure {
    let (message, position) = explained(error, limits);
    let position = insertions.written(position);
    let line = position.line().and_then(|line| u32::try_from(line).ok());
    let message = match (position.line(), position.position()) {
        (Some(line), Some(column)) => format!("{message} (line {line}, column {column})"),
        (Some(line), None) => format!("{message} (line {line})"),
        _ => message,
    };
    RuleFailure {
        hook,
        kind: kind(error),
        line,
        message,
    }
}

/// Whether a limit ended it, or it failed by itself.
fn kind(error: &EvalAltResult) -> FailureKind {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => kind(inner),
        EvalAltResult::ErrorTooManyOperations(_)
        | EvalAltResult::ErrorTerminated(..)
        | EvalAltResult::ErrorStackOverflow(_)
        | EvalAltResult::ErrorTooManyVariables(_)
        | EvalAltResult::ErrorDataTooLarge(..) => FailureKind::Limit,
        _ => FailureKind::Error,
    }
}

/// An answer that a hook cannot give.
pub(crate) fn hook_failure(hook: Hook, message: impl Into<String>) -> RuleFailure {
    RuleFailure {
        hook,
        kind: FailureKind::Answer,
        line: None,
        message: message.into(),
    }
}

fn explained(error: &EvalAltResult, limits: &Limits) -> (String, Position) {
    let message = match error {
        // The innermost error knows where it happened.
        EvalAltResult::ErrorInFunctionCall(function, _, inner, position) => {
            let (message, inner_position) = explained(inner, limits);
            let known = if inner_position.is_none() {
                *position
            } else {
                inner_position
            };
            return if inner_position.is_none() && !function.is_empty() {
                (format!("{message}, in `{function}`"), known)
            } else {
                (message, known)
            };
        }
        EvalAltResult::ErrorTooManyOperations(_) => {
            format!(
                "it takes more than {} operations: look for a loop that does not end",
                limits.operations
            )
        }
        EvalAltResult::ErrorTerminated(..) => {
            format!("it runs for more than {} ms", limits.wall_time.as_millis())
        }
        EvalAltResult::ErrorStackOverflow(_) => {
            format!(
                "functions call each other more than {} levels deep",
                limits.call_depth
            )
        }
        EvalAltResult::ErrorTooManyVariables(_) => {
            format!("more than {} variables are alive at once", limits.variables)
        }
        EvalAltResult::ErrorDataTooLarge(what, _) => too_large(what, limits),
        EvalAltResult::ErrorArrayBounds(items, index, _) => {
            format!("the index {index} is outside of a list of {items}")
        }
        EvalAltResult::ErrorRuntime(thrown, _) => thrown.to_string(),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => no_such_function(signature),
        EvalAltResult::ErrorMismatchDataType(wanted, found, _) => {
            format!(
                "{} is needed here, and this is {}",
                plain_type(wanted),
                plain_type(found)
            )
        }
        other => {
            let mut bare = other.to_string();
            if let Some(at) = bare.rfind(" (line ") {
                bare.truncate(at);
            }
            bare
        }
    };
    (message, error.position())
}

pub(crate) fn too_large(what: &str, limits: &Limits) -> String {
    let (noun, limit, unit) = if what.to_lowercase().contains("string") {
        ("a string", limits.string_bytes, "bytes")
    } else if what.to_lowercase().contains("map") {
        ("a map", limits.map_entries, "entries")
    } else {
        ("a list", limits.array_items, "items")
    };
    format!("{noun} would grow beyond {limit} {unit}, all that is within it included")
}

/// The interpreter's signatures look like `+ (i64, ())`.
fn no_such_function(signature: &str) -> String {
    let Some((name, types)) = signature
        .split_once(" (")
        .and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?)))
    else {
        return format!("there is no function `{signature}`");
    };
    let types: Vec<String> = types
        .split(", ")
        .filter(|part| !part.is_empty())
        .map(plain_type)
        .collect();
    let hint = if types.iter().any(|part| part.starts_with("()")) {
        "; a field that is absent reads as `()`: test for it, or give a default with `??`"
    } else {
        ""
    };
    format!("`{name}` cannot take {}{hint}", types.join(" and "))
}

/// The interpreter's name of a type, as an author would say it.
pub(crate) fn plain_type(name: &str) -> String {
    // A function that takes any of several types is shown with all of them.
    let first = name.split(" | ").next().unwrap_or(name);
    match first.trim().trim_start_matches("&mut ").trim_start_matches('&') {
        "i64" => "a whole number",
        "decimal" | "Decimal" | "rust_decimal::decimal::Decimal" | "rust_decimal::Decimal" => "a decimal",
        "string" | "str" | "ImmutableString" | "String" => "a string",
        "bool" => "true or false",
        "()" => "() (nothing)",
        "array" | "Array" | "rhai::Array" => "a list",
        "map" | "Map" | "rhai::Map" => "a map",
        "char" => "a character",
        other => return format!("`{other}`"),
    }
    .to_owned()
}

/// The first finding as the compiler's error.
pub(crate) fn compile_error(source: &str, finding: &Diagnostic) -> CompileError {
    let (line, column) = finding
        .span
        .as_ref()
        .map_or((0, 0), |span| line_column(source, span.start));
    let message = match &finding.help {
        Some(help) => format!("{}; {help}", finding.message),
        None => finding.message.clone(),
    };
    CompileError {
        message,
        line,
        column,
    }
}
