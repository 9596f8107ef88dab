//! Rings of accounts: looked for from time to time, decided on by a person, and acted on member by member.

mod facts;
mod search;
mod work;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{
    FraudRingId, UserId, engine::AuditEntry, fraud::rings::RingEvidence, ports::store::StoreError,
    reward::RewardType, user::User,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use search::RingSearch;
pub(crate) use work::RingWork;

/// Where a ring stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RingStatus {
    /// It waits for a person: it is new, or has new members since somebody decided.
    Open,
    /// What its members earn and claim waits for a reviewer.
    Held,
    /// What its members have earned as its members was taken back.
    Revoked,
    /// It is none; it is shown again when it has new members.
    Dismissed,
}

/// What a person decides on a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RingAction {
    /// From now on what its members earn and claim waits for a reviewer.
    Hold,
    /// What its members have earned since its first evidence is taken back, whether it was granted or not.
    Revoke,
    /// It is none. Who was held for it is let go.
    Dismiss,
}

impl RingAction {
    /// The status after it.
    #[must_use]
    pub fn status(self) -> RingStatus {
        match self {
            RingAction::Hold => RingStatus::Held,
            RingAction::Revoke => RingStatus::Revoked,
            RingAction::Dismiss => RingStatus::Dismissed,
        }
    }

    /// Whether it can be decided where a ring stands so: a held ring can still turn out to be one, or none.
    #[must_use]
    pub fn is_possible(self, status: RingStatus) -> bool {
        match status {
            RingStatus::Open => true,
            RingStatus::Held => self != RingAction::Hold,
            RingStatus::Revoked | RingStatus::Dismissed => false,
        }
    }
}

/// A decision on a ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RingDecision {
    /// What was decided.
    pub action: RingAction,
    /// By whom.
    pub by: UserId,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub note: String,
}

/// What is kept of a ring besides its members and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingRecord {
    /// When the first of its evidence happened.
    pub since: DateTime<Utc>,
    /// How convincing its evidence is, in percent.
    pub score: u32,
    /// What its members share.
    pub evidence: Vec<RingEvidence>,
    /// The last decision; it stays while the ring is open again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<RingDecision>,
}

/// A ring, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRing {
    /// Its id.
    pub id: FraudRingId,
    /// Rises with every change.
    pub version: i64,
    /// Where it stands.
    pub status: RingStatus,
    /// What is still to be done with its members.
    pub work: Option<RingAction>,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// When it was found last.
    pub last_seen_at: DateTime<Utc>,
    /// How many members it has.
    pub members: u64,
    /// The rest.
    pub record: RingRecord,
}

/// A member of a ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RingMember {
    /// Who.
    pub user_id: UserId,
    /// By whom they were invited, where that is known and they were not erased.
    pub invited_by: Option<UserId>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When it was found to be a member.
    pub added_at: DateTime<Utc>,
}

/// A reward that somebody has earned, as far as rings ask for it.
#[derive(Clone, Copy, Debug)]
pub struct Earned {
    /// Who.
    pub user: UserId,
    /// By what kind of thing.
    pub reward_type: RewardType,
    /// By what.
    pub source: Uuid,
    /// When.
    pub at: DateTime<Utc>,
}

/// What rings need of a store. Everything is read in pages, by keys, each as of its own moment.
#[async_trait]
pub trait RingStore: Send + Sync {
    /// Whether this server is the one to look for rings now: nobody has since `before`.
    async fn begin_search(&self, now: DateTime<Utc>, before: DateTime<Utc>) -> Result<bool, StoreError>;
    /// The users after one in the order of their ids, at most so many; erased ones have no record.
    async fn users_after(
        &self,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<(UserId, Option<User>)>, StoreError>;
    /// When some users have checked in since an instant.
    async fn check_ins_of(
        &self,
        users: &[Uuid],
        since: DateTime<Utc>,
    ) -> Result<Vec<(UserId, DateTime<Utc>)>, StoreError>;
    /// What some users have earned.
    async fn earned_by(&self, users: &[Uuid]) -> Result<Vec<Earned>, StoreError>;

    /// The rings that some users are members of, a row each.
    async fn memberships(&self, users: &[Uuid]) -> Result<Vec<(FraudRingId, UserId)>, StoreError>;
    /// Writes a new ring down, or that it was seen again.
    async fn add_ring(&self, ring: &StoredRing) -> Result<(), StoreError>;
    /// Writes a ring down as it is from now on, unless it has another version than the one that was read. Answers whether
    /// it has not.
    async fn change_ring(&self, ring: &StoredRing) -> Result<bool, StoreError>;
    /// Adds members that it does not have yet, and who has invited the others where that was not known.
    async fn add_members(&self, ring: FraudRingId, members: &[RingMember]) -> Result<(), StoreError>;
    /// Takes erased users out of all rings, and rings away that have no members left.
    async fn tidy_rings(&self) -> Result<(), StoreError>;

    /// A ring.
    async fn ring(&self, id: FraudRingId) -> Result<Option<StoredRing>, StoreError>;
    /// Rings, the last found first.
    async fn rings(
        &self,
        status: RingStatus,
        before: Option<(DateTime<Utc>, FraudRingId)>,
        limit: usize,
    ) -> Result<Vec<StoredRing>, StoreError>;
    /// The members of a ring after one in the order of their ids, at most so many.
    async fn members(
        &self,
        ring: FraudRingId,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<RingMember>, StoreError>;
    /// The rings of a user.
    async fn rings_of(&self, user: UserId) -> Result<Vec<StoredRing>, StoreError>;

    /// Rings with work, at most so many.
    async fn rings_at_work(&self, limit: usize) -> Result<Vec<StoredRing>, StoreError>;
    /// Members of a ring with whom nothing was done yet for the decision of an instant, at most so many.
    async fn members_at_work(
        &self,
        ring: FraudRingId,
        decided_at: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;
    /// Writes down that all was done with a member for the decision of an instant.
    async fn note_done(
        &self,
        ring: FraudRingId,
        member: UserId,
        decided_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// Writes an entry into the audit.
    async fn add_ring_audit(&self, entry: &AuditEntry) -> Result<(), StoreError>;
}
