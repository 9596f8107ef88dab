//! Rings looked for among new accounts, and written down.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use mission_core::{
    FraudRingId, UserId,
    engine::Engine,
    fraud::rings::{AccountFacts, FraudRing, RingPolicy, find_rings},
    ports::{clock::Clock, store::StoreError},
    system::SystemClock,
};
use uuid::Uuid;

use super::{RingMember, RingRecord, RingStatus, RingStore, StoredRing, facts};

/// Accounts are new for so long.
const NEW: TimeDelta = TimeDelta::days(30);
/// Members whose rings are asked for at once.
const TOGETHER: usize = 500;

/// Looks for rings.
#[derive(Clone)]
pub(crate) struct RingSearch {
    store: Arc<dyn RingStore>,
    engine: Engine,
    /// How often all servers together do.
    every: Duration,
}

/// What a search found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) accounts: usize,
    pub(crate) rings: usize,
    /// Rings that are new, or open again.
    pub(crate) opened: usize,
}

impl RingSearch {
    pub(crate) fn new(store: Arc<dyn RingStore>, engine: Engine, every: Duration) -> Self {
        RingSearch { store, engine, every }
    }

    /// How often.
    pub(crate) fn every(&self) -> Duration {
        self.every
    }

    /// Looks for rings, unless another server has just done so.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was written until then stays.
    pub(crate) async fn run_once(&self) -> Result<Option<Found>, StoreError> {
        let half = TimeDelta::from_std(self.every / 2).unwrap_or(NEW);
        let machine = SystemClock.now();
        if !self.store.begin_search(machine, machine - half).await? {
            return Ok(None);
        }
        let now = self.engine.now();
        let zone = self.engine.catalog().check_in.default_zone();
        let accounts = facts::of_new_accounts(self.store.as_ref(), now - NEW, zone).await?;
        let policy = RingPolicy {
            looks_back: NEW,
            ..RingPolicy::default()
        };
        let look = move || (find_rings(&accounts, &policy, now), accounts);
        // It may take a second, and must not keep a thread of the runtime for so long.
        let (rings, accounts) = tokio::task::spawn_blocking(look)
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let by_user: HashMap<UserId, &AccountFacts> =
            accounts.iter().map(|account| (account.user, account)).collect();
        let mut found = Found {
            accounts: accounts.len(),
            rings: rings.len(),
            opened: 0,
        };
        let mut taken = HashSet::new();
        for ring in rings {
            found.opened += usize::from(self.write_down(ring, &by_user, &mut taken, now).await?);
        }
        self.store.tidy_rings().await?;
        Ok(Some(found))
    }

    /// Writes a ring down; answers whether somebody has to look at it.
    async fn write_down(
        &self,
        ring: FraudRing,
        accounts: &HashMap<UserId, &AccountFacts>,
        taken: &mut HashSet<FraudRingId>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let known = self.known(&ring, taken).await?;
        let member = |user: &UserId| {
            let facts = accounts.get(user);
            RingMember {
                user_id: *user,
                invited_by: facts.and_then(|facts| facts.invited_by),
                created_at: facts.map_or(now, |facts| facts.created_at),
                added_at: now,
            }
        };
        let record = RingRecord {
            since: ring.since,
            score: ring.score,
            evidence: ring.evidence,
            decision: None,
        };
        let Some((mut stored, members)) = known else {
            taken.insert(ring.id);
            let stored = StoredRing {
                id: ring.id,
                version: 1,
                status: RingStatus::Open,
                work: None,
                found_at: now,
                last_seen_at: now,
                members: 0,
                record,
            };
            self.store.add_ring(&stored).await?;
            let members: Vec<RingMember> = ring.members.iter().map(member).collect();
            self.store.add_members(ring.id, &members).await?;
            return Ok(true);
        };
        taken.insert(stored.id);
        let has_newcomers = ring.members.iter().any(|user| !members.contains(user));
        let is_decided = stored.status != RingStatus::Open;
        if stored.work.is_some() {
            // Whoever decided meant the members of then: the next search adds the others.
            return Ok(false);
        }
        if !is_decided || has_newcomers {
            stored.record = RingRecord {
                since: record.since.min(stored.record.since),
                decision: stored.record.decision,
                ..record
            };
        }
        if has_newcomers {
            stored.status = RingStatus::Open;
        }
        stored.last_seen_at = now;
        // The ring first: one that is open again is found by the next search, whatever becomes of this one.
        if !self.store.change_ring(&stored).await? {
            return Ok(false);
        }
        let members: Vec<RingMember> = ring.members.iter().map(member).collect();
        self.store.add_members(stored.id, &members).await?;
        Ok(is_decided && has_newcomers)
    }

    /// The ring that was written down before with the most of its members, and all of them that it has.
    async fn known(
        &self,
        ring: &FraudRing,
        taken: &HashSet<FraudRingId>,
    ) -> Result<Option<(StoredRing, HashSet<UserId>)>, StoreError> {
        let users: Vec<Uuid> = ring.members.iter().map(|user| user.0).collect();
        let mut members: HashMap<FraudRingId, HashSet<UserId>> = HashMap::new();
        for users in users.chunks(TOGETHER) {
            for (id, user) in self.store.memberships(users).await? {
                if !taken.contains(&id) {
                    members.entry(id).or_default().insert(user);
                }
            }
        }
        let most = members.into_iter().max_by_key(|(id, users)| (users.len(), *id));
        let Some((id, users)) = most else { return Ok(None) };
        Ok(self.store.ring(id).await?.map(|stored| (stored, users)))
    }
}
