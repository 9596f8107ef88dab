//! Some users of a log on their way through a pack's engine, one command at a time.

use std::sync::Arc;

use mission_core::{
    MissionId, TaskId, UserId,
    engine::{
        Answer, ApplyEvent, Catalog, CheckIn, ClaimTask, Command, CompleteTask, DecideReview, DescribeUser,
        NoteRefusedVisit, RegisterUser, Rejection, Reply, ReportProgress, ResourceKind, StartTask,
        SubmitEvidence,
    },
    event::EventOutcome,
    fraud::{Review, ReviewStatus, ReviewSubject},
    mission::MissionCode,
    task::{Task, TaskStatus},
};
use uuid::Uuid;

use super::{
    EngineError, LineCounts, Options,
    log::{LogAction, LogEntry},
    replay_state::ReplayState,
};
use crate::{
    FailedRules,
    pack::simulation::{CaseStep, attach},
};

/// Some of a log's users, with what became of their lines.
pub(super) struct Partition {
    pub(super) state: ReplayState,
    options: Options,
    pub(super) tally: LineCounts,
    pub(super) failures: FailedRules,
    /// The line that is being played.
    line: u64,
}

impl Partition {
    pub(super) fn new(catalog: Arc<Catalog>, options: Options) -> Self {
        Partition {
            state: ReplayState::new(catalog),
            options,
            tally: LineCounts::default(),
            failures: FailedRules::default(),
            line: 0,
        }
    }

    pub(super) fn play(&mut self, entry: LogEntry) -> Result<(), EngineError> {
        self.line = entry.line;
        let line = self.line;
        self.apply(entry).map_err(|fault| EngineError { line, ..fault })
    }

    fn apply(&mut self, entry: LogEntry) -> Result<(), EngineError> {
        let LogEntry { user, at, what, .. } = entry;
        self.tally.lines += 1;
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
            self.failures.note(&fault, &self.state.catalog, self.line);
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
                    self.failures.note(fault, &self.state.catalog, self.line);
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
            self.failures.note(fault, &self.state.catalog, self.line);
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

    pub(super) fn mission(&self, code: &MissionCode) -> Result<MissionId, Rejection> {
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
