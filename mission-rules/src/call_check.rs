//! Whether everything that a script calls is there, and can take as many parameters.

use std::collections::{BTreeMap, BTreeSet};

use mission_core::ports::rules::Hook;
use rhai::{ASTNode, Expr, FnCallExpr, Position, Stmt};

use crate::{
    Diagnostic, FindingCode,
    sandbox::{Language, forbidden},
    suggest::suggest,
    syntax::{Function, name_at, word_at},
    syntax_error::foreign,
};

/// Finds functions that cannot be what their names say, calls with a wrong number of parameters, and calls of what is
/// not there.
pub(crate) fn check_calls(source: &str, functions: &[Function], language: &Language) -> Vec<Diagnostic> {
    let mut own: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for function in functions {
        own.entry(&function.name)
            .or_default()
            .insert(function.parameters.len());
    }
    let mut findings: Vec<Diagnostic> = functions
        .iter()
        .filter_map(|function| check_definition(function, language).map(|finding| (function, finding)))
        .map(|(function, finding)| finding.at_known(definition_of(source, &function.name)))
        .collect();
    for function in functions {
        function.walk(|path| {
            if let Some((call, position, receiver)) = called(path) {
                findings.extend(check_call(source, call, position, receiver, &own, language));
            }
        });
    }
    findings
}

fn check_definition(function: &Function, language: &Language) -> Option<Diagnostic> {
    let name = &function.name;
    let parameters = function.parameters.len();
    if Hook::ALL.into_iter().any(|hook| hook.name() == name) {
        if parameters != 1 {
            let message = format!("the hook `{name}` takes one parameter, the context, and not {parameters}");
            let help = format!("write `fn {name}(ctx) {{ … }}`");
            return Some(Diagnostic::new(FindingCode::ScriptHookParameters, message).with_help(help));
        }
        if function.is_private {
            let message = format!("the hook `{name}` is private, so nobody could call it");
            return Some(
                Diagnostic::new(FindingCode::ScriptPrivateHook, message).with_help("leave out `private`"),
            );
        }
    } else if language
        .arities(name)
        .is_some_and(|arities| arities.contains(&parameters))
    {
        // An own `contains` would also change what `in` means.
        let message = format!("`{name}` is a function of the language, and means the same in every script");
        return Some(Diagnostic::new(FindingCode::ScriptTakenName, message).with_help("choose another name"));
    }
    None
}

/// The bytes of a function's name where it is defined. The tree does not keep them.
pub(crate) fn definition_of(source: &str, name: &str) -> Option<std::ops::Range<usize>> {
    source.match_indices("fn ").find_map(|(at, keyword)| {
        let rest = source.get(at + keyword.len()..)?;
        let start = source.len() - rest.trim_start().len();
        let after = source.get(start..)?.strip_prefix(name)?;
        after
            .trim_start()
            .starts_with('(')
            .then_some(start..start + name.len())
    })
}

/// The call that a node is, and how many parameters it has besides those in the parentheses.
fn called<'a>(path: &[ASTNode<'a>]) -> Option<(&'a FnCallExpr, Position, usize)> {
    let (call, position, receiver): (&FnCallExpr, _, _) = match path.last()? {
        ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position)) => {
            (call, *position, 0)
        }
        ASTNode::Expr(Expr::MethodCall(call, position)) => (call, *position, 1),
        _ => return None,
    };
    (!call.is_operator_call()).then_some((call, position, receiver))
}

fn check_call(
    source: &str,
    call: &FnCallExpr,
    position: Position,
    receiver: usize,
    own: &BTreeMap<&str, BTreeSet<usize>>,
    language: &Language,
) -> Option<Diagnostic> {
    let name = call.name.as_str();
    let given = call.args.len() + receiver;
    let own_arities = own.get(name);
    let arities = language.arities(name);
    if [own_arities, arities]
        .into_iter()
        .flatten()
        .any(|known| known.contains(&given))
    {
        return None;
    }
    let known: BTreeSet<usize> = [own_arities, arities]
        .into_iter()
        .flatten()
        .flatten()
        .copied()
        .collect();
    let finding = if !known.is_empty() {
        let counts: Vec<String> = known
            .iter()
            .map(|count| count.saturating_sub(receiver).to_string())
            .collect();
        Diagnostic::new(
            FindingCode::ScriptWrongArity,
            format!(
                "`{name}` takes {} parameters here, not {}",
                counts.join(" or "),
                call.args.len()
            ),
        )
    } else if let Some(reason) = forbidden(name) {
        Diagnostic::new(
            FindingCode::ScriptForbidden,
            format!("scripts have no `{name}`: {reason}"),
        )
    } else {
        let finding = Diagnostic::new(
            FindingCode::ScriptUnknownFunction,
            format!("there is no function `{name}`"),
        );
        let mut names: Vec<&str> = own.keys().copied().collect();
        language.names().for_each(|known| names.push(known));
        match (foreign(name), suggest(name, names.iter().copied())) {
            (Some(here), _) => finding.with_help(format!("write `{here}`")),
            (None, Some(meant)) => {
                finding.with_suggestion(&meant, name_at(source, position, name), str::to_owned)
            }
            (None, None) => finding,
        }
    };
    Some(finding.at_known(word_at(source, position)))
}
