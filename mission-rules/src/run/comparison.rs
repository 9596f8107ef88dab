//! Two packs over one log: who gains, who loses, and what it costs.

use std::collections::{BTreeMap, BTreeSet};

use mission_core::{UserId, mission::MissionCode, points::exact};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{Report, UserTotals};

/// A number under the first pack and under the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Under the first pack.
    #[serde(with = "exact")]
    pub before: Decimal,
    /// Under the second.
    #[serde(with = "exact")]
    pub after: Decimal,
    /// `after - before`.
    #[serde(with = "exact")]
    pub change: Decimal,
}

impl Change {
    fn new(before: impl Into<Decimal>, after: impl Into<Decimal>) -> Self {
        let (before, after) = (before.into(), after.into());
        Change {
            before,
            after,
            change: (after - before).normalize(),
        }
    }

    /// Whether both packs give the same.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.change.is_zero()
    }
}

/// The differences for one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserChange {
    /// Claimed points.
    pub points: Change,
    /// The streak at the last check-in.
    pub streak: Change,
    /// Completions that differ, by mission.
    pub missions: BTreeMap<MissionCode, Change>,
}

/// The differences between two packs over one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The users for whom anything differs, by id.
    pub users: BTreeMap<UserId, UserChange>,
    /// Completions over all users that differ, by mission.
    pub missions: BTreeMap<MissionCode, Change>,
    /// Users who get more points.
    pub gaining: usize,
    /// Users who get fewer points.
    pub losing: usize,
    /// Points over all users.
    pub points: Change,
    /// Grants over all users.
    pub grants: Change,
}

impl Comparison {
    /// Compares the report of a first pack with that of a second over the same log.
    #[must_use]
    pub fn of(before: &Report, after: &Report) -> Comparison {
        let nobody = UserTotals::default();
        let ids: BTreeSet<&UserId> = before.users.keys().chain(after.users.keys()).collect();
        let mut users = BTreeMap::new();
        let mut completions: BTreeMap<MissionCode, (u64, u64)> = BTreeMap::new();
        for id in ids {
            let (old, new) = (
                before.users.get(id).unwrap_or(&nobody),
                after.users.get(id).unwrap_or(&nobody),
            );
            for (code, count) in &old.missions {
                completions.entry(code.clone()).or_default().0 += u64::from(*count);
            }
            for (code, count) in &new.missions {
                completions.entry(code.clone()).or_default().1 += u64::from(*count);
            }
            if old != new {
                users.insert(*id, user_change(old, new));
            }
        }
        let missions = completions
            .into_iter()
            .map(|(code, (old, new))| (code, Change::new(old, new)));
        let with_sign = |wanted: fn(&Decimal) -> bool| {
            let signs = users.values().map(|user: &UserChange| &user.points.change);
            signs.filter(|change| !change.is_zero() && wanted(change)).count()
        };
        Comparison {
            gaining: with_sign(Decimal::is_sign_positive),
            losing: with_sign(Decimal::is_sign_negative),
            missions: missions.filter(|(_, change)| !change.is_none()).collect(),
            points: Change::new(before.totals.points, after.totals.points),
            grants: Change::new(before.totals.grants, after.totals.grants),
            users,
        }
    }

    /// The users whose points differ, the largest difference first; equal ones by id.
    #[must_use]
    pub fn by_points(&self) -> Vec<(UserId, &UserChange)> {
        let mut users: Vec<(UserId, &UserChange)> =
            self.users.iter().map(|(id, change)| (*id, change)).collect();
        users.retain(|(_, change)| !change.points.is_none());
        users.sort_by_key(|(id, change)| (std::cmp::Reverse(change.points.change.abs()), *id));
        users
    }

    /// The JSON form, in one line without an end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Maps with text keys and numbers: there is nothing in it that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn user_change(old: &UserTotals, new: &UserTotals) -> UserChange {
    let codes: BTreeSet<&MissionCode> = old.missions.keys().chain(new.missions.keys()).collect();
    let count = |totals: &UserTotals, code: &MissionCode| totals.missions.get(code).copied().unwrap_or(0);
    let missions = codes
        .into_iter()
        .map(|code| (code.clone(), Change::new(count(old, code), count(new, code))));
    UserChange {
        points: Change::new(old.points, new.points),
        streak: Change::new(old.streak, new.streak),
        missions: missions.filter(|(_, change)| !change.is_none()).collect(),
    }
}
