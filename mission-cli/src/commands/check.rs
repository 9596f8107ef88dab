//! `mission check`: what is wrong with a pack.

mod fix;

use std::{path::Path, process::ExitCode};

use mission_rules::pack::{
    Finding, Pack, PackFiles, PackHook,
    report::{self, Counts},
};
use serde_json::{Value, json};

use crate::{
    cli::{Check, CheckFormat},
    failure::{CommandResult, Failure, exit},
    output::{self, BAD, FAINT, GOOD, WARN},
    pack,
};

pub(crate) fn run(args: &Check) -> CommandResult {
    if let Some(code) = args.explain {
        output::print(code.page())?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(folder) = &args.pack else {
        return Err(Failure::Unusable("name the folder of a pack".to_owned()));
    };
    let mut checked = Checked::read(folder)?;
    if args.fix && fix::run(args, folder, &checked)? {
        checked = Checked::read(folder)?;
    }
    let Checked {
        files,
        findings,
        hooks,
    } = &checked;
    let counts = Counts::of(findings);
    match args.format {
        CheckFormat::Human => show(folder, &checked, counts)?,
        CheckFormat::Json => {
            let mut report = report::json(findings, files);
            report["hooks"] = hooks.iter().map(hook_json).collect();
            output::line(&report.to_string())?;
        }
        CheckFormat::Sarif => {
            output::line(&report::sarif(findings, files, &pack::root(folder)).to_string())?;
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

/// A pack as it is on the disk, and what there is to say of it.
struct Checked {
    files: PackFiles,
    findings: Vec<Finding>,
    hooks: Vec<PackHook>,
}

impl Checked {
    fn read(folder: &Path) -> Result<Checked, Failure> {
        let files = pack::read(folder)?;
        let (pack, findings) = Pack::load_at(&files, &pack::scripts(), chrono::Utc::now());
        Ok(Checked {
            files,
            findings,
            hooks: pack.map(|pack| pack.hooks).unwrap_or_default(),
        })
    }
}

fn show(folder: &Path, checked: &Checked, counts: Counts) -> Result<(), Failure> {
    let Checked {
        files,
        findings,
        hooks,
    } = checked;
    output::print(&report::human(findings, files, &pack::root(folder), true))?;
    for hook in hooks {
        tell_interpreted(hook)?;
    }
    if let Some(first) = findings.first() {
        let code = first.diagnostic.code;
        output::line(&format!(
            "{FAINT}what a finding means: mission check --explain {code}{FAINT:#}"
        ))?;
    }
    let fixes = findings
        .iter()
        .filter(|finding| finding.diagnostic.fix.is_some())
        .count();
    if fixes > 0 {
        output::line(&format!(
            "{FAINT}{} with only one way out: mission check {} --fix{FAINT:#}",
            output::count(fixes, "finding"),
            folder.display()
        ))?;
    }
    let (style, word) = match (counts.errors, counts.warnings) {
        (0, 0) => (GOOD, "ok"),
        (0, _) => (WARN, "ok"),
        _ => (BAD, "failed"),
    };
    output::line(&format!(
        "{style}{word}{style:#}: `{}`: {counts}{}",
        folder.display(),
        compiled_share(hooks)
    ))?;
    Ok(())
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
