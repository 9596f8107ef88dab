//! What pages are made of.

use std::collections::BTreeMap;

use maud::{Markup, html};
use mission_core::mission::{MissionCode, MissionTotals};
use mission_rules::run::{Change, LineCounts, Report};
use rust_decimal::Decimal;

use super::super::{charts::grouped, table::MOST_ROWS};

/// A number that stands out.
pub(super) fn card(number: &str, what: &str) -> Markup {
    html! { div.card { b { (number) } span { (what) } } }
}

/// A change that stands out, with what it is a change of.
pub(super) fn card_of_change(what: &str, change: &Change) -> Markup {
    html! {
        div.card {
            b class=(direction(change.change)) { (with_sign(change.change)) }
            span {
                (what) ": " (grouped(change.before)) " → " (grouped(change.after))
                @if change.percent().is_some() { " (" (percent(change)) ")" }
            }
        }
    }
}

/// Rows of cells under titles.
pub(super) fn table(titles: &[&str], rows: impl Iterator<Item = Markup>) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { @for title in titles { th scope="col" class=[is_aside(title).then_some("aside")] { (title) } } } }
                tbody { @for row in rows { tr { (row) } } }
            }
        }
    }
}

/// Columns that a phone has no room for.
fn is_aside(title: &str) -> bool {
    ["%", "missions"].contains(&title)
}

pub(super) fn number(number: impl Into<Decimal>) -> Markup {
    html! { td { (grouped(number.into())) } }
}

pub(super) fn signed(change: Decimal) -> Markup {
    html! { td class=(direction(change)) { (with_sign(change)) } }
}

pub(super) fn percent(change: &Change) -> String {
    change
        .percent()
        .map_or_else(String::new, |percent| format!("{} %", with_sign(percent)))
}

fn with_sign(number: Decimal) -> String {
    let sign = if number > Decimal::ZERO { "+" } else { "" };
    format!("{sign}{}", grouped(number))
}

fn direction(change: Decimal) -> &'static str {
    match change.cmp(&Decimal::ZERO) {
        std::cmp::Ordering::Greater => "up",
        std::cmp::Ordering::Less => "down",
        std::cmp::Ordering::Equal => "",
    }
}

/// The missions that a user completes another number of times.
pub(super) fn completions(missions: &BTreeMap<MissionCode, Change>) -> String {
    let changes = missions
        .iter()
        .map(|(code, change)| format!("{code} {}", with_sign(change.change)));
    changes.collect::<Vec<_>>().join(", ")
}

/// What became of the log's lines.
pub(super) fn log_line(tally: &LineCounts) -> String {
    let refused: u64 = tally.refused.values().sum();
    let number = |number: u64| grouped(number.into());
    let mut text = format!(
        "{} lines: {} applied, {} ignored, {} refused",
        number(tally.lines),
        number(tally.applied),
        number(tally.ignored),
        number(refused)
    );
    if tally.duplicates > 0 {
        text.push_str(&format!(", {} there before", number(tally.duplicates)));
    }
    text
}

/// What shadow missions would have granted, each above the mission that it is compared with.
pub(super) fn shadows(report: &Report) -> Markup {
    let row = |name: String, totals: &MissionTotals| {
        html! {
            td { (name) }
            (number(totals.started))
            (number(totals.completed))
            (number(totals.grants))
            td { (grouped(totals.points)) }
        }
    };
    let rows = report.shadows.iter().flat_map(|(code, totals)| {
        let live = totals.shadow_of.as_ref().zip(totals.live.as_ref());
        let live = live.map(|(code, totals)| row(format!("beside {code}"), totals));
        std::iter::once(row(code.to_string(), &totals.shadow)).chain(live)
    });
    html! {
        @if !report.shadows.is_empty() {
            h2 { "Shadow missions, which grant nothing" }
            (table(&["mission", "started", "completed", "grants", "points"], rows))
        }
    }
}

/// The rules that failed, pack by pack.
pub(super) fn failures(reports: &[&Report]) -> Markup {
    html! {
        @if reports.iter().any(|report| !report.failures.is_empty()) {
            h2 { "Rules that failed" }
            @for (place, report) in reports.iter().enumerate() {
                @for failed in report.failures.iter().take(MOST_ROWS) {
                    p.warning {
                        @if reports.len() > 1 { @if place == 0 { "before: " } @else { "after: " } }
                        (failed)
                    }
                }
            }
        }
    }
}
