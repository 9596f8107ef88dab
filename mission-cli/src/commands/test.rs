//! `mission test`: a pack's cases and properties.

mod coverage;
mod watch;

use std::{fmt::Write as _, process::ExitCode};

use coverage::PackCoverage;
use mission_core::ports::rules::ScriptCompiler;
use mission_rules::{
    Scripts,
    coverage::CoverageCompiler,
    diagnostic::line_column,
    pack::{CaseOutcome, HookTrace, Pack, PackFiles, PropertyRun},
};
use serde_json::{Value, json};

use crate::{
    cli::{Test, TestFormat},
    failure::{CommandResult, Failure, exit},
    output::{self, BAD, FAINT, GOOD},
    pack,
};

pub(crate) fn run(args: &Test) -> CommandResult {
    if args.watch {
        return watch::each_change(&args.pack, || match run_once(args) {
            Ok(_) => {}
            Err(failure) => drop(failure.report()),
        });
    }
    run_once(args)
}

fn run_once(args: &Test) -> CommandResult {
    let scripts = pack::scripts();
    let (pack, files) = pack::load(&args.pack, &scripts)?;
    let counting = CoverageCompiler::new(&scripts);
    let counts = args.coverage || args.min_coverage.is_some() || args.lcov.is_some();
    let mut outcomes = run_all(
        &pack,
        &Selection {
            scripts: &scripts,
            coverage: counts.then_some(&counting),
            filter: args.filter.as_deref(),
            seed: args.seed,
        },
    );
    for outcome in outcomes.iter_mut().filter(|outcome| !outcome.passed()) {
        let mut cases = pack.all_cases().into_iter();
        if let Some(case) = cases.find(|case| case.file() == outcome.file && case.name().span == outcome.span)
        {
            outcome.hooks = pack.trace_case(case, &scripts);
        }
    }
    if outcomes.is_empty() {
        if let Some(filter) = &args.filter {
            return Err(nothing_matches(filter, &pack));
        }
        output::note("the pack has no cases; write some into `tests/*.toml`");
    }
    let covered = counts.then(|| PackCoverage::of(&pack, &counting));
    match args.format {
        TestFormat::Human => {
            output::print(&human(&outcomes, &files, &pack::root(&args.pack)))?;
            if let Some(covered) = &covered {
                output::print(&covered.human())?;
            }
        }
        TestFormat::Json => {
            let mut report = as_json(&outcomes, &files);
            if let Some(covered) = &covered {
                report["coverage"] = covered.json();
            }
            output::line(&report.to_string())?;
        }
        TestFormat::Junit => output::print(&junit(&pack.name, &outcomes, &files))?,
    }
    if let (Some(covered), Some(file)) = (&covered, &args.lcov) {
        covered.write_lcov(&args.pack, file)?;
    }
    let below = covered
        .zip(args.min_coverage)
        .and_then(|(covered, least)| covered.below(least));
    if let Some(below) = &below {
        output::tell(&format!("{below}\n"));
    }
    Ok(if below.is_none() && outcomes.iter().all(CaseOutcome::passed) {
        ExitCode::SUCCESS
    } else {
        exit::failed()
    })
}

/// A filter that leaves nothing would let a misspelled name pass.
fn nothing_matches(filter: &str, pack: &Pack) -> Failure {
    let cases = pack.all_cases().into_iter().map(|case| &case.name().value);
    let properties = pack.properties.iter().map(|property| &property.name.value);
    let names: Vec<String> = cases
        .chain(properties)
        .take(10)
        .map(|name| format!("`{name}`"))
        .collect();
    Failure::Unusable(format!(
        "no case's file, name or mission contains `{filter}`; the cases are {}",
        names.join(", ")
    ))
}

/// What of a pack's tests is run, and how.
pub(crate) struct Selection<'a> {
    pub(crate) scripts: &'a Scripts,
    pub(crate) coverage: Option<&'a CoverageCompiler<'a>>,
    pub(crate) filter: Option<&'a str>,
    pub(crate) seed: u64,
}

impl<'a> Selection<'a> {
    pub(crate) fn everything(scripts: &'a Scripts) -> Self {
        Selection {
            scripts,
            coverage: None,
            filter: None,
            seed: 0,
        }
    }

    fn holds(&self, file: &str, name: &str, mission: &str) -> bool {
        self.filter
            .is_none_or(|filter| [file, name, mission].iter().any(|text| text.contains(filter)))
    }
}

/// Runs the cases and properties whose file, name or mission contains the filter, in the order in which they stand.
pub(crate) fn run_all(pack: &Pack, selection: &Selection<'_>) -> Vec<CaseOutcome> {
    let scripts: &dyn ScriptCompiler = match selection.coverage {
        Some(counting) => counting,
        None => selection.scripts,
    };
    let wanted = |file: &str, name: &str, mission: &str| selection.holds(file, name, mission);
    let cases = pack
        .all_cases()
        .into_iter()
        .filter(|case| wanted(case.file(), &case.name().value, case.subject()))
        .map(|case| pack.run_case(case, scripts));
    let run = PropertyRun {
        scripts: selection.scripts,
        seed: selection.seed,
        coverage: selection.coverage,
    };
    let properties = pack
        .properties
        .iter()
        .filter(|property| {
            let mission = property.mission.value.as_str();
            wanted(&property.file, &property.name.value, mission)
        })
        .map(|property| pack.run_property(property, &run));
    let mut outcomes: Vec<CaseOutcome> = cases.chain(properties).collect();
    outcomes.sort_by(|a, b| (&a.file, a.span.start).cmp(&(&b.file, b.span.start)));
    outcomes
}

fn failed(outcomes: &[CaseOutcome]) -> usize {
    outcomes.iter().filter(|outcome| !outcome.passed()).count()
}

fn line_of(outcome: &CaseOutcome, start: usize, files: &PackFiles) -> usize {
    files
        .get(&outcome.file)
        .map_or(0, |text| line_column(text, start).0)
}

pub(crate) fn human(outcomes: &[CaseOutcome], files: &PackFiles, root: &str) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        // Writing into a string cannot fail.
        let _ = if outcome.passed() {
            writeln!(
                text,
                "{GOOD}ok{GOOD:#}    {} {FAINT}({}{}){FAINT:#}",
                outcome.name,
                outcome.file,
                contexts_of(outcome)
            )
        } else {
            writeln!(
                text,
                "{BAD}FAIL{BAD:#}  {}\n{}",
                outcome.name,
                mismatches(outcome, files, root)
            )
        };
    }
    let failed = failed(outcomes);
    let style = if failed == 0 { GOOD } else { BAD };
    let _ = writeln!(
        text,
        "{style}{}{style:#}: {} passed, {failed} failed",
        counted(outcomes),
        outcomes.len() - failed
    );
    text
}

/// `3 cases`, `3 cases, 1 property`.
fn counted(outcomes: &[CaseOutcome]) -> String {
    let properties = outcomes
        .iter()
        .filter(|outcome| outcome.contexts.is_some())
        .count();
    let cases = output::count(outcomes.len() - properties, "case");
    match properties {
        0 => cases,
        1 => format!("{cases}, 1 property"),
        several => format!("{cases}, {several} properties"),
    }
}

/// On how many contexts a property was tried.
fn contexts_of(outcome: &CaseOutcome) -> String {
    let contexts = outcome.contexts.as_ref();
    contexts.map_or_else(String::new, |tried| {
        format!(", {}", output::count(tried.runs, "context"))
    })
}

/// What was expected beside what came out.
fn mismatches(outcome: &CaseOutcome, files: &PackFiles, root: &str) -> String {
    let rows: Vec<[String; 4]> = outcome
        .mismatches
        .iter()
        .map(|mismatch| {
            let line = line_of(outcome, mismatch.span.start, files);
            let root = if root.is_empty() {
                String::new()
            } else {
                format!("{root}/")
            };
            [
                mismatch.what.replace('`', ""),
                mismatch.expected.clone(),
                mismatch.found.clone(),
                format!("{root}{}:{line}", outcome.file),
            ]
        })
        .collect();
    let titles = ["", "expected", "found", "at"].map(str::to_owned);
    let width = |column: usize| {
        let cells = rows.iter().chain([&titles]);
        cells.map(|row| row[column].chars().count()).max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for row in std::iter::once(&titles).chain(&rows) {
        let [what, expected, found, place] = row;
        let [a, b, c] = widths;
        let _ = writeln!(
            text,
            "        {what:<a$}  {expected:<b$}  {found:<c$}  {FAINT}{place}{FAINT:#}"
        );
    }
    if !outcome.refusals.is_empty() {
        let _ = writeln!(
            text,
            "      on the way was refused: {}",
            outcome.refusals.join("; ")
        );
    }
    for failed in outcome.failures.iter() {
        let _ = writeln!(text, "      {BAD}rule{BAD:#} {failed}");
    }
    if let Some(tried) = &outcome.contexts
        && let Some(context) = &tried.counterexample
    {
        let found = format!("found with --seed {}, context {}", tried.seed, tried.runs);
        let _ = writeln!(
            text,
            "      a context on which it does not hold ({found}):\n        {context}"
        );
    }
    for hook in &outcome.hooks {
        trace(&mut text, hook);
    }
    text
}

/// The lines of a hook that ran in its last evaluation, with what they saw.
fn trace(text: &mut String, evaluated: &HookTrace) {
    let given = match &evaluated.trace.result {
        Ok(value) => value.to_string(),
        Err(failure) => failure.message.clone(),
    };
    let _ = writeln!(text, "      the last `{}` gave {given}", evaluated.hook.name());
    for step in evaluated.trace.steps.iter().take(MOST_LINES) {
        let values: Vec<String> = step
            .values
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        let _ = writeln!(
            text,
            "        {FAINT}{:>4}{FAINT:#}  {}{}{FAINT}{}{FAINT:#}",
            step.line,
            step.code,
            if values.is_empty() { "" } else { "    // " },
            values.join(", ")
        );
    }
}

/// A loop runs its lines again and again.
const MOST_LINES: usize = 20;

fn as_json(outcomes: &[CaseOutcome], files: &PackFiles) -> Value {
    let cases: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            let mismatches: Vec<Value> = outcome
                .mismatches
                .iter()
                .map(|mismatch| {
                    json!({
                        "what": mismatch.what.replace('`', ""),
                        "expected": mismatch.expected,
                        "found": mismatch.found,
                        "line": line_of(outcome, mismatch.span.start, files),
                    })
                })
                .collect();
            let mut case = json!({
                "file": outcome.file,
                "line": line_of(outcome, outcome.span.start, files),
                "name": outcome.name,
                "passed": outcome.passed(),
                "mismatches": mismatches,
                "refusals": outcome.refusals,
                "failures": outcome.failures,
                "hooks": outcome.hooks.iter().map(hook_json).collect::<Vec<Value>>(),
            });
            if let Some(tried) = &outcome.contexts {
                case["seed"] = json!(tried.seed);
                case["contexts"] = json!(tried.runs);
                case["counterexample"] = json!(tried.counterexample);
            }
            case
        })
        .collect();
    let failed = failed(outcomes);
    json!({ "cases": cases, "passed": outcomes.len() - failed, "failed": failed })
}

fn hook_json(evaluated: &HookTrace) -> Value {
    let steps = evaluated.trace.steps.iter().take(MOST_LINES).map(|step| {
        let values: serde_json::Map<String, Value> = step.values.iter().cloned().collect();
        json!({"line": step.line, "code": step.code, "values": values})
    });
    let (value, error) = match &evaluated.trace.result {
        Ok(value) => (value.clone(), Value::Null),
        Err(failure) => (Value::Null, json!(failure.message)),
    };
    json!({
        "hook": evaluated.hook.name(), "value": value, "error": error,
        "steps": steps.collect::<Vec<Value>>(),
    })
}

fn junit(pack: &str, outcomes: &[CaseOutcome], files: &PackFiles) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\">\n",
        escaped(pack),
        outcomes.len(),
        failed(outcomes)
    );
    for outcome in outcomes {
        let _ = write!(
            text,
            "<testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
            escaped(&outcome.file),
            escaped(&outcome.name),
            escaped(&outcome.file),
            line_of(outcome, outcome.span.start, files)
        );
        if outcome.passed() {
            text.push_str("/>\n");
            continue;
        }
        let mut told: Vec<String> = outcome
            .mismatches
            .iter()
            .map(|mismatch| {
                let what = mismatch.what.replace('`', "");
                format!("{what}: expected {}, found {}", mismatch.expected, mismatch.found)
            })
            .collect();
        let context = outcome
            .contexts
            .as_ref()
            .and_then(|tried| tried.counterexample.as_ref());
        told.extend(context.map(|context| format!("context: {context}")));
        let _ = writeln!(
            text,
            "><failure message=\"{}\">{}</failure></testcase>",
            escaped(told.first().map_or("", String::as_str)),
            escaped(&told.join("\n"))
        );
    }
    text.push_str("</testsuite>\n</testsuites>\n");
    text
}

/// A text as XML 1.0 can hold it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
