//! What a replay sums up to.

use std::collections::BTreeMap;

use mission_core::{UserId, engine::Catalog, mission::MissionCode, points::exact};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    Earnings, Period, ShadowTotals, UserProfile,
    partition::Partition,
    replay_state::{ReplayedUser, user_record},
    shadow,
};
use crate::FailedRules;

/// The result of a replay: the earnings of each user of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// By id: everyone whom the log names.
    pub users: BTreeMap<UserId, UserTotals>,
    /// Over all users.
    pub totals: Totals,
    /// What shadow missions would have granted, which is in no other sum; no part of the JSON form where there are none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shadows: BTreeMap<MissionCode, ShadowTotals>,
    /// The rules that failed; no part of the JSON form where none did.
    #[serde(skip_serializing_if = "FailedRules::is_empty")]
    pub failures: FailedRules,
    /// What became of the lines; no part of the JSON form.
    #[serde(skip)]
    pub tally: LineCounts,
    /// Where the points come from; no part of the JSON form.
    #[serde(skip)]
    pub earnings: Earnings,
    /// What the log says of users who did something; no part of the JSON form.
    #[serde(skip)]
    pub profiles: BTreeMap<UserId, UserProfile>,
    /// From when to when the log reaches, if it has lines; no part of the JSON form.
    #[serde(skip)]
    pub period: Option<Period>,
}

/// The earnings of one user.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UserTotals {
    /// Claimed points, bonuses and check-ins included.
    #[serde(with = "exact")]
    pub points: Decimal,
    /// Check-ins, ever.
    pub check_ins: u32,
    /// The streak at the last check-in.
    pub streak: u32,
    /// The longest streak.
    pub longest_streak: u32,
    /// How often each mission was completed; those that never were are left out.
    pub missions: BTreeMap<MissionCode, u32>,
    /// How many rewards were granted; no part of the JSON form.
    #[serde(skip)]
    pub grants: u64,
}

impl UserTotals {
    /// Completions of all missions.
    #[must_use]
    pub fn completions(&self) -> u64 {
        self.missions.values().map(|count| u64::from(*count)).sum()
    }
}

/// Sums over all users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Claimed points.
    #[serde(with = "exact")]
    pub points: Decimal,
    /// How many rewards were granted.
    pub grants: u64,
}

/// How many lines of a log were applied, refused, skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// Lines that were read.
    pub lines: u64,
    /// Those that changed something.
    pub applied: u64,
    /// Activity events that moved no task.
    pub ignored: u64,
    /// Activity events that were there before.
    pub duplicates: u64,
    /// Commands, and events out of time, that were refused: how many, by the code of the refusal.
    pub refused: BTreeMap<String, u64>,
}

impl LineCounts {
    pub(super) fn refuse(&mut self, code: &str) {
        match self.refused.get_mut(code) {
            Some(count) => *count += 1,
            None => {
                self.refused.insert(code.to_owned(), 1);
            }
        }
    }
}

impl LineCounts {
    fn add(&mut self, more: LineCounts) {
        let LineCounts {
            lines,
            applied,
            ignored,
            duplicates,
            refused,
        } = more;
        self.lines += lines;
        self.applied += applied;
        self.ignored += ignored;
        self.duplicates += duplicates;
        for (code, count) in refused {
            *self.refused.entry(code).or_default() += count;
        }
    }
}

impl Report {
    /// Sums up all partitions of a replay.
    pub(super) fn of(catalog: &Catalog, partitions: Vec<Partition>, period: Option<Period>) -> Report {
        let mut report = Report {
            users: BTreeMap::new(),
            totals: Totals::default(),
            shadows: shadow::none_yet(catalog),
            failures: FailedRules::default(),
            tally: LineCounts::default(),
            earnings: Earnings::default(),
            profiles: BTreeMap::new(),
            period,
        };
        for partition in partitions {
            let state = &partition.state;
            for (id, user) in state.users() {
                report.users.insert(id, totals_of(catalog, id, user));
                shadow::add_user(&mut report.shadows, catalog, &user.loaded);
                let record = user_record(&user.loaded, id);
                report
                    .profiles
                    .extend(record.map(|record| (id, UserProfile::of(record))));
                report.totals.grants += user.grants;
            }
            report.earnings.take_in(&state.earnings, catalog);
            report.tally.add(partition.tally);
            report.failures.merge(partition.failures);
        }
        report.totals.points = report.users.values().map(|user| user.points).sum();
        report
    }

    /// How often each mission was completed, over all users.
    #[must_use]
    pub fn completions(&self) -> BTreeMap<MissionCode, u64> {
        let mut sums = BTreeMap::new();
        for (code, completions) in self.users.values().flat_map(|user| &user.missions) {
            *sums.entry(code.clone()).or_default() += u64::from(*completions);
        }
        sums
    }

    /// The JSON form, in one line without an end: users by id, so that two runs are equal byte for byte.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Maps with text keys and numbers: there is nothing in it that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn totals_of(catalog: &Catalog, id: UserId, replayed: &ReplayedUser) -> UserTotals {
    let grants = replayed.grants;
    let Some(user) = user_record(&replayed.loaded, id) else {
        return UserTotals {
            grants,
            ..UserTotals::default()
        };
    };
    let completed =
        replayed
            .loaded
            .records
            .participation
            .iter()
            .filter_map(|((_, mission), participation)| {
                let completions = participation.as_ref()?.completions;
                let listed = catalog.mission(*mission)?;
                let is_shown = completions > 0 && !listed.mission.definition.shadow;
                is_shown.then(|| (listed.mission.definition.code.clone(), completions))
            });
    let streak = user.check_in.streak;
    UserTotals {
        points: user.points.normalize(),
        check_ins: streak.total,
        streak: streak.current,
        longest_streak: streak.longest,
        missions: completed.collect(),
        grants,
    }
}
