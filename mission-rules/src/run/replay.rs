//! A recorded log through a pack's engine, its users apart where they cannot meet.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mission_core::{
    UserId,
    engine::{Catalog, Rejection, StartTask},
    mission::MissionCode,
    ports::rules::ScriptCompiler,
    task::Explanation,
};
use rayon::prelude::*;

use super::{
    EngineError, LineError, LogEntry, LogReader, Report, catalog, partition::Partition, routing::Routing,
};
use crate::pack::Pack;

/// Options of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether what completes is claimed at that very moment; else only `task.claim` claims.
    pub auto_claim: bool,
}

impl Default for Options {
    /// Claims what completes.
    fn default() -> Self {
        Options { auto_claim: true }
    }
}

/// A line that a replay cannot apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The line is none that can be replayed. It changed nothing; the replay can go on with the next.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why there is no explanation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExplainError {
    /// There is no such mission, or the user was erased.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Nothing was played, and no moment was named.
    #[error("there is no moment to explain at: name one, or play a log")]
    NoMoment,
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A log on its way through a pack's engine. The same lines give the same report, always, on however many threads.
pub struct Replay {
    catalog: Arc<Catalog>,
    pub(super) partitions: Vec<Partition>,
    routing: Routing,
    /// Reads what comes line by line.
    reader: LogReader,
    period: Option<Period>,
}

/// The times of a log's first and last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Of the first.
    pub first: DateTime<Utc>,
    /// Of the last.
    pub last: DateTime<Utc>,
}

impl Replay {
    /// Begins with a pack whose missions are all active, and nobody known.
    ///
    /// Give scripts a [`crate::StoppedStopwatch`]: then the count of operations alone ends them, and a busy machine
    /// changes no result.
    #[must_use]
    pub fn new(pack: &Pack, compiler: &dyn ScriptCompiler, options: Options) -> Self {
        Replay::partitioned(pack, compiler, options, 1)
    }

    /// As [`Replay::new`], with the users in so many parts, which [`Replay::play`] plays at the same time. They are in one
    /// part in any case where the pack lets users meet: where a mission has a budget, or a rule reads friends.
    #[must_use]
    pub fn partitioned(
        pack: &Pack,
        compiler: &dyn ScriptCompiler,
        options: Options,
        partitions: usize,
    ) -> Self {
        let catalog = Arc::new(catalog(pack, compiler));
        let routing = Routing::new(if users_meet(&catalog) { 1 } else { partitions });
        let partitions = (0..routing.partitions()).map(|_| Partition::new(Arc::clone(&catalog), options));
        Replay {
            partitions: partitions.collect(),
            catalog,
            routing,
            reader: LogReader::default(),
            period: None,
        }
    }

    /// Takes in one line of the log; an empty one is passed over.
    ///
    /// # Errors
    /// When the line cannot be read, is earlier than one before it, or the engine fails. What the domain refuses is no error; it is counted.
    pub fn line(&mut self, text: &str) -> Result<(), ReplayError> {
        let read = self.reader.read(&[(0, text)]);
        if let Some((_, why)) = read.refused.into_iter().next() {
            return Err(why.into());
        }
        Ok(self.play(read.entries)?)
    }

    /// Takes in the next entries that a [`LogReader`] read, on all threads of the pool at hand.
    ///
    /// # Errors
    /// When the engine fails; the first line at which it did is named.
    pub fn play(&mut self, entries: Vec<LogEntry>) -> Result<(), EngineError> {
        if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
            let period = self.period.get_or_insert(Period {
                first: first.at,
                last: last.at,
            });
            period.last = last.at;
        }
        let mut waiting: Vec<Vec<LogEntry>> = self.partitions.iter().map(|_| Vec::new()).collect();
        for entry in entries {
            let to = self.routing.partition_of(entry.user);
            for (claim, from) in self.routing.claims_from_elsewhere(&entry, to) {
                // What was told before may still make the claim, or take it.
                play_all(&mut self.partitions, &mut waiting)?;
                if let Ok([from, to]) = self.partitions.get_disjoint_mut([from, to]) {
                    from.state.shared.hand_over(&claim, &mut to.state.shared);
                }
            }
            if let Some(queue) = waiting.get_mut(to) {
                queue.push(entry);
            }
        }
        play_all(&mut self.partitions, &mut waiting)
    }

    /// Explains why a user could do a mission after what was played so far, or could not: at a moment, else at that of the
    /// last line. Scripts show the lines that ran.
    ///
    /// # Errors
    /// [`ExplainError::Rejected`] where there is no such mission; [`ExplainError::NoMoment`] where there is no line and no
    /// moment; when the engine fails.
    pub fn explain(
        &mut self,
        user: UserId,
        mission: &MissionCode,
        at: Option<DateTime<Utc>>,
        compiler: &dyn ScriptCompiler,
    ) -> Result<Explanation, ExplainError> {
        let at = at
            .or(self.period.map(|period| period.last))
            .ok_or(ExplainError::NoMoment)?;
        let partition = &mut self.partitions[self.routing.partition_of(user)];
        let mission = partition.mission(mission)?;
        partition.state.expire_until(at)?;
        let start = StartTask { user, mission };
        Ok(partition.state.explain(&start, at, compiler)??)
    }

    /// Ends the log, and sums up.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn finish(mut self) -> Result<Report, EngineError> {
        if let Some(Period { last, .. }) = self.period {
            for partition in &mut self.partitions {
                partition.state.expire_until(last)?;
            }
        }
        Ok(Report::of(&self.catalog, self.partitions, self.period))
    }
}

/// Whether what one user does can decide on another, in ways that no line of a log names.
fn users_meet(catalog: &Catalog) -> bool {
    catalog
        .missions()
        .any(|compiled| compiled.mission.definition.budget.is_some() || compiled.reads_friends())
}

/// Plays what waits for each partition.
fn play_all(partitions: &mut [Partition], waiting: &mut [Vec<LogEntry>]) -> Result<(), EngineError> {
    let play = |(partition, queue): (&mut Partition, &mut Vec<LogEntry>)| {
        queue.drain(..).try_for_each(|entry| partition.play(entry)).err()
    };
    let failures = partitions.par_iter_mut().zip(waiting).filter_map(play);
    match failures.min_by_key(|failure| failure.line) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}
