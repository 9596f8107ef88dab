//! What decisions change, as one atomic unit: writes, claims, budget reservations, journal entries.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Answer, AuditEntry, ClaimHolder, OutboundEvent, Records, Request};
use crate::{
    FileId, MissionId, PackId, TaskId, UserId,
    event::{ActivityEvent, Friendship},
    fraud::DeviceHash,
    mission::{Budget, BudgetUse, MissionCode},
    task::PerceptualHash,
    user::InviteCode,
};

/// The unit of consistency: everything below a root is guarded by the root's one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Root {
    /// A user, with tasks, rewards, check-ins and reviews.
    User(UserId),
    /// A mission.
    Mission(MissionId),
    /// A pack.
    Pack(PackId),
}

/// The version of a root: the number of changes so far; 0 = it does not exist yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The version after one more change.
    #[must_use]
    pub fn next(self) -> Version {
        Version(self.0 + 1)
    }
}

/// A name that at most one holder has at a time, over all roots; the first one gets it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Claim {
    /// Content that was shown as evidence; held by a task.
    Evidence([u8; 32]),
    /// A file that was uploaded; held by the user whose it is.
    File(FileId),
    /// A mission's code; held by the mission.
    MissionCode(MissionCode),
    /// An invite code; held by the user whose it is.
    InviteCode(InviteCode),
    /// An invitee, counted for an inviter; held by the inviter.
    Invitee(UserId),
    /// An invitee whom a `referral.activated` event told of, whatever its id; held by the inviter.
    ReferralEvent(UserId),
    /// What a mission counted under one value of its trigger's key; held by the task that counted it, or by no task (the
    /// nil id) where it was taken back before it was told.
    Counted {
        /// For whom.
        user: UserId,
        /// By which mission.
        mission: MissionId,
        /// The value of the key.
        key: String,
    },
    /// The right to carry policy files; held by a pack.
    Policy,
    /// An inbound event, by source and id; held by its user.
    Inbound {
        /// Who sent it.
        source: String,
        /// Its id there.
        id: String,
    },
    /// An inbound event that has moved a user's tasks of shadow missions and nothing else; held by the user. What it does
    /// to other missions it may still do when it is sent again.
    ShadowInbound {
        /// Whose tasks.
        user: UserId,
        /// Who sent it.
        source: String,
        /// Its id there.
        id: String,
    },
}

impl Claim {
    /// That an event has moved its user's tasks of shadow missions and nothing else.
    #[must_use]
    pub fn shadow_inbound(event: &ActivityEvent) -> Claim {
        Claim::ShadowInbound {
            user: event.user_id,
            source: event.source.clone(),
            id: event.id.clone(),
        }
    }

    /// The kind and the key under which a store can keep the claim.
    #[must_use]
    pub fn storage_key(&self) -> (&'static str, String) {
        use data_encoding::HEXLOWER;
        match self {
            Claim::Evidence(hash) => ("evidence", HEXLOWER.encode(hash)),
            Claim::File(file) => ("file", file.to_string()),
            Claim::MissionCode(code) => ("mission_code", code.to_string()),
            Claim::InviteCode(code) => ("invite_code", code.to_string()),
            Claim::Invitee(user) => ("invitee", user.to_string()),
            Claim::ReferralEvent(user) => ("referral_event", user.to_string()),
            // An order's number is the user's own, and a claim outlives an erasure: its digest is kept.
            Claim::Counted { user, mission, key } => {
                let digest = uuid::Uuid::new_v5(&user.0, format!("{mission}:{key}").as_bytes());
                ("counted", digest.to_string())
            }
            Claim::Policy => ("policy", String::new()),
            Claim::Inbound { source, id } => ("inbound", format!("{}:{source}:{id}", source.len())),
            // Kept and forgotten as those are, which begin with a digit.
            Claim::ShadowInbound { user, source, id } => {
                let key = format!("shadow:{user}:{}:{source}:{id}", source.len());
                ("inbound", key)
            }
        }
    }
}

/// The atomic change of one or more commands on the same roots. Commits whole or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// The roots that it rests on and raises, each with the version that was read. A root at version 0 comes with
    /// its record among the writes.
    pub expected: BTreeMap<Root, Version>,
    /// What is different after it.
    pub write_set: WriteSet,
    /// One entry a command, in the order in which they were decided.
    pub journal: Vec<JournalEntry>,
}

/// The writes of one or more decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteSet {
    /// Users of whom every record, and what the journal says of them, goes before the writes are made. Events
    /// that have not left yet stay. An erasure is one change with one entry, and a commit by itself.
    pub erasures: BTreeSet<UserId>,
    /// Records as they are from now on.
    pub writes: Records,
    /// Claims to take; one that is held by another by now refuses the change.
    pub claims: BTreeMap<Claim, ClaimHolder>,
    /// Claims to let go, before others are taken.
    pub releases: BTreeSet<Claim>,
    /// Differences of budgets with the limits that must hold after them; a give-back always holds.
    pub reservations: BTreeMap<MissionId, BudgetReservation>,
    /// Who came with which device, and when: advisory, not guarded.
    pub sightings: BTreeMap<(DeviceHash, UserId), DateTime<Utc>>,
    /// What was told of pairs of users, each pair once a direction: of two the later one holds, not guarded.
    pub friendships: BTreeMap<(UserId, UserId), Friendship>,
    /// How new uploads look: to be found again, never guarded.
    pub pictures: Vec<Picture>,
    /// How often evidence was refused, by the hour and the mission: counted, never guarded, and of nobody.
    pub refused_evidence: BTreeMap<(DateTime<Utc>, MissionId), u64>,
    /// Entries of the audit to add. An erasure takes what they say of the user out of those that are there.
    pub audit: Vec<AuditEntry>,
}

impl WriteSet {
    /// Puts the effects of a later decision on top.
    pub fn extend(&mut self, later: WriteSet) {
        self.erasures.extend(later.erasures);
        self.writes.extend(later.writes);
        for claim in later.releases {
            self.claims.remove(&claim);
            self.releases.insert(claim);
        }
        for (claim, holder) in later.claims {
            self.claims.insert(claim, holder);
        }
        for (mission, reservation) in later.reservations {
            let sum = self.reservations.entry(mission).or_default();
            *sum = BudgetReservation {
                used: sum.used.plus(reservation.used),
                limit: reservation.limit,
            };
        }
        self.sightings.extend(later.sightings);
        Friendship::merge_latest(&mut self.friendships, &later.friendships);
        self.pictures.extend(later.pictures);
        for (key, count) in later.refused_evidence {
            *self.refused_evidence.entry(key).or_default() += count;
        }
        self.audit.extend(later.audit);
    }
}

/// The perceptual hash of an uploaded image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The image.
    pub file: FileId,
    /// Whose it is.
    pub user: UserId,
    /// To which task it was uploaded.
    pub task: TaskId,
    /// How it looks.
    pub hash: PerceptualHash,
}

/// A guarded change of one mission's budget use: reserved, or with negative numbers released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetReservation {
    /// What is added (or with negative numbers given back).
    pub used: BudgetUse,
    /// What the sum must stay inside, where it grows.
    pub limit: Budget,
}

impl BudgetReservation {
    /// Whether the take may go on top of what is in use.
    #[must_use]
    pub fn fits(&self, in_use: BudgetUse) -> bool {
        let grows = self.used.points > rust_decimal::Decimal::ZERO || self.used.grants > 0;
        !grows || self.limit.allows(in_use.plus(self.used))
    }
}

/// One row of the journal: receipt, audit log and outbox entry at once. Entries of one root are in order by the version
/// that the root has after the change, then by position in the change's journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalEntry {
    /// Whose journal it is in.
    pub root: Root,
    /// The command with all that it rested on.
    pub request: Request,
    /// What it was answered.
    pub answer: Answer,
    /// What other services are to be told.
    pub events: Vec<OutboundEvent>,
}
