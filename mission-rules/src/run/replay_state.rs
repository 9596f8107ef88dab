//! The engine on records that lie where decide can read them: one command at a time, nothing copied to be read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use mission_core::{
    CommandId, UserId,
    check_in::Zone,
    engine::{
        Answer, Catalog, ClaimReward, Command, CommandContext, CompiledMission, Decision, ExpireDue,
        FriendFacts, Friends, LoadedRecords, Rejection, Request, Signals, StartTask, decide, explain,
    },
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

use super::{
    earnings::EarningsSoFar,
    expiry_queue::{ExpiringItem, ExpiryQueue},
    shared::SharedState,
};

/// The engine reached no decision: a failure of the engine, not of the pack or the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine failed on `{command}`: {why}")]
pub struct EngineError {
    /// The command's name.
    pub command: &'static str,
    /// What went wrong.
    pub why: &'static str,
    /// The line of the log that was played; 0 where none was, or lines have no numbers.
    pub line: u64,
}

/// A user in a replay.
#[derive(Debug, Default)]
pub(super) struct ReplayedUser {
    pub(super) loaded: LoadedRecords,
    /// How many commands were tried. The ids of what they make follow from it, so they are the same whoever else is there.
    commands: u64,
    /// How many rewards were granted.
    pub(super) grants: u64,
}

/// The state of a replay, or of a part of one: each user's records, and what these users share.
pub(super) struct ReplayState {
    pub(super) catalog: Arc<Catalog>,
    users: HashMap<UserId, ReplayedUser>,
    pub(super) shared: SharedState,
    friendships: BTreeMap<(UserId, UserId), Friendship>,
    due: ExpiryQueue,
    /// Claims of the rewards that were earned since this was last asked.
    earned: Vec<ClaimReward>,
    /// The rules that failed since this was last asked, on what a command made happen.
    failures: Vec<MissionRuleFailure>,
    pub(super) earnings: EarningsSoFar,
}

impl ReplayState {
    pub(super) fn new(catalog: Arc<Catalog>) -> Self {
        ReplayState {
            catalog,
            users: HashMap::new(),
            shared: SharedState::default(),
            friendships: BTreeMap::new(),
            due: ExpiryQueue::default(),
            earned: Vec::new(),
            failures: Vec::new(),
            earnings: EarningsSoFar::default(),
        }
    }

    /// Every user that was spoken of, in no order.
    pub(super) fn users(&self) -> impl Iterator<Item = (UserId, &ReplayedUser)> {
        self.users.iter().map(|(id, user)| (*id, user))
    }

    /// What is known of a user, if anything is.
    pub(super) fn loaded(&self, user: UserId) -> Option<&LoadedRecords> {
        self.users.get(&user).map(|known| &known.loaded)
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
            let Some(known) = self.users.get(&user) else {
                continue;
            };
            let records = &known.loaded.records;
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
        let fault = |why| EngineError {
            command: name,
            why,
            line: 0,
        };
        let Root::User(user) = command.home() else {
            return Err(fault("a replay changes users, nothing else"));
        };
        let signals = Signals {
            zone,
            friends: self.friends_for(&command),
            ..Signals::default()
        };
        let ReplayedUser { loaded, commands, .. } = self.users.entry(user).or_default();
        *commands += 1;
        let id = CommandId(Uuid::from_u128(u128::from(*commands)));
        let mut request = Request::unkeyed(command, id, at, signals);
        request.receipt.caller = user.0;
        if let Command::ApplyEvent(apply) = &request.command {
            let claim = Claim::Inbound {
                source: apply.event.source.clone(),
                id: apply.event.id.clone(),
            };
            let holder = self.shared.holder(&claim, user);
            loaded.claims.insert(claim, holder);
        }
        let context = CommandContext::new(&request, &self.catalog);
        let decided = self
            .shared
            .judge(loaded, user, |view| decide(view, &request.command, &context));
        let answer = decided.map_err(fault)?;
        // These are shared with other users: the next command reads them anew.
        loaded.claims.clear();
        loaded.budgets.clear();
        Ok(answer.map(|decision| self.apply(user, at, decision)))
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
            line: 0,
        };
        let command = Command::from(start.clone());
        let signals = Signals {
            friends: self.friends_for(&command),
            ..Signals::default()
        };
        let request = Request::unkeyed(command, CommandId(Uuid::nil()), at, signals);
        let mut loaded = self.loaded(start.user).cloned().unwrap_or_default();
        let context = CommandContext::new(&request, &self.catalog);
        let explained = self.shared.judge(&mut loaded, start.user, |view| {
            explain(view, start, &context, compiler)
        });
        explained.map_err(fault)
    }

    fn apply(&mut self, user: UserId, at: DateTime<Utc>, decision: Decision) -> mission_core::engine::Reply {
        let Decision {
            reply,
            mut write_set,
            events,
            device_check: _,
            risk_check: _,
            failures,
        } = decision;
        self.failures.extend(failures);
        let grants = self.earnings.note(at, &events, &write_set);
        self.shared.apply(&mut write_set);
        Friendship::merge_latest(&mut self.friendships, &write_set.friendships);
        let WriteSet {
            erasures,
            mut writes,
            // Taken in above.
            claims: _,
            releases: _,
            reservations: _,
            friendships: _,
            sightings: _,
            pictures: _,
            refused_evidence: _,
            audit: _,
        } = write_set;
        let known = self.users.entry(user).or_default();
        known.grants += grants;
        let loaded = &mut known.loaded;
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

/// The user's own record.
pub(super) fn user_record(loaded: &LoadedRecords, user: UserId) -> Option<&User> {
    loaded.records.user.get(&user)?.as_ref()
}
