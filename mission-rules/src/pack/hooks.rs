//! How the hooks of a pack run.

use mission_core::ports::rules::Hook;

use super::PackFiles;
use crate::{Interpreted, Scripts};

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

/// The hooks of all scripts of a pack, by file. A script that does not compile has none.
///
/// ```
/// use mission_rules::{Scripts, pack::{PackFiles, pack_hooks}};
/// let files = PackFiles::from_map([("rules/watch.rhai", "fn eligible(ctx) { ctx.user.level >= 3 }")]);
/// let hooks = pack_hooks(&files, &Scripts::default());
/// assert!(hooks[0].interpreted.is_none());
/// ```
#[must_use]
pub fn pack_hooks(files: &PackFiles, scripts: &Scripts) -> Vec<PackHook> {
    let sources = files.iter().filter(|(path, _)| path.ends_with(".rhai"));
    let loaded = sources.filter_map(|(path, source)| Some((path, scripts.load(source).ok()?)));
    loaded
        .flat_map(|(path, script)| {
            Hook::ALL
                .into_iter()
                .filter(|&hook| script.defines(hook))
                .map(|hook| PackHook {
                    file: path.to_owned(),
                    hook,
                    interpreted: script.interpreted(hook).cloned(),
                })
                .collect::<Vec<_>>()
        })
        .collect()
}
