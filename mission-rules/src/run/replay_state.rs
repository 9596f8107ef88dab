//! The engine on records that lie where decide can read them: one command at a time, nothing copied to be read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use mission_core::{
    CommandId, MissionId, UserId,
    check_in::Zone,
    engine::{
        Answer, Catalog, ClaimHolder, ClaimReward, Command, CommandContext, CompiledMission, Decision,
        ExpireDue, FriendFacts, Friends, Interrupt, LoadedRecords, OutboundEvent, ReadSet, Rejection,
        Request, Signals, Snapshot, StartTask, decide, explain,
    },
    event::IntegrationEvent,
    mission::BudgetUse,
    ports::{
        rules::{MissionRuleFailure, ScriptCompiler},
        social::MOST_FRIENDS,
        store::{Claim, Friendship, Root, WriteSet},
    },
    reward::{Reward, RewardStatus, RewardType},
    task::{Explanation, Task, TaskStatus},
    user::User,
};
use uuid::Uuid;

use super::expiry_queue::{ExpiringItem, ExpiryQueue};

/// The engine reached no decision: a failure of the engine, not of the pack or the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine failed on `{command}`: {why}")]
pub struct EngineError {
    /// The command's name.
    pub command: &'static str,
    /// What went wrong.
    pub why: &'static str,
}

/// The state of a replay: each user's records, and what users share.
pub(super) struct ReplayState {
    pub(super) catalog: Arc<Catalog>,
    users: HashMap<UserId, LoadedRecords>,
    claims: HashMap<Claim, ClaimHolder>,
    /// Inbound events that were seen, by a hash of source and id: there is one a line, too many to keep whole.
    inbound: HashSet<u128>,
    budgets: HashMap<MissionId, BudgetUse>,
    friendships: BTreeMap<(UserId, UserId), Friendship>,
    due: ExpiryQueue,
    /// Claims of the rewards that were earned since this was last asked.
    earned: Vec<ClaimReward>,
    /// The rules that failed since this was last asked, on what a command made happen.
    failures: Vec<MissionRuleFailure>,
    commands: u64,
    pub(super) grants: u64,
}

impl ReplayState {
    pub(super) fn new(catalog: Arc<Catalog>) -> Self {
        ReplayState {
            catalog,
            users: HashMap::new(),
            claims: HashMap::new(),
            inbound: HashSet::new(),
            budgets: HashMap::new(),
            friendships: BTreeMap::new(),
            due: ExpiryQueue::default(),
            earned: Vec::new(),
            failures: Vec::new(),
            commands: 0,
            grants: 0,
        }
    }

    /// Every user that was spoken of, with their records, in no order.
    pub(super) fn users(&self) -> impl Iterator<Item = (UserId, &LoadedRecords)> {
        self.users.iter().map(|(id, loaded)| (*id, loaded))
    }

    /// What is known of a user, if anything is.
    pub(super) fn loaded(&self, user: UserId) -> Option<&LoadedRecords> {
        self.users.get(&user)
    }

    /// Remembers a user to whom nothing has happened yet.
    pub(super) fn hear_of(&mut self, user: UserId) {
        self.users.entry(user).or_default();
    }

    /// Takes the claim of a reward that was earned and is not claimed.
    pub(super) fn take_claim(&mut self) -> Option<ClaimReward> {
        self.earned.pop()
    }

    /// Takes the rules that failed on what commands made happen.
    pub(super) fn take_failures(&mut self) -> Vec<MissionRuleFailure> {
        std::mem::take(&mut self.failures)
    }

    /// Writes down all that has expired by a moment, each at its own time, as a server's housekeeping does.
    pub(super) fn expire_until(&mut self, now: DateTime<Utc>) -> Result<(), EngineError> {
        while let Some((at, user, what)) = self.due.pop_until(now) {
            let Some(loaded) = self.users.get(&user) else {
                continue;
            };
            let records = &loaded.records;
            let is_due = match what {
                ExpiringItem::Task(id) => records
                    .task
                    .get(&(user, id))
                    .is_some_and(|task| task.as_ref().is_some_and(|task| task.due_at == Some(at))),
                ExpiringItem::Reward(id) => records.reward.get(&(user, id)).is_some_and(|reward| {
                    let pending = |reward: &Reward| reward.status == RewardStatus::Pending;
                    reward.as_ref().is_some_and(pending)
                }),
            };
            if is_due {
                let (tasks, rewards) = match what {
                    ExpiringItem::Task(id) => (vec![id], Vec::new()),
                    ExpiringItem::Reward(id) => (Vec::new(), vec![id]),
                };
                let command = ExpireDue { user, tasks, rewards };
                // It is never refused; what is not due after all stays as it is.
                drop(self.execute(at, None, command.into())?);
            }
        }
        Ok(())
    }

    /// The friends of whom the log told, where a rule reads them.
    fn friends_for(&self, command: &Command) -> Option<Friends> {
        let user = self.catalog.friends_read_by(command)?;
        let all = (user, UserId(Uuid::nil()))..=(user, UserId(Uuid::max()));
        let told = self.friendships.range(all).filter(|(_, told)| told.are_friends);
        let friends: Vec<UserId> = told.map(|((_, friend), _)| *friend).take(MOST_FRIENDS).collect();
        Some(Friends::Known(FriendFacts::of(&friends, command)))
    }

    /// Decides a command at a moment, and writes down what it does.
    pub(super) fn execute(
        &mut self,
        at: DateTime<Utc>,
        zone: Option<Zone>,
        command: Command,
    ) -> Result<Answer, EngineError> {
        let name = command.name();
        let fault = |why| EngineError { command: name, why };
        let Root::User(user) = command.home() else {
            return Err(fault("a replay changes users, nothing else"));
        };
        self.commands += 1;
        let signals = Signals {
            zone,
            friends: self.friends_for(&command),
            ..Signals::default()
        };
        let id = CommandId(Uuid::from_u128(u128::from(self.commands)));
        let request = Request::unkeyed(command, id, at, signals);
        let loaded = self.users.entry(user).or_default();
        if let Command::ApplyEvent(apply) = &request.command {
            let claim = Claim::Inbound {
                source: apply.event.source.clone(),
                id: apply.event.id.clone(),
            };
            let holder = self.inbound.contains(&fingerprint(&claim)).then_some(user.0);
            loaded.claims.insert(claim, holder);
        }
        let shared = SharedState {
            claims: &self.claims,
            inbound: &self.inbound,
            budgets: &self.budgets,
        };
        let context = CommandContext::new(&request, &self.catalog);
        let decided = shared.judge(loaded, user, |view| decide(view, &request.command, &context));
        let answer = decided.map_err(fault)?;
        // These are shared with other users: the next command reads them anew.
        loaded.claims.clear();
        loaded.budgets.clear();
        Ok(answer.map(|decision| self.apply(user, decision)))
    }

    /// Explains a mission to a user at a moment; changes nothing.
    pub(super) fn explain(
        &mut self,
        start: &StartTask,
        at: DateTime<Utc>,
        compiler: &dyn ScriptCompiler,
    ) -> Result<Result<Explanation, Rejection>, EngineError> {
        let fault = |why| EngineError {
            command: "explain",
            why,
        };
        let command = Command::from(start.clone());
        let signals = Signals {
            friends: self.friends_for(&command),
            ..Signals::default()
        };
        let request = Request::unkeyed(command, CommandId(Uuid::nil()), at, signals);
        let shared = SharedState {
            claims: &self.claims,
            inbound: &self.inbound,
            budgets: &self.budgets,
        };
        let mut loaded = self.users.get(&start.user).cloned().unwrap_or_default();
        let context = CommandContext::new(&request, &self.catalog);
        let explained = shared.judge(&mut loaded, start.user, |view| {
            explain(view, start, &context, compiler)
        });
        explained.map_err(fault)
    }

    fn apply(&mut self, user: UserId, decision: Decision) -> mission_core::engine::Reply {
        let Decision {
            reply,
            write_set,
            events,
            device_check: _,
            failures,
        } = decision;
        self.failures.extend(failures);
        let granted = |event: &&OutboundEvent| matches!(event.event, IntegrationEvent::RewardClaimed(_));
        self.grants += events.iter().filter(granted).count() as u64;
        let WriteSet {
            erasures,
            mut writes,
            claims,
            releases,
            reservations: takes,
            sightings: _,
            friendships,
            pictures: _,
            refused_evidence: _,
            audit: _,
        } = write_set;
        let loaded = self.users.entry(user).or_default();
        if erasures.contains(&user) {
            loaded.records = Default::default();
        }
        for ((_, id), task) in &writes.task {
            if let Some(task) = task {
                if let Some(at) = task.due_at {
                    self.due.push((at, user, ExpiringItem::Task(*id)));
                }
                let mission = self.catalog.mission(task.mission_id);
                let may_be_reversed = mission.is_some_and(CompiledMission::is_reversible);
                if task.version == 1 && !may_be_reversed {
                    forget_settled(loaded, task);
                }
            }
        }
        for ((_, id), reward) in &writes.reward {
            if let Some(reward) = reward
                && reward.status == RewardStatus::Pending
            {
                self.earned.push(ClaimReward { user, reward: *id });
                if let Some(at) = reward.expires_at {
                    self.due.push((at, user, ExpiringItem::Reward(*id)));
                }
            }
        }
        // No command of a log can ask for these again, and there is one a day and user.
        writes.check_in_day.clear();
        writes
            .reward
            .retain(|_, reward| reward.as_ref().is_none_or(is_of_a_task));
        loaded.records.extend(writes);
        for claim in releases {
            self.claims.remove(&claim);
        }
        for (claim, holder) in claims {
            if matches!(claim, Claim::Inbound { .. }) {
                self.inbound.insert(fingerprint(&claim));
            } else {
                self.claims.insert(claim, holder);
            }
        }
        Friendship::merge_latest(&mut self.friendships, &friendships);
        for (mission, take) in takes {
            let used = self.budgets.entry(mission).or_default();
            *used = used.plus(take.used);
        }
        reply
    }
}

fn is_of_a_task(reward: &Reward) -> bool {
    matches!(
        reward.reward_type,
        RewardType::MissionComplete | RewardType::SocialAction
    )
}

/// Forgets older tasks of a mission that nothing can change any more, when a new one begins: a log names tasks by
/// their mission, and means the latest, or the latest that is unclaimed.
fn forget_settled(loaded: &mut LoadedRecords, begun: &Task) {
    let records = &mut loaded.records;
    let settled = |task: &Task| match task.status {
        TaskStatus::InProgress | TaskStatus::PendingReview => false,
        TaskStatus::Completed => task.reward_claimed,
        TaskStatus::Rejected | TaskStatus::Expired => true,
    };
    let mut forgotten = BTreeSet::new();
    records.task.retain(|_, task| {
        let Some(task) = task else { return false };
        let forget = task.mission_id == begun.mission_id && task.id != begun.id && settled(task);
        if forget {
            forgotten.insert(task.id);
        }
        !forget
    });
    if forgotten.is_empty() {
        return;
    }
    // A reward of a stage may still be claimed.
    records.reward.retain(|_, reward| {
        let Some(reward) = reward else { return false };
        let is_open = matches!(reward.status, RewardStatus::Pending | RewardStatus::Held);
        is_open || !forgotten.contains(&reward.task_id())
    });
}

/// What users share: claims, inbound ids, budgets.
struct SharedState<'a> {
    claims: &'a HashMap<Claim, ClaimHolder>,
    inbound: &'a HashSet<u128>,
    budgets: &'a HashMap<MissionId, BudgetUse>,
}

impl SharedState<'_> {
    /// Judges on a user's records, and fills in what is asked for until nothing is.
    fn judge<T>(
        &self,
        loaded: &mut LoadedRecords,
        user: UserId,
        judge: impl Fn(Snapshot<'_>) -> Result<T, Interrupt>,
    ) -> Result<Result<T, Rejection>, &'static str> {
        let undecided = WriteSet::default();
        loop {
            match judge(Snapshot::new(loaded, &undecided)) {
                Ok(judgement) => return Ok(Ok(judgement)),
                Err(Interrupt::Rejected(why)) => return Ok(Err(why)),
                Err(Interrupt::NeedsLoad(keys)) => fill(loaded, user, &keys, self)?,
            }
        }
    }
}

/// Puts what decide asked for beside the user's records. All records of the user are there already, so one that is not
/// does not exist.
fn fill(
    loaded: &mut LoadedRecords,
    user: UserId,
    keys: &ReadSet,
    shared: &SharedState<'_>,
) -> Result<(), &'static str> {
    let roots = keys.records.roots();
    if roots.iter().any(|root| *root != Root::User(user)) {
        return Err("it reads another root's records");
    }
    let before = known(loaded);
    let none = keys.records.pick(&Default::default());
    macro_rules! absent {
        ($($table:ident)*) => { $(
            for (key, absent) in none.$table {
                loaded.records.$table.entry(key).or_insert(absent);
            }
        )* };
    }
    absent!(user task participation reward review check_in_day mission pack);
    for claim in &keys.claims {
        let holder = match claim {
            Claim::Inbound { .. } => shared.inbound.contains(&fingerprint(claim)).then_some(user.0),
            claim => shared.claims.get(claim).copied(),
        };
        loaded.claims.insert(claim.clone(), holder);
    }
    for mission in &keys.budgets {
        let used = shared.budgets.get(mission).copied().unwrap_or_default();
        loaded.budgets.insert(*mission, used);
    }
    for device in &keys.devices {
        loaded.devices.entry(device.clone()).or_default();
    }
    if known(loaded) == before {
        return Err("it asks again for what it was given");
    }
    Ok(())
}

/// How many things are known; filling in what was missing raises it.
fn known(loaded: &LoadedRecords) -> usize {
    let records = &loaded.records;
    records.user.len()
        + records.task.len()
        + records.participation.len()
        + records.reward.len()
        + records.review.len()
        + records.check_in_day.len()
        + loaded.claims.len()
        + loaded.budgets.len()
        + loaded.devices.len()
}

/// 128 bits over a claim. The hasher's keys are fixed, so it is the same at every run.
fn fingerprint(claim: &Claim) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        claim.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// The user's own record.
pub(super) fn user_record(loaded: &LoadedRecords, user: UserId) -> Option<&User> {
    loaded.records.user.get(&user)?.as_ref()
}
