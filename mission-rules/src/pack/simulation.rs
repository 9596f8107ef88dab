//! The whole engine over a pack in memory, one step at a time: what cases and replays are made of.

mod step;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mission_core::{
    CommandId, MissionId, TaskId, UserId,
    engine::{
        Catalog, CatalogBuilder, CheckIn, ClaimTask, Command, CommandOutcome, CompleteTask, DecideReview,
        DescribeUser, FriendFacts, Friends, PackPolicy, RegisterUser, Rejection, Reply, ReportProgress,
        Request, ResourceKind, Settings, Signals, StartTask, SubmitEvidence, run_blocking, start,
    },
    event::ActivityEvent,
    fraud::{ReviewDecision, ReviewStatus, ReviewSubject},
    memory::MemoryStore,
    mission::{Definition, Mission, MissionCode, MissionStatus},
    ports::{
        queries::{Queries, UserExport},
        rules::ScriptCompiler,
        social::MOST_FRIENDS,
        store::{BlockingStore, Change, Root},
    },
    task::Task,
    user::{PointsCap, UserUpdate},
};
use uuid::Uuid;

pub use step::{CaseStep, InvalidStep};
pub(crate) use step::{attach, hash_of};

/// Why a step did nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StepError {
    /// The domain says no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The engine failed; a fault of ours, not of the pack.
    #[error("the engine failed: {0}")]
    Failed(String),
}

/// An engine with a pack's missions, all active, and a memory that starts empty. The same steps give the same
/// results, always: ids are counted, time is a parameter.
pub struct Simulation {
    store: MemoryStore,
    catalog: Arc<Catalog>,
    commands: u64,
}

impl Simulation {
    /// An engine with some missions and a policy.
    pub fn new<'d>(
        missions: impl IntoIterator<Item = &'d Definition>,
        policy: &PackPolicy,
        caps: Vec<PointsCap>,
        settings: Settings,
        compiler: &dyn ScriptCompiler,
    ) -> Self {
        let builder = CatalogBuilder::new(compiler, settings)
            .policy(policy.without_risk())
            .pack_caps("", caps);
        let catalog = missions
            .into_iter()
            .map(active)
            .fold(builder, CatalogBuilder::mission);
        Simulation {
            store: MemoryStore::default(),
            catalog: Arc::new(catalog.build()),
            commands: 0,
        }
    }

    /// The missions and policies.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The tasks of a user's mission, in the order in which they were started.
    #[must_use]
    pub fn tasks(&self, user: UserId, mission: MissionId) -> Vec<Task> {
        let records = self.store.records().task.into_values().flatten();
        let mut tasks: Vec<Task> = records
            .filter(|task| (task.user_id, task.mission_id) == (user, mission))
            .collect();
        // Ids are made in order.
        tasks.sort_by_key(|task| task.id);
        tasks
    }

    /// Everything that is held on a user.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn export(&self, user: UserId) -> Result<UserExport, StepError> {
        pollster::block_on(self.store.export(user)).map_err(|error| StepError::Failed(error.to_string()))
    }

    /// Lets a user come, with experience that was earned before.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn register(
        &mut self,
        user: UserId,
        at: DateTime<Utc>,
        registered_at: Option<DateTime<Utc>>,
        experience: u64,
    ) -> Result<(), StepError> {
        let Reply::UserSaved(saved) = self.execute(
            at,
            RegisterUser {
                user,
                registered_at,
                display_name: None,
            }
            .into(),
        )?
        else {
            return Ok(());
        };
        if experience > 0 {
            let mut known = saved.user;
            known.experience = experience;
            self.overwrite(known)?;
        }
        Ok(())
    }

    /// No command sets experience, for it is earned; a case may start from some.
    fn overwrite(&mut self, user: mission_core::user::User) -> Result<(), StepError> {
        let failed = |error: mission_core::ports::store::StoreError| StepError::Failed(error.to_string());
        let root = Root::User(user.id);
        let mut keys = mission_core::engine::ReadSet::default();
        keys.roots.insert(root);
        let version = BlockingStore::load(&mut self.store, &keys)
            .map_err(failed)?
            .versions
            .get(&root)
            .copied();
        let mut change = Change::default();
        change.expected.insert(root, version.unwrap_or_default());
        change.write_set.writes.user.insert(user.id, Some(user));
        BlockingStore::commit(&mut self.store, &[change]).map_err(failed)?;
        Ok(())
    }

    /// Lets a user do one step at a moment.
    ///
    /// # Errors
    /// When the domain refuses it. An activity event is never refused as a whole; its reply says what became of it.
    pub fn step(&mut self, user: UserId, at: DateTime<Utc>, step: CaseStep) -> Result<Reply, StepError> {
        let command = match step {
            CaseStep::CheckIn { zone } => {
                if zone.is_some() {
                    self.step(
                        user,
                        at,
                        CaseStep::Describe(UserUpdate {
                            zone,
                            ..UserUpdate::default()
                        }),
                    )?;
                }
                CheckIn { user }.into()
            }
            CaseStep::Start { mission } => StartTask {
                user,
                mission: self.mission(&mission)?,
            }
            .into(),
            CaseStep::Progress { mission, value } => ReportProgress {
                user,
                task: self.open_task(user, &mission)?,
                value,
            }
            .into(),
            CaseStep::Evidence { mission, evidence } => SubmitEvidence {
                user,
                task: self.open_task(user, &mission)?,
                evidence,
            }
            .into(),
            CaseStep::Upload { mission, file } => {
                let task = self.open_task(user, &mission)?;
                attach(user, task, &file).into()
            }
            CaseStep::Complete { mission } => CompleteTask {
                user,
                task: self.open_task(user, &mission)?,
            }
            .into(),
            CaseStep::Claim { mission } => ClaimTask {
                user,
                task: self.claimable_task(user, &mission)?,
            }
            .into(),
            CaseStep::Review {
                mission,
                decision,
                note,
            } => self.decide_review(user, mission.as_ref(), decision, note)?,
            CaseStep::Describe(update) => DescribeUser { user, update }.into(),
            CaseStep::Activity {
                id,
                event_type,
                time,
                data,
            } => {
                let event = ActivityEvent {
                    id: id.unwrap_or_else(|| format!("event-{}", self.commands)),
                    source: "simulation".to_owned(),
                    event_type,
                    user_id: user,
                    time: time.unwrap_or(at),
                    data,
                };
                mission_core::engine::ApplyEvent { event }.into()
            }
        };
        self.execute(at, command)
    }

    /// The friends whom events have told of, where a rule reads them.
    fn signals(&self, command: &Command) -> Result<Signals, StepError> {
        let Some(user) = self.catalog.friends_read_by(command) else {
            return Ok(Signals::default());
        };
        let friends = pollster::block_on(self.store.friends(user, MOST_FRIENDS));
        let friends = friends.map_err(|error| StepError::Failed(error.to_string()))?;
        Ok(Signals {
            friends: Some(Friends::Known(FriendFacts::of(&friends, command))),
            ..Signals::default()
        })
    }

    /// Carries out any command of the engine at a moment.
    ///
    /// # Errors
    /// When the domain refuses it, or the engine fails.
    pub fn execute(&mut self, at: DateTime<Utc>, command: Command) -> Result<Reply, StepError> {
        self.commands += 1;
        let signals = self.signals(&command)?;
        let request = Request::unkeyed(command, self.command_id(at), at, signals);
        let settled = run_blocking(
            &mut self.store,
            start(vec![request], Arc::clone(&self.catalog), false),
        );
        match settled.into_iter().next().map(|(_, outcome)| outcome) {
            Some(CommandOutcome::Answered { answer, .. }) => Ok(answer?),
            Some(CommandOutcome::Failed(fault)) => Err(StepError::Failed(fault.to_string())),
            // Nobody else writes to this store, so nothing can be overtaken.
            Some(CommandOutcome::Again(why)) => Err(StepError::Failed(format!("{why:?}"))),
            None => Err(StepError::Failed("no answer".to_owned())),
        }
    }

    /// Version 7 in form: in the order of time, and counted within one instant.
    fn command_id(&self, at: DateTime<Utc>) -> CommandId {
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&self.commands.to_be_bytes());
        let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
        CommandId(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid())
    }

    /// The id of a mission.
    ///
    /// # Errors
    /// When there is no mission with the code.
    pub fn mission(&self, code: &MissionCode) -> Result<MissionId, StepError> {
        self.catalog
            .id_of(code)
            .ok_or(StepError::Rejected(Rejection::NotFound(ResourceKind::Mission)))
    }

    /// The task that a user would mean: the latest that is open, else the latest.
    fn open_task(&self, user: UserId, mission: &MissionCode) -> Result<TaskId, StepError> {
        self.latest(user, mission, |task| task.status.is_open())
    }

    fn claimable_task(&self, user: UserId, mission: &MissionCode) -> Result<TaskId, StepError> {
        let claimed: Vec<_> = self
            .export(user)?
            .tasks
            .into_iter()
            .filter(|task| task.reward_claimed)
            .collect();
        self.latest(user, mission, |task| {
            task.reward_id.is_some() && claimed.iter().all(|claimed| claimed.id != task.id)
        })
    }

    fn latest(
        &self,
        user: UserId,
        mission: &MissionCode,
        wanted: impl Fn(&&Task) -> bool,
    ) -> Result<TaskId, StepError> {
        let tasks = self.tasks(user, self.mission(mission)?);
        let found = tasks.iter().rev().find(wanted).or(tasks.last());
        found
            .map(|task| task.id)
            .ok_or(StepError::Rejected(Rejection::NotFound(ResourceKind::Task)))
    }

    fn decide_review(
        &self,
        user: UserId,
        mission: Option<&MissionCode>,
        decision: ReviewDecision,
        note: Option<String>,
    ) -> Result<Command, StepError> {
        let export = self.export(user)?;
        let mission = mission.map(|code| self.mission(code)).transpose()?;
        let of_task = |task: TaskId| {
            export
                .tasks
                .iter()
                .any(|known| known.id == task && Some(known.mission_id) == mission)
        };
        let concerns = |subject: &ReviewSubject| match (subject.task(), subject) {
            (Some(task), _) => of_task(task),
            (None, ReviewSubject::Claim { reward }) => export
                .rewards
                .iter()
                .any(|known| known.id == *reward && known.mission_id == mission),
            (None, _) => false,
        };
        let waiting = export
            .reviews
            .iter()
            .find(|review| {
                review.status == ReviewStatus::Open && (mission.is_none() || concerns(&review.subject))
            })
            .ok_or(StepError::Rejected(Rejection::NotFound(ResourceKind::Review)))?;
        let reviewer = UserId(Uuid::nil());
        Ok(DecideReview {
            user,
            review: waiting.id,
            decision,
            reviewer,
            note,
        }
        .into())
    }
}

/// A definition as an active mission, with an id that follows from its code.
pub(super) fn active(definition: &Definition) -> Mission {
    let name = format!("mission:{}", definition.code);
    Mission {
        id: MissionId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())),
        definition: definition.clone(),
        status: MissionStatus::Active,
        pack: None,
        dropped_from: None,
        running_version: 0,
        editions: Vec::new(),
        created_at: DateTime::UNIX_EPOCH,
        version: 1,
    }
}
