//! `mission replay`: what the users of a log would have earned.

mod log;
mod summary;

use std::{path::Path, process::ExitCode};

use mission_rules::run::{Comparison, Options, Replay as Run, ReplayError, Report};

use crate::{
    cli::{Replay, ReplayFormat},
    failure::{Failure, Outcome, exit},
    output, pack,
};
use log::Log;

pub(crate) fn run(args: &Replay) -> Outcome {
    let mut runs = vec![begin(&args.pack, args)?];
    if let Some(other) = &args.against {
        runs.push(begin(other, args)?);
    }
    let bad_lines = read_all(args, &mut runs)?;
    let reports = runs
        .into_iter()
        .map(|run| run.finish().map_err(|error| Failure::Failed(error.to_string())))
        .collect::<Result<Vec<Report>, Failure>>()?;
    match (reports.as_slice(), args.format) {
        ([report], ReplayFormat::Json) => output::line(&report.to_json())?,
        ([report], ReplayFormat::Human) => output::print(&summary::of_one(report))?,
        ([before, after], format) => {
            let comparison = Comparison::of(before, after);
            match format {
                ReplayFormat::Json => output::line(&comparison.to_json())?,
                ReplayFormat::Human => output::print(&summary::of_two(&comparison, before.tally.lines))?,
            }
        }
        _ => {}
    }
    if bad_lines > 0 {
        output::error(&format!(
            "{} could not be read and are not counted",
            output::count(bad_lines, "line")
        ));
        return Ok(exit::failed());
    }
    Ok(ExitCode::SUCCESS)
}

fn begin(folder: &Path, args: &Replay) -> Result<Run, Failure> {
    let scripts = pack::scripts();
    let (pack, _) = pack::load(folder, &scripts)?;
    let options = Options {
        auto_claim: args.auto_claim,
    };
    Ok(Run::new(&pack, &scripts, options))
}

/// How many bad lines are told of one by one.
const MOST_TOLD: u64 = 20;

/// Plays every line; says how many could not be read.
fn read_all(args: &Replay, runs: &mut [Run]) -> Result<u64, Failure> {
    let mut log = Log::open(&args.events)?;
    let mut bad_lines = 0;
    while let Some((number, line)) = log.next_line()? {
        let place = format_args!("{}:{number}", args.events.display()).to_string();
        let played = match line {
            Ok(text) => runs.iter_mut().try_for_each(|run| run.line(text)),
            Err(why) => {
                bad_line(args, &place, &why, &mut bad_lines)?;
                continue;
            }
        };
        match played {
            Ok(()) => {}
            Err(ReplayError::BadLine(bad)) => bad_line(args, &place, &bad.message, &mut bad_lines)?,
            Err(ReplayError::Engine(fault)) => return Err(Failure::Failed(format!("{place}: {fault}"))),
        }
    }
    Ok(bad_lines)
}

fn bad_line(args: &Replay, place: &str, why: &str, bad_lines: &mut u64) -> Result<(), Failure> {
    let told = format!("{place}: {why}");
    if !args.keep_going {
        return Err(Failure::Failed(told));
    }
    *bad_lines += 1;
    if *bad_lines <= MOST_TOLD {
        output::error(&told);
    }
    Ok(())
}
