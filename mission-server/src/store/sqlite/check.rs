//! Which changes of a batch hold: looked up in the database, then judged in order, each on what those before it do.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use chrono::{DateTime, Utc};
use mission_core::{
    CheckInDayId, MissionId, RewardId, UserId,
    engine::ReceiptKey,
    mission::BudgetUse,
    points::total_from_micros,
    ports::{
        rules::serde_name,
        store::{Change, Claim, CommitOutcome, RECEIPT_LIFETIME, Root, StoreError, Version},
    },
    reward::RewardType,
};
use uuid::Uuid;

use super::{
    connection::{Script, Turn, unavailable},
    load::{Found, instant, root_id},
    rows::Rows,
};

type Source = (RewardType, Uuid);

/// What is in the database of all that the changes touch.
#[derive(Debug, Default)]
pub(super) struct Known {
    versions: BTreeMap<Root, Version>,
    claims: BTreeSet<Claim>,
    receipts: BTreeMap<ReceiptKey, DateTime<Utc>>,
    sources: BTreeMap<Source, (RewardId, UserId)>,
    days: BTreeMap<(UserId, NaiveDate), CheckInDayId>,
    budgets: BTreeMap<MissionId, BudgetUse>,
}

/// What is bound, so that an answer's place leads back to it.
#[derive(Default)]
struct Asked {
    users: Vec<Root>,
    missions: Vec<Root>,
    packs: Vec<Root>,
    claims: Vec<Claim>,
    receipts: Vec<ReceiptKey>,
    sources: Vec<Source>,
    days: Vec<(UserId, NaiveDate)>,
    budgets: Vec<MissionId>,
}

impl Known {
    /// Looks up all that could stand against the changes, with a script that has begun the transaction.
    pub(super) async fn look_up(
        turn: &mut Turn<'_>,
        mut script: Script,
        changes: &[Change],
    ) -> Result<Known, StoreError> {
        let asked = Asked::of(changes);
        asked.add_to(&mut script)?;
        let durability = super::connection::Durability::Full;
        let mut known = Known::default();
        for row in turn.write(durability, script).await.map_err(unavailable)? {
            asked.take_in(&mut known, &Found(&row))?;
        }
        Ok(known)
    }

    /// Judges the changes in order.
    pub(super) fn judge(mut self, changes: &[Change]) -> Vec<CommitOutcome> {
        let judge = |change: &Change| {
            if self.allows(change) {
                self.apply(change);
                CommitOutcome::Committed
            } else {
                CommitOutcome::Conflict
            }
        };
        changes.iter().map(judge).collect()
    }

    fn allows(&self, change: &Change) -> bool {
        let effects = &change.effects;
        let versions = change
            .expected
            .iter()
            .all(|(root, version)| self.versions.get(root).copied().unwrap_or_default() == *version);
        let claims = effects
            .claims
            .keys()
            .all(|claim| !self.claims.contains(claim) || effects.releases.contains(claim));
        let mut keys = BTreeSet::new();
        let receipts = change.journal.iter().all(|entry| {
            let key = entry.request.receipt;
            let held = self.receipts.get(&key);
            keys.insert(key) && held.is_none_or(|at| entry.request.at - *at >= RECEIPT_LIFETIME)
        });
        let budgets = effects.takes.iter().all(|(mission, take)| {
            let in_use = self.budgets.get(mission).copied().unwrap_or_default();
            take.fits(in_use)
        });
        let mut sources = BTreeSet::new();
        let rewards = effects.writes.reward.iter().all(|(key, reward)| {
            reward.as_ref().is_none_or(|reward| {
                let source = (reward.reward_type, reward.source_id);
                let holder = self.sources.get(&source);
                sources.insert(source) && holder.is_none_or(|(holder, _)| *holder == key.1)
            })
        });
        let days = effects.writes.check_in_day.iter().all(|(key, day)| {
            let known = self.days.get(key);
            day.as_ref()
                .is_none_or(|day| known.is_none_or(|known| *known == day.id))
        });
        versions && claims && receipts && budgets && rewards && days
    }

    fn apply(&mut self, change: &Change) {
        let effects = &change.effects;
        for user in &effects.erasures {
            self.sources.retain(|_, (_, owner)| owner != user);
            self.days.retain(|(owner, _), _| owner != user);
        }
        for claim in &effects.releases {
            self.claims.remove(claim);
        }
        self.claims.extend(effects.claims.keys().cloned());
        for entry in &change.journal {
            self.receipts.insert(entry.request.receipt, entry.request.at);
        }
        for (mission, take) in &effects.takes {
            let sum = self.budgets.entry(*mission).or_default();
            *sum = sum.plus(take.used);
        }
        for (key, reward) in &effects.writes.reward {
            if let Some(reward) = reward {
                self.sources
                    .insert((reward.reward_type, reward.source_id), (key.1, key.0));
            }
        }
    }
}

impl Asked {
    fn of(changes: &[Change]) -> Self {
        let mut asked = Asked::default();
        for change in changes {
            let effects = &change.effects;
            for root in change.expected.keys() {
                match root {
                    Root::User(_) => asked.users.push(*root),
                    Root::Mission(_) => asked.missions.push(*root),
                    Root::Pack(_) => asked.packs.push(*root),
                }
            }
            asked.claims.extend(effects.claims.keys().cloned());
            let receipts = change.journal.iter().map(|entry| entry.request.receipt);
            asked.receipts.extend(receipts);
            let rewards = effects.writes.reward.values().flatten();
            asked
                .sources
                .extend(rewards.map(|reward| (reward.reward_type, reward.source_id)));
            let days = effects.writes.check_in_day.iter();
            asked
                .days
                .extend(days.filter(|(_, day)| day.is_some()).map(|(key, _)| *key));
            asked.budgets.extend(effects.takes.keys());
        }
        asked
    }

    fn add_to(&self, script: &mut Script) -> Result<(), StoreError> {
        let mut first = true;
        let mut add = |sql: &'static str, rows: Rows| -> Result<(), StoreError> {
            if !rows.is_empty() {
                if !std::mem::take(&mut first) {
                    script.then(" UNION ALL ");
                }
                script.then(sql).bind(rows.into_text())?;
            }
            Ok(())
        };
        for (sql, roots) in [
            (sql::USERS, &self.users),
            (sql::MISSIONS, &self.missions),
            (sql::PACKS, &self.packs),
        ] {
            let mut rows = Rows::default();
            for root in roots {
                rows.row().id(root_id(*root));
            }
            add(sql, rows)?;
        }
        let mut rows = Rows::default();
        for claim in &self.claims {
            let (kind, key) = claim.storage_key();
            rows.row().text(kind).bytes(key.as_bytes());
        }
        add(sql::CLAIMS, rows)?;
        let mut rows = Rows::default();
        for key in &self.receipts {
            rows.row().id(key.caller).id(key.command.0);
        }
        add(sql::RECEIPTS, rows)?;
        let mut rows = Rows::default();
        for (reward_type, source) in &self.sources {
            rows.row().text(&serde_name(reward_type)).id(*source);
        }
        add(sql::SOURCES, rows)?;
        let mut rows = Rows::default();
        for (user, date) in &self.days {
            rows.row().id(user.0).date(*date);
        }
        add(sql::DAYS, rows)?;
        let mut rows = Rows::default();
        for mission in &self.budgets {
            rows.row().id(mission.0);
        }
        add(sql::BUDGETS, rows)
    }

    fn take_in(&self, known: &mut Known, row: &Found<'_>) -> Result<(), StoreError> {
        let place = usize::try_from(row.get::<i64>(1)?).map_err(unavailable)?;
        match row.get::<i64>(0)? {
            part @ 0..=2 => {
                let roots = [&self.users, &self.missions, &self.packs];
                let roots = roots.into_iter().nth(usize::try_from(part).map_err(unavailable)?);
                if let Some(root) = roots.and_then(|roots| roots.get(place)) {
                    let version = u64::try_from(row.get::<i64>(2)?).map_err(unavailable)?;
                    known.versions.insert(*root, Version(version));
                }
            }
            3 => known.claims.extend(self.claims.get(place).cloned()),
            4 => {
                if let Some(key) = self.receipts.get(place) {
                    known.receipts.insert(*key, instant(row.get(2)?)?);
                }
            }
            5 => {
                if let Some(source) = self.sources.get(place) {
                    let holder = (row.id(4)?.into(), row.id(5)?.into());
                    known.sources.insert(*source, holder);
                }
            }
            6 => {
                if let Some(key) = self.days.get(place) {
                    known.days.insert(*key, row.id(4)?.into());
                }
            }
            _ => {
                if let Some(mission) = self.budgets.get(place) {
                    let used = BudgetUse {
                        points: total_from_micros(row.get(2)?),
                        grants: row.get(3)?,
                    };
                    known.budgets.insert(*mission, used);
                }
            }
        }
        Ok(())
    }
}

/// Each part answers which part it is, the place of what was asked, two numbers and two ids.
mod sql {
    macro_rules! root {
        ($number:literal, $table:literal) => {
            concat!(
                "SELECT ",
                $number,
                ", j.key, t.version, NULL, NULL, NULL FROM json_each(?) j CROSS JOIN ",
                $table,
                " t ON t.id = unhex(j.value->>0)"
            )
        };
    }
    pub(super) const USERS: &str = root!(0, "users");
    pub(super) const MISSIONS: &str = root!(1, "missions");
    pub(super) const PACKS: &str = root!(2, "packs");
    pub(super) const CLAIMS: &str = "SELECT 3, j.key, NULL, NULL, NULL, NULL FROM json_each(?) j
        CROSS JOIN claims t ON t.kind = j.value->>0 AND t.key = unhex(j.value->>1)";
    pub(super) const RECEIPTS: &str = "SELECT 4, j.key, t.recorded_at, NULL, NULL, NULL FROM json_each(?) j
        CROSS JOIN journal t ON t.caller = unhex(j.value->>0) AND t.command = unhex(j.value->>1)";
    pub(super) const SOURCES: &str =
        "SELECT 5, j.key, NULL, NULL, hex(t.id), hex(t.user_id) FROM json_each(?) j
        CROSS JOIN rewards t ON t.reward_type = j.value->>0 AND t.source_id = unhex(j.value->>1)";
    pub(super) const DAYS: &str = "SELECT 6, j.key, NULL, NULL, hex(t.id), NULL FROM json_each(?) j
        CROSS JOIN check_in_days t ON t.user_id = unhex(j.value->>0) AND t.date = j.value->>1";
    pub(super) const BUDGETS: &str =
        "SELECT 7, j.key, t.points_micros, t.grants, NULL, NULL FROM json_each(?) j
        CROSS JOIN budgets t ON t.mission_id = unhex(j.value->>0)";
}
