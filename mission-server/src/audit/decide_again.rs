//! Decides recorded commands again, on records in memory and claims that come from the commands themselves.

use std::collections::{BTreeMap, HashMap};

use mission_core::{
    CommandId, UserId,
    engine::{
        Catalog, ClaimHolder, Command, CommandContext, Decision, Interrupt, LoadedRecords, ReadSet,
        Rejection, Request, Signals, Snapshot, decide,
    },
    fraud::ReviewReason,
    mission::BudgetUse,
    ports::store::{Claim, StoreError, WriteSet},
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::records::StoredCommand;
use crate::store::record::{from_json, instant};

/// The records of one or more roots, as the commands so far have left them.
#[derive(Debug, Default)]
pub(super) struct DecidedRecords {
    pub(super) loaded: LoadedRecords,
    claims: HashMap<Claim, ClaimHolder>,
}

/// A command, ready to be decided; nothing where the journal does not say what was asked.
pub(super) fn request(command: &StoredCommand) -> Result<Option<Request>, StoreError> {
    let Some(text) = &command.request else {
        return Ok(None);
    };
    let (recorded, signals): (Command, Signals) = from_json(text)?;
    // Ids follow from the seed, not from this.
    let nobody = CommandId(Uuid::nil());
    Ok(Some(Request::unkeyed(
        recorded,
        nobody,
        instant(command.at)?,
        signals,
    )))
}

impl DecidedRecords {
    /// Decides a command; nothing is written. Budgets are as good as unused, or used up.
    pub(super) fn decide(
        &mut self,
        request: &Request,
        seed: Uuid,
        catalog: &Catalog,
        without_budget: bool,
    ) -> Result<Result<Decision, Rejection>, &'static str> {
        let context = CommandContext::with_seed(request, catalog, seed);
        let undecided = WriteSet::default();
        loop {
            let decided = decide(
                Snapshot::new(&self.loaded, &undecided),
                &request.command,
                &context,
            );
            match decided {
                Ok(decision) => {
                    self.forget_shared();
                    return Ok(Ok(decision));
                }
                Err(Interrupt::Rejected(why)) => {
                    self.forget_shared();
                    return Ok(Err(why));
                }
                Err(Interrupt::NeedsLoad(keys)) => {
                    if !self.fill(request, &keys, without_budget) {
                        return Err("it asks again for what it was given");
                    }
                }
            }
        }
    }

    /// Claims, budgets and devices are other users' too: each command reads them anew.
    fn forget_shared(&mut self) {
        self.loaded.claims.clear();
        self.loaded.budgets.clear();
        self.loaded.devices.clear();
    }

    /// Writes down what was decided.
    pub(super) fn apply(&mut self, written: WriteSet) {
        for claim in &written.releases {
            self.claims.remove(claim);
        }
        self.claims.extend(written.claims);
        self.loaded.records.extend(written.writes);
    }

    /// Puts what decide asked for beside the records; whether any of it was new.
    fn fill(&mut self, request: &Request, keys: &ReadSet, without_budget: bool) -> bool {
        let before = self.loaded.known();
        self.loaded.records.note_absent(&keys.records);
        for claim in &keys.claims {
            let holder = self.holder(claim);
            self.loaded.claims.insert(claim.clone(), holder);
        }
        for mission in &keys.budgets {
            self.loaded.budgets.insert(*mission, budget(without_budget));
        }
        // A device that was found to be shared had enough other users; who they were does not matter.
        let check = request.signals.device_check.as_ref();
        let is_shared = check.is_some_and(|check| check.reasons.contains(&ReviewReason::SharedDevice));
        for device in &keys.devices {
            let others = if is_shared { 64 } else { 0 };
            let users: BTreeMap<UserId, _> = (1..=others)
                .map(|other| (UserId(Uuid::from_u128(other)), request.at))
                .collect();
            self.loaded.devices.insert(device.clone(), users);
        }
        self.loaded.known() > before
    }

    /// Who holds a claim: the command was carried out, so nobody else did, but for an invite code, which is another's.
    fn holder(&self, claim: &Claim) -> Option<ClaimHolder> {
        let held = self.claims.get(claim).copied();
        match claim {
            Claim::InviteCode(_) => held.or(Some(Uuid::max())),
            _ => held,
        }
    }
}

fn budget(used_up: bool) -> BudgetUse {
    if used_up {
        BudgetUse {
            points: Decimal::from(1_000_000_000_000_000_i64),
            grants: i64::from(u32::MAX),
        }
    } else {
        BudgetUse::default()
    }
}

/// The missions of the catalog whose budgets may stand against a completion.
pub(super) fn has_budgets(catalog: &Catalog) -> bool {
    catalog
        .missions()
        .any(|compiled| compiled.mission.definition.budget.is_some())
}
