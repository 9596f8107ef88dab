//! What users share: claims, inbound ids, budgets.

use std::{
    collections::{HashMap, HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use mission_core::{
    MissionId, UserId,
    engine::{ClaimHolder, Interrupt, LoadedRecords, ReadSet, Rejection, Snapshot},
    mission::BudgetUse,
    ports::store::{Claim, Root, WriteSet},
};

/// What the users of a part of a replay share.
#[derive(Debug, Default)]
pub(super) struct SharedState {
    claims: HashMap<Claim, ClaimHolder>,
    /// Inbound events that were seen, by a hash of source and id: there is one a line, too many to keep whole.
    inbound: HashSet<u128>,
    budgets: HashMap<MissionId, BudgetUse>,
}

impl SharedState {
    /// Who holds a claim; of an inbound event, whether it is held, by the user who asks.
    pub(super) fn holder(&self, claim: &Claim, user: UserId) -> Option<ClaimHolder> {
        match claim {
            Claim::Inbound { .. } | Claim::ShadowInbound { .. } => {
                self.inbound.contains(&fingerprint(claim)).then_some(user.0)
            }
            claim => self.claims.get(claim).copied(),
        }
    }

    /// Writes down what a decision shares.
    pub(super) fn apply(&mut self, written: &mut WriteSet) {
        for claim in std::mem::take(&mut written.releases) {
            self.claims.remove(&claim);
        }
        for (claim, holder) in std::mem::take(&mut written.claims) {
            self.claim(claim, holder);
        }
        for (mission, take) in &written.reservations {
            let used = self.budgets.entry(*mission).or_default();
            *used = used.plus(take.used);
        }
    }

    fn claim(&mut self, claim: Claim, holder: ClaimHolder) {
        if matches!(claim, Claim::Inbound { .. } | Claim::ShadowInbound { .. }) {
            self.inbound.insert(fingerprint(&claim));
        } else {
            self.claims.insert(claim, holder);
        }
    }

    /// Moves a claim, if it is held here, to where it is asked for next.
    pub(super) fn hand_over(&mut self, claim: &Claim, to: &mut SharedState) {
        if matches!(claim, Claim::Inbound { .. }) {
            let print = fingerprint(claim);
            if self.inbound.remove(&print) {
                to.inbound.insert(print);
            }
        } else if let Some((claim, holder)) = self.claims.remove_entry(claim) {
            to.claims.insert(claim, holder);
        }
    }

    /// Judges on a user's records, and fills in what is asked for until nothing is.
    pub(super) fn judge<T>(
        &self,
        loaded: &mut LoadedRecords,
        user: UserId,
        judge: impl Fn(Snapshot<'_>) -> Result<T, Interrupt>,
    ) -> Result<Result<T, Rejection>, &'static str> {
        let undecided = WriteSet::default();
        loop {
            match judge(Snapshot::new(loaded, &undecided)) {
                Ok(judgement) => return Ok(Ok(judgement)),
                Err(Interrupt::Rejected(why)) => return Ok(Err(why)),
                Err(Interrupt::NeedsLoad(keys)) => self.fill(loaded, user, &keys)?,
            }
        }
    }

    /// Puts what decide asked for beside the user's records. All records of the user are there already, so one that is
    /// not does not exist.
    fn fill(&self, loaded: &mut LoadedRecords, user: UserId, keys: &ReadSet) -> Result<(), &'static str> {
        let roots = keys.records.roots();
        if roots.iter().any(|root| *root != Root::User(user)) {
            return Err("it reads another root's records");
        }
        let before = loaded.known();
        loaded.records.note_absent(&keys.records);
        for claim in &keys.claims {
            loaded.claims.insert(claim.clone(), self.holder(claim, user));
        }
        for mission in &keys.budgets {
            let used = self.budgets.get(mission).copied().unwrap_or_default();
            loaded.budgets.insert(*mission, used);
        }
        for device in &keys.devices {
            loaded.devices.entry(device.clone()).or_default();
        }
        if loaded.known() == before {
            return Err("it asks again for what it was given");
        }
        Ok(())
    }
}

/// 128 bits over a claim. The hasher's keys are fixed, so it is the same at every run.
fn fingerprint(claim: &Claim) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        claim.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
