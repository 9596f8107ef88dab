//! Which part of a replay plays a user, and where the claims are that users of several parts ask for.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use mission_core::{UserId, ports::store::Claim};

use super::LogEntry;

/// Sends entries to partitions.
#[derive(Debug)]
pub(super) struct Routing {
    partitions: usize,
    /// The partition that was sent the last entry with a claim, by a hash of the claim. Two claims with one hash make a
    /// needless move, and nothing else.
    claims: HashMap<u64, usize>,
}

impl Routing {
    pub(super) fn new(partitions: usize) -> Self {
        Routing {
            partitions: partitions.max(1),
            claims: HashMap::new(),
        }
    }

    pub(super) fn partitions(&self) -> usize {
        self.partitions
    }

    /// The partition of a user.
    pub(super) fn partition_of(&self, user: UserId) -> usize {
        if self.partitions == 1 {
            return 0;
        }
        usize::try_from(hash_of(&user) % self.partitions as u64).unwrap_or_default()
    }

    /// The claims of an entry that may lie in other partitions than the one to which it goes, each with such a partition.
    /// From now on they lie in the entry's own.
    pub(super) fn claims_from_elsewhere(&mut self, entry: &LogEntry, to: usize) -> Vec<(Claim, usize)> {
        let mut elsewhere = Vec::new();
        if self.partitions == 1 {
            return elsewhere;
        }
        for claim in entry.shared_claims() {
            if let Claim::InviteCode(_) = &claim {
                // A user has it from their first command on, of which no line tells.
                let others = (0..self.partitions).filter(|other| *other != to);
                elsewhere.extend(others.map(|other| (claim.clone(), other)));
                continue;
            }
            let before = self.claims.insert(hash_of(&claim), to);
            elsewhere.extend(before.filter(|from| *from != to).map(|from| (claim, from)));
        }
        elsewhere
    }
}

/// The same at every run.
fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
