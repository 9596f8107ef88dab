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
        let defined = Hook::ALL.into_iter().filter(|&hook| script.defines(hook));
        let hooks = defined.map(|hook| PackHook {
            file: file.to_owned(),
            hook,
            interpreted: script.interpreted(hook).cloned(),
        });
        hooks.collect()
    }
}
