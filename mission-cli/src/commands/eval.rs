//! `mission eval`: one hook on one context.

use std::{fmt::Write as _, fs, io::Read as _, path::Path, process::ExitCode};

use mission_core::{mission::Definition, ports::rules::Hook};
use mission_rules::{
    Scripts, Trace,
    pack::{Pack, mission_context},
};
use serde_json::{Map, Value, json};

use crate::{
    cli::Eval,
    failure::{CommandResult, Failure},
    output::{self, FAINT},
    pack,
};

pub(crate) fn run(args: &Eval) -> CommandResult {
    // Whatever keeps it from a value is an error of the evaluation: exit 1.
    evaluated(args).map_err(Failure::into_failed)
}

fn evaluated(args: &Eval) -> CommandResult {
    let scripts = pack::scripts();
    let (pack, _) = pack::load(&args.pack, &scripts)?;
    let known = Hook::ALL.into_iter().find(|hook| hook.to_string() == args.hook);
    let hook = known.ok_or_else(|| {
        let names = Hook::ALL.map(|hook| format!("`{hook}`")).join(", ");
        Failure::Failed(format!("there is no hook `{}`; the hooks are {names}", args.hook))
    })?;
    let mission = match (args.mission.as_str(), hook) {
        ("-", Hook::Risk) => None,
        (code, _) => Some(mission_of(&pack, code)?),
    };
    let mut context = context(&args.context)?;
    if let Some(mission) = mission
        && !context.contains_key("mission")
    {
        context.insert("mission".to_owned(), mission_context(mission));
    }
    let source = match (hook, mission) {
        (Hook::Risk, _) => pack.policy.risk.as_ref().map(|risk| risk.script.as_str()),
        (_, mission) => mission.and_then(|mission| mission.script.as_deref()),
    };
    let hook = AskedHook {
        hook,
        source,
        mission,
        file: mission
            .filter(|_| hook != Hook::Risk)
            .and_then(|mission| mission.rules_script.as_deref()),
    };
    let value = evaluate(&scripts, args, &hook, &Value::Object(context))?;
    output::line(&json!({ "value": value }).to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// A hook, and the script that answers it.
struct AskedHook<'p> {
    hook: Hook,
    source: Option<&'p str>,
    mission: Option<&'p Definition>,
    file: Option<&'p str>,
}

fn mission_of<'p>(pack: &'p Pack, code: &str) -> Result<&'p Definition, Failure> {
    let mut definitions = pack.missions.iter().map(|mission| &mission.definition);
    definitions
        .find(|definition| definition.code.as_str() == code)
        .ok_or_else(|| {
            let codes: Vec<String> = pack
                .missions
                .iter()
                .map(|mission| format!("`{}`", mission.definition.code))
                .collect();
            Failure::Failed(format!(
                "the pack has no mission `{code}`; it has {}",
                codes.join(", ")
            ))
        })
}

fn context(file: &Path) -> Result<Map<String, Value>, Failure> {
    let name = file.display();
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        fs::read_to_string(file).map(|read| text = read)
    };
    read.map_err(|error| Failure::Failed(format!("cannot read the context `{name}`: {error}")))?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Failure::Failed(format!(
            "the context `{name}` must be a JSON object, such as {{\"user\":{{\"level\":3}}}}"
        ))),
        Err(error) => Err(Failure::Failed(format!(
            "the context `{name}` is no JSON: {error}"
        ))),
    }
}

fn evaluate(
    scripts: &Scripts,
    args: &Eval,
    asked: &AskedHook<'_>,
    context: &Value,
) -> Result<Value, Failure> {
    let failed = |why: String| Failure::Failed(format!("`{}` of `{}`: {why}", args.hook, args.mission));
    let hook = asked.hook;
    let source = match asked.source {
        Some(source)
            if scripts
                .load(source)
                .map_err(|error| failed(error.to_string()))?
                .defines(hook) =>
        {
            source
        }
        _ => {
            let owner = match hook {
                Hook::Risk => "risk.toml",
                _ => &args.mission,
            };
            output::note(&format!(
                "`{owner}` has no script with `fn {hook}(ctx)`; this is the default"
            ));
            return Ok(default(asked));
        }
    };
    if !args.trace {
        let value = scripts.eval_hook(source, hook, context);
        return value.map_err(|error| failed(error.to_string()));
    }
    let trace = scripts
        .trace_hook(source, hook, context)
        .map_err(|error| failed(error.to_string()))?;
    output::tell(&shown(&trace, asked.file.unwrap_or("script")));
    trace.result.map_err(|error| failed(error.to_string()))
}

/// What holds where a script leaves a hook out.
fn default(asked: &AskedHook<'_>) -> Value {
    let reward = asked.mission.map(|definition| &definition.reward);
    match asked.hook {
        Hook::Eligible | Hook::Verify => json!(true),
        Hook::Progress => json!(1),
        Hook::Reward => serde_json::to_value(reward).unwrap_or_default(),
        Hook::Risk => json!(0),
    }
}

fn shown(trace: &Trace, file: &str) -> String {
    let mut text = String::new();
    for step in &trace.steps {
        let place = format!("{file}:{}:{}", step.line, step.column);
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{FAINT}{place}{FAINT:#}  {}", step.code);
        for (name, value) in &step.values {
            let _ = writeln!(text, "    {name} = {value}");
        }
    }
    if trace.truncated {
        let _ = writeln!(text, "{FAINT}…and more{FAINT:#}");
    }
    text
}
