//! Two packs over one log: who gains, who loses, and what it costs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use mission_core::{UserId, mission::MissionCode, points::exact};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{Earned, Report, SegmentField, SegmentValue, UserTotals};

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
        let mut change = Change::default();
        change.add(before, after);
        change
    }

    fn add(&mut self, before: impl Into<Decimal>, after: impl Into<Decimal>) {
        self.before += before.into();
        self.after += after.into();
        self.change = (self.after - self.before).normalize();
    }

    /// Whether both packs give the same.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.change.is_zero()
    }

    /// The change in percent of what the first pack gives, to one digit; `None` where that is nothing.
    #[must_use]
    pub fn percent(&self) -> Option<Decimal> {
        let share = self.change.checked_div(self.before)?;
        Some((share * Decimal::ONE_HUNDRED).round_dp(1).normalize())
    }
}

/// The differences for one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserChange {
    /// Claimed points.
    pub points: Change,
    /// Grants.
    pub grants: Change,
    /// The streak at the last check-in.
    pub streak: Change,
    /// Completions that differ, by mission.
    pub missions: BTreeMap<MissionCode, Change>,
}

/// The differences for one mission, or for check-ins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EarningsChange {
    /// How often users completed it, or checked in.
    pub completions: Change,
    /// Grants of its rewards.
    pub grants: Change,
    /// Their points, less those that were taken back.
    pub points: Change,
}

impl EarningsChange {
    /// Whether both packs give the same.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.completions.is_none() && self.grants.is_none() && self.points.is_none()
    }
}

/// The differences for a group of users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupChange {
    /// Users who get more points.
    pub gaining: u64,
    /// Users who get fewer points.
    pub losing: u64,
    /// Users who get as many.
    pub same: u64,
    /// Completions of missions.
    pub completions: Change,
    /// Grants.
    pub grants: Change,
    /// Claimed points.
    pub points: Change,
}

impl GroupChange {
    /// How many users it has.
    #[must_use]
    pub fn users(&self) -> u64 {
        self.gaining + self.losing + self.same
    }

    fn add(&mut self, old: &UserTotals, new: &UserTotals) {
        let number = match new.points.cmp(&old.points) {
            std::cmp::Ordering::Greater => &mut self.gaining,
            std::cmp::Ordering::Less => &mut self.losing,
            std::cmp::Ordering::Equal => &mut self.same,
        };
        *number += 1;
        self.completions.add(old.completions(), new.completions());
        self.grants.add(old.grants, new.grants);
        self.points.add(old.points, new.points);
    }
}

/// The differences for the users whom one field puts into one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SegmentChange {
    /// The field.
    pub field: SegmentField,
    /// Its value.
    pub value: SegmentValue,
    /// What comes out for them.
    pub users: GroupChange,
}

/// The differences between two packs over one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Over all users.
    pub totals: GroupChange,
    /// Missions for which anything differs.
    pub missions: BTreeMap<MissionCode, EarningsChange>,
    /// Check-ins, with milestones and monthly rewards.
    pub check_ins: EarningsChange,
    /// Groups of users, by the fields that were asked for.
    pub segments: Vec<SegmentChange>,
    /// Points by the day in UTC on which they were granted or taken back.
    pub days: BTreeMap<NaiveDate, Change>,
    /// The users whose points change most, the largest change first: at most [`MOST_AFFECTED`] of them.
    pub most_affected: Vec<UserId>,
    /// The users for whom anything differs, by id.
    pub users: BTreeMap<UserId, UserChange>,
}

/// How many users a comparison names first.
pub const MOST_AFFECTED: usize = 20;

impl Comparison {
    /// Compares the report of a first pack with that of a second over the same log. Users are put into groups by `fields`.
    #[must_use]
    pub fn of(before: &Report, after: &Report, fields: &[SegmentField]) -> Comparison {
        let nobody = UserTotals::default();
        let ids: BTreeSet<&UserId> = before.users.keys().chain(after.users.keys()).collect();
        let mut totals = GroupChange::default();
        let mut users = BTreeMap::new();
        let mut segments: BTreeMap<(usize, SegmentValue), GroupChange> = BTreeMap::new();
        let end = before.period.map(|period| period.last);
        for id in ids {
            let totals_in = |report: &Report| report.users.get(id).cloned();
            let (old, new) = (
                totals_in(before).unwrap_or_else(|| nobody.clone()),
                totals_in(after).unwrap_or_else(|| nobody.clone()),
            );
            totals.add(&old, &new);
            // A pack may not have heard of a user who did nothing that concerns it.
            let profile = before.profiles.get(id).or_else(|| after.profiles.get(id));
            for (place, field) in fields.iter().enumerate() {
                for value in field.values(profile, end) {
                    segments.entry((place, value)).or_default().add(&old, &new);
                }
            }
            if old != new {
                users.insert(*id, user_change(&old, &new));
            }
        }
        let segments = segments.into_iter().filter_map(|((place, value), users)| {
            Some(SegmentChange {
                field: fields.get(place)?.clone(),
                value,
                users,
            })
        });
        let mut comparison = Comparison {
            totals,
            missions: mission_changes(before, after),
            check_ins: check_in_changes(before, after),
            segments: segments.collect(),
            days: day_changes(before, after),
            most_affected: Vec::new(),
            users,
        };
        let ranked = comparison.by_points().into_iter().take(MOST_AFFECTED);
        comparison.most_affected = ranked.map(|(id, _)| id).collect();
        comparison
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
        grants: Change::new(old.grants, new.grants),
        streak: Change::new(old.streak, new.streak),
        missions: missions.filter(|(_, change)| !change.is_none()).collect(),
    }
}

fn mission_changes(before: &Report, after: &Report) -> BTreeMap<MissionCode, EarningsChange> {
    let (old, new) = (before.completions(), after.completions());
    let (earned_before, earned_after) = (&before.earnings.missions, &after.earnings.missions);
    let completed = old.keys().chain(new.keys());
    let codes: BTreeSet<&MissionCode> = completed
        .chain(earned_before.keys())
        .chain(earned_after.keys())
        .collect();
    let change = |code: &MissionCode| {
        let count = |completions: &BTreeMap<MissionCode, u64>| completions.get(code).copied().unwrap_or(0);
        let earned = |earned: &BTreeMap<MissionCode, Earned>| earned.get(code).copied().unwrap_or_default();
        earnings_change(
            (count(&old), earned(earned_before)),
            (count(&new), earned(earned_after)),
        )
    };
    let changes = codes.into_iter().map(|code| (code.clone(), change(code)));
    changes.filter(|(_, change)| !change.is_none()).collect()
}

fn check_in_changes(before: &Report, after: &Report) -> EarningsChange {
    let visits = |report: &Report| report.users.values().map(|user| u64::from(user.check_ins)).sum();
    earnings_change(
        (visits(before), before.earnings.check_ins),
        (visits(after), after.earnings.check_ins),
    )
}

fn earnings_change(before: (u64, Earned), after: (u64, Earned)) -> EarningsChange {
    EarningsChange {
        completions: Change::new(before.0, after.0),
        grants: Change::new(before.1.grants, after.1.grants),
        points: Change::new(before.1.points, after.1.points),
    }
}

fn day_changes(before: &Report, after: &Report) -> BTreeMap<NaiveDate, Change> {
    let mut days: BTreeMap<NaiveDate, Change> = BTreeMap::new();
    for (day, earned) in &before.earnings.days {
        days.entry(*day).or_default().add(earned.points, 0);
    }
    for (day, earned) in &after.earnings.days {
        days.entry(*day).or_default().add(0, earned.points);
    }
    days
}
