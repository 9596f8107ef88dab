//! What is different under a second pack, for people.

use std::fmt::Write as _;

use mission_rules::run::{Change, Comparison, EarningsChange, GroupChange, Report};
use rust_decimal::Decimal;

use super::{
    summary::CHECK_INS,
    table::{MOST_ROWS, more, table},
};
use crate::output::{BAD, GOOD, count};

pub(super) fn of_two(comparison: &Comparison, before: &Report) -> String {
    let mut text = format!("{} under both packs", count(before.tally.lines, "line"));
    if let Some(period) = before.period {
        // Writing into a string cannot fail.
        let _ = write!(text, ", from {} to {}", period.first, period.last);
    }
    text.push('\n');
    if comparison.users.is_empty() {
        text.push_str("they give the same to everybody\n");
        return text;
    }
    let GroupChange {
        gaining,
        losing,
        same,
        completions,
        grants,
        points,
    } = &comparison.totals;
    let _ = writeln!(
        text,
        "of {} {GOOD}{gaining} gain{GOOD:#}, {BAD}{losing} lose{BAD:#}, {same} get as many points as before\n",
        count(comparison.totals.users(), "user")
    );
    let totals = vec![
        change("points", points),
        change("grants", grants),
        change("completions", completions),
    ];
    text.push_str(&table(&["total", "before", "after", "change", "%"], totals));
    for (title, number) in [
        (
            "points by mission",
            (|mission| &mission.points) as fn(&EarningsChange) -> &Change,
        ),
        ("grants by mission", |mission| &mission.grants),
        ("completions by mission", |mission| &mission.completions),
    ] {
        let rows = by_mission(comparison, number);
        text.push_str(&table(&[title, "before", "after", "change", "%"], rows));
    }
    text.push_str(&segments(comparison));
    let ranked = comparison.by_points();
    let rows = ranked
        .iter()
        .take(MOST_ROWS)
        .map(|(id, user)| change(&id.to_string(), &user.points));
    let titles = ["most affected, points", "before", "after", "change", "%"];
    text.push_str(&table(&titles, rows.collect()));
    text.push_str(&more(ranked.len().saturating_sub(MOST_ROWS), "user"));
    text
}

/// Missions and check-ins for which a number differs, the largest change first.
fn by_mission(comparison: &Comparison, number: fn(&EarningsChange) -> &Change) -> Vec<Vec<String>> {
    let missions = comparison
        .missions
        .iter()
        .map(|(code, mission)| (code.as_str(), number(mission)));
    let check_ins = (CHECK_INS, number(&comparison.check_ins));
    let mut rows: Vec<_> = missions.chain([check_ins]).collect();
    rows.retain(|(_, change)| !change.is_none());
    rows.sort_by_key(|(name, change)| (std::cmp::Reverse(change.change.abs()), *name));
    rows.into_iter()
        .map(|(name, number)| change(name, number))
        .collect()
}

/// A table for each field by which users are grouped.
fn segments(comparison: &Comparison) -> String {
    let mut text = String::new();
    for group in comparison
        .segments
        .chunk_by(|one, other| one.field == other.field)
    {
        let Some(first) = group.first() else { continue };
        let field = first.field.to_string();
        let titles = [
            field.as_str(),
            "users",
            "gain",
            "lose",
            "points before",
            "after",
            "change",
            "%",
        ];
        let rows = group.iter().map(|segment| {
            let users = &segment.users;
            let numbers = [users.users(), users.gaining, users.losing].map(|number| number.to_string());
            let mut row = change(&segment.value.to_string(), &users.points);
            row.splice(1..1, numbers);
            row
        });
        text.push_str(&table(&titles, rows.take(MOST_ROWS).collect()));
        text.push_str(&more(group.len().saturating_sub(MOST_ROWS), "group"));
    }
    text
}

fn change(name: &str, change: &Change) -> Vec<String> {
    vec![
        name.to_owned(),
        change.before.normalize().to_string(),
        change.after.normalize().to_string(),
        signed(change.change),
        change.percent().map_or_else(String::new, signed),
    ]
}

fn signed(number: Decimal) -> String {
    let sign = if number > Decimal::ZERO { "+" } else { "" };
    format!("{sign}{number}")
}
