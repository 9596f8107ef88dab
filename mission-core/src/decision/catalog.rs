//! The catalog: an immutable snapshot of missions and policies, which a whole batch is decided on.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{PutPack, event_index::EventTypeIndex};
use crate::{
    MissionId, PackId, Points, PointsScale,
    check_in::CheckInPolicy,
    event::{ActivityEvent, LateWindow},
    fraud::{CheckMode, FraudPolicy, RiskPolicy},
    mission::{Mission, MissionCode, contradiction},
    ports::rules::{CompileError, Script, ScriptCompiler, UserContext},
    user::{CapLimit, LevelTable, PointsCap},
};

/// A pack as the engine keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackRecord {
    /// Its id; see [`super::pack_id`].
    pub id: PackId,
    /// Its name.
    pub name: String,
    /// Its files, as they were given.
    pub files: BTreeMap<String, String>,
    /// Its policy files, if it carries any.
    pub policy: Option<PackPolicy>,
    /// How many points its missions pay a user at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<PointsCap>,
    /// The codes of its missions.
    pub missions: Vec<MissionCode>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Raised by every change of its content.
    pub version: u64,
}

/// The policy files of a pack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PackPolicy {
    /// `checkin.toml`, with its defaults filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_in: Option<CheckInPolicy>,
    /// `referral.toml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralPolicy>,
    /// `points_scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_scale: Option<PointsScale>,
    /// `levels`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<LevelTable>,
    /// `risk.toml`, with its script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<RiskPolicy>,
}

impl PackPolicy {
    /// The same without the judgement of risk.
    #[must_use]
    pub fn without_risk(&self) -> PackPolicy {
        PackPolicy {
            risk: None,
            ..self.clone()
        }
    }
}

/// The reward of a referral (`referral.toml`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralPolicy {
    /// To the inviter, once per invitee.
    #[serde(default = "hundred")]
    pub points: Points,
}

fn hundred() -> Points {
    100.into()
}

impl Default for ReferralPolicy {
    fn default() -> Self {
        ReferralPolicy { points: hundred() }
    }
}

/// Settings of the operator, as opposed to those of a pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How early and late activity events may come.
    pub late_window: LateWindow,
    /// The checks against fraud.
    pub fraud: FraudPolicy,
}

/// A mission with its compiled script.
#[derive(Clone, Debug)]
pub struct CompiledMission {
    /// The mission.
    pub mission: Arc<Mission>,
    /// Its script, if it names one; an error where that does not compile: every evaluation fails then, and
    /// nothing else is disturbed.
    pub script: Option<Result<Arc<dyn Script>, CompileError>>,
    /// The mission as tasks have it that were started under its earlier editions, the oldest first.
    editions: Vec<CompiledMission>,
    reads_friends: bool,
    completions_read: Vec<MissionCode>,
}

impl CompiledMission {
    /// A mission and its editions, their scripts compiled.
    fn new(mission: Mission, compiler: &dyn ScriptCompiler) -> Self {
        let editions = mission.editions.iter().map(|edition| {
            let earlier = Mission {
                definition: mission.definition.for_tasks_of(&edition.definition),
                editions: Vec::new(),
                version: edition.until_version,
                ..mission.clone()
            };
            CompiledMission::new(earlier, compiler)
        });
        let editions: Vec<CompiledMission> = editions.collect();
        let script = mission
            .definition
            .script
            .as_deref()
            .map(|source| compiler.compile(source));
        CompiledMission {
            completions_read: completions_read(&mission, script.as_ref()),
            reads_friends: mission.definition.names_friends()
                || editions.iter().any(|known| known.reads_friends),
            editions,
            script,
            mission: Arc::new(mission),
        }
    }

    /// The mission as a task has it that was started under a version of it.
    #[must_use]
    pub fn as_of(&self, version: u64) -> &CompiledMission {
        let kept = self.editions.iter();
        let mut kept = kept.filter(|edition| version <= edition.mission.version);
        kept.next().unwrap_or(self)
    }

    /// Whether its script has shown itself slow.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        matches!(&self.script, Some(Ok(script)) if script.is_slow())
            || self.editions.iter().any(CompiledMission::is_slow)
    }

    /// The scripts that its tasks run, that of new ones first; the same script may be there more than once.
    pub fn scripts(&self) -> impl Iterator<Item = &Arc<dyn Script>> {
        self.editions()
            .filter_map(|known| known.script.as_ref()?.as_ref().ok())
    }

    /// Whether one of its rules may read the user's friends.
    #[must_use]
    pub fn reads_friends(&self) -> bool {
        self.reads_friends
    }

    /// Whether an event may take back what one of its tasks has counted.
    #[must_use]
    pub fn is_reversible(&self) -> bool {
        let mut triggers = self
            .editions()
            .flat_map(|known| known.mission.definition.trigger.iter());
        triggers.any(|trigger| trigger.reverses.is_some())
    }

    /// The missions whose completions its rules read.
    #[must_use]
    pub fn completions_read(&self) -> &[MissionCode] {
        &self.completions_read
    }

    /// The mission as new tasks have it, and as older ones do.
    pub(super) fn editions(&self) -> impl Iterator<Item = &CompiledMission> {
        std::iter::once(self).chain(&self.editions)
    }

    /// The types of the events that move tasks of it, whatever edition they are of.
    fn triggers(&self) -> BTreeSet<&str> {
        self.editions()
            .flat_map(|compiled| compiled.mission.definition.trigger.event_types())
            .collect()
    }
}

/// The missions whose completions a mission's declarative rules and its script read.
fn completions_read(
    mission: &Mission,
    script: Option<&Result<Arc<dyn Script>, CompileError>>,
) -> Vec<MissionCode> {
    let rules = mission.definition.rules.iter();
    let by_rules = rules.filter_map(|rule| rule.rule_type.strip_prefix("completions."));
    let by_script = match script {
        Some(Ok(script)) => script.completions_read(),
        Some(Err(_)) | None => &[],
    };
    let codes: BTreeSet<MissionCode> = by_rules
        .chain(by_script.iter().map(String::as_str))
        .filter_map(|code| code.parse().ok())
        .collect();
    codes.into_iter().collect()
}

/// The stored missions and packs that a catalog is built from, with the number that changes whenever one of them does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CatalogRecords {
    /// Changes with every change of a mission or a pack.
    pub version: u64,
    /// Every mission.
    pub missions: Vec<Mission>,
    /// Every pack.
    pub packs: Vec<PackRecord>,
}

/// An immutable snapshot of missions and policies. Changing one mission makes a new catalog that shares the rest.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    missions: HashMap<MissionId, CompiledMission>,
    codes: HashMap<MissionCode, MissionId>,
    events: HashMap<String, Arc<EventTypeIndex>>,
    /// The shadow missions that are compared with a mission, by its code.
    shadows: HashMap<MissionCode, BTreeSet<MissionId>>,
    /// All shadow missions, in order.
    shadow_ids: Vec<MissionId>,
    /// Missions whose rules may read the user's friends.
    friends_readers: BTreeSet<MissionId>,
    policy_pack: Option<PackId>,
    /// The caps of packs, by their names.
    caps: HashMap<String, Arc<[PointsCap]>>,
    /// The check-in policy in force.
    pub check_in: Arc<CheckInPolicy>,
    /// What a referral pays.
    pub referral: ReferralPolicy,
    /// How awarded components are rounded.
    pub points_scale: PointsScale,
    /// How levels follow from experience.
    pub levels: LevelTable,
    /// How the risk of what users do is judged, where a pack says so.
    pub(crate) risk: Option<Arc<CompiledRisk>>,
    /// What the operator set.
    pub settings: Settings,
}

/// A pack's judgement of risk with its compiled script.
#[derive(Debug)]
pub(crate) struct CompiledRisk {
    pub(crate) policy: RiskPolicy,
    pub(crate) script: Result<Arc<dyn Script>, CompileError>,
}

impl Catalog {
    /// How the risk of what users do is judged, where it is.
    pub(crate) fn risk(&self) -> Option<&Arc<CompiledRisk>> {
        self.risk
            .as_ref()
            .filter(|risk| risk.policy.mode != CheckMode::Off)
    }

    /// Whether it is remembered from which addresses users come.
    pub(crate) fn remembers_addresses(&self) -> bool {
        self.settings.fraud.remember_addresses || self.risk().is_some()
    }

    /// A mission by id.
    #[must_use]
    pub fn mission(&self, id: MissionId) -> Option<&CompiledMission> {
        self.missions.get(&id)
    }

    /// A mission's id by code.
    #[must_use]
    pub fn id_of(&self, code: &MissionCode) -> Option<MissionId> {
        self.codes.get(code).copied()
    }

    /// The id of a mission whose completions others may ask for, by code: nobody knows of those of a shadow mission.
    pub(crate) fn live_id_of(&self, code: &MissionCode) -> Option<MissionId> {
        let id = self.id_of(code)?;
        self.mission(id)
            .is_some_and(|compiled| !compiled.mission.definition.shadow)
            .then_some(id)
    }

    /// The shadow missions that are compared with a mission, in the order of their ids.
    pub fn shadows_of(&self, code: &MissionCode) -> impl Iterator<Item = &CompiledMission> {
        let ids = self.shadows.get(code).into_iter().flatten();
        ids.filter_map(|id| self.missions.get(id))
    }

    /// The ids of all shadow missions, whatever their status, in order: what users are not shown.
    #[must_use]
    pub fn shadow_ids(&self) -> &[MissionId] {
        &self.shadow_ids
    }

    /// The missions whose tasks events of a type move, in the order of their ids.
    pub fn triggered_by(&self, event_type: &str) -> impl Iterator<Item = &CompiledMission> {
        let all = self.events.get(event_type).map(|index| index.all());
        all.into_iter().flatten().filter_map(|id| self.missions.get(id))
    }

    /// Whether events of a type move tasks of any mission.
    pub(crate) fn is_moved_by(&self, event_type: &str) -> bool {
        self.events
            .get(event_type)
            .is_some_and(|index| !index.all().is_empty())
    }

    /// Those of them that an event of a user can concern, in the order of their ids: of each of the others the rules ask for
    /// another value of one of the event's or the user's fields.
    pub fn concerned_by(
        &self,
        event: &ActivityEvent,
        user: UserContext<'_>,
    ) -> impl Iterator<Item = &CompiledMission> {
        let index = self.events.get(&event.event_type);
        self.known(index.map(|index| index.concerned_by(event, user)))
    }

    /// Those that an event can concern, whoever its user is.
    pub(crate) fn concerned_by_event(&self, event: &ActivityEvent) -> impl Iterator<Item = &CompiledMission> {
        let index = self.events.get(&event.event_type);
        self.known(index.map(|index| index.concerned_by_event(event)))
    }

    /// The same, to have what is needed at hand before the user is known: where many missions ask for a field of the user,
    /// these are not among them.
    pub(crate) fn probably_concerned_by(
        &self,
        event: &ActivityEvent,
    ) -> impl Iterator<Item = &CompiledMission> {
        let index = self.events.get(&event.event_type);
        self.known(index.map(|index| index.probably_concerned_by(event)))
    }

    fn known(&self, ids: Option<Vec<MissionId>>) -> impl Iterator<Item = &CompiledMission> {
        ids.into_iter().flatten().filter_map(|id| self.missions.get(&id))
    }

    /// How an event's data contradicts what a mission that it moves declares of it, if it does.
    pub(crate) fn contradiction(&self, event: &ActivityEvent) -> Option<String> {
        let index = self.events.get(&event.event_type)?;
        index.declared().find_map(|(fields, missions)| {
            let contradiction = contradiction(fields, &event.data)?;
            // What a shadow mission declares refuses nothing to the others.
            let mut missions = missions
                .iter()
                .filter_map(|id| self.missions.get(id))
                .map(|known| &known.mission);
            let is_running =
                missions.any(|mission| !mission.definition.shadow && mission.is_running_at(event.time));
            is_running.then_some(contradiction)
        })
    }

    /// The limits that stand on a local date against what a mission's completion pays.
    pub(crate) fn caps_of(&self, mission: &Mission, date: NaiveDate) -> Vec<CapLimit> {
        let pack = mission.pack.as_deref().unwrap_or_default();
        let caps = self.caps.get(pack).into_iter().flat_map(|caps| caps.iter());
        caps.filter(|cap| cap.concerns(&mission.definition.category))
            .flat_map(|cap| cap.limits_at(pack, date))
            .collect()
    }

    /// Every mission, in no order.
    pub fn missions(&self) -> impl Iterator<Item = &CompiledMission> {
        self.missions.values()
    }

    /// Whether any mission's rules may read the user's friends.
    pub(crate) fn reads_friends(&self) -> bool {
        !self.friends_readers.is_empty()
    }

    /// The missions of a pack that a new version of it no longer holds, in the order of their ids.
    pub(crate) fn removed_by(&self, put: &PutPack) -> BTreeSet<MissionId> {
        let kept: HashSet<MissionId> = put.missions.iter().map(|(id, _)| *id).collect();
        self.missions
            .values()
            .filter(|compiled| compiled.mission.pack.as_deref() == Some(&put.name))
            .map(|compiled| compiled.mission.id)
            .filter(|id| !kept.contains(id))
            .collect()
    }

    /// Starts a changed copy.
    #[must_use]
    pub fn edit<'c>(&self, compiler: &'c dyn ScriptCompiler) -> CatalogBuilder<'c> {
        CatalogBuilder {
            catalog: self.clone(),
            compiler,
        }
    }
}

/// Builds a catalog, or a changed copy of one.
pub struct CatalogBuilder<'c> {
    catalog: Catalog,
    compiler: &'c dyn ScriptCompiler,
}

impl<'c> CatalogBuilder<'c> {
    /// Starts with an empty catalog and default policies.
    #[must_use]
    pub fn new(compiler: &'c dyn ScriptCompiler, settings: Settings) -> Self {
        CatalogBuilder {
            catalog: Catalog {
                settings,
                ..Catalog::default()
            },
            compiler,
        }
    }

    /// Adds a mission, or replaces an older version of it. An older version than the catalog's changes nothing.
    #[must_use]
    pub fn mission(mut self, mission: Mission) -> Self {
        if let Some(known) = self.catalog.missions.get(&mission.id) {
            if known.mission.version > mission.version {
                return self;
            }
            self.catalog.codes.remove(&known.mission.definition.code);
            if let Some(live) = &known.mission.definition.shadow_of
                && let Some(shadows) = self.catalog.shadows.get_mut(live)
            {
                shadows.remove(&mission.id);
            }
            for trigger in known.triggers() {
                if let Some(index) = self.catalog.events.get_mut(trigger) {
                    Arc::make_mut(index).remove(known, trigger);
                }
            }
        }
        self.catalog
            .codes
            .insert(mission.definition.code.clone(), mission.id);
        if let Some(live) = &mission.definition.shadow_of {
            let shadows = self.catalog.shadows.entry(live.clone()).or_default();
            shadows.insert(mission.id);
        }
        self.catalog.shadow_ids.retain(|id| *id != mission.id);
        if mission.definition.shadow {
            let ids = &mut self.catalog.shadow_ids;
            ids.insert(ids.partition_point(|id| *id < mission.id), mission.id);
        }
        let loaded = CompiledMission::new(mission, self.compiler);
        let id = loaded.mission.id;
        for trigger in loaded.triggers() {
            let index = self.catalog.events.entry(trigger.to_owned()).or_default();
            Arc::make_mut(index).insert(&loaded, trigger);
        }
        if loaded.reads_friends() {
            self.catalog.friends_readers.insert(id);
        } else {
            self.catalog.friends_readers.remove(&id);
        }
        self.catalog.missions.insert(id, loaded);
        self
    }

    /// Puts a pack's policy in force; what it leaves out gets its default. A pack that carried the policy and no
    /// longer does leaves all at the defaults.
    #[must_use]
    pub fn pack_policy(mut self, pack: PackId, policy: Option<PackPolicy>) -> Self {
        if policy.is_none() && self.catalog.policy_pack != Some(pack) {
            return self;
        }
        self.catalog.policy_pack = policy.is_some().then_some(pack);
        self.policy(policy.unwrap_or_default())
    }

    /// Puts a pack's caps in force; those of the missions of no pack under an empty name.
    #[must_use]
    pub fn pack_caps(mut self, pack: &str, caps: Vec<PointsCap>) -> Self {
        if caps.is_empty() {
            self.catalog.caps.remove(pack);
        } else {
            self.catalog.caps.insert(pack.to_owned(), caps.into());
        }
        self
    }

    /// Puts a policy in force that no pack carries; what it leaves out gets its default.
    #[must_use]
    pub fn policy(mut self, policy: PackPolicy) -> Self {
        self.catalog.check_in = Arc::new(policy.check_in.unwrap_or_default());
        self.catalog.referral = policy.referral.unwrap_or_default();
        self.catalog.points_scale = policy.points_scale.unwrap_or_default();
        self.catalog.levels = policy.levels.unwrap_or_default();
        self.catalog.risk = policy.risk.map(|policy| {
            let script = self.compiler.compile(&policy.script);
            Arc::new(CompiledRisk { policy, script })
        });
        self
    }

    /// Takes in all missions and packs of a store.
    #[must_use]
    pub fn records(self, catalog: CatalogRecords) -> Self {
        let packs = catalog.packs.into_iter();
        let builder = packs.fold(self, |builder, pack| {
            builder
                .pack_policy(pack.id, pack.policy)
                .pack_caps(&pack.name, pack.caps)
        });
        catalog
            .missions
            .into_iter()
            .fold(builder, CatalogBuilder::mission)
    }

    /// The catalog.
    #[must_use]
    pub fn build(self) -> Catalog {
        self.catalog
    }
}
