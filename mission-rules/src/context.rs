//! The `ctx` that a hook gets, built of no more than what the script reads.

use std::collections::BTreeSet;

use mission_core::ports::rules::RuleContext;
use rhai::{ASTNode, Dynamic, Expr, Map, Stmt};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::{
    json::{from_field, from_json},
    schema::{CONTEXT_FIELDS, FieldKind, is_below},
    syntax::{Chain, ChainEnd, Function, chain_at},
};

/// The fields of the context that a script reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContextUse {
    /// Maybe all of it: the context is handed on, indexed or written to.
    Everything,
    /// What these paths lead to, through all its depths, and nothing else.
    Paths(BTreeSet<String>),
}

impl ContextUse {
    /// What the functions of a script read of the variable that a hook's only parameter is.
    pub(crate) fn of(functions: &[Function], hooks: &[&str]) -> Self {
        let mut paths = BTreeSet::new();
        let mut escapes = false;
        for function in functions {
            let [root] = function.parameters.as_slice() else {
                continue;
            };
            if !hooks.contains(&function.name.as_str()) {
                continue;
            }
            function.walk(|path| {
                escapes |= writes_to(path, root);
                if let Some(chain) = chain_at(path).filter(|chain| chain.root == root) {
                    match build_path(&chain) {
                        Some(path) => drop(paths.insert(path)),
                        None => escapes = true,
                    }
                }
            });
        }
        if escapes {
            ContextUse::Everything
        } else {
            ContextUse::Paths(paths)
        }
    }
}

/// Whether a node assigns into the variable, or makes another of its name.
fn writes_to(path: &[ASTNode<'_>], root: &str) -> bool {
    match path.last() {
        Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
            Chain::of(&assignment.1.lhs).is_none_or(|chain| chain.root == root)
        }
        Some(ASTNode::Stmt(Stmt::Var(definition, ..))) => definition.0.name == root,
        Some(ASTNode::Stmt(Stmt::For(parts, _))) => {
            parts.0.name == root || parts.1.as_ref().is_some_and(|counter| counter.name == root)
        }
        Some(ASTNode::Stmt(Stmt::TryCatch(parts, _))) => {
            matches!(&parts.expr, Expr::Variable(variable, ..) if variable.1 == root)
        }
        _ => false,
    }
}

/// The part of the context that must be built for a chain; `None` for all of it.
fn build_path(chain: &Chain<'_>) -> Option<String> {
    if chain.fields.is_empty() || matches!(chain.end, ChainEnd::Method(name) if changes(name)) {
        return None;
    }
    let path = chain.path();
    // Below a field that is no map there is nothing; below an open map the first level is as fine as it gets.
    let clipped = CONTEXT_FIELDS
        .iter()
        .find(|(field, _)| is_below(&path, field))
        .map(|&(field, kind)| {
            let rest = path.get(field.len() + 1..).unwrap_or_default();
            match kind {
                FieldKind::Map => format!("{field}.{}", rest.split('.').next().unwrap_or_default()),
                _ => field.to_owned(),
            }
        });
    Some(clipped.unwrap_or(path))
}

fn changes(method: &str) -> bool {
    crate::sandbox::MUTATING_METHODS.contains(&method)
}

/// The context as a script sees it.
pub(crate) fn script_context(context: &RuleContext<'_>, reads: &ContextUse) -> Dynamic {
    let mut built = Map::new();
    match reads {
        ContextUse::Everything => {
            CONTEXT_FIELDS
                .iter()
                .for_each(|(field, _)| add_field(&mut built, context, field));
        }
        ContextUse::Paths(paths) => {
            for path in paths {
                let known = CONTEXT_FIELDS
                    .iter()
                    .any(|(field, _)| field == path || is_below(path, field));
                if known {
                    add_field(&mut built, context, path);
                    continue;
                }
                for (field, _) in CONTEXT_FIELDS.iter().filter(|(field, _)| is_below(field, path)) {
                    add_field(&mut built, context, field);
                }
            }
        }
    }
    Dynamic::from_map(built)
}

fn add_field(built: &mut Map, context: &RuleContext<'_>, path: &str) {
    if let Some(field) = context.field(path) {
        put(built, path, as_declared(path, from_field(field)));
    }
}

/// Puts a value at the end of a path. What is there already came from the same place and holds more.
fn put(map: &mut Map, path: &str, value: Dynamic) {
    match path.split_once('.') {
        None => {
            map.entry(path.into()).or_insert(value);
        }
        Some((head, rest)) => {
            let below = map
                .entry(head.into())
                .or_insert_with(|| Dynamic::from_map(Map::new()));
            if let Some(mut below) = below.write_lock::<Map>() {
                put(&mut below, rest, value);
            }
        }
    }
}

/// Points and percents are decimals even where they are whole, so that dividing them keeps the fraction.
fn as_declared(path: &str, value: Dynamic) -> Dynamic {
    let decimal = CONTEXT_FIELDS
        .iter()
        .any(|&(field, kind)| field == path && kind == FieldKind::Decimal);
    match value.as_int() {
        Ok(whole) if decimal => Dynamic::from_decimal(Decimal::from(whole)),
        _ => value,
    }
}

/// A context that was written as JSON, as `mission eval` takes it. Fields may be left out; points and percents may be
/// numbers or texts.
///
/// # Errors
/// When it is no object.
pub(crate) fn json_context(context: &Value) -> Result<Dynamic, String> {
    if !context.is_object() {
        return Err("the context must be a JSON object, such as `{\"user\": {\"level\": 3}}`".to_owned());
    }
    let mut context = from_json(context);
    for (path, kind) in CONTEXT_FIELDS {
        if *kind == FieldKind::Decimal {
            make_decimal(&mut context, path, path)?;
        }
    }
    Ok(context)
}

fn make_decimal(value: &mut Dynamic, rest: &str, path: &str) -> Result<(), String> {
    let (head, below) = rest
        .split_once('.')
        .map_or((rest, None), |(head, below)| (head, Some(below)));
    let Some(mut map) = value.write_lock::<Map>() else {
        return Ok(());
    };
    let Some(field) = map.get_mut(head) else {
        return Ok(());
    };
    if let Some(below) = below {
        return make_decimal(field, below, path);
    }
    if let Ok(whole) = field.as_int() {
        *field = Dynamic::from_decimal(whole.into());
    } else if field.is_string() {
        let text = field.to_string();
        let number = text
            .parse()
            .map_err(|_| format!("`{path}` must be a number, not `{text}`"))?;
        *field = Dynamic::from_decimal(number);
    }
    Ok(())
}
