//! Reviews: flagged commands that wait for a person.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{DeviceHash, RiskAssessment};
use crate::{CheckInDayId, FileId, FraudRingId, ReviewId, RewardId, TaskId, UserId};

/// One flagged command and what became of it; also its audit record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The review's id.
    pub id: ReviewId,
    /// Whose command it was.
    pub user_id: UserId,
    /// What waits.
    pub subject: ReviewSubject,
    /// Why.
    pub reasons: Vec<ReviewReason>,
    /// The device that the command came with; approval trusts it.
    pub device: Option<DeviceHash>,
    /// Whether it was decided, and how.
    pub status: ReviewStatus,
    /// When the command came.
    pub created_at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// By whom.
    pub decided_by: Option<UserId>,
    /// The reviewer's note.
    pub note: Option<String>,
    /// Which reviewer works on it, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<ReviewAssignment>,
    /// Under which id the moderation service knows of it, once it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moderation: Option<String>,
}

impl Review {
    /// The id of the review of an upload, by which whoever knows the file finds it. It begins with the file's id, so that
    /// reviews stay in the order of their time.
    #[must_use]
    pub fn id_for_upload(file: FileId) -> ReviewId {
        let hash = uuid::Uuid::new_v5(&file.0, b"review");
        let mut bytes = *file.0.as_bytes();
        bytes[8..].copy_from_slice(&hash.as_bytes()[8..]);
        ReviewId(uuid::Uuid::from_bytes(bytes))
    }

    /// Whether it can still be decided.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        matches!(self.status, ReviewStatus::Open | ReviewStatus::InModeration)
    }

    /// The assignment, where it has not lapsed by an instant.
    #[must_use]
    pub fn assignment_at(&self, at: DateTime<Utc>) -> Option<ReviewAssignment> {
        self.assignment.filter(|assignment| at < assignment.until)
    }
}

/// A review is left to one reviewer for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewAssignment {
    /// To whom.
    pub reviewer: UserId,
    /// Until when; from then on it is nobody's.
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub until: DateTime<Utc>,
}

/// What a review is about, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewKind {
    /// Evidence.
    Evidence,
    /// An uploaded file.
    Upload,
    /// A completion.
    Completion,
    /// A claim.
    Claim,
    /// A check-in.
    CheckIn,
    /// A grant by hand.
    Grant,
    /// A revocation by hand.
    Revocation,
}

/// The subject of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewSubject {
    /// Evidence that a person has to look at.
    Evidence {
        /// The task that shows it.
        task: TaskId,
    },
    /// A file that was uploaded to a task.
    Upload {
        /// The task.
        task: TaskId,
        /// The file.
        file: FileId,
    },
    /// A completion; its reward is held.
    Completion {
        /// The task.
        task: TaskId,
        /// What it earned.
        reward: RewardId,
    },
    /// A claim.
    Claim {
        /// The reward, held.
        reward: RewardId,
    },
    /// A check-in; its rewards are held.
    CheckIn {
        /// The day.
        day: CheckInDayId,
        /// Its date.
        date: chrono::NaiveDate,
        /// Its rewards.
        rewards: Vec<RewardId>,
    },
    /// A grant by hand; its reward is held.
    Grant {
        /// What is to be granted.
        reward: RewardId,
        /// Who asks for it, and so cannot approve it.
        operator: UserId,
    },
    /// A revocation by hand of a reward that was granted.
    Revocation {
        /// What is to be taken back.
        reward: RewardId,
        /// Who asks for it, and so cannot approve it.
        operator: UserId,
        /// Whether the completion that earned it is given back too.
        reopens: bool,
        /// Why, as the wallet is told.
        reason: String,
    },
}

impl ReviewSubject {
    /// The task that waits itself; not one whose reward does.
    #[must_use]
    pub fn task(&self) -> Option<TaskId> {
        match self {
            ReviewSubject::Evidence { task }
            | ReviewSubject::Upload { task, .. }
            | ReviewSubject::Completion { task, .. } => Some(*task),
            ReviewSubject::Claim { .. }
            | ReviewSubject::CheckIn { .. }
            | ReviewSubject::Grant { .. }
            | ReviewSubject::Revocation { .. } => None,
        }
    }

    /// The rewards that it is about: held meanwhile, but for one that is to be taken back.
    #[must_use]
    pub fn rewards(&self) -> &[RewardId] {
        match self {
            ReviewSubject::Evidence { .. } | ReviewSubject::Upload { .. } => &[],
            ReviewSubject::Completion { reward, .. }
            | ReviewSubject::Claim { reward }
            | ReviewSubject::Grant { reward, .. }
            | ReviewSubject::Revocation { reward, .. } => std::slice::from_ref(reward),
            ReviewSubject::CheckIn { rewards, .. } => rewards,
        }
    }

    /// The kind of command, in a word.
    #[must_use]
    pub fn kind(&self) -> ReviewKind {
        match self {
            ReviewSubject::Evidence { .. } => ReviewKind::Evidence,
            ReviewSubject::Upload { .. } => ReviewKind::Upload,
            ReviewSubject::Completion { .. } => ReviewKind::Completion,
            ReviewSubject::Claim { .. } => ReviewKind::Claim,
            ReviewSubject::CheckIn { .. } => ReviewKind::CheckIn,
            ReviewSubject::Grant { .. } => ReviewKind::Grant,
            ReviewSubject::Revocation { .. } => ReviewKind::Revocation,
        }
    }

    /// The operator who asks for it, where one does: another one has to approve it.
    #[must_use]
    pub fn requested_by(&self) -> Option<UserId> {
        match self {
            ReviewSubject::Grant { operator, .. } | ReviewSubject::Revocation { operator, .. } => {
                Some(*operator)
            }
            _ => None,
        }
    }
}

/// Why a command waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewReason {
    /// Not the user's first device, and not approved before.
    NewDevice,
    /// Several other users came with the same device.
    SharedDevice,
    /// The mission asks for a person to look at its evidence.
    ManualReview,
    /// The mission's script asks for a person, and says why.
    Script(String),
    /// The upload looks nearly like this one of another task.
    NearCopy(FileId),
    /// The moderation service leaves it to a person, and says why.
    Moderation(String),
    /// The pack's script finds the command risky: its score, and what speaks for it.
    Risk(RiskAssessment),
    /// The pack's script of risk failed, and says how: nobody knows.
    RiskUnknown(String),
    /// An operator holds the user as a member of this ring.
    Ring(FraudRingId),
    /// An operator asks for a grant of more than one person may decide on, and says why.
    ManualGrant(String),
    /// An operator asks to take back more than one person may decide on, and says why.
    ManualRevocation(String),
}

/// Whether a review was decided, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewStatus {
    /// Waiting for a person.
    Open,
    /// Waiting for the moderation service; a person may decide before it.
    InModeration,
    /// The command went through.
    Approved,
    /// Nothing was granted.
    Rejected,
}

/// The verdict of moderation on an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is good.
    Approved,
    /// It is not.
    Rejected,
    /// A person is to decide.
    Review,
}

/// What becomes of a review that nobody decides in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewTimeout {
    /// The command goes through.
    Approve,
    /// Nothing is granted.
    Reject,
}

/// The decision of a reviewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewDecision {
    /// Let the command through.
    Approve,
    /// Grant nothing.
    Reject,
    /// Grant nothing, and ban the user.
    RejectAndBan,
}
