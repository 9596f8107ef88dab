//! `mission check`: what is wrong with a pack.

use std::process::ExitCode;

use mission_rules::pack::{
    Pack, PackHook,
    report::{self, Counts},
};
use serde_json::{Value, json};

use crate::{
    cli::{Check, CheckFormat},
    failure::{CommandResult, exit},
    output::{self, BAD, FAINT, GOOD, WARN},
    pack,
};

pub(crate) fn run(args: &Check) -> CommandResult {
    let files = pack::read(&args.pack)?;
    let (pack, findings) = Pack::load_at(&files, &pack::scripts(), chrono::Utc::now());
    let hooks = pack.map(|pack| pack.hooks).unwrap_or_default();
    let counts = Counts::of(&findings);
    match args.format {
        CheckFormat::Human => {
            output::print(&report::human(&findings, &files, &pack::root(&args.pack), true))?;
            for hook in &hooks {
                tell_interpreted(hook)?;
            }
            let (style, word) = match (counts.errors, counts.warnings) {
                (0, 0) => (GOOD, "ok"),
                (0, _) => (WARN, "ok"),
                _ => (BAD, "failed"),
            };
            output::line(&format!(
                "{style}{word}{style:#}: `{}`: {counts}{}",
                args.pack.display(),
                compiled_share(&hooks)
            ))?;
        }
        CheckFormat::Json => {
            let mut report = report::json(&findings, &files);
            report["hooks"] = hooks.iter().map(hook_json).collect();
            output::line(&report.to_string())?;
        }
        CheckFormat::Sarif => {
            output::line(&report::sarif(&findings, &files, &pack::root(&args.pack)).to_string())?;
        }
    }
    Ok(
        if counts.errors > 0 || (args.deny_warnings && counts.warnings > 0) {
            exit::failed()
        } else {
            ExitCode::SUCCESS
        },
    )
}

/// Says of a hook that runs in the interpreter why it does.
fn tell_interpreted(hook: &PackHook) -> std::io::Result<()> {
    let Some(because) = &hook.interpreted else {
        return Ok(());
    };
    let line = because.line.map(|line| format!(":{line}")).unwrap_or_default();
    output::line(&format!(
        "{FAINT}note: {}{line}: `{}` runs in the interpreter, which takes longer: {}{FAINT:#}",
        hook.file, hook.hook, because.reason
    ))
}

/// How many hooks are compiled, where there are any.
fn compiled_share(hooks: &[PackHook]) -> String {
    let compiled = hooks.iter().filter(|hook| hook.interpreted.is_none()).count();
    match hooks.len() {
        0 => String::new(),
        all => format!(", {compiled} of {} compiled", output::count(all, "hook")),
    }
}

fn hook_json(hook: &PackHook) -> Value {
    let mut object = json!({ "file": hook.file, "hook": hook.hook, "compiled": hook.interpreted.is_none() });
    if let Some(because) = &hook.interpreted {
        object["reason"] = json!(because.reason);
        if let Some(line) = because.line {
            object["line"] = json!(line);
        }
    }
    object
}
