//! Charts as SVG, which take their colours from the page and their width from where they stand.
//!
//! Words stand beside them in HTML, so that they stay readable where a chart is narrow.

use std::{collections::BTreeMap, fmt::Write as _};

use chrono::NaiveDate;
use maud::{Markup, html};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

/// Width and height of a chart's own coordinates.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;

/// One day in a chart: what is drawn as an area, and what as a line over it.
pub(super) struct Day {
    pub(super) area: Decimal,
    pub(super) line: Option<Decimal>,
}

/// Points by day: the first pack's as an area, the second's as a line. Days of which nothing is told stand at zero.
pub(super) fn days(days: &BTreeMap<NaiveDate, Day>, label: &str) -> Markup {
    let (Some((first, _)), Some((last, _))) = (days.first_key_value(), days.last_key_value()) else {
        return html! {};
    };
    let dates: Vec<NaiveDate> = first.iter_days().take_while(|date| date <= last).collect();
    let values = days.values().flat_map(|day| [Some(day.area), day.line]).flatten();
    let scale = Scale::over(values);
    let step = WIDTH / dates.len() as f64;
    let of = |date: &NaiveDate, line: bool| {
        let day = days.get(date);
        let value = day.and_then(|day| if line { day.line } else { Some(day.area) });
        scale.y(value.unwrap_or_default())
    };
    let zero = scale.y(Decimal::ZERO);
    let mut area = format!("M0 {zero:.1}");
    let mut line = String::new();
    for (place, date) in dates.iter().enumerate() {
        let (from, to) = (place as f64 * step, (place + 1) as f64 * step);
        // Writing into a string cannot fail.
        let _ = write!(area, "L{from:.1} {y:.1}L{to:.1} {y:.1}", y = of(date, false));
        let begin = if place == 0 { 'M' } else { 'L' };
        let _ = write!(line, "{begin}{from:.1} {y:.1}L{to:.1} {y:.1}", y = of(date, true));
    }
    let _ = write!(area, "L{WIDTH} {zero:.1}Z");
    let has_line = days.values().any(|day| day.line.is_some());
    let middle = dates.get(dates.len() / 2).filter(|_| dates.len() > 2);
    html! {
        div.chart {
            div.scale aria-hidden="true" {
                @for tick in scale.ticks() { span { (grouped(tick)) } }
            }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(label) {
                @for tick in scale.ticks() {
                    line.grid x1="0" x2=(WIDTH) y1=(rounded(scale.y(tick))) y2=(rounded(scale.y(tick))) {}
                }
                path.area d=(area) {}
                @if has_line { path.line d=(line) {} }
                @for (place, date) in dates.iter().enumerate() {
                    @if let Some(day) = days.get(date) {
                        rect.day x=(rounded(place as f64 * step)) width=(rounded(step)) y="0" height=(HEIGHT) {
                            title {
                                (date) ": " (grouped(day.area))
                                @if let Some(line) = day.line { " → " (grouped(line)) }
                            }
                        }
                    }
                }
            }
            div.dates aria-hidden="true" {
                span { (first) }
                @if let Some(middle) = middle { span { (middle) } }
                @if dates.len() > 1 { span { (last) } }
            }
        }
    }
}

/// Between the least change of a column, or none, and the most.
pub(super) struct Range {
    least: Decimal,
    most: Decimal,
}

impl Range {
    pub(super) fn over(changes: impl Iterator<Item = Decimal>) -> Range {
        let none = Range {
            least: Decimal::ZERO,
            most: Decimal::ZERO,
        };
        changes.fold(none, |range, change| Range {
            least: range.least.min(change),
            most: range.most.max(change),
        })
    }

    /// A bar to the right for more, to the left for less.
    pub(super) fn bar(&self, change: Decimal) -> Markup {
        let width = self.most - self.least;
        let axis = share(-self.least, width);
        let length = share(change.abs(), width);
        let (class, x) = if change.is_sign_negative() {
            ("less", axis - length)
        } else {
            ("more", axis)
        };
        html! {
            svg.bar viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                rect class=(class) x=(rounded(x)) y="1" width=(rounded(length)) height="8" {}
                line.axis x1=(rounded(axis)) x2=(rounded(axis)) y1="0" y2="10" {}
            }
        }
    }
}

/// A bar of a part of the largest.
pub(super) fn bar(value: Decimal, largest: Decimal) -> Markup {
    html! {
        svg.bar viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.plain x="0" y="1" width=(rounded(share(value, largest))) height="8" {}
        }
    }
}

/// Parts of a whole side by side, each with the class of its colour.
pub(super) fn parts(parts: &[(&str, u64)], label: &str) -> Markup {
    let whole: u64 = parts.iter().map(|(_, number)| number).sum();
    let mut x = 0.0;
    let mut rects = Vec::new();
    for (class, number) in parts {
        let width = share(Decimal::from(*number), Decimal::from(whole));
        rects.push((*class, x, width));
        x += width;
    }
    html! {
        svg.parts viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=(label) {
            @for (class, x, width) in rects {
                rect class=(class) x=(rounded(x)) y="0" width=(rounded(width)) height="10" {}
            }
        }
    }
}

/// In percent.
fn share(part: Decimal, whole: Decimal) -> f64 {
    let share = part.checked_div(whole).unwrap_or_default();
    (share * Decimal::ONE_HUNDRED)
        .to_f64()
        .unwrap_or_default()
        .clamp(0.0, 100.0)
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// A number with its thousands apart.
pub(super) fn grouped(number: Decimal) -> String {
    let text = number.normalize().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("-", digits));
    let mut grouped = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// From the least to the most of some values, zero among them, with even steps.
struct Scale {
    step: Decimal,
    least: i64,
    most: i64,
}

impl Scale {
    fn over(values: impl Iterator<Item = Decimal>) -> Scale {
        let (mut least, mut most) = (Decimal::ZERO, Decimal::ZERO);
        for value in values {
            least = least.min(value);
            most = most.max(value);
        }
        let step = even_step((most - least) / Decimal::from(4));
        let steps = |value: Decimal| value.checked_div(step).unwrap_or_default();
        Scale {
            step,
            least: steps(least).floor().to_i64().unwrap_or_default(),
            most: steps(most).ceil().to_i64().unwrap_or_default().max(1),
        }
    }

    fn y(&self, value: Decimal) -> f64 {
        let value = value.checked_div(self.step).unwrap_or_default();
        let above = Decimal::from(self.most) - value;
        let share = above / Decimal::from(self.most - self.least);
        share.to_f64().unwrap_or_default() * HEIGHT
    }

    /// The most first, as it stands on top.
    fn ticks(&self) -> impl Iterator<Item = Decimal> {
        (self.least..=self.most)
            .rev()
            .map(|number| Decimal::from(number) * self.step)
    }
}

/// The least of 1, 2, 5, 10, 20, 50 and so on that is no less.
fn even_step(least: Decimal) -> Decimal {
    let mut unit = Decimal::ONE;
    loop {
        for factor in [1, 2, 5] {
            let step = unit.saturating_mul(Decimal::from(factor));
            if step >= least || step == Decimal::MAX {
                return step;
            }
        }
        unit = unit.saturating_mul(Decimal::TEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_have_even_steps_and_hold_all_values() {
        for (values, ticks) in [
            (vec![0], vec![1, 0]),
            (vec![3], vec![3, 2, 1, 0]),
            (vec![1234, 40], vec![1500, 1000, 500, 0]),
            (vec![-30, 90], vec![100, 50, 0, -50]),
        ] {
            let scale = Scale::over(values.into_iter().map(Decimal::from));
            let ticks: Vec<Decimal> = ticks.into_iter().map(Decimal::from).collect();
            assert_eq!(scale.ticks().collect::<Vec<_>>(), ticks);
            assert_eq!(scale.y(ticks[0]), 0.0);
            assert_eq!(scale.y(ticks[ticks.len() - 1]), HEIGHT);
        }
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [
            ("0", "0"),
            ("-1234567.50", "-1,234,567.5"),
            ("100", "100"),
            ("-100", "-100"),
        ] {
            assert_eq!(grouped(number.parse().unwrap()), text);
        }
    }
}
