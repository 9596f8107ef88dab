//! What a decision sees and returns: the command with its instant and signals, reads through the snapshot, writes.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    AuditEntry, AuditSubject, Catalog, Claim, Command, CompiledMission, MissingRecords, OutboundEvent,
    ReadSet, Rejection, Reply, Request, ResourceKind, Signals, Snapshot, WriteSet, shadow::CountedTotals,
};
use crate::{
    MissionId, ReviewId, UserId,
    event::{ActivityEvent, InnerEvent, IntegrationEvent},
    fraud::{
        CheckMode, DeviceCheck, DeviceHash, Review, ReviewReason, ReviewStatus, ReviewSubject, RiskCheck,
        device_reasons, other_users,
    },
    mission,
    ports::rules::MissionRuleFailure,
    reward::Reward,
    serde_name,
    task::{Participation, Task},
    user::{InviteCode, User},
};

/// The result of deciding a command: its reply, the writes, and the integration events.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The reply.
    pub reply: Reply,
    /// The writes.
    pub write_set: WriteSet,
    /// The integration events, in order.
    pub events: Vec<OutboundEvent>,
    /// What the check of the device found, where there was one.
    pub device_check: Option<DeviceCheck>,
    /// What the check of the risk found, where there was one.
    pub risk_check: Option<RiskCheck>,
    /// The rules that failed on what the command made happen. Each stopped one mission, and nothing else.
    pub failures: Vec<MissionRuleFailure>,
}

/// Why a decision stopped.
#[derive(Debug)]
pub enum Interrupt {
    /// It needs more records.
    NeedsLoad(Box<ReadSet>),
    /// The domain refuses the command.
    Rejected(Rejection),
}

impl From<MissingRecords> for Interrupt {
    fn from(missing: MissingRecords) -> Self {
        Interrupt::NeedsLoad(missing.0)
    }
}

impl From<Rejection> for Interrupt {
    fn from(rejection: Rejection) -> Self {
        Interrupt::Rejected(rejection)
    }
}

impl From<crate::AmountError> for Interrupt {
    fn from(error: crate::AmountError) -> Self {
        Interrupt::Rejected(Rejection::AmountOutOfBounds(error.to_string()))
    }
}

/// The inputs of a decision besides stored records: the instant, the catalog and the signals.
#[derive(Clone, Copy, Debug)]
pub struct CommandContext<'a> {
    /// The moment at which the command counts; taken once, kept over retries.
    pub at: DateTime<Utc>,
    /// Missions and policies.
    pub catalog: &'a Catalog,
    /// Device, zone and correlation id.
    pub signals: &'a Signals,
    seed: Uuid,
}

impl<'a> CommandContext<'a> {
    /// The context of a request.
    #[must_use]
    pub fn new(request: &'a Request, catalog: &'a Catalog) -> Self {
        Self::with_seed(request, catalog, request.receipt.seed())
    }

    /// The context of a request out of a journal that keeps no more of its key than [`ReceiptKey::seed`](super::ReceiptKey::seed).
    #[must_use]
    pub fn with_seed(request: &'a Request, catalog: &'a Catalog, seed: Uuid) -> Self {
        CommandContext {
            at: request.at,
            catalog,
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

/// A decision in progress; reads see its own earlier writes.
pub(crate) struct DecisionContext<'a> {
    view: Snapshot<'a>,
    action: &'static str,
    pub(crate) context: CommandContext<'a>,
    /// What the decision that this one is a part of has written.
    before: Option<&'a WriteSet>,
    pub(crate) write_set: WriteSet,
    events: Vec<OutboundEvent>,
    /// Events of the decision that this one is a part of.
    events_before: usize,
    /// Inner events that are still to be applied.
    raised: VecDeque<RaisedEvent>,
    /// The missions whose completions led to what is being decided, the first one first.
    pub(crate) chain: Vec<MissionId>,
    /// When the user did what is decided, where the user did it.
    seen_at: Option<DateTime<Utc>>,
    device_check: Option<DeviceCheck>,
    pub(crate) risk_check: Option<RiskCheck>,
    pub(crate) failures: Vec<MissionRuleFailure>,
    /// The rules of shadow missions that failed: nobody else hears of it.
    pub(crate) shadow_failures: Vec<MissionRuleFailure>,
    /// What is to be counted beside shadow missions.
    pub(super) counted: Vec<CountedTotals>,
}

/// An inner event on its way to the missions that it moves.
#[derive(Debug)]
pub(crate) struct RaisedEvent {
    pub(crate) event: ActivityEvent,
    /// The missions whose completions led to it: none of them is moved by it.
    pub(crate) chain: Vec<MissionId>,
}

/// What a part of a decision changes.
pub(crate) struct PartialDecision {
    write_set: WriteSet,
    events: Vec<OutboundEvent>,
    raised: VecDeque<RaisedEvent>,
    counted: Vec<CountedTotals>,
}

impl<'a> DecisionContext<'a> {
    /// Begins a decision.
    pub(crate) fn new(view: Snapshot<'a>, command: &Command, context: CommandContext<'a>) -> Self {
        DecisionContext {
            view,
            action: command.name(),
            context,
            before: None,
            write_set: WriteSet::default(),
            events: Vec::new(),
            events_before: 0,
            raised: VecDeque::new(),
            chain: Vec::new(),
            seen_at: None,
            device_check: None,
            risk_check: None,
            failures: Vec::new(),
            shadow_failures: Vec::new(),
            counted: Vec::new(),
        }
    }

    /// Ends it.
    pub(crate) fn into_decision(mut self, reply: Reply) -> Decision {
        self.failures.append(&mut self.shadow_failures);
        Decision {
            reply,
            write_set: self.write_set,
            events: self.events,
            device_check: self.device_check,
            risk_check: self.risk_check,
            failures: self.failures,
        }
    }
}

/// The user whose command is decided, with the signals of the request.
pub(crate) struct Actor {
    pub(crate) user: User,
    /// Why the command is to wait for a person, if it is.
    pub(crate) flags: Vec<ReviewReason>,
}

macro_rules! reads {
    ($($get:ident($key:ty) -> $value:ty, $put:ident;)*) => { $(
        pub(crate) fn $get(&self, key: $key) -> Result<Option<$value>, MissingRecords> {
            let written = [Some(&self.write_set), self.before].into_iter().flatten();
            for write_set in written {
                if let Some(written) = write_set.writes.$get.get(&key) {
                    return Ok(written.clone());
                }
            }
            self.view.$get(&key).map(Option::<&$value>::cloned)
        }

        pub(crate) fn $put(&mut self, key: $key, value: $value) {
            self.write_set.writes.$get.insert(key, Some(value));
        }
    )* };
}

impl<'a> DecisionContext<'a> {
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

    pub(crate) fn catalog(&self) -> &'a Catalog {
        self.context.catalog
    }

    pub(crate) fn claim_holder(&self, claim: &Claim) -> Result<Option<Uuid>, MissingRecords> {
        let mut written = [Some(&self.write_set), self.before].into_iter().flatten();
        match written.find_map(|write_set| write_set.claims.get(claim)) {
            Some(holder) => Ok(Some(*holder)),
            None => self.view.claim(claim),
        }
    }

    pub(crate) fn budget_use(&self, mission: MissionId) -> Result<mission::BudgetUse, MissingRecords> {
        let reserved = [Some(&self.write_set), self.before].into_iter().flatten();
        let reserved = reserved.filter_map(|write_set| write_set.reservations.get(&mission));
        let before = self.view.budget_use(mission)?;
        Ok(reserved.fold(before, |sum, reservation| sum.plus(reservation.used)))
    }

    /// A mission of the catalog; there are no others.
    pub(crate) fn compiled_mission(&self, mission: MissionId) -> Result<&'a CompiledMission, Rejection> {
        self.catalog()
            .mission(mission)
            .ok_or(Rejection::NotFound(ResourceKind::Mission))
    }

    /// The mission of a task, as the task has it.
    pub(crate) fn mission_of(&self, task: &Task) -> Result<&'a CompiledMission, Rejection> {
        Ok(self
            .compiled_mission(task.mission_id)?
            .as_of(task.mission_version))
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
        self.write_set.audit.push(entry);
    }

    /// Raises an inner event, which is applied to the user's missions before the decision ends. Nothing is raised that no
    /// mission listens to.
    pub(crate) fn raise(
        &mut self,
        inner: InnerEvent,
        user: UserId,
        at: DateTime<Utc>,
        data: impl FnOnce() -> Map<String, Value>,
        completed: Option<MissionId>,
    ) {
        if !self.catalog().is_moved_by(inner.event_type()) {
            return;
        }
        let purpose = match completed {
            Some(mission) => format!("{} {mission}", inner.event_type()),
            None => inner.event_type().to_owned(),
        };
        let event = ActivityEvent {
            id: self.context.id(&purpose).to_string(),
            source: "mission-engine".to_owned(),
            event_type: inner.event_type().to_owned(),
            user_id: user,
            time: at,
            data: data(),
        };
        let chain = self.chain.iter().copied().chain(completed).collect();
        self.raised.push_back(RaisedEvent { event, chain });
    }

    /// The next inner event that is still to be applied.
    pub(crate) fn next_raised(&mut self) -> Option<RaisedEvent> {
        self.raised.pop_front()
    }

    /// The users whom the decision writes, as they were and as they are.
    pub(crate) fn changed_users(&self) -> Result<Vec<(Option<&'a User>, &User)>, MissingRecords> {
        let written = self.write_set.writes.user.iter();
        written
            .filter_map(|(id, user)| Some((id, user.as_ref()?)))
            .map(|(id, user)| Ok((self.view.user(id)?, user)))
            .collect()
    }

    /// A decision on a part of what the command asks, which is taken in or dropped as a whole.
    pub(crate) fn part(&self) -> DecisionContext<'_> {
        DecisionContext {
            view: self.view,
            action: self.action,
            context: self.context,
            before: Some(&self.write_set),
            write_set: WriteSet::default(),
            events: Vec::new(),
            events_before: self.events_before + self.events.len(),
            raised: VecDeque::new(),
            chain: self.chain.clone(),
            seen_at: None,
            device_check: None,
            risk_check: None,
            failures: Vec::new(),
            shadow_failures: Vec::new(),
            counted: Vec::new(),
        }
    }

    /// Ends a part.
    pub(crate) fn into_part(self) -> PartialDecision {
        PartialDecision {
            write_set: self.write_set,
            events: self.events,
            raised: self.raised,
            counted: self.counted,
        }
    }

    /// Takes in a part.
    pub(crate) fn merge(&mut self, part: PartialDecision) {
        self.write_set.extend(part.write_set);
        self.events.extend(part.events);
        self.raised.extend(part.raised);
        self.counted.extend(part.counted);
    }

    pub(crate) fn put_user(&mut self, user: User) {
        let last_seen_at = user.last_seen_at.max(self.seen_at);
        self.put_user_record(user.id, User { last_seen_at, ..user });
    }

    /// Notes that the user did what is decided, and when.
    pub(crate) fn see_user(&mut self, at: DateTime<Utc>) {
        // As it is stored.
        self.seen_at = DateTime::from_timestamp(at.timestamp(), 0);
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
    pub(crate) fn user_or_new(&mut self, id: UserId) -> Result<User, MissingRecords> {
        Ok(match self.user(id)? {
            Some(user) => user,
            None => {
                self.claim_invite_code(id);
                User::new(id, self.now())
            }
        })
    }

    /// Claims the invite code of a user who is about to be written for the first time.
    pub(crate) fn claim_invite_code(&mut self, user: UserId) {
        let code = Claim::InviteCode(InviteCode::of(user));
        self.write_set.claims.insert(code, user.0);
    }

    /// The user whose command this is: alive, in the zone that the token asks for, with the device noted.
    pub(crate) fn actor(&mut self, id: UserId) -> Result<Actor, Interrupt> {
        let user = self.user_or_new(id)?;
        if user.is_erased() {
            return Err(Rejection::UserErased.into());
        }
        self.see_user(self.now());
        let mut user = user.asking_for_zone(self.context.signals.zone, self.now());
        let mut flags = match &self.context.signals.device {
            Some(device) => self.note_device(&mut user, device)?,
            None => Vec::new(),
        };
        if let Some(address) = &self.context.signals.address
            && self.catalog().remembers_addresses()
            && user.record_address(address, self.now())
        {
            let sighting = (address.as_device().clone(), user.id);
            self.write_set.sightings.insert(sighting, self.now());
        }
        flags.extend(user.held_for.iter().copied().map(ReviewReason::Ring));
        Ok(Actor { user, flags })
    }

    fn note_device(
        &mut self,
        user: &mut User,
        device: &DeviceHash,
    ) -> Result<Vec<ReviewReason>, MissingRecords> {
        let policy = &self.catalog().settings.fraud;
        if policy.devices == CheckMode::Off {
            return Ok(Vec::new());
        }
        let users = self.view.device_users(device)?;
        let reasons = device_reasons(user.id, device, &user.devices, users, policy, self.now());
        if user.record_device(device, self.now()) {
            self.write_set
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

    /// How many others came with a device, or from an address, within the time that makes it a shared one.
    pub(crate) fn other_users(&self, user: UserId, device: &DeviceHash) -> Result<u32, MissingRecords> {
        let users = self.view.device_users(device)?;
        let count = other_users(user, users, &self.catalog().settings.fraud, self.now());
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Refuses a request without a device where the operator demands one.
    pub(crate) fn require_device(&self) -> Result<(), Rejection> {
        if self.catalog().settings.fraud.require_device && self.context.signals.device.is_none() {
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
            _ => ReviewId(self.context.id(&format!("review {}", serde_name(subject.kind())))),
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
            assignment: None,
            moderation: None,
        }
    }
}
