//! What rules may know of a user's friends: asked for before a command is decided, and only where a rule reads it.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Catalog, Command, CompiledMission, Root};
use crate::{UserId, user::FriendFacts};

/// A user's friends, as far as the social service could be asked when the command arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Friends {
    /// These.
    Known(FriendFacts),
    /// Whoever knows it is away: a mission whose rules read it waits, and no other.
    Unknown,
}

impl FriendFacts {
    /// What rules that decide on a command can read of its user's friends.
    #[must_use]
    pub fn of(friends: &[UserId], command: &Command) -> Self {
        let mut named = BTreeSet::new();
        if let Command::ApplyEvent(apply) = command {
            let friends: HashSet<UserId> = friends.iter().copied().collect();
            let data = apply.event.data.values();
            data.for_each(|value| collect(value, &friends, &mut named));
        }
        FriendFacts {
            count: u32::try_from(friends.len()).unwrap_or(u32::MAX),
            named: named.into_iter().collect(),
        }
    }
}

/// The texts that are ids of friends, however deep.
fn collect(value: &Value, friends: &HashSet<UserId>, named: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.parse().is_ok_and(|id| friends.contains(&UserId(id))) => {
            named.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, friends, named)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, friends, named)),
        _ => {}
    }
}

impl Catalog {
    /// Whose friends the rules may read that decide on a command; nobody's where none does.
    #[must_use]
    pub fn friends_read_by(&self, command: &Command) -> Option<UserId> {
        let is_read = match command {
            Command::ApplyEvent(c) if self.reads_friends() => self
                .concerned_by_event(&c.event)
                .any(CompiledMission::reads_friends),
            Command::StartTask(c) => self
                .mission(c.mission)
                .is_some_and(CompiledMission::reads_friends),
            // The task's mission is known only once the task is: any of them may be meant.
            Command::ReportProgress(_)
            | Command::SubmitEvidence(_)
            | Command::AttachUpload(_)
            | Command::CompleteTask(_)
            | Command::DecideReview(_)
            | Command::TimeOutReview(_)
            | Command::ApplyVerdict(_) => self.reads_friends(),
            _ => false,
        };
        match command.home() {
            Root::User(user) if is_read => Some(user),
            _ => None,
        }
    }
}
