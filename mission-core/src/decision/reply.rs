//! What commands are answered with.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Rejection;
use crate::{
    RewardId,
    check_in::{CheckInDay, Streak},
    event::EventResult,
    fraud::Review,
    mission::Mission,
    reward::Reward,
    task::{Task, Upload},
    user::User,
};

/// A check-in that counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckedIn {
    /// The day and what it earned.
    pub day: CheckInDay,
    /// The streak with it.
    pub streak: Streak,
    /// Freezes held after it.
    pub freezes_held: u32,
    /// Whether its rewards wait for a reviewer.
    pub under_review: bool,
}

impl CheckedIn {
    /// The local date.
    #[must_use]
    pub fn date(&self) -> NaiveDate {
        self.day.date
    }
}

/// A task that was started or moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskChanged {
    /// The task as it is now.
    pub task: Task,
}

/// Evidence that was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceTaken {
    /// The task as it is now.
    pub task: Task,
    /// Whether a person has to look at it.
    pub under_review: bool,
}

/// A file that was taken for a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UploadTaken {
    /// The task as it is now.
    pub task: Task,
    /// The file as it is kept: under an earlier id where the same bytes were uploaded to this task before.
    pub upload: Upload,
}

/// A task that was completed, or waits for a reviewer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskCompleted {
    /// The task as it is now.
    pub task: Task,
    /// Whether a reviewer has to let it through.
    pub under_review: bool,
}

/// A reward that was granted, or is held for a reviewer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardTaken {
    /// The reward as it is now.
    pub reward: Reward,
    /// Whether a reviewer has to let it through.
    pub under_review: bool,
}

/// A user who was registered or described.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserSaved {
    /// The user as they are known now.
    pub user: User,
}

/// A user who was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Whether there was something to erase: `false` where it was done before.
    pub now: bool,
}

/// A referral that was paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferralPaid {
    /// The inviter's reward.
    pub reward: RewardId,
}

/// A review that was decided, or changed on the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewDecided {
    /// The review as it is now.
    pub review: Review,
}

/// A reward that was taken back, or is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revoked {
    /// The reward as it is now.
    pub reward: Reward,
    /// Whether another operator has to approve it first.
    #[serde(default)]
    pub under_review: bool,
}

/// The number of tasks and rewards that were expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    /// Tasks.
    pub tasks: usize,
    /// Rewards.
    pub rewards: usize,
}

/// A mission that was made or changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissionSaved {
    /// The mission as it is now.
    pub mission: Mission,
}

/// A pack that was put in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackSaved {
    /// Its name.
    pub name: String,
    /// Its version on this server, raised by every change of its content.
    pub version: u64,
    /// Its missions as they are now.
    pub missions: Vec<Mission>,
    /// The missions that its last version held and this one does not, archived now.
    #[serde(default)]
    pub archived: Vec<Mission>,
    /// How many of its missions are new.
    #[serde(default)]
    pub created: usize,
    /// How many of its missions were known and are different now.
    #[serde(default)]
    pub changed: usize,
}

impl PackSaved {
    /// Every mission that the command wrote, as it is now.
    pub(crate) fn saved(&self) -> impl Iterator<Item = &Mission> {
        self.missions.iter().chain(&self.archived)
    }
}

macro_rules! replies {
    ($($name:ident),* $(,)?) => {
        /// The reply of a command.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "each variant holds the struct of the same name")]
        pub enum Reply { $($name($name),)* }

        $(
            impl From<$name> for Reply {
                fn from(reply: $name) -> Reply {
                    Reply::$name(reply)
                }
            }

            impl TryFrom<Reply> for $name {
                type Error = Reply;
                fn try_from(reply: Reply) -> Result<Self, Reply> {
                    match reply {
                        Reply::$name(reply) => Ok(reply),
                        other => Err(other),
                    }
                }
            }
        )*
    };
}

replies! {
    CheckedIn, TaskChanged, EvidenceTaken, UploadTaken, TaskCompleted, RewardTaken, EventResult, UserSaved, Erased, ReferralPaid,
    ReviewDecided, Revoked, Expired, MissionSaved, PackSaved,
}

/// A command's answer: what it did, or why it did nothing.
pub type Answer = Result<Reply, Rejection>;
