//! Replays for people.

use std::{collections::BTreeMap, fmt::Write as _};

use mission_core::mission::MissionCode;
use mission_rules::{
    FailedRules,
    run::{Change, Comparison, LineCounts, Report, UserTotals},
};
use rust_decimal::Decimal;

use crate::output::{BAD, GOOD, count};

/// How many users are listed; JSON has them all.
const MOST_USERS: usize = 20;

/// How many places of failed rules are listed; JSON has them all.
const MOST_FAILURES: usize = 20;

/// What a pack gives.
pub(super) fn of_one(report: &Report) -> String {
    let mut text = log_summary(&report.tally, &report.failures);
    for failed in report.failures.iter().take(MOST_FAILURES) {
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
    let mut missions: BTreeMap<&MissionCode, (u64, u64)> = BTreeMap::new();
    for user in report.users.values() {
        for (code, completions) in &user.missions {
            let sum = missions.entry(code).or_default();
            sum.0 += u64::from(*completions);
            sum.1 += 1;
        }
    }
    let rows = missions.into_iter().map(|(code, (completions, users))| {
        vec![code.to_string(), completions.to_string(), users.to_string()]
    });
    text.push_str(&table(&["mission", "completions", "users"], rows.collect()));

    let mut users: Vec<_> = report.users.iter().collect();
    users.sort_by_key(|(id, user)| (std::cmp::Reverse(user.points), **id));
    let left_out = users.len().saturating_sub(MOST_USERS);
    let rows = users.into_iter().take(MOST_USERS).map(|(id, user)| {
        let UserTotals {
            points,
            check_ins,
            streak,
            longest_streak,
            missions,
        } = user;
        let completions: u64 = missions.values().map(|count| u64::from(*count)).sum();
        let mut row = vec![id.to_string(), points.to_string()];
        row.extend(
            [
                completions,
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
    text.push_str(&more(left_out));
    text
}

/// What is different under a second pack.
pub(super) fn of_two(comparison: &Comparison, lines: u64) -> String {
    let mut text = format!("{} under both packs\n", count(lines, "line"));
    let Comparison {
        users,
        missions,
        gaining,
        losing,
        points,
        grants,
    } = comparison;
    if users.is_empty() {
        text.push_str("they give the same to everybody\n");
        return text;
    }
    let _ = writeln!(
        text,
        "something else comes out for {}: {GOOD}{gaining}{GOOD:#} with more points, {BAD}{losing}{BAD:#} with fewer\n",
        count(users.len(), "user")
    );
    let totals = vec![change("points", points), change("grants", grants)];
    text.push_str(&table(&["total", "before", "after", "change"], totals));
    let rows = missions
        .iter()
        .map(|(code, completions)| change(code.as_str(), completions));
    text.push_str(&table(
        &["completions of", "before", "after", "change"],
        rows.collect(),
    ));
    let ranked = comparison.by_points();
    let rows = ranked
        .iter()
        .take(MOST_USERS)
        .map(|(id, user)| change(&id.to_string(), &user.points));
    text.push_str(&table(
        &["points of", "before", "after", "change"],
        rows.collect(),
    ));
    text.push_str(&more(ranked.len().saturating_sub(MOST_USERS)));
    text
}

fn change(name: &str, change: &Change) -> Vec<String> {
    let sign = if change.change > Decimal::ZERO { "+" } else { "" };
    vec![
        name.to_owned(),
        change.before.normalize().to_string(),
        change.after.normalize().to_string(),
        format!("{sign}{}", change.change),
    ]
}

fn points(points: Decimal) -> String {
    format!("{} points", points.normalize())
}

fn more(left_out: usize) -> String {
    if left_out == 0 {
        String::new()
    } else {
        format!("and {}; --format json has all\n", count(left_out, "more user"))
    }
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

/// Rows under titles; the first column to the left, numbers to the right. Nothing where there are no rows.
fn table(titles: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let titles = titles.iter().map(|title| (*title).to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(titles).chain(rows).collect();
    let columns = all.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &all {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text.push('\n');
    text
}
