//! What a replay sums up to.

use std::collections::BTreeMap;

use mission_core::{UserId, engine::LoadedRecords, mission::MissionCode, points::exact};
use rust_decimal::Decimal;
use serde::Serialize;

use super::replay_state::{ReplayState, user_record};
use crate::FailedRules;

/// The result of a replay: the earnings of each user of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// By id: everyone whom the log names.
    pub users: BTreeMap<UserId, UserTotals>,
    /// Over all users.
    pub totals: Totals,
    /// The rules that failed; no part of the JSON form where none did.
    #[serde(skip_serializing_if = "FailedRules::is_empty")]
    pub failures: FailedRules,
    /// What became of the lines; no part of the JSON form.
    #[serde(skip)]
    pub tally: LineCounts,
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

impl Report {
    pub(super) fn of(state: &ReplayState, tally: LineCounts, failures: FailedRules) -> Report {
        let users: BTreeMap<UserId, UserTotals> = state
            .users()
            .map(|(id, loaded)| (id, totals_of(state, id, loaded)))
            .collect();
        let totals = Totals {
            points: users.values().map(|user| user.points).sum(),
            grants: state.grants,
        };
        Report {
            users,
            totals,
            failures,
            tally,
        }
    }

    /// The JSON form, in one line without an end: users by id, so that two runs are equal byte for byte.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Maps with text keys and numbers: there is nothing in it that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn totals_of(state: &ReplayState, id: UserId, loaded: &LoadedRecords) -> UserTotals {
    let Some(user) = user_record(loaded, id) else {
        return UserTotals::default();
    };
    let completed = loaded
        .records
        .participation
        .iter()
        .filter_map(|((_, mission), participation)| {
            let completions = participation.as_ref()?.completions;
            let listed = state.catalog.mission(*mission)?;
            (completions > 0).then(|| (listed.mission.definition.code.clone(), completions))
        });
    let streak = user.check_in.streak;
    UserTotals {
        points: user.points.normalize(),
        check_ins: streak.total,
        streak: streak.current,
        longest_streak: streak.longest,
        missions: completed.collect(),
    }
}
