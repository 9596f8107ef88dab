//! The catalogs that were in force, one after the other: the recorded changes of missions and packs, decided again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::SubsecRound as _;
use mission_core::{
    MissionId,
    engine::{Catalog, CatalogBuilder, PackRecord, Settings},
    event::LateWindow,
    fraud::{CheckMode, FraudPolicy},
    mission::Mission,
    ports::{rules::ScriptCompiler, store::StoreError},
};

use super::{
    decide_again::{DecidedRecords, request},
    records::StoredCommand,
};
use crate::store::{
    read_transaction::ReadTransaction, record::from_json, row::SqlRow, sql_builder::SqlBuilder,
};

/// A catalog, and from which journal entry on it was in force.
#[derive(Debug)]
struct CatalogVersion {
    from: i64,
    at: i64,
    catalog: Catalog,
}

/// All catalogs that were in force.
#[derive(Debug)]
pub(super) struct Catalogs {
    versions: Vec<CatalogVersion>,
    /// The same with other settings of the device check.
    by_mode: Mutex<HashMap<(usize, u8), Arc<Catalog>>>,
    /// Missions whose recorded changes do not lead to what is stored.
    unknown: BTreeSet<MissionId>,
    /// Whether the policies in force are known at every moment.
    knows_policies: bool,
}

/// A server hears of another's change of the catalog within so long.
const LAG: i64 = 5_000_000;

impl Catalogs {
    /// Reads the changes of missions and packs that the journal has.
    pub(super) async fn read<T: ReadTransaction>(
        transaction: &mut T,
        compiler: &dyn ScriptCompiler,
        late_window: LateWindow,
    ) -> Result<Self, StoreError> {
        let mut changes = SqlBuilder::new(T::DIALECT.commands);
        changes.then(" WHERE root_kind <> 'user' ORDER BY number");
        let rows = transaction.read(changes).await?;
        let mut records = DecidedRecords::default();
        let settings = Settings {
            late_window,
            ..Settings::default()
        };
        let mut catalog = CatalogBuilder::new(compiler, settings).build();
        let mut versions = vec![CatalogVersion {
            from: i64::MIN,
            at: i64::MIN,
            catalog: catalog.clone(),
        }];
        for row in &rows {
            let (_, change) = StoredCommand::of(row)?;
            if change.is_refused {
                continue;
            }
            // Commands on missions and packs name every id that they make.
            let Some(request) = request(&change)? else {
                continue;
            };
            let Ok(Ok(decision)) = records.decide(&request, change.seed.unwrap_or_default(), &catalog, false)
            else {
                continue;
            };
            let writes = &decision.write_set.writes;
            let mut edited = catalog.edit(compiler);
            for pack in writes.pack.values().flatten() {
                edited = edited
                    .pack_policy(pack.id, pack.policy.clone())
                    .pack_caps(&pack.name, pack.caps.clone());
            }
            for mission in writes.mission.values().flatten() {
                edited = edited.mission(mission.clone());
            }
            catalog = edited.build();
            versions.push(CatalogVersion {
                from: change.number,
                at: change.at,
                catalog: catalog.clone(),
            });
            records.apply(decision.write_set);
        }
        let mut catalogs = Catalogs {
            versions,
            by_mode: Mutex::default(),
            unknown: BTreeSet::new(),
            knows_policies: true,
        };
        catalogs.compare(transaction, &records, compiler).await?;
        Ok(catalogs)
    }

    /// Notes what the changes do not lead to: the journal begins later, or was changed. Such a mission is taken as it is
    /// stored, with its earlier editions, so that what rests on it goes on; what it paid is not judged.
    async fn compare<T: ReadTransaction>(
        &mut self,
        transaction: &mut T,
        records: &DecidedRecords,
        compiler: &dyn ScriptCompiler,
    ) -> Result<(), StoreError> {
        let rows = transaction
            .read(SqlBuilder::new(
                "SELECT data FROM missions WHERE data IS NOT NULL",
            ))
            .await?;
        let mut stored_alone = Vec::new();
        for row in &rows {
            let stored: Mission = from_json(row.text(0)?)?;
            let decided = records.loaded.records.mission.get(&stored.id).cloned().flatten();
            if decided.map(to_micros) != Some(to_micros(stored.clone())) {
                self.unknown.insert(stored.id);
                stored_alone.push(stored);
            }
        }
        let rows = transaction
            .read(SqlBuilder::new("SELECT data FROM packs WHERE data IS NOT NULL"))
            .await?;
        for row in &rows {
            let stored: PackRecord = from_json(row.text(0)?)?;
            let decided = records.loaded.records.pack.get(&stored.id).cloned().flatten();
            let same = decided
                .is_some_and(|decided| decided.policy == stored.policy && decided.version == stored.version);
            self.knows_policies &= same;
        }
        if !stored_alone.is_empty() {
            for version in &mut self.versions {
                let edited = version.catalog.edit(compiler);
                version.catalog = stored_alone
                    .iter()
                    .cloned()
                    .fold(edited, CatalogBuilder::mission)
                    .build();
            }
        }
        Ok(())
    }

    /// Whether what a mission pays, or for none what check-ins and referrals pay, is known at every moment.
    pub(super) fn knows(&self, mission: Option<MissionId>) -> bool {
        match mission {
            // Rounding, levels and the default zone are policies too.
            Some(mission) => self.knows_policies && !self.unknown.contains(&mission),
            None => self.knows_policies,
        }
    }

    /// The catalogs that a command may have been decided on, the likeliest first.
    pub(super) fn for_command(&self, command: &StoredCommand, mode: CheckMode) -> Vec<Arc<Catalog>> {
        let after = self
            .versions
            .partition_point(|version| version.from <= command.number);
        let own = after.saturating_sub(1);
        let near = |place: &usize| {
            self.versions
                .get(*place)
                .is_some_and(|version| (version.at.saturating_sub(command.at)).saturating_abs() < LAG)
        };
        let before = (0..own).rev().take_while(|place| near(&(place + 1)));
        let behind = (own + 1..self.versions.len()).take_while(near);
        std::iter::once(own)
            .chain(before)
            .chain(behind)
            .filter_map(|place| self.with_mode(place, mode))
            .collect()
    }

    fn with_mode(&self, place: usize, mode: CheckMode) -> Option<Arc<Catalog>> {
        let mut by_mode = self.by_mode.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_mode.get(&(place, mode as u8)) {
            return Some(Arc::clone(known));
        }
        let mut catalog = self.versions.get(place)?.catalog.clone();
        catalog.settings.fraud = FraudPolicy {
            devices: mode,
            ..FraudPolicy::default()
        };
        let catalog = Arc::new(catalog);
        by_mode.insert((place, mode as u8), Arc::clone(&catalog));
        Some(catalog)
    }
}

/// The mission with moments as exact as the journal's.
fn to_micros(mut mission: Mission) -> Mission {
    mission.created_at = mission.created_at.trunc_subsecs(6);
    for edition in &mut mission.editions {
        edition.replaced_at = edition.replaced_at.trunc_subsecs(6);
    }
    mission
}
