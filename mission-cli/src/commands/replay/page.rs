//! A replay as one HTML page, which asks nobody for anything.

mod parts;

use std::{collections::BTreeMap, path::Path};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use mission_rules::run::{Comparison, EarningsChange, GroupChange, MOST_AFFECTED, Report, SegmentChange};
use rust_decimal::Decimal;

use super::{
    charts::{self, Day, Range, grouped},
    play::PackName,
    summary::{CHECK_INS, by_mission},
    table::MOST_ROWS,
};
use crate::output::count;
use parts::{card, card_of_change, failures, log_line, number, percent, shadows, signed, table};

const STYLE: &str = include_str!("page/style.css");

/// What a page says of where its numbers come from.
pub(super) struct Page<'a> {
    pub(super) packs: &'a [PackName],
    pub(super) log: &'a Path,
    pub(super) bad_lines: u64,
}

impl Page<'_> {
    /// What a pack gives.
    pub(super) fn of_one(&self, report: &Report) -> String {
        let mut rows = by_mission(report);
        rows.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.earned.points));
        let most = rows
            .iter()
            .map(|(_, sums)| sums.earned.points)
            .max()
            .unwrap_or_default();
        let mut users: Vec<_> = report.users.iter().collect();
        users.sort_by_key(|(id, user)| (std::cmp::Reverse(user.points), **id));
        let left_out = users.len().saturating_sub(MOST_ROWS);
        users.truncate(MOST_ROWS);
        let days: BTreeMap<_, _> = report
            .earnings
            .days
            .iter()
            .map(|(date, earned)| {
                (
                    *date,
                    Day {
                        area: earned.points,
                        line: None,
                    },
                )
            })
            .collect();
        let completions = report.completions().values().sum::<u64>();
        self.page(report, &html! {
            div.cards {
                (card(&grouped(report.totals.points), "points"))
                (card(&grouped(Decimal::from(report.totals.grants)), "grants"))
                (card(&grouped(Decimal::from(completions)), "completions"))
                (card(&grouped(Decimal::from(report.users.len())), "users"))
            }
            @if !days.is_empty() {
                h2 { "Points by day" }
                div.alone { (charts::days(&days, "Points by day")) }
            }
            h2 { "By mission" }
            (table(&["mission", "points", "", "completions", "grants", "users"], rows.iter().map(|(name, sums)| html! {
                td { (name) }
                td { (grouped(sums.earned.points)) }
                td.wide { (charts::bar(sums.earned.points, most)) }
                (number(sums.completions))
                (number(sums.earned.grants))
                (number(sums.users))
            })))
            (shadows(report))
            h2 { "Users who earn most" }
            (table(&["user", "points", "completions", "check-ins", "streak", "longest"], users.iter().map(|(id, user)| html! {
                td { code { (id) } }
                td { (grouped(user.points)) }
                (number(user.completions()))
                (number(user.check_ins))
                (number(user.streak))
                (number(user.longest_streak))
            })))
            (more(left_out, "user"))
            (failures(&[report]))
        })
    }

    /// What is different under a second pack.
    pub(super) fn of_two(&self, comparison: &Comparison, reports: [&Report; 2]) -> String {
        let GroupChange {
            gaining,
            losing,
            same,
            completions,
            grants,
            points,
        } = &comparison.totals;
        let days: BTreeMap<_, _> = comparison
            .days
            .iter()
            .map(|(date, day)| {
                (
                    *date,
                    Day {
                        area: day.before,
                        line: Some(day.after),
                    },
                )
            })
            .collect();
        let who = format!("{gaining} gain, {losing} lose, {same} get the same");
        self.page(reports[0], &html! {
            div.cards {
                (card_of_change("points", points))
                (card_of_change("grants", grants))
                (card_of_change("completions", completions))
            }
            h2 { "Who gains, who loses" }
            (charts::parts(&[("less", *losing), ("same", *same), ("more", *gaining)], &who))
            div.key {
                @for (class, users, what) in [("less", losing, "lose"), ("same", same, "get as many points"), ("more", gaining, "gain")] {
                    span { i class=(class) {} (grouped(Decimal::from(*users))) " " (what) (share(*users, comparison.totals.users())) }
                }
            }
            @if !days.is_empty() {
                h2 { "Points by day" }
                (charts::days(&days, "Points by day, before and after"))
                div.key { span { i.area {} (self.label(0)) } span { i.line {} (self.label(1)) } }
            }
            (missions(comparison))
            @for group in comparison.segments.chunk_by(|one, other| one.field == other.field) {
                (segment(group))
            }
            (most_affected(comparison))
            (failures(&reports))
        })
    }

    fn page(&self, report: &Report, body: &Markup) -> String {
        let packs: Vec<String> = (0..self.packs.len()).map(|place| self.label(place)).collect();
        let title = packs.join(" → ");
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                    title { "Replay: " (title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    h1 { (title) }
                    p.about {
                        "Replay of "
                        @match self.log.to_str() { Some("-") => "the standard input", _ => { (self.log.display()) } }
                        @if let Some(period) = report.period {
                            ", " (period.first.format("%Y-%m-%d %H:%M")) " to " (period.last.format("%Y-%m-%d %H:%M")) " UTC"
                        }
                        ", " (log_line(&report.tally)) "."
                    }
                    @if self.bad_lines > 0 {
                        p.warning { (count(self.bad_lines, "line")) " could not be read, and are not counted." }
                    }
                    (body)
                    footer {
                        "Made by mission " (env!("CARGO_PKG_VERSION")) " from "
                        @for (place, pack) in self.packs.iter().enumerate() {
                            @if place > 0 { " and " }
                            code { (pack.folder.display()) }
                        }
                        ". Days are those of UTC. Points are those that were granted, less those that were taken back."
                    }
                }
            }
        };
        page.into_string()
    }

    fn label(&self, place: usize) -> String {
        self.packs
            .get(place)
            .map_or_else(String::new, |pack| format!("{} {}", pack.name, pack.version))
    }
}

/// Missions for which anything differs, and check-ins, the largest change of points first.
fn missions(comparison: &Comparison) -> Markup {
    let missions = comparison
        .missions
        .iter()
        .map(|(code, change)| (code.as_str(), change));
    let check_ins = [(CHECK_INS, &comparison.check_ins)]
        .into_iter()
        .filter(|(_, change)| !change.is_none());
    let mut rows: Vec<(&str, &EarningsChange)> = missions.chain(check_ins).collect();
    rows.sort_by_key(|(name, change)| (std::cmp::Reverse(change.points.change.abs()), *name));
    let range = Range::over(rows.iter().map(|(_, change)| change.points.change));
    html! {
        h2 { "By mission" }
        @if rows.is_empty() {
            p { "Every mission gives the same under both packs." }
        } @else {
            (table(&["mission", "points before", "after", "change", "", "%", "completions +/-", "grants +/-"], rows.iter().map(|(name, change)| html! {
                td { (name) }
                (number(change.points.before))
                (number(change.points.after))
                (signed(change.points.change))
                td.wide { (range.bar(change.points.change)) }
                td.aside { (percent(&change.points)) }
                (signed(change.completions.change))
                (signed(change.grants.change))
            })))
        }
    }
}

/// The groups of one field.
fn segment(groups: &[SegmentChange]) -> Markup {
    let Some(first) = groups.first() else {
        return html! {};
    };
    let range = Range::over(groups.iter().map(|group| group.users.points.change));
    html! {
        h2 { "By " code { (first.field) } }
        (table(&["value", "users", "gain", "lose", "points before", "after", "change", "", "%"], groups.iter().take(MOST_ROWS).map(|group| html! {
            td { (group.value) }
            (number(group.users.users()))
            (number(group.users.gaining))
            (number(group.users.losing))
            (number(group.users.points.before))
            (number(group.users.points.after))
            (signed(group.users.points.change))
            td.wide { (range.bar(group.users.points.change)) }
            td.aside { (percent(&group.users.points)) }
        })))
        (more(groups.len().saturating_sub(MOST_ROWS), "group"))
    }
}

fn most_affected(comparison: &Comparison) -> Markup {
    let ranked = comparison.by_points();
    let range = Range::over(ranked.iter().map(|(_, user)| user.points.change));
    let rows = ranked.iter().take(MOST_AFFECTED);
    html! {
        h2 { "Most affected users" }
        @if ranked.is_empty() {
            p { "Nobody's points change." }
        } @else {
            (table(&["user", "points before", "after", "change", "", "%", "missions"], rows.map(|(id, user)| html! {
                td { code { (id) } }
                (number(user.points.before))
                (number(user.points.after))
                (signed(user.points.change))
                td.wide { (range.bar(user.points.change)) }
                td.aside { (percent(&user.points)) }
                td.aside { (parts::completions(&user.missions)) }
            })))
            (more(ranked.len().saturating_sub(MOST_AFFECTED), "user"))
        }
    }
}

fn share(part: u64, whole: u64) -> String {
    let share = Decimal::from(part * 100).checked_div(Decimal::from(whole));
    share.map_or_else(String::new, |share| {
        format!(" ({} %)", share.round_dp(1).normalize())
    })
}

fn more(left_out: usize, thing: &str) -> Markup {
    html! {
        @if left_out > 0 {
            p.note { "and " (count(left_out, &format!("more {thing}"))) "; --format json has all" }
        }
    }
}
