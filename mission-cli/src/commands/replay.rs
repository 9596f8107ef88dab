//! `mission replay`: what the users of a log would have earned.

mod log;
mod summary;

use std::{path::Path, process::ExitCode};

use mission_rules::run::{Comparison, EngineError, Options, Replay as Run, ReplayError, Report};

use crate::{
    cli::{Replay, ReplayFormat},
    failure::{CommandResult, Failure, exit},
    output, pack,
};
use log::Log;

pub(crate) fn run(args: &Replay) -> CommandResult {
    let (runs, bad_lines) = play(args)?;
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

/// Plays the log through the packs: their runs after it, and how many lines could not be read.
pub(super) fn play(args: &Replay) -> Result<(Vec<Run>, u64), Failure> {
    match read_in_order(args)? {
        ReplayRuns::InOrder(runs, bad_lines) => Ok((runs, bad_lines.count)),
        ReplayRuns::OutOfOrder(shown) => {
            output::error("the log is not in order of time; its lines are sorted by it first");
            read_sorted(args, shown.shown)
        }
    }
}

fn begin(folder: &Path, args: &Replay) -> Result<Run, Failure> {
    let scripts = pack::scripts();
    let (pack, _) = pack::load(folder, &scripts)?;
    let options = Options {
        auto_claim: args.auto_claim,
    };
    Ok(Run::new(&pack, &scripts, options))
}

/// How many bad lines are shown of one by one.
const MOST_TOLD: u64 = 20;

/// The packs' runs after the log, and how many lines could not be read.
enum ReplayRuns {
    InOrder(Vec<Run>, InvalidLines),
    /// A line was earlier than one above it, so nothing was counted.
    OutOfOrder(InvalidLines),
}

fn begin_all(args: &Replay) -> Result<Vec<Run>, Failure> {
    let packs = std::iter::once(&args.pack).chain(&args.against);
    packs.map(|pack| begin(pack, args)).collect()
}

/// Plays every line as it is read.
fn read_in_order(args: &Replay) -> Result<ReplayRuns, Failure> {
    let mut runs = begin_all(args)?;
    let mut log = Log::open(&args.events)?;
    let mut bad_lines = InvalidLines::default();
    while let Some((number, line)) = log.next_line()? {
        let played = match line {
            Ok(text) => runs.iter_mut().try_for_each(|run| run.line(text)),
            Err(why) => {
                bad_lines.add(args, number, &why)?;
                continue;
            }
        };
        match played {
            Ok(()) => {}
            Err(ReplayError::BadLine(bad)) => bad_lines.add(args, number, &bad.message)?,
            Err(error @ ReplayError::OutOfOrder { .. }) if args.events == Path::new("-") => {
                let place = place(args, number);
                return Err(Failure::Unusable(format!(
                    "{place}: {error}; sort it, or give a file, whose lines are sorted here"
                )));
            }
            Err(ReplayError::OutOfOrder { .. }) => return Ok(ReplayRuns::OutOfOrder(bad_lines)),
            Err(ReplayError::Engine(fault)) => return Err(engine_failed(args, number, &fault)),
        }
    }
    Ok(ReplayRuns::InOrder(runs, bad_lines))
}

/// Reads every line, sorts them by time, those of one time as they stand in the log, and plays them.
fn read_sorted(args: &Replay, shown: u64) -> Result<(Vec<Run>, u64), Failure> {
    let mut bad_lines = InvalidLines { count: 0, shown };
    let mut log = Log::open(&args.events)?;
    let mut lines = Vec::new();
    while let Some((number, line)) = log.next_line()? {
        let read = line.and_then(|text| {
            let time = (!text.trim().is_empty()).then(|| Run::time_of(text)).transpose();
            let time = time.map_err(|bad| bad.message)?;
            Ok(time.map(|time| (time, number, text.to_owned())))
        });
        match read {
            Ok(line) => lines.extend(line),
            Err(why) => bad_lines.add(args, number, &why)?,
        }
    }
    lines.sort_by_key(|(time, number, _)| (*time, *number));
    let mut runs = begin_all(args)?;
    for (_, number, text) in &lines {
        match runs.iter_mut().try_for_each(|run| run.line(text)) {
            Ok(()) => {}
            Err(ReplayError::Engine(fault)) => return Err(engine_failed(args, *number, &fault)),
            Err(error) => bad_lines.add(args, *number, &error.to_string())?,
        }
    }
    Ok((runs, bad_lines.count))
}

fn place(args: &Replay, number: u64) -> String {
    format!("{}:{number}", args.events.display())
}

fn engine_failed(args: &Replay, number: u64, fault: &EngineError) -> Failure {
    Failure::Failed(format!("{}: {fault}", place(args, number)))
}

/// Lines that cannot be read.
#[derive(Default)]
struct InvalidLines {
    count: u64,
    /// The number of the last one that was shown of.
    shown: u64,
}

impl InvalidLines {
    fn add(&mut self, args: &Replay, number: u64, why: &str) -> Result<(), Failure> {
        let message = format!("{}: {why}", place(args, number));
        if !args.keep_going {
            return Err(Failure::Failed(message));
        }
        self.count += 1;
        if self.count <= MOST_TOLD && number > self.shown {
            output::error(&message);
            self.shown = number;
        }
        Ok(())
    }
}
