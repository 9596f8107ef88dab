//! A replay of one pack, for people.

use std::{collections::BTreeMap, fmt::Write as _};

use mission_core::mission::{MissionCode, MissionTotals};
use mission_rules::{
    FailedRules,
    run::{Earned, LineCounts, Report, UserTotals},
};
use rust_decimal::Decimal;

use super::table::{MOST_ROWS, more, table};
use crate::output::{BAD, count};

/// What a pack gives.
pub(super) fn of_one(report: &Report) -> String {
    let mut text = log_summary(&report.tally, &report.failures);
    for failed in report.failures.iter().take(MOST_ROWS) {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "  {failed}");
    }
    // Writing into a string cannot fail.
    let _ = writeln!(
        text,
        "{} for {} in {}\n",
        points(report.totals.points),
        count(report.users.len(), "user"),
        count(report.totals.grants, "grant")
    );
    let rows = by_mission(report).into_iter().map(|(name, mission)| {
        let MissionSums {
            completions,
            users,
            earned,
        } = mission;
        vec![
            name,
            completions.to_string(),
            users.to_string(),
            earned.grants.to_string(),
            earned.points.normalize().to_string(),
        ]
    });
    let titles = ["mission", "completions", "users", "grants", "points"];
    text.push_str(&table(&titles, rows.collect()));
    text.push_str(&of_shadows(report));

    let mut users: Vec<_> = report.users.iter().collect();
    users.sort_by_key(|(id, user)| (std::cmp::Reverse(user.points), **id));
    let left_out = users.len().saturating_sub(MOST_ROWS);
    let rows = users.into_iter().take(MOST_ROWS).map(|(id, user)| {
        let UserTotals {
            points,
            check_ins,
            streak,
            longest_streak,
            missions: _,
            grants: _,
        } = user;
        let mut row = vec![id.to_string(), points.to_string()];
        row.extend(
            [
                user.completions(),
                u64::from(*check_ins),
                u64::from(*streak),
                u64::from(*longest_streak),
            ]
            .map(|n| n.to_string()),
        );
        row
    });
    let titles = ["user", "points", "completions", "check-ins", "streak", "longest"];
    text.push_str(&table(&titles, rows.collect()));
    text.push_str(&more(left_out, "user"));
    text
}

/// What shadow missions would have granted, each above the mission that it is compared with.
fn of_shadows(report: &Report) -> String {
    let row = |name: String, totals: MissionTotals| {
        vec![
            name,
            totals.started.to_string(),
            totals.completed.to_string(),
            totals.grants.to_string(),
            totals.points.normalize().to_string(),
        ]
    };
    let rows = report.shadows.iter().flat_map(|(code, totals)| {
        let live = totals.shadow_of.as_ref().zip(totals.live);
        let live = live.map(|(code, totals)| row(format!("  beside {code}"), totals));
        std::iter::once(row(code.to_string(), totals.shadow)).chain(live)
    });
    let titles = ["shadow mission", "started", "completed", "grants", "points"];
    table(&titles, rows.collect())
}

/// A mission over all users.
#[derive(Default)]
pub(super) struct MissionSums {
    pub(super) completions: u64,
    /// Who completed it.
    pub(super) users: u64,
    pub(super) earned: Earned,
}

/// Each mission that was completed or paid, and the check-ins last where they paid.
pub(super) fn by_mission(report: &Report) -> Vec<(String, MissionSums)> {
    let mut missions: BTreeMap<&MissionCode, MissionSums> = BTreeMap::new();
    for (code, completions) in report.users.values().flat_map(|user| &user.missions) {
        let sums = missions.entry(code).or_default();
        sums.completions += u64::from(*completions);
        sums.users += 1;
    }
    for (code, earned) in &report.earnings.missions {
        missions.entry(code).or_default().earned = *earned;
    }
    let mut rows: Vec<(String, MissionSums)> = missions
        .into_iter()
        .map(|(code, sums)| (code.to_string(), sums))
        .collect();
    let visits = report.users.values().map(|user| u64::from(user.check_ins));
    let check_ins = MissionSums {
        completions: visits.sum(),
        users: report.users.values().filter(|user| user.check_ins > 0).count() as u64,
        earned: report.earnings.check_ins,
    };
    if check_ins.completions > 0 {
        rows.push((CHECK_INS.to_owned(), check_ins));
    }
    rows
}

/// What stands in the place of a mission's code, which cannot have brackets.
pub(super) const CHECK_INS: &str = "(check-ins)";

fn points(points: Decimal) -> String {
    format!("{} points", points.normalize())
}

fn log_summary(tally: &LineCounts, failures: &FailedRules) -> String {
    let LineCounts {
        lines,
        applied,
        ignored,
        duplicates,
        refused,
    } = tally;
    let mut text = format!("{}: {applied} applied, {ignored} ignored", count(*lines, "line"));
    let refusals: u64 = refused.values().sum();
    // Writing into a string cannot fail.
    let _ = match refusals {
        0 => write!(text, ", 0 refused"),
        _ => {
            let codes: Vec<String> = refused.iter().map(|(code, n)| format!("{code} {n}")).collect();
            write!(text, ", {refusals} refused ({})", codes.join(", "))
        }
    };
    if *duplicates > 0 {
        let _ = write!(text, ", {duplicates} there before");
    }
    if !failures.is_empty() {
        let _ = write!(
            text,
            ", {BAD}{}{BAD:#}",
            count(failures.total(), "failure") + " of rules"
        );
    }
    text.push('\n');
    text
}
