//! What is probably not meant so: found by reading a script, without running it.

mod always_fails;
mod answers;
mod comparisons;
mod expectation;
mod fields;
mod inference;
mod variables;

use std::collections::BTreeSet;

use mission_core::ports::rules::Hook;
use rhai::{AST, ASTNode, Expr, Stmt};

pub(crate) use expectation::lint_expectation;
use inference::ScriptTypes;

use crate::{
    Diagnostic, FieldSchema, FindingCode,
    call_check::definition_of,
    completions::CompletionsRead,
    program::{Engines, Program},
    suggest::suggest,
    syntax::{Function, functions, word_at},
};

/// Everything that is wrong with a script, or probably not meant so, errors first; and the script, if it compiles.
pub(crate) fn lint(
    engines: &Engines,
    source: &str,
    schema: &FieldSchema,
) -> (Vec<Diagnostic>, Option<Program>) {
    let written = match engines.parse(source) {
        Ok(written) => written,
        Err(finding) => return (vec![finding], None),
    };
    let defined = functions(&written);
    let (mut findings, program) = match engines.compile_written(source, &written, &defined) {
        Ok(program) => (Vec::new(), Some(program)),
        Err(findings) => (findings, None),
    };
    findings.extend(check_hooks(source, &written, &defined));
    findings.extend(check_completions(source, &defined));
    let types = ScriptTypes::of(&defined, written.statements(), schema);
    for (n, function) in defined.iter().enumerate() {
        findings.extend(always_fails::check(source, function));
        findings.extend(variables::check(source, function));
        if let Some(hook) = Hook::ALL.into_iter().find(|hook| hook.name() == function.name) {
            findings.extend(answers::check(source, hook, n, &defined, &types));
        }
        findings.extend(fields::check(source, function, &types.of_function(n)));
        findings.extend(comparisons::check(source, function, &types.of_function(n)));
    }
    findings.sort_by_key(|finding| {
        (
            finding.severity,
            finding.span.as_ref().map_or(0, |span| span.start),
        )
    });
    findings.dedup();
    (findings, program)
}

/// Finds completions that are taken by a computed code: nobody knows in time which to look up.
fn check_completions(source: &str, defined: &[Function]) -> Vec<Diagnostic> {
    let computed = CompletionsRead::of(defined).computed.into_iter();
    computed
        .map(|position| {
            let message = "a mission's completions are looked up before the script runs, so its code must be written out";
            Diagnostic::new(FindingCode::ScriptComputedCompletions, message)
                .with_help("write ctx.completions[\"the-code\"]")
                .at_known(word_at(source, position))
        })
        .collect()
}

fn is_hook(name: &str) -> bool {
    Hook::ALL.into_iter().any(|hook| hook.name() == name)
}

/// The parameter that is the context: a hook's only one, and by custom any other that is called `ctx`.
fn context_parameter(function: &Function) -> Option<&str> {
    match function.parameters.as_slice() {
        [only] if is_hook(&function.name) => Some(only),
        others => others.iter().map(String::as_str).find(|name| *name == "ctx"),
    }
}

/// Finds functions that nothing calls, and among them those that were to be hooks.
fn check_hooks(source: &str, written: &AST, defined: &[Function]) -> Vec<Diagnostic> {
    let called = called_names(written);
    let mut findings = Vec::new();
    for function in defined
        .iter()
        .filter(|function| !is_hook(&function.name) && !called.contains(&function.name))
    {
        let name = &function.name;
        let free = Hook::ALL
            .map(Hook::name)
            .into_iter()
            .filter(|hook| defined.iter().all(|known| known.name != *hook));
        let meant = suggest(name, free).filter(|_| function.parameters.len() == 1);
        let span = definition_of(source, name);
        let finding = match meant {
            Some(meant) => {
                let message = format!("`{name}` is no hook, and nothing calls it");
                Diagnostic::new(FindingCode::ScriptMisspelledHook, message).with_suggestion(
                    &meant,
                    span.clone(),
                    str::to_owned,
                )
            }
            None => {
                let help = format!(
                    "the hooks are {}; call it from one of them, or remove it",
                    Hook::ALL.map(Hook::name).join(", ")
                );
                Diagnostic::new(
                    FindingCode::ScriptUnusedFunction,
                    format!("nothing calls `{name}`"),
                )
                .with_help(help)
            }
        };
        findings.push(finding.at_known(span));
    }
    if !defined.iter().any(|function| is_hook(&function.name)) {
        let message = "the script defines no hook, so it changes nothing";
        findings.push(Diagnostic::new(FindingCode::ScriptNoHooks, message).with_help(
            "define `fn eligible(ctx)`, `fn progress(ctx)`, `fn verify(ctx)` or `fn reward(ctx)`; `fn risk(ctx)` in the one of `risk.toml`",
        ));
    }
    findings
}

fn called_names(written: &AST) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    written.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(
            ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))
            | ASTNode::Stmt(Stmt::FnCall(call, _)),
        ) = path.last()
        {
            names.insert(call.name.to_string());
        }
        true
    });
    names
}
