//! A log through one pack or two, on several threads.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    thread::available_parallelism,
};

use mission_rules::run::{EngineError, LineError, LogEntry, LogReader, Options, Replay as Run};
use rayon::prelude::*;

use super::log::{Batch, LINES_A_BATCH, Log};
use crate::{cli::Replay, failure::Failure, output, pack};

/// How many bad lines are shown one by one.
const MOST_TOLD: u64 = 20;

/// Parts of users a thread, so that a part with busy users holds up few others.
const PARTITIONS_A_THREAD: usize = 4;

/// Packs after a log.
pub(in crate::commands) struct Played {
    pub(in crate::commands) runs: Vec<Run>,
    /// The packs, in the same order.
    pub(super) packs: Vec<PackName>,
    /// How many lines could not be read.
    pub(super) bad_lines: u64,
}

/// How a pack calls itself, and where it was.
pub(super) struct PackName {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) folder: PathBuf,
}

/// Plays the log through the packs.
pub(in crate::commands) fn play(args: &Replay) -> Result<Played, Failure> {
    let threads = args.threads.or_else(|| available_parallelism().ok());
    let threads = threads.map_or(1, NonZeroUsize::get);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| Failure::Failed(format!("cannot start {threads} threads: {error}")))?;
    pool.install(|| match read_in_order(args, threads)? {
        Reading::InOrder(played) => Ok(played),
        Reading::OutOfOrder(told) => {
            output::error("the log is not in order of time; its lines are sorted by it first");
            read_sorted(args, threads, told.shown)
        }
    })
}

impl Played {
    fn begin(args: &Replay, threads: usize) -> Result<Played, Failure> {
        let scripts = pack::scripts();
        let options = Options {
            auto_claim: args.auto_claim,
        };
        let partitions = if threads == 1 {
            1
        } else {
            threads * PARTITIONS_A_THREAD
        };
        let mut played = Played {
            runs: Vec::new(),
            packs: Vec::new(),
            bad_lines: 0,
        };
        for folder in std::iter::once(&args.pack).chain(&args.against) {
            let (pack, _) = pack::load(folder, &scripts)?;
            played
                .runs
                .push(Run::partitioned(&pack, &scripts, options, partitions));
            played.packs.push(PackName {
                name: pack.name,
                version: pack.version,
                folder: folder.clone(),
            });
        }
        Ok(played)
    }

    fn play(&mut self, entries: Vec<LogEntry>) -> Result<(), EngineError> {
        match self.runs.as_mut_slice() {
            [run] => run.play(entries),
            runs => runs.par_iter_mut().try_for_each(|run| run.play(entries.clone())),
        }
    }
}

/// The packs after the log.
enum Reading {
    InOrder(Played),
    /// A line was earlier than one above it, so nothing was counted.
    OutOfOrder(InvalidLines),
}

/// Plays every line as it is read.
fn read_in_order(args: &Replay, threads: usize) -> Result<Reading, Failure> {
    let mut played = Played::begin(args, threads)?;
    let mut log = Log::open(&args.events)?;
    let mut reader = LogReader::default();
    let mut bad_lines = InvalidLines::default();
    while let Some(batch) = log.next_batch()? {
        let Batch { lines, unreadable } = batch;
        let read = reader.read(&lines);
        let unreadable = unreadable.into_iter().map(|(number, why)| (number, Err(why)));
        let refused = read.refused.into_iter().map(|(number, why)| (number, Ok(why)));
        let mut refused: Vec<_> = refused.chain(unreadable).collect();
        refused.sort_by_key(|(number, _)| *number);
        for (number, why) in refused {
            match why {
                Err(why) => bad_lines.add(args, number, &why)?,
                Ok(LineError::BadLine(bad)) => bad_lines.add(args, number, &bad.message)?,
                Ok(error @ LineError::OutOfOrder { .. }) if args.events == Path::new("-") => {
                    let place = place(args, number);
                    return Err(Failure::Unusable(format!(
                        "{place}: {error}; sort it, or give a file, whose lines are sorted here"
                    )));
                }
                Ok(LineError::OutOfOrder { .. }) => return Ok(Reading::OutOfOrder(bad_lines)),
            }
        }
        played
            .play(read.entries)
            .map_err(|fault| engine_failed(args, &fault))?;
    }
    played.bad_lines = bad_lines.count;
    Ok(Reading::InOrder(played))
}

/// Reads every line, sorts them by time, those of one time as they stand in the log, and plays them.
fn read_sorted(args: &Replay, threads: usize, shown: u64) -> Result<Played, Failure> {
    let mut bad_lines = InvalidLines { count: 0, shown };
    let mut log = Log::open(&args.events)?;
    let mut lines = Vec::new();
    while let Some(batch) = log.next_batch()? {
        let Batch {
            lines: texts,
            unreadable,
        } = batch;
        let timed = texts
            .into_par_iter()
            .filter(|(_, text)| !text.trim().is_empty())
            .map(|(number, text)| match LogReader::time_of(&text) {
                Ok(time) => Ok((time, number, text)),
                Err(bad) => Err((number, bad.message)),
            });
        let (timed, bad): (Vec<_>, Vec<_>) = timed.partition_map(|line| match line {
            Ok(line) => rayon::iter::Either::Left(line),
            Err(bad) => rayon::iter::Either::Right(bad),
        });
        let mut bad: Vec<_> = bad.into_iter().chain(unreadable).collect();
        bad.sort_by_key(|(number, _)| *number);
        for (number, why) in bad {
            bad_lines.add(args, number, &why)?;
        }
        lines.extend(timed);
    }
    lines.sort_by_key(|(time, number, _)| (*time, *number));
    let lines: Vec<(u64, String)> = lines
        .into_iter()
        .map(|(_, number, text)| (number, text))
        .collect();
    let mut played = Played::begin(args, threads)?;
    let mut reader = LogReader::default();
    for batch in lines.chunks(LINES_A_BATCH) {
        // All of them were read once, and are in order.
        let read = reader.read(batch);
        played
            .play(read.entries)
            .map_err(|fault| engine_failed(args, &fault))?;
    }
    played.bad_lines = bad_lines.count;
    Ok(played)
}

fn place(args: &Replay, number: u64) -> String {
    format!("{}:{number}", args.events.display())
}

fn engine_failed(args: &Replay, fault: &EngineError) -> Failure {
    Failure::Failed(format!("{}: {fault}", place(args, fault.line)))
}

/// Lines that cannot be read.
#[derive(Default)]
struct InvalidLines {
    count: u64,
    /// The number of the last one that was shown.
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
