//! A ring that was found.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AccountFacts, RingEvidence, groups::Group};
use crate::{FraudRingId, UserId};

/// Accounts that one person seems to run, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FraudRing {
    /// Derived from the oldest member, so that the ring is the same one when it is found again with newcomers.
    pub id: FraudRingId,
    /// In order of their ids.
    pub members: Vec<UserId>,
    /// What they share, the most convincing first.
    pub evidence: Vec<RingEvidence>,
    /// When the first of it happened: before that the accounts may have been anybody's.
    pub since: DateTime<Utc>,
    /// How convincing all of it is, in percent.
    pub score: u32,
}

impl FraudRingId {
    /// The id of the ring whose oldest member is this user.
    #[must_use]
    pub fn of_oldest(user: UserId) -> FraudRingId {
        FraudRingId(Uuid::new_v5(&user.0, b"fraud ring"))
    }
}

impl Group {
    /// The ring that a group is; `None` for one of nobody.
    pub(super) fn named(mut self, accounts: &[&AccountFacts]) -> Option<FraudRing> {
        let oldest = self
            .members
            .iter()
            .map(|member| accounts[*member])
            .min_by_key(|account| (account.created_at, account.user))?;
        self.evidence
            .sort_by(|a, b| (b.weight, &a.evidence).cmp(&(a.weight, &b.evidence)));
        self.evidence.dedup();
        Some(FraudRing {
            id: FraudRingId::of_oldest(oldest.user),
            since: self
                .evidence
                .iter()
                .filter_map(|weighed| weighed.evidence.since())
                .min()
                .unwrap_or(oldest.created_at),
            score: self.score(),
            members: self.members.iter().map(|member| accounts[*member].user).collect(),
            evidence: self
                .evidence
                .into_iter()
                .map(|weighed| weighed.evidence)
                .collect(),
        })
    }
}
