//! A recorded log, line by line, through a pack's engine.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mission_core::{
    MissionId, TaskId, UserId,
    engine::{
        Answer, ApplyEvent, CheckIn, ClaimTask, Command, CompleteTask, DecideReview, DescribeUser,
        NoteRefusedVisit, RegisterUser, Rejection, Reply, ReportProgress, ResourceKind, StartTask,
        SubmitEvidence,
    },
    event::EventOutcome,
    fraud::{Review, ReviewStatus, ReviewSubject},
    mission::MissionCode,
    ports::rules::ScriptCompiler,
    task::{Explanation, Task, TaskStatus},
};
use uuid::Uuid;

use super::{
    EngineError, InvalidLogLine, LineCounts, Report, catalog,
    log::{LogAction, LogEntry, parse},
    replay_state::ReplayState,
};
use crate::{
    FailedRules,
    pack::{
        Pack,
        simulation::{CaseStep, attach},
    },
};

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
    /// The line cannot be read. It changed nothing; the replay can go on with the next.
    #[error(transparent)]
    BadLine(#[from] InvalidLogLine),
    /// The line is earlier than one before it: the replay cannot go back. It changed nothing.
    #[error("{at} is earlier than {after}, the time of a line above: a log is replayed in order of time")]
    OutOfOrder {
        /// The line's time.
        at: DateTime<Utc>,
        /// The latest time so far.
        after: DateTime<Utc>,
    },
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

/// A log on its way through a pack's engine. The same lines give the same report, always.
pub struct Replay {
    pub(super) state: ReplayState,
    options: Options,
    tally: LineCounts,
    failures: FailedRules,
    latest: Option<DateTime<Utc>>,
}

impl Replay {
    /// Begins with a pack whose missions are all active, and nobody known.
    ///
    /// Give scripts a [`crate::StoppedStopwatch`]: then the count of operations alone ends them, and a busy machine
    /// changes no result.
    #[must_use]
    pub fn new(pack: &Pack, compiler: &dyn ScriptCompiler, options: Options) -> Self {
        Replay {
            state: ReplayState::new(Arc::new(catalog(pack, compiler))),
            options,
            tally: LineCounts::default(),
            failures: FailedRules::default(),
            latest: None,
        }
    }

    /// Takes in one line of the log; an empty one is passed over.
    ///
    /// # Errors
    /// When the line cannot be read, is earlier than one before it, or the engine fails. What the domain refuses is no error; it is counted.
    pub fn line(&mut self, text: &str) -> Result<(), ReplayError> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let line = parse(text, self.tally.lines + 1)?;
        if let Some(after) = self.latest.filter(|latest| line.at < *latest) {
            return Err(ReplayError::OutOfOrder { at: line.at, after });
        }
        self.tally.lines += 1;
        self.play(line)?;
        Ok(())
    }

    /// When a line reached the engine: the order in which lines are to be replayed.
    ///
    /// # Errors
    /// When the line cannot be read.
    pub fn time_of(line: &str) -> Result<DateTime<Utc>, InvalidLogLine> {
        parse(line, 0).map(|line| line.at)
    }

    /// What has been counted so far.
    #[must_use]
    pub fn tally(&self) -> &LineCounts {
        &self.tally
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
        let mission = self.mission(mission)?;
        let at = at.or(self.latest).ok_or(ExplainError::NoMoment)?;
        self.state.expire_until(at)?;
        let start = StartTask { user, mission };
        Ok(self.state.explain(&start, at, compiler)??)
    }

    /// Ends the log, and sums up.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn finish(mut self) -> Result<Report, EngineError> {
        if let Some(latest) = self.latest {
            self.state.expire_until(latest)?;
        }
        Ok(Report::of(&self.state, self.tally, self.failures))
    }

    fn play(&mut self, line: LogEntry) -> Result<(), EngineError> {
        let LogEntry { user, at, what } = line;
        self.latest = Some(at);
        self.state.expire_until(at)?;
        self.state.hear_of(user);
        match what {
            LogAction::Activity(event) => {
                let answer = self.state.execute(at, None, ApplyEvent { event }.into())?;
                self.count_event(answer);
            }
            LogAction::Step(step) => {
                // A check-in asks for its zone as a token's `zoneinfo` does.
                let zone = match &step {
                    CaseStep::CheckIn { zone } => *zone,
                    _ => None,
                };
                let answer = match self.command(user, step) {
                    Ok(command) => self.state.execute(at, zone, command)?,
                    Err(why) => Err(why),
                };
                if answer == Err(Rejection::AlreadyCheckedIn) {
                    // As on a server, a wish for another zone is kept even where the command is refused.
                    drop(self.state.execute(at, zone, NoteRefusedVisit { user }.into())?);
                } else if let (Err(_), Some(_)) = (&answer, zone) {
                    let wish = RegisterUser {
                        user,
                        registered_at: None,
                        display_name: None,
                    };
                    drop(self.state.execute(at, zone, wish.into())?);
                }
                self.count_command(&answer);
            }
        }
        for fault in self.state.take_failures() {
            self.failures.note(&fault, &self.state.catalog);
        }
        if self.options.auto_claim {
            while let Some(claim) = self.state.take_claim() {
                let answer = self.state.execute(at, None, claim.into())?;
                if let Err(why) = answer {
                    self.refuse(&why);
                }
            }
        }
        Ok(())
    }

    fn count_event(&mut self, answer: Answer) {
        match answer {
            Ok(Reply::EventResult(result)) => {
                for fault in &result.failures {
                    self.failures.note(fault, &self.state.catalog);
                }
                let tally = &mut self.tally;
                match result.outcome {
                    EventOutcome::Applied => tally.applied += 1,
                    EventOutcome::Duplicate => tally.duplicates += 1,
                    EventOutcome::Ignored => tally.ignored += 1,
                    EventOutcome::Rejected => tally.refuse(result.reason.as_deref().unwrap_or("rejected")),
                }
            }
            Ok(_) => self.tally.applied += 1,
            Err(why) => self.refuse(&why),
        }
    }

    fn count_command(&mut self, answer: &Answer) {
        match answer {
            Ok(_) => self.tally.applied += 1,
            Err(why) => self.refuse(why),
        }
    }

    fn refuse(&mut self, why: &Rejection) {
        self.tally.refuse(why.code());
        if let Rejection::RuleFailed(fault) = why {
            self.failures.note(fault, &self.state.catalog);
        }
    }

    /// The command that a step of a user's means now.
    fn command(&self, user: UserId, step: CaseStep) -> Result<Command, Rejection> {
        Ok(match step {
            CaseStep::CheckIn { .. } => CheckIn { user }.into(),
            CaseStep::Start { mission } => {
                let mission = self.mission(&mission)?;
                StartTask { user, mission }.into()
            }
            CaseStep::Progress { mission, value } => {
                let task = self.open_task(user, &mission)?;
                ReportProgress { user, task, value }.into()
            }
            CaseStep::Evidence { mission, evidence } => {
                let task = self.open_task(user, &mission)?;
                SubmitEvidence { user, task, evidence }.into()
            }
            CaseStep::Upload { mission, file } => {
                let task = self.open_task(user, &mission)?;
                attach(user, task, &file).into()
            }
            CaseStep::Complete { mission } => {
                let task = self.open_task(user, &mission)?;
                CompleteTask { user, task }.into()
            }
            CaseStep::Claim { mission } => {
                let task = self.unclaimed_task(user, &mission)?;
                ClaimTask { user, task }.into()
            }
            CaseStep::Review {
                mission,
                decision,
                note,
            } => {
                let mission = mission.map(|code| self.mission(&code)).transpose()?;
                let review = self.waiting(user, mission)?.id;
                let reviewer = UserId(Uuid::nil());
                DecideReview {
                    user,
                    review,
                    decision,
                    reviewer,
                    note,
                }
                .into()
            }
            CaseStep::Describe(update) => DescribeUser { user, update }.into(),
            // A log's activity events are read as such; see `parse`.
            CaseStep::Activity { .. } => return Err(Rejection::NotFound(ResourceKind::Mission)),
        })
    }

    fn mission(&self, code: &MissionCode) -> Result<MissionId, Rejection> {
        self.state
            .catalog
            .id_of(code)
            .ok_or(Rejection::NotFound(ResourceKind::Mission))
    }

    /// The task that a user means by a mission: the latest that is open, else the latest.
    fn open_task(&self, user: UserId, mission: &MissionCode) -> Result<TaskId, Rejection> {
        self.latest(user, mission, |task| task.status.is_open())
    }

    /// The task that a claim means: the latest that is completed and unclaimed, else the latest.
    fn unclaimed_task(&self, user: UserId, mission: &MissionCode) -> Result<TaskId, Rejection> {
        self.latest(user, mission, |task| {
            task.status == TaskStatus::Completed && !task.reward_claimed
        })
    }

    fn latest(
        &self,
        user: UserId,
        mission: &MissionCode,
        wanted: impl Fn(&Task) -> bool,
    ) -> Result<TaskId, Rejection> {
        let mission = self.mission(mission)?;
        let tasks = self
            .state
            .loaded(user)
            .into_iter()
            .flat_map(|loaded| loaded.records.task.values().flatten());
        tasks
            .filter(|task| task.mission_id == mission)
            .max_by_key(|task| (wanted(task), task.started_at, task.id))
            .map(|task| task.id)
            .ok_or(Rejection::NotFound(ResourceKind::Task))
    }

    /// The oldest review of a user that is open, of a mission where one is named.
    fn waiting(&self, user: UserId, mission: Option<MissionId>) -> Result<&Review, Rejection> {
        let none = || Rejection::NotFound(ResourceKind::Review);
        let records = &self.state.loaded(user).ok_or_else(none)?.records;
        let mission_of = |review: &Review| match (review.subject.task(), &review.subject) {
            (Some(task), _) => Some(records.task.get(&(user, task))?.as_ref()?.mission_id),
            (None, ReviewSubject::Claim { reward }) => {
                records.reward.get(&(user, *reward))?.as_ref()?.mission_id
            }
            (None, _) => None,
        };
        let reviews = records.review.values().flatten();
        reviews
            .filter(|review| review.status == ReviewStatus::Open)
            .filter(|review| mission.is_none() || mission_of(review) == mission)
            .min_by_key(|review| (review.created_at, review.id))
            .ok_or_else(none)
    }
}
