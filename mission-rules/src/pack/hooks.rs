//! How the hooks of a pack run.

use mission_core::ports::rules::Hook;

use crate::{Interpreted, ScriptHooks};

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
    pub(super) fn all(file: &str, script: &ScriptHooks) -> Vec<PackHook> {
        let hooks = script.hooks().map(|(hook, interpreted)| PackHook {
            file: file.to_owned(),
            hook,
            interpreted: interpreted.cloned(),
        });
        hooks.collect()
    }
}
