//! Decide: a plain function from what is known and a command to what changes. It never waits, never reads a clock
//! and never draws randomness.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{
    AuditEntry, AuditSubject, Book, Command, Expired, Keys, LoadedMission, Missing, OutboundEvent, Rejection,
    Reply, Request, Signals, Thing, View,
};
use crate::{
    MissionId, ReviewId, UserId, check_in,
    event::{self, IntegrationEvent},
    fraud::{
        self, CheckMode, DeviceCheck, DeviceHash, Review, ReviewReason, ReviewStatus, ReviewSubject,
        device_reasons,
    },
    mission,
    ports::store::{Claim, Effects},
    reward,
    reward::Reward,
    task,
    task::{Participation, Task},
    user::{self, InviteCode, User},
};

/// What a command does: its reply, what is different after it, and what other services are told.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The reply.
    pub reply: Reply,
    /// What is different.
    pub effects: Effects,
    /// What others are told, in order.
    pub events: Vec<OutboundEvent>,
    /// What the check of the device found, where there was one.
    pub device_check: Option<DeviceCheck>,
}

/// Why decide came to no decision.
#[derive(Debug)]
pub enum Halt {
    /// It needs to know more.
    Missing(Box<Keys>),
    /// The domain says no.
    Rejected(Rejection),
}

impl From<Missing> for Halt {
    fn from(missing: Missing) -> Self {
        Halt::Missing(missing.0)
    }
}

impl From<Rejection> for Halt {
    fn from(rejection: Rejection) -> Self {
        Halt::Rejected(rejection)
    }
}

impl From<crate::AmountError> for Halt {
    fn from(error: crate::AmountError) -> Self {
        Halt::Rejected(Rejection::AmountOutOfBounds(error.to_string()))
    }
}

/// The moment, the book and the signals that a command is decided on.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The moment at which the command counts; taken once, kept over retries.
    pub at: DateTime<Utc>,
    /// Missions and policies.
    pub book: &'a Book,
    /// Device, zone and correlation id.
    pub signals: &'a Signals,
    seed: Uuid,
}

impl<'a> Context<'a> {
    /// The context of a request.
    #[must_use]
    pub fn new(request: &'a Request, book: &'a Book) -> Self {
        let seed = Uuid::new_v5(&request.receipt.caller, request.receipt.command.0.as_bytes());
        Context {
            at: request.at,
            book,
            signals: &request.signals,
            seed,
        }
    }

    /// The id of something that the command makes: version 7 in form, and the same for every retry.
    #[must_use]
    pub fn id(&self, purpose: &str) -> Uuid {
        let hash = Uuid::new_v5(&self.seed, purpose.as_bytes());
        let mut tail = [0; 10];
        tail.copy_from_slice(&hash.as_bytes()[..10]);
        let millis = u64::try_from(self.at.timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
    }
}

/// Decides a command on what is known.
///
/// # Errors
/// [`Halt::Missing`] where something was not loaded: load it and ask again. [`Halt::Rejected`] where the domain
/// says no.
pub fn decide(view: View<'_>, command: &Command, context: &Context<'_>) -> Result<Decision, Halt> {
    let mut work = Work {
        view,
        action: command.name(),
        context: *context,
        effects: Effects::default(),
        events: Vec::new(),
        events_before: 0,
        device_check: None,
    };
    let reply: Reply = match command {
        Command::CheckIn(c) => check_in::decide::check_in(&mut work, c.user)?.into(),
        Command::StartTask(c) => task::decide::start(&mut work, c)?.into(),
        Command::ReportProgress(c) => task::decide::report_progress(&mut work, c)?.into(),
        Command::SubmitEvidence(c) => task::decide::submit_evidence(&mut work, c)?.into(),
        Command::CompleteTask(c) => task::decide::complete(&mut work, c)?.into(),
        Command::ClaimTask(c) => reward::decide::claim_task(&mut work, c)?.into(),
        Command::ClaimReward(c) => reward::decide::claim_reward(&mut work, c)?.into(),
        Command::ApplyEvent(c) => event::decide::apply(&mut work, &c.event)?.into(),
        Command::RegisterUser(c) => user::decide::register(&mut work, c)?.into(),
        Command::NoteRefusedVisit(c) => user::decide::note_refused_visit(&mut work, c.user)?.into(),
        Command::AttachUpload(c) => task::decide::attach_upload(&mut work, c)?.into(),
        Command::NoteRefusedEvidence(c) => task::decide::note_refused_evidence(&mut work, c)?.into(),
        Command::DescribeUser(c) => user::decide::describe(&mut work, c)?.into(),
        Command::EraseUser(c) => user::decide::erase(&mut work, c.user)?.into(),
        Command::ActivateReferral(c) => user::decide::activate_referral(&mut work, c)?.into(),
        Command::DecideReview(c) => fraud::decide::decide_review(&mut work, c)?.into(),
        Command::NoteModeration(c) => fraud::moderation::note(&mut work, c)?.into(),
        Command::ApplyVerdict(c) => fraud::moderation::apply_verdict(&mut work, c)?.into(),
        Command::RevokeReward(c) => reward::decide::revoke(&mut work, c)?.into(),
        Command::ExpireDue(c) => Expired {
            tasks: task::decide::expire(&mut work, c.user, &c.tasks)?,
            rewards: reward::decide::expire(&mut work, c.user, &c.rewards)?,
        }
        .into(),
        Command::CreateMission(c) => mission::decide::create(&mut work, c)?.into(),
        Command::UpdateMission(c) => mission::decide::update(&mut work, c)?.into(),
        Command::MoveMission(c) => mission::decide::change_status(&mut work, c)?.into(),
        Command::PutPack(c) => mission::decide::put_pack(&mut work, c)?.into(),
    };
    Ok(Decision {
        reply,
        effects: work.effects,
        events: work.events,
        device_check: work.device_check,
    })
}

/// A decision in the making: reads see what it has already written.
pub(crate) struct Work<'a> {
    view: View<'a>,
    action: &'static str,
    pub(crate) context: Context<'a>,
    pub(crate) effects: Effects,
    events: Vec<OutboundEvent>,
    /// Events of the decision that this one is a part of.
    events_before: usize,
    device_check: Option<DeviceCheck>,
}

/// The user whose command is decided, with what the request said of them.
pub(crate) struct Actor {
    pub(crate) user: User,
    /// Why the command is to wait for a person, if it is.
    pub(crate) flags: Vec<ReviewReason>,
}

macro_rules! reads {
    ($($get:ident($key:ty) -> $value:ty, $put:ident;)*) => { $(
        pub(crate) fn $get(&self, key: $key) -> Result<Option<$value>, Missing> {
            match self.effects.writes.$get.get(&key) {
                Some(written) => Ok(written.clone()),
                None => self.view.$get(&key).map(Option::<&$value>::cloned),
            }
        }

        pub(crate) fn $put(&mut self, key: $key, value: $value) {
            self.effects.writes.$get.insert(key, Some(value));
        }
    )* };
}

impl<'a> Work<'a> {
    reads! {
        user(UserId) -> User, put_user_record;
        task((UserId, crate::TaskId)) -> Task, put_task_record;
        participation((UserId, MissionId)) -> Participation, put_participation;
        reward((UserId, crate::RewardId)) -> Reward, put_reward_record;
        review((UserId, ReviewId)) -> Review, put_review_record;
        check_in_day((UserId, chrono::NaiveDate)) -> crate::check_in::CheckInDay, put_check_in_day;
        mission(MissionId) -> crate::mission::Mission, put_mission_record;
        pack(crate::PackId) -> super::PackRecord, put_pack_record;
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.context.at
    }

    pub(crate) fn book(&self) -> &'a Book {
        self.context.book
    }

    pub(crate) fn claim_holder(&self, claim: &Claim) -> Result<Option<Uuid>, Missing> {
        match self.effects.claims.get(claim) {
            Some(holder) => Ok(Some(*holder)),
            None => self.view.claim(claim),
        }
    }

    pub(crate) fn budget_use(&self, mission: MissionId) -> Result<mission::BudgetUse, Missing> {
        let before = self.view.budget_use(mission)?;
        Ok(self
            .effects
            .takes
            .get(&mission)
            .map_or(before, |take| before.plus(take.used)))
    }

    /// A mission of the book; there are no others.
    pub(crate) fn listed(&self, mission: MissionId) -> Result<&'a LoadedMission, Rejection> {
        self.book()
            .mission(mission)
            .ok_or(Rejection::NotFound(Thing::Mission))
    }

    /// The mission of a task, as the task has it.
    pub(crate) fn mission_of(&self, task: &Task) -> Result<&'a LoadedMission, Rejection> {
        Ok(self.listed(task.mission_id)?.as_of(task.mission_version))
    }

    pub(crate) fn emit(&mut self, event: IntegrationEvent) {
        let id = self
            .context
            .id(&format!("event {}", self.events_before + self.events.len()))
            .into();
        self.events.push(OutboundEvent { id, event });
    }

    /// Notes an administrative command for the audit.
    pub(crate) fn audit(
        &mut self,
        (subject_kind, subject): (AuditSubject, String),
        user_id: Option<UserId>,
        before: Option<Value>,
        after: Value,
    ) {
        let entry = AuditEntry {
            id: self.context.id(&format!("audit {subject}")),
            at: self.now(),
            actor: self.context.signals.operator,
            action: self.action.to_owned(),
            subject_kind,
            subject,
            user_id,
            before,
            after: Some(after),
            correlation_id: self.context.signals.correlation_id.clone(),
        };
        self.effects.audit.push(entry);
    }

    /// A decision on a part of what the command asks, which is taken in or dropped as a whole. It does not see what
    /// this one has written.
    pub(crate) fn part(&self) -> Work<'a> {
        Work {
            view: self.view,
            action: self.action,
            context: self.context,
            effects: Effects::default(),
            events: Vec::new(),
            events_before: self.events_before + self.events.len(),
            device_check: None,
        }
    }

    /// Takes in a part.
    pub(crate) fn take_in(&mut self, part: Work<'a>) {
        self.effects.put_all(part.effects);
        self.events.extend(part.events);
    }

    pub(crate) fn put_user(&mut self, user: User) {
        self.put_user_record(user.id, user);
    }

    pub(crate) fn put_task(&mut self, task: Task) {
        self.put_task_record((task.user_id, task.id), task);
    }

    pub(crate) fn put_reward(&mut self, reward: Reward) {
        self.put_reward_record((reward.user_id, reward.id), reward);
    }

    pub(crate) fn put_review(&mut self, review: Review) {
        self.put_review_record((review.user_id, review.id), review);
    }

    /// A user as known, or a new one; the new one's invite code is claimed with the first write.
    pub(crate) fn user_or_new(&mut self, id: UserId) -> Result<User, Missing> {
        Ok(match self.user(id)? {
            Some(user) => user,
            None => {
                self.effects
                    .claims
                    .insert(Claim::InviteCode(InviteCode::of(id)), id.0);
                User::new(id, self.now())
            }
        })
    }

    /// The user whose command this is: alive, in the zone that the token asks for, with the device noted.
    pub(crate) fn actor(&mut self, id: UserId) -> Result<Actor, Halt> {
        let user = self.user_or_new(id)?;
        if user.is_erased() {
            return Err(Rejection::UserErased.into());
        }
        let mut user = user.asking_for_zone(self.context.signals.zone, self.now());
        let flags = match &self.context.signals.device {
            Some(device) => self.note_device(&mut user, device)?,
            None => Vec::new(),
        };
        Ok(Actor { user, flags })
    }

    fn note_device(&mut self, user: &mut User, device: &DeviceHash) -> Result<Vec<ReviewReason>, Missing> {
        let policy = &self.book().settings.fraud;
        if policy.devices == CheckMode::Off {
            return Ok(Vec::new());
        }
        let users = self.view.device_users(device)?;
        let reasons = device_reasons(user.id, device, &user.devices, users, policy, self.now());
        if user.saw_device(device, self.now()) {
            self.effects
                .sightings
                .insert((device.clone(), user.id), self.now());
        }
        let check = DeviceCheck {
            mode: policy.devices,
            reasons,
        };
        let reasons = match check.mode {
            CheckMode::On => check.reasons.clone(),
            CheckMode::Observe | CheckMode::Off => Vec::new(),
        };
        self.device_check = Some(check);
        Ok(reasons)
    }

    /// Refuses a request without a device where the operator demands one.
    pub(crate) fn require_device(&self) -> Result<(), Rejection> {
        if self.book().settings.fraud.require_device && self.context.signals.device.is_none() {
            return Err(Rejection::DeviceRequired);
        }
        Ok(())
    }

    /// Puts a flagged command into the review queue.
    pub(crate) fn open_review(&mut self, user: UserId, subject: ReviewSubject, reasons: Vec<ReviewReason>) {
        let review = self.new_review(user, subject, reasons);
        self.put_review(review);
    }

    /// A review of a command, which waits for a person.
    pub(crate) fn new_review(
        &self,
        user: UserId,
        subject: ReviewSubject,
        reasons: Vec<ReviewReason>,
    ) -> Review {
        let id = match subject {
            ReviewSubject::Upload { file, .. } => Review::id_for_upload(file),
            _ => ReviewId(self.context.id(&format!("review {}", subject.kind()))),
        };
        Review {
            id,
            user_id: user,
            subject,
            reasons,
            device: self.context.signals.device.clone(),
            status: ReviewStatus::Open,
            created_at: self.now(),
            decided_at: None,
            decided_by: None,
            note: None,
            moderation: None,
        }
    }
}
