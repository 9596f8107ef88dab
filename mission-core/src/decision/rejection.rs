//! Why the domain says no. Each has a stable code; the wire adds nothing but a status.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    fraud::RiskAssessment,
    mission::{MissionStatus, StatusTransition},
    ports::rules::MissionRuleFailure,
};

/// A refusal of the domain: the command was understood, and nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Rejection {
    /// There is no such thing, or it is another user's.
    #[error("there is no such {0}")]
    NotFound(ResourceKind),
    /// The user was erased.
    #[error("this user was erased")]
    UserErased,
    /// The mission is not active, or outside its window.
    #[error("the mission is not active now")]
    MissionNotActive,
    /// The user has an open task of the mission in this period.
    #[error("a task of this mission is open already")]
    TaskAlreadyOpen,
    /// The user has completed the mission as often as a period takes.
    #[error("the mission was completed as often as it can be in this period")]
    MaxCompletionsReached,
    /// The mission's cooldown is running.
    #[error("the mission can be started again at {until}")]
    Cooldown {
        /// When it is over.
        until: DateTime<Utc>,
        /// Until then, rounded up.
        retry_after_seconds: u64,
    },
    /// The user does not meet the mission's rules.
    #[error("not eligible: {0}")]
    NotEligible(String),
    /// A rule of the mission reads the user's friends, and who they are cannot be asked for at the moment.
    #[error("who the user's friends are cannot be asked for at the moment; try again")]
    FriendsUnknown,
    /// What the event tells of was counted by the mission before, under the same value of its trigger's key.
    #[error("the mission has counted this before")]
    AlreadyCounted,
    /// The mission's script failed.
    #[error("the mission's rule failed: {0}")]
    RuleFailed(Box<MissionRuleFailure>),
    /// The task is not in progress, or its period or mission has ended.
    #[error("the task is not open")]
    TaskNotOpen,
    /// The mission is moved by events, not by its user.
    #[error("this mission is moved by activity events; its progress cannot be reported")]
    ProgressByEvents,
    /// The task lacks progress or valid evidence.
    #[error("the task is not complete: {0}")]
    TaskNotComplete(String),
    /// The mission's budget cannot carry another completion.
    #[error("the mission's budget is spent")]
    BudgetExhausted,
    /// The task is not completed, so there is nothing to claim.
    #[error("the task is not completed")]
    TaskNotCompleted,
    /// The reward was granted before.
    #[error("the reward was claimed before")]
    AlreadyClaimed,
    /// The reward was not claimed in time.
    #[error("the reward has expired")]
    RewardExpired,
    /// A person refused the reward before it was granted.
    #[error("the reward was rejected by a reviewer, or revoked before it was claimed")]
    RewardRejected,
    /// The evidence does not show what it must.
    #[error("{0}")]
    EvidenceRejected(String),
    /// Another task or user has shown the same.
    #[error("the same evidence was shown before")]
    EvidenceReused,
    /// There was a check-in on this local day, or on a later one.
    #[error("already checked in on this day")]
    AlreadyCheckedIn,
    /// The request must name its device.
    #[error("the header `X-Device-Id` is required")]
    DeviceRequired,
    /// The mission cannot be moved so.
    #[error("a mission that is {from} cannot be moved by `{asked}`")]
    InvalidTransition {
        /// Its status.
        from: MissionStatus,
        /// What was asked.
        asked: StatusTransition,
    },
    /// The code belongs to a mission of another owner.
    #[error("the code `{code}` belongs to a mission {}", made_by(owner.as_deref()))]
    CodeTaken {
        /// The code.
        code: String,
        /// The pack that holds the mission; `None`: it was made over the HTTP API.
        owner: Option<String>,
    },
    /// The mission was changed since the caller read it.
    #[error("the mission is at version {current} by now")]
    VersionConflict {
        /// Its version.
        current: u64,
    },
    /// Whether a mission is a shadow, and of which, cannot be changed any more.
    #[error(
        "`shadow` and `shadow_of` of `{code}` cannot be changed once it was active, since what its users have done would count: \
         give the other mission a code of its own"
    )]
    ShadowFixed {
        /// The mission's code.
        code: String,
    },
    /// Another pack carries policy files.
    #[error("another pack carries the check-in, referral, level or scale policy")]
    PolicyTaken,
    /// The review was decided before.
    #[error("the review was decided before")]
    AlreadyDecided,
    /// Another reviewer works on the review.
    #[error("another reviewer works on it until {until}: take another one, or ask them to release it")]
    AssignedToAnother {
        /// When the assignment lapses.
        until: DateTime<Utc>,
    },
    /// Whoever asked for it cannot approve it.
    #[error("another operator than the one who asked for it has to approve it; they may reject it")]
    SecondPersonRequired,
    /// The reward is lost already: nothing is left to revoke.
    #[error("the reward has expired, or was rejected or revoked before: there is nothing to revoke")]
    NotClaimed,
    /// The invitee was counted for somebody before.
    #[error("this invitee was counted before")]
    ReferralCounted,
    /// The pack's script finds the command too risky. The user is not told why.
    #[error("this cannot be done now; try again later, or ask support")]
    RiskRefused(RiskAssessment),
    /// Nobody invites themselves.
    #[error("inviter and invitee are the same user")]
    SelfReferral,
    /// An amount is beyond what points can hold.
    #[error("an amount is out of bounds: {0}")]
    AmountOutOfBounds(String),
    /// The caller used the key for something else before.
    #[error("this idempotency key was used for another request")]
    IdempotencyKeyReused,
}

/// The kind of a resource that was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A mission.
    Mission,
    /// A task.
    Task,
    /// A reward.
    Reward,
    /// A review.
    Review,
    /// A user.
    User,
    /// A pack.
    Pack,
    /// A ring of accounts.
    Ring,
}

impl std::fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ResourceKind::Mission => "mission",
            ResourceKind::Task => "task",
            ResourceKind::Reward => "reward",
            ResourceKind::Review => "review",
            ResourceKind::User => "user",
            ResourceKind::Pack => "pack",
            ResourceKind::Ring => "ring",
        })
    }
}

impl Rejection {
    /// Whether the same command is to be decided anew later, under the same key: the answer says when.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Rejection::Cooldown { .. }
                | Rejection::AssignedToAnother { .. }
                | Rejection::FriendsUnknown
                | Rejection::RiskRefused(_)
        )
    }

    /// The stable code, in snake case, that clients may act on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::NotFound(_) => "not_found",
            Rejection::UserErased => "user_erased",
            Rejection::MissionNotActive => "mission_not_active",
            Rejection::TaskAlreadyOpen => "task_already_open",
            Rejection::MaxCompletionsReached => "max_completions_reached",
            Rejection::Cooldown { .. } => "cooldown",
            Rejection::NotEligible(_) => "not_eligible",
            Rejection::FriendsUnknown => "unavailable",
            Rejection::AlreadyCounted => "already_counted",
            Rejection::RuleFailed(_) => "rule_failed",
            Rejection::TaskNotOpen => "task_not_open",
            Rejection::ProgressByEvents => "progress_by_events",
            Rejection::TaskNotComplete(_) => "task_not_complete",
            Rejection::BudgetExhausted => "budget_exhausted",
            Rejection::TaskNotCompleted => "task_not_completed",
            Rejection::AlreadyClaimed => "already_claimed",
            Rejection::RewardExpired => "reward_expired",
            Rejection::RewardRejected => "reward_rejected",
            Rejection::EvidenceRejected(_) => "evidence_rejected",
            Rejection::EvidenceReused => "evidence_reused",
            Rejection::AlreadyCheckedIn => "already_checked_in",
            Rejection::DeviceRequired => "device_required",
            Rejection::InvalidTransition { .. } => "invalid_transition",
            Rejection::CodeTaken { .. } => "code_taken",
            Rejection::VersionConflict { .. } => "version_conflict",
            Rejection::ShadowFixed { .. } => "shadow_fixed",
            Rejection::PolicyTaken => "policy_taken",
            Rejection::AlreadyDecided => "already_decided",
            Rejection::AssignedToAnother { .. } => "assigned_to_another",
            Rejection::SecondPersonRequired => "second_person_required",
            Rejection::NotClaimed => "not_claimed",
            Rejection::ReferralCounted => "referral_counted",
            Rejection::RiskRefused(_) => "risk_refused",
            Rejection::SelfReferral => "self_referral",
            Rejection::AmountOutOfBounds(_) => "amount_out_of_bounds",
            Rejection::IdempotencyKeyReused => "idempotency_key_reused",
        }
    }
}

fn made_by(pack: Option<&str>) -> String {
    pack.map_or_else(
        || "that was made over the HTTP API".to_owned(),
        |pack| format!("of the pack `{pack}`"),
    )
}
