//! How the hooks of a pack run.

use mission_core::ports::rules::Hook;

use super::Finding;
use crate::{
    FieldSchema, FindingCode, Interpreted, ScriptHooks, Scripts, call_check::definition_of,
    diagnostic::Diagnostic,
};

/// One hook of a script of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackHook {
    /// The script's path in the pack.
    pub file: String,
    /// The hook.
    pub hook: Hook,
    /// Why it runs in the interpreter; `None` for one that is compiled.
    pub interpreted: Option<Interpreted>,
}

impl PackHook {
    /// The hooks that a script defines.
    fn all(file: &str, script: &ScriptHooks) -> Vec<PackHook> {
        let hooks = script.hooks().map(|(hook, interpreted)| PackHook {
            file: file.to_owned(),
            hook,
            interpreted: interpreted.cloned(),
        });
        hooks.collect()
    }
}

/// What is found in a script whose context has these fields, and its hooks, if it compiles.
pub(super) fn diagnose(
    path: &str,
    source: &str,
    schema: &FieldSchema,
    scripts: &Scripts,
) -> (Vec<Finding>, Option<Vec<PackHook>>) {
    let (diagnostics, compiled) = scripts.diagnose_script(source, schema);
    let findings = diagnostics.into_iter().map(|mut diagnostic| {
        diagnostic.span.get_or_insert(0..0);
        Finding::new(path, diagnostic)
    });
    (
        findings.collect(),
        compiled.map(|compiled| PackHook::all(path, &compiled)),
    )
}

/// A hook that a script defines, and that nobody ever asks.
pub(super) fn unused_hook(
    (path, source): (&str, &str),
    hook: Hook,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Finding {
    let span = definition_of(source, hook.name()).unwrap_or(0..0);
    let diagnostic = Diagnostic::new(FindingCode::ScriptUnusedHook, message);
    Finding::new(path, diagnostic.with_help(help).at(span))
}
